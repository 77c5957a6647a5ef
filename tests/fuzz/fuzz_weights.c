/* fuzz_weights.c - any bytes as a weights file: tensors that lie inside it, or a one-line error;
 * never a crash, a hang, a byte read outside or more memory than the file is worth.
 *
 * The first byte of an input says what the rest is: a safetensors file, a file of torch.save, or an
 * index. Built plainly it mutates the files of tests/fixtures, N times (20000), from a fixed random
 * stream; with -fsanitize=fuzzer and -DLIBFUZZER it is a libFuzzer target. */
#include "engine/base/file.h"
#include "engine/base/file_map.h"
#include "engine/base/rng.h"
#include "engine/model/pickle.h"
#include "engine/model/safetensors.h"
#include "engine/model/torch_file.h"
#include "engine/model/weight_files.h"
#include "engine/model/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIXTURES "tests/fixtures/torch/"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { SAFETENSORS, TORCH, INDEX, KINDS };

/* Also when assertions are off. */
#define REQUIRE(x)                                                                                 \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_error(const struct err *err)
{
    REQUIRE(err->code != ERR_NONE && err->text[0] && !strchr(err->text, '\n'));
    REQUIRE(err->code != ERR_NOMEM);
}

/* Every tensor lies in the file, and small ones can be read. `map` NULL: of several files. */
static void check_tensors(const struct tensor_entry *tensors, size_t count,
                          const struct file_map *map)
{
    for (size_t i = 0; i < count; i++) {
        const struct tensor_entry *t = &tensors[i];
        size_t last = 0, product = 1, element = t->count ? t->size_bytes / t->count : 0;
        REQUIRE(t->name && t->file && t->dims <= TENSOR_DIMS);
        REQUIRE(i == 0 || strcmp(tensors[i - 1].name, t->name) < 0);
        REQUIRE(tensors_find(tensors, count, t->name) == t);
        for (size_t d = 0; d < t->dims; d++) {
            product *= t->shape[d];
            last += t->count ? (t->shape[d] - 1) * t->stride[d] : 0;
        }
        REQUIRE(product == t->count);
        if (map && t->count)
            REQUIRE(t->bytes >= map->data && (last + 1) * element <= map->size_bytes &&
                    t->bytes + (last + 1) * element <= map->data + map->size_bytes);
        if (t->dtype == DTYPE_OTHER || t->count > 100000)
            continue;
        float *out = malloc(t->count * sizeof *out + 1);
        REQUIRE(out);
        tensor_to_float(out, t);
        free(out);
    }
}

/* The readers of parts on memory that ends where the input does, so that a byte too far is seen. */
static void check_parts(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    struct err err = {0};
    struct zip z;
    struct pickle p;
    size_t used, skip = 0;
    REQUIRE(exact);
    memcpy(exact, bytes, n);
    if (zip_open(&z, exact, n, &err))
        check_error(&err);
    zip_close(&z);
    while (skip < n) {
        err = (struct err){0};
        if (pickle_read(&p, exact + skip, n - skip, &used, NULL, 0, &err))
            check_error(&err);
        REQUIRE(used && used <= n - skip);
        pickle_clear(&p);
        skip += used;
    }
    free(exact);
}

static void check_file(const uint8_t *bytes, size_t n, int kind)
{
    static int fd = -1;
    static char path[64];
    struct safetensors s;
    struct torch_file t;
    struct err err = {0};
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        REQUIRE(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    REQUIRE(!ftruncate(fd, 0) && pwrite(fd, bytes, n, 0) == (ssize_t)n);
    int rc =
        kind == SAFETENSORS ? safetensors_open(&s, path, &err) : torch_file_open(&t, path, &err);
    if (rc) {
        check_error(&err);
    } else if (kind == SAFETENSORS) {
        check_tensors(s.tensors, s.count, &s.map);
        safetensors_close(&s);
    } else {
        check_tensors(t.tensors, t.count, &t.map);
        torch_file_close(&t);
    }
}

/* A model directory whose index is the input. */
static char directory[] = "/tmp/sft-fuzz-XXXXXX";

static void check_index(const uint8_t *bytes, size_t n)
{
    static const char *const shards[] = {"pytorch_model-00001-of-00002.bin",
                                         "pytorch_model-00002-of-00002.bin"};
    struct weight_files w;
    struct err err = {0};
    char from[256], path[256];
    if (strchr(directory, 'X') && mkdtemp(directory))
        for (int i = 0; i < 2; i++) {
            snprintf(from, sizeof from, FIXTURES "sharded/%s", shards[i]);
            snprintf(path, sizeof path, "%s/%s", directory, shards[i]);
            REQUIRE(!file_copy(from, path, &err));
        }
    snprintf(path, sizeof path, "%s/pytorch_model.bin.index.json", directory);
    FILE *f = fopen(path, "wb");
    REQUIRE(f && fwrite(bytes, 1, n, f) == n && !fclose(f));
    if (weight_files_open(&w, directory, &err))
        check_error(&err);
    else
        check_tensors(w.tensors, w.count, NULL);
    weight_files_close(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!n)
        return 0;
    int kind = bytes[0] % KINDS;
    if (kind == INDEX) {
        check_index(bytes + 1, n - 1);
        return 0;
    }
    check_file(bytes + 1, n - 1, kind);
    if (kind == TORCH)
        check_parts(bytes + 1, n - 1);
    return 0;
}

#ifndef LIBFUZZER
static const struct seed {
    const char *file;
    int kind;
} seeds[] = {
    {"module.bin", TORCH},
    {"module_legacy.bin", TORCH},
    {"views.bin", TORCH},
    {"views_legacy.bin", TORCH},
    {"types.bin", TORCH},
    {"parameters.bin", TORCH},
    {"zip64.bin", TORCH},
    {"rezipped.bin", TORCH},
    {"lone.bin", TORCH},
    {"hostile_legacy.bin", TORCH},
    {"views.safetensors", SAFETENSORS},
    {"types.safetensors", SAFETENSORS},
    {"sharded/pytorch_model.bin.index.json", INDEX},
};

/* What such files are made of: opcodes, numbers at the edge, JSON. */
#define PIECE(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct {
    const char *bytes;
    size_t n;
} pieces[] = {
    PIECE("\0"),
    PIECE("\xff"),
    PIECE("\xff\xff"),
    PIECE("\xff\xff\xff\xff"),
    PIECE("\xff\xff\xff\xff\xff\xff\xff\x7f"),
    PIECE("\0\0\0\x80"),
    PIECE("\1\0\0\0"),
    PIECE("}"),
    PIECE(")"),
    PIECE("]"),
    PIECE("("),
    PIECE("t"),
    PIECE("R"),
    PIECE("Q"),
    PIECE("s"),
    PIECE("u"),
    PIECE("b"),
    PIECE("."),
    PIECE("N"),
    PIECE("K\0"),
    PIECE("K\1"),
    PIECE("J\xff\xff\xff\xff"),
    PIECE("\x8a\x08\0\0\0\0\0\0\0\x40"),
    PIECE("h\1"),
    PIECE("q\1"),
    PIECE("r\xff\xff\0\0"),
    PIECE("\x85"),
    PIECE("\x86"),
    PIECE("\x87"),
    PIECE("X\1\0\0\0w"),
    PIECE("ctorch\nHalfStorage\n"),
    PIECE("ctorch._utils\n_rebuild_parameter\n"),
    PIECE("ccollections\nOrderedDict\n)R"),
    PIECE("cos\nsystem\n"),
    PIECE("PK\3\4"),
    PIECE("PK\1\2"),
    PIECE("PK\5\6"),
    PIECE("\1\0\x18\0"),
    PIECE("\"F16\""),
    PIECE("[0,0]"),
    PIECE("9999999999"),
    PIECE("-1"),
    PIECE(",\"a\":\"b\""),
    PIECE("\"../x\""),
    PIECE("[["),
};

static uint64_t draw(uint64_t *counter, uint64_t below)
{
    return rng_bits(2027, RNG_TEST, (*counter)++) % below;
}

/* One to six edits. Most keep the length, so that what follows is still found. */
static size_t mutate(uint8_t *out, size_t n, size_t capacity, uint64_t *counter)
{
    for (uint64_t edits = 1 + draw(counter, 6); edits--;) {
        size_t at = (size_t)draw(counter, n + 1), rest = n - at;
        size_t which = (size_t)draw(counter, sizeof pieces / sizeof *pieces);
        size_t length = pieces[which].n, stretch = rest ? (size_t)draw(counter, rest) % 16 : 0;
        uint64_t kind = draw(counter, 8);
        if (kind < 4 && length <= rest) {
            memcpy(out + at, pieces[which].bytes, length);
        } else if (kind == 4 && rest) {
            out[at] = (uint8_t)draw(counter, 256);
        } else if (kind == 5 && n + length <= capacity) {
            memmove(out + at + length, out + at, rest);
            memcpy(out + at, pieces[which].bytes, length);
            n += length;
        } else if (kind == 6) {
            memmove(out + at, out + at + stretch, rest - stretch);
            n -= stretch;
        } else if (kind == 7 && n + stretch <= capacity) {
            memmove(out + at + stretch, out + at, rest);
            n += stretch;
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    enum { SEEDS = sizeof seeds / sizeof *seeds, ROOM = 1 << 13 };
    uint64_t counter = 0;
    long iterations = argc > 1 ? atol(argv[1]) : 20000;
    char *files[SEEDS], path[256];
    size_t sizes[SEEDS];
    struct err err = {0};
    for (size_t i = 0; i < SEEDS; i++) {
        snprintf(path, sizeof path, FIXTURES "%s", seeds[i].file);
        files[i] = file_read(path, &sizes[i], &err);
        REQUIRE(files[i] && sizes[i] + 1 < ROOM);
    }
    for (long i = 0; i < iterations; i++) {
        size_t which = (size_t)i % SEEDS;
        uint8_t input[ROOM];
        input[0] = (uint8_t)seeds[which].kind;
        memcpy(input + 1, files[which], sizes[which]);
        size_t n = 1 + mutate(input + 1, sizes[which], ROOM - 1, &counter);
        LLVMFuzzerTestOneInput(input, n);
    }
    for (size_t i = 0; i < SEEDS; i++)
        free(files[i]);
    file_remove_tree(directory, &err);
    printf("fuzz_weights: %ld inputs\n", iterations);
    return 0;
}
#endif
