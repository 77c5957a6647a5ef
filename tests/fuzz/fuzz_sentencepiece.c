/* fuzz_sentencepiece.c - .model files and charsmaps that nobody would write.
 *
 *     fuzz_sentencepiece [ITERATIONS]
 *
 * makes inputs from a fixed seed and gives each to LLVMFuzzerTestOneInput, which libFuzzer may call
 * as well. Run from the project root, under AddressSanitizer. An even first byte is followed by a
 * .model, an odd one by a charsmap. What is not refused with a word why must serve: a text goes
 * through the charsmap and the pieces, whose places stay inside it. */
#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/text/charsmap.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/unicode.h"
#include "engine/text/unigram.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "fuzz_sentencepiece: line %d: not so: %s\n", __LINE__, #condition);    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "The of\tand\r\n cafe\xcc\x81 \xef\xac\x81ne <0x0A> "
                           "\xc2\xbd\xe2\x80\xa6\xea\xb0\x80\xe1\x86\xa8 \xe4\xb8\xad\xe5\x9b\xbd "
                           "\xf0\x9d\x90\x80\xc2\xa9\xe2\x80\x8d  \xc3\x9f\xe0\xa5\x98\xcc\x81";

static void take_text(struct normalized *n)
{
    REQUIRE(!normalized_reserve(n, sizeof text, NULL));
    for (size_t i = 0; i + 1 < sizeof text; i++)
        normalized_put_bytes(n, text + i, 1, (struct normalize_span){(uint32_t)i, (uint32_t)i + 1});
}

static void map_text(const unsigned char *bytes, size_t n, struct normalized *in,
                     struct normalized *out)
{
    struct err err = {0};
    struct charsmap m;
    if (charsmap_init(&m, bytes, n, &err))
        REQUIRE(err.code != ERR_NONE && err.text[0]);
    else
        REQUIRE(!charsmap_apply(&m, in, out, &err) && unicode_valid(out->bytes, out->length));
    charsmap_clear(&m);
}

static void encode(const struct sentencepiece *s, const struct normalized *n)
{
    struct err err = {0};
    struct unigram u;
    struct pieces p = {0};
    REQUIRE(!unigram_init(&u, 0, &err));
    int status = 0;
    for (size_t i = 0; i < s->count && !status; i++)
        status = unigram_add(&u, s->piece[i].text, s->piece[i].length, s->piece[i].score, &err);
    if (!status)
        status = unigram_finish(&u, s->id[SENTENCEPIECE_UNK], s->byte_fallback, &err);
    if (!status)
        status = unigram_encode(&u, n, 0, n->length, &p, &err);
    REQUIRE(!status || err.text[0]);
    for (size_t i = 0; i < p.count; i++) {
        REQUIRE(p.id[i] >= 0 && (size_t)p.id[i] < s->count);
        REQUIRE(p.span[i].start < p.span[i].end && p.span[i].end < sizeof text);
    }
    pieces_clear(&p);
    unigram_clear(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct sentencepiece s = {0};
    struct normalized in = {0}, out = {0};
    if (!size)
        return 0;
    take_text(&in);
    if (data[0] & 1)
        map_text(data + 1, size - 1, &in, &out);
    else if (sentencepiece_parse(&s, data + 1, size - 1, "fuzz.model", &err))
        REQUIRE(err.code == ERR_INPUT && err.text[0]);
    else {
        map_text(s.charsmap, s.charsmap_size, &in, &out);
        encode(&s, out.length ? &out : &in);
    }
    sentencepiece_clear(&s);
    normalized_clear(&in);
    normalized_clear(&out);
    return 0;
}

/* -- inputs of our own -------------------------------------------------------------------- */

/* A fixture's bytes, or its charsmap's, with a few changed, or cut short. */
static size_t mutate(const unsigned char *bytes, size_t n, uint8_t first, uint8_t *out,
                     uint64_t round)
{
    uint64_t c = round << 12;
    out[0] = first;
    memcpy(out + 1, bytes, n);
    for (uint64_t edits = 1 + rng_bits(3, RNG_TEST, c++) % 4; edits; edits--) {
        uint64_t r = rng_bits(3, RNG_TEST, c++);
        uint8_t *at = &out[1 + (r >> 20) % (r & 0x100 && n > 64 ? 64 : n)];
        *at = r & 0x200 ? *at ^ (uint8_t)(1u << (r >> 10 & 7)) : (uint8_t)r;
    }
    uint64_t cut = rng_bits(3, RNG_TEST, c);
    return 1 + (cut % 8 ? n : (cut >> 8) % n);
}

/* Weak, so that libFuzzer's own main may take its place. */
__attribute__((weak)) int main(int argc, char **argv)
{
    struct err err = {0};
    struct sentencepiece s;
    size_t n;
    const char *path = "tests/fixtures/sentencepiece/xlnet/spiece.model";
    char *model = file_read(path, &n, &err);
    if (!model || sentencepiece_read(&s, path, &err)) {
        fprintf(stderr, "fuzz_sentencepiece: %s\n", err.text);
        return 1;
    }
    uint8_t *input = malloc(n + 1);
    REQUIRE(input && s.charsmap_size < n);
    uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 60000;
    for (uint64_t i = 0; i < iterations; i++) {
        bool map = i & 1;
        size_t size = mutate(map ? s.charsmap : (const unsigned char *)model,
                             map ? s.charsmap_size : n, map, input, i);
        uint8_t *exact = malloc(size); /* so that a byte too far is seen */
        REQUIRE(exact);
        memcpy(exact, input, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    free(input);
    free(model);
    sentencepiece_clear(&s);
    printf("fuzz_sentencepiece: %llu inputs\n", (unsigned long long)iterations);
    return 0;
}
