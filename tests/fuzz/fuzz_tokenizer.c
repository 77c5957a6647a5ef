/* fuzz_tokenizer.c - texts and tokenizer files that nobody would write.
 *
 *     fuzz_tokenizer [ITERATIONS]
 *
 * makes inputs from a fixed seed and gives each to LLVMFuzzerTestOneInput, which libFuzzer may call
 * as well. Run from the project root, under AddressSanitizer. The first byte of an input says what
 * the rest is: a text for one of several tokenizers (WordPiece, byte-level BPE, BPE with byte
 * fallback, Unigram), with a pair and a length to cut to, or a file of one of their directories to
 * open. A text must come out as ids of
 * the vocabulary with places inside it, in order; a file must be opened or refused with a word why.
 */
#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIXTURES      "tests/fixtures/tokenizer"
#define SENTENCEPIECE "tests/fixtures/sentencepiece"
#define STYLES        "tests/fixtures/tokenizer_styles"
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz_tokenizer: line %d: not so: %s\n", __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const directories[] = {FIXTURES "/uncased",         FIXTURES "/options",
                                          STYLES "/modernbert",        STYLES "/llama2",
                                          SENTENCEPIECE "/albert",     SENTENCEPIECE "/xlm-roberta",
                                          SENTENCEPIECE "/xlnet_json", SENTENCEPIECE "/t5",
                                          SENTENCEPIECE "/llama"};
enum { TOKENIZERS = sizeof directories / sizeof directories[0] };
static struct tokenizer *tokenizers[TOKENIZERS];

/* What may be opened: the file, whose bytes are an input's, and the directory that the others of it
 * come from. */
static const struct {
    const char *name, *from;
} files[] = {{"tokenizer.json", FIXTURES "/options"},
             {"vocab.txt", FIXTURES "/uncased"},
             {"tokenizer_config.json", FIXTURES "/uncased"},
             {"tokenizer.json", SENTENCEPIECE "/albert_json"},
             {"tokenizer.json", STYLES "/llama2"},
             {"spiece.model", SENTENCEPIECE "/t5"},
             {"tokenizer.model", SENTENCEPIECE "/llama"},
             {"tokenizer_config.json", SENTENCEPIECE "/xlnet"}};
enum { FILES = sizeof files / sizeof files[0], FIRST_FILE = 256 - FILES };
static char dir[] = "/tmp/sft-fuzz-tokenizer-XXXXXX";

static void clean_up(void)
{
    for (size_t i = 0; i < TOKENIZERS; i++)
        tokenizer_close(tokenizers[i]);
    file_remove_tree(dir, NULL);
}

static void start(void)
{
    if (tokenizers[0])
        return;
    struct err err = {0};
    bool opened = mkdtemp(dir);
    for (size_t i = 0; i < TOKENIZERS && opened; i++)
        opened = (tokenizers[i] = tokenizer_open(directories[i], &err));
    if (!opened) {
        fprintf(stderr, "fuzz_tokenizer: %s\n", err.text);
        exit(1);
    }
    atexit(clean_up);
}

/* Special tokens always stay; a pair of RoBERTa's has most of them. */
enum { SPECIALS_MOST = 4 };

static void check_encoding(const struct tokenizer *t, const struct encoding *e, size_t length,
                           size_t pair_length, size_t max_length)
{
    size_t most = max_length > SPECIALS_MOST ? max_length : SPECIALS_MOST;
    size_t longer = length > pair_length ? length : pair_length;
    REQUIRE(e->length <= e->full_length && (!max_length || e->length <= most));
    REQUIRE(e->length == e->full_length || e->length == max_length || max_length < SPECIALS_MOST);
    uint32_t last = 0;
    bool in_pair = !pair_length; /* the one time that places begin anew */
    for (size_t i = 0; i < e->length; i++) {
        const uint32_t *place = e->offsets[i];
        int32_t segment = e->segments[i];
        REQUIRE(tokenizer_token(t, e->ids[i]));
        REQUIRE(segment >= 0 && segment <= 2);
        REQUIRE(place[0] <= place[1] && place[1] <= longer);
        if (!place[1]) /* a special token */
            continue;
        /* One character may have given two tokens; marks that a normal form puts in order change
         * places, which BERT's takes away. */
        REQUIRE(place[0] >= last || !in_pair || t != tokenizers[0]);
        in_pair = in_pair || place[0] < last;
        last = place[0];
    }
}

static void encode(const struct tokenizer *t, const char *text, size_t n, size_t pair_at,
                   size_t max_length)
{
    static struct encoding e; /* reused, as everywhere */
    struct err err;
    bool has_pair = pair_at < n;
    REQUIRE(!tokenizer_encode(t, text, has_pair ? pair_at : n, has_pair ? text + pair_at : NULL,
                              has_pair ? n - pair_at : 0, max_length, &e, &err));
    check_encoding(t, &e, has_pair ? pair_at : n, has_pair ? n - pair_at : 0, max_length);
    if (n == 0)
        encoding_clear(&e);
}

/* Not file_write(), which waits for the disk. */
static void put(const char *name, const char *bytes, size_t n)
{
    char path[4096];
    REQUIRE(!file_join(path, sizeof path, dir, name, NULL));
    FILE *f = fopen(path, "wb");
    REQUIRE(f && fwrite(bytes, 1, n, f) == n && !fclose(f));
}

/* A directory as it is, but for the one file that holds these bytes. */
static void open_bytes(size_t which, const char *bytes, size_t n)
{
    static const char *const others[] = {"vocab.txt", "tokenizer_config.json", "spiece.model"};
    char path[4096];
    size_t size;
    struct err err = {0};
    REQUIRE(!file_remove_tree(dir, NULL) && !file_make_directories(dir, NULL));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", files[which].from, others[i]);
        char *other = file_exists(path) ? file_read(path, &size, NULL) : NULL;
        if (other)
            put(others[i], other, size);
        free(other);
    }
    put(files[which].name, bytes, n);
    struct tokenizer *t = tokenizer_open(dir, &err);
    REQUIRE(t || (err.code != ERR_NONE && err.text[0]));
    static const char text[] = "Hello [MASK] wordy caf\xc3\xa9 \xe4\xb8\xad <right>  a  b";
    struct encoding e = {0};
    if (t)
        REQUIRE(!tokenizer_encode(t, text, sizeof text - 1, text, 5, 7, &e, &err));
    encoding_clear(&e);
    tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size < 3)
        return 0;
    const char *rest = (const char *)data + 3;
    if (data[0] >= FIRST_FILE)
        open_bytes(data[0] - FIRST_FILE, rest, size - 3);
    else
        encode(tokenizers[data[0] % TOKENIZERS], rest, size - 3, data[1], data[2] & 0x1f);
    return 0;
}

/* -- inputs of our own -------------------------------------------------------------------- */

static const char *const seeds[] = {"Hello, world! ",
                                    "[MASK]",
                                    "[MA",
                                    "<both>",
                                    "  ",
                                    "wordy",
                                    "\xc3\x89",
                                    "e\xcc\x81\xcc\xa3",
                                    "\xe4\xb8\xad\xe5\x9b\xbd",
                                    "\xed\x95\x9c",
                                    "\xf0\x9f\x98\x82",
                                    "\xe2\x82",
                                    "\xed\xa0\x80",
                                    "\xc4\xb0",
                                    "\xe1\xac\x84\xe3\x80\xae",
                                    "\xef\xbf\xbd",
                                    "##",
                                    "a  b",
                                    "\xe2\x80\xa8",
                                    "\xf0\x9d\x85\x9e"};
#define SEEDS (sizeof seeds / sizeof seeds[0])

static size_t make_text(uint8_t *out, size_t room, uint64_t round)
{
    uint64_t c = round << 12;
    size_t n = 0, parts = rng_bits(1, RNG_TEST, c++) % 60;
    out[n++] = (uint8_t)(rng_bits(1, RNG_TEST, c++) % FIRST_FILE);
    out[n++] = (uint8_t)rng_bits(1, RNG_TEST, c++);
    out[n++] = (uint8_t)rng_bits(1, RNG_TEST, c++);
    for (size_t i = 0; i < parts && n + 16 < room; i++) {
        uint64_t r = rng_bits(1, RNG_TEST, c++);
        const char *seed = seeds[(r >> 8) % SEEDS];
        size_t length = r & 1 ? 1 : strlen(seed);
        uint8_t byte = (uint8_t)(r >> 16);
        memcpy(out + n, r & 1 ? (const char *)&byte : seed, length);
        n += length;
    }
    return n;
}

/* One of the fixture's files with a few bytes changed, or cut short. */
static size_t make_file(uint8_t *out, size_t room, uint64_t round)
{
    static const char swaps[] = "0019{}[]\",:-eE\\tfn\x80\xff\n ";
    size_t which = round % FILES, n;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", files[which].from, files[which].name);
    char *bytes = file_read(path, &n, NULL);
    REQUIRE(bytes && n + 3 <= room);
    out[0] = (uint8_t)(FIRST_FILE + which);
    memcpy(out + 3, bytes, n);
    free(bytes);
    uint64_t c = round << 12;
    for (uint64_t edits = 1 + rng_bits(2, RNG_TEST, c++) % 4; edits; edits--) {
        uint64_t r = rng_bits(2, RNG_TEST, c++);
        /* Half of them in the first 1500 bytes, where a tokenizer.json has its options. */
        size_t at = (r >> 20) % (r & 0x100 && n > 1500 ? 1500 : n);
        out[3 + at] = (uint8_t)swaps[(r & 0xff) % (sizeof swaps - 1)];
    }
    return 3 + (rng_bits(2, RNG_TEST, c) % 8 ? n : n / 2);
}

/* Weak, so that libFuzzer's own main may take its place. */
__attribute__((weak)) int main(int argc, char **argv)
{
    enum { ROOM = 1 << 16 };
    uint8_t *input = malloc(ROOM);
    REQUIRE(input);
    uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 60000;
    for (uint64_t i = 0; i < iterations; i++) {
        size_t n = i % 32 ? make_text(input, ROOM, i) : make_file(input, ROOM, i / 32);
        uint8_t *exact = malloc(n); /* so that a byte too far is seen */
        REQUIRE(exact);
        memcpy(exact, input, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
    free(input);
    static const uint8_t empty[] = {0, 0, 0};
    LLVMFuzzerTestOneInput(empty, sizeof empty); /* frees what encode() keeps */
    printf("fuzz_tokenizer: %llu inputs\n", (unsigned long long)iterations);
    return 0;
}
