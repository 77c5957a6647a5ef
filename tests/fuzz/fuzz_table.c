/* fuzz_table.c - any bytes as a data file, in every format: a table or a one-line error, never a
 * crash, a hang or a cell that is not what table.h says.
 *
 * Built plainly it mutates the seeds below, N times (20000), from a fixed random stream; with
 * -fsanitize=fuzzer and -DLIBFUZZER it is a libFuzzer target. */
#include "engine/base/rng.h"
#include "engine/data/dataset.h"
#include "engine/data/gate.h"
#include "engine/data/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_error(const struct err *err)
{
    assert(err->code != ERR_NONE && err->text[0] && !strchr(err->text, '\n'));
}

static void check_table(const struct table *t)
{
    uint32_t line = 0;
    for (size_t r = 0; r < table_rows(t); r++) {
        assert(table_line(t, r) > 0 && table_line(t, r) >= line);
        line = table_line(t, r);
        for (size_t c = 0; c < table_columns(t) && c < 50; c++) {
            struct cell cell = table_cell(t, r, c);
            assert(cell.bytes ? cell.bytes[cell.length] == '\0' : cell.length == 0);
        }
    }
}

static void check_dataset(const char *path, enum table_format format)
{
    struct dataset_spec spec = {.format = format, .survey = true, .split_lone_train = true};
    struct err err = {0};
    spec.files[SPLIT_TRAIN] = path;
    struct dataset *d = dataset_open(&spec, &err);
    if (!d) {
        check_error(&err);
        return;
    }
    size_t rows = 0;
    for (int s = 0; s < SPLIT_COUNT; s++)
        rows += dataset_split_rows(d, (enum split)s);
    assert(rows == dataset_rows(d));
    if (dataset_check(d, &err))
        check_error(&err);
    struct gate *g = gate_run(d, NULL, &err);
    assert(g);
    for (size_t r = 0; r < rows; r++)
        assert(g->twin[r] <= r);
    gate_destroy(g);
    dataset_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        assert(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || pwrite(fd, bytes, n, 0) != (ssize_t)n)
        abort();
    for (int f = TABLE_AUTO; f <= TABLE_JSON; f++) {
        struct err err = {0};
        struct table *t = table_open(path, (enum table_format)f, HEADER_AUTO, NULL, 0, &err);
        if (t)
            check_table(t);
        else
            check_error(&err);
        table_close(t);
        check_dataset(path, (enum table_format)f);
    }
    return 0;
}

#ifndef LIBFUZZER
static const char *const seeds[] = {
    "text,label\r\n\"a \"\"b\"\", c\",x\r\nd,y\r\n",
    "\xEF\xBB\xBFtext\tlabel\none\tx\ntwo\ty\n",
    "{\"text\":\"a\\u00e9\\ud83d\\ude00\",\"label\":1.5e3}\n{\"label\":true,\"text\":null,\"z\":[{}]}\n",
    "[{\"text\":\"a\",\"label\":\"x\"},\n{\"text\":\"b\",\"label\":\"y\",\"n\":{\"k\":[1,-0.5]}}]\n",
    "just a line\n\n\xE5\x8C\x85 and another\n",
};
static const char *const pieces[] = {"\"", ",", "\n", "\r\n", "\t", "{", "}", "[", "]", ":", "\\",
                                     "\\u", "\\ud800", "\xFF", "\xC3", "\xEF\xBB\xBF", "null",
                                     "-", "0", "text", "label", "\"\"", "\"text\":"};

static uint64_t draw(uint64_t *counter, uint64_t below)
{
    return rng_bits(2026, RNG_TEST, (*counter)++) % below;
}

/* One to eight edits: insert a piece, delete a stretch, change a byte, repeat a stretch. */
static size_t mutate(uint8_t *out, size_t n, size_t capacity, uint64_t *counter)
{
    for (uint64_t edits = 1 + draw(counter, 8); edits--;) {
        size_t at = (size_t)draw(counter, n + 1), rest = n - at;
        size_t stretch = rest ? (size_t)draw(counter, rest < 20 ? rest + 1 : 20) : 0;
        const char *piece = pieces[draw(counter, sizeof pieces / sizeof pieces[0])];
        size_t length = strlen(piece);
        uint64_t kind = draw(counter, 4);
        if (kind == 0 && n + length <= capacity) {
            memmove(out + at + length, out + at, rest);
            memcpy(out + at, piece, length);
            n += length;
        } else if (kind == 1) {
            memmove(out + at, out + at + stretch, rest - stretch);
            n -= stretch;
        } else if (kind == 2 && rest) {
            out[at] = (uint8_t)draw(counter, 256);
        } else if (kind == 3 && n + stretch <= capacity) {
            memmove(out + at + stretch, out + at, rest);
            n += stretch;
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    uint64_t counter = 0;
    long iterations = argc > 1 ? atol(argv[1]) : 20000;
    uint8_t bytes[512];
    for (long i = 0; i < iterations; i++) {
        const char *seed = seeds[i % (long)(sizeof seeds / sizeof seeds[0])];
        size_t n = strlen(seed);
        memcpy(bytes, seed, n);
        n = mutate(bytes, n, sizeof bytes, &counter);
        LLVMFuzzerTestOneInput(bytes, n);
    }
    printf("fuzz_table: %ld inputs\n", iterations);
    return 0;
}
#endif
