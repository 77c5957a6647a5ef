/* bench_text.c - words from syllables: word number i is i written in a system of a hundred digits,
 * each a consonant and a vowel, so no two are alike and the first are the shortest. */
#include "cli/bench_text.h"

#include "engine/base/rng.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SYLLABLES = 100, WORDS = 17000, PIECES = 10100, WORD_ROOM = 16 };

static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";

static void word_of(size_t i, char out[WORD_ROOM])
{
    static const char consonants[] = "bcdfghjklmnpqrstvwxz", vowels[] = "aeiou";
    size_t digits[WORD_ROOM / 2], n = 0;
    for (i++; i; i = (i - 1) / SYLLABLES)
        digits[n++] = (i - 1) % SYLLABLES;
    size_t at = 0;
    while (n--) {
        out[at++] = consonants[digits[n] / 5];
        out[at++] = vowels[digits[n] % 5];
    }
    out[at] = '\0';
}

/* ---- the tokenizer ---- */

static const char before_vocabulary[] =
    "{\"added_tokens\":[{\"id\":0,\"content\":\"[PAD]\",\"special\":true},"
    "{\"id\":1,\"content\":\"[UNK]\",\"special\":true},"
    "{\"id\":2,\"content\":\"[CLS]\",\"special\":true},"
    "{\"id\":3,\"content\":\"[SEP]\",\"special\":true},"
    "{\"id\":4,\"content\":\"[MASK]\",\"special\":true}],"
    "\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
    "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},"
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],\"cls\":[\"[CLS]\",2]},"
    "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
    "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,\"vocab\":{"
    "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4";

static void add_token(struct strbuf *json, const char *prefix, const char *text, size_t *id)
{
    const char *escape = *text == '"' ? "\\" : "";
    strbuf_printf(json, ",\"%s%s%s\":%zu", prefix, escape, text, (*id)++);
}

struct tokenizer *bench_tokenizer(struct err *err)
{
    struct strbuf json = {0};
    char word[WORD_ROOM] = {0};
    size_t id = 5;
    strbuf_puts(&json, before_vocabulary);
    for (const char *p = punctuation; *p; p++)
        add_token(&json, "", (word[0] = *p, word), &id);
    for (char c = '0'; c <= '9'; c++)
        add_token(&json, "", (word[0] = c, word), &id);
    for (char c = 'a'; c <= 'z'; c++) {
        add_token(&json, "", (word[0] = c, word), &id);
        add_token(&json, "##", word, &id);
    }
    for (size_t i = 0; i < WORDS; i++)
        add_token(&json, "", (word_of(i, word), word), &id);
    for (size_t i = 0; i < PIECES; i++)
        add_token(&json, "##", (word_of(i, word), word), &id);
    strbuf_puts(&json, "}}}");
    struct tokenizer *t = NULL;
    if (json.failed)
        err_set(err, ERR_NOMEM, "out of memory for a vocabulary");
    else
        t = tokenizer_parse(json.text, json.length, "the made-up vocabulary", err);
    strbuf_clear(&json);
    return t;
}

/* ---- the text ---- */

/* Draws in order. */
struct draws {
    uint64_t next;
};
static double draw(struct draws *d)
{
    return rng_uniform(1, RNG_TEST, d->next++);
}

/* Word r is drawn about 1/r as often as the first (Zipf 1935). */
static size_t draw_word(struct draws *d)
{
    size_t r = (size_t)exp(draw(d) * log(WORDS));
    return r < WORDS ? r : WORDS - 1;
}

static void add_word(struct strbuf *out, struct draws *d)
{
    char word[2 * WORD_ROOM];
    word_of(draw_word(d), word);
    if (draw(d) < 0.05) /* not in the vocabulary as one word */
        word_of(draw_word(d), word + strlen(word));
    if (draw(d) < 0.1)
        word[0] = (char)toupper((unsigned char)word[0]);
    bool accent = draw(d) < 0.01;
    strbuf_puts(out, word);
    strbuf_puts(out, accent ? "\u00e9" : "");
    if (draw(d) < 0.12)
        strbuf_puts(out, draw(d) < 0.5 ? "," : ".");
}

void bench_text(struct strbuf *out, size_t bytes)
{
    struct draws d = {0};
    while (out->length < bytes && !out->failed) {
        size_t words = 6 + (size_t)(draw(&d) * 14);
        for (size_t i = 0; i < words; i++) {
            add_word(out, &d);
            strbuf_puts(out, i + 1 < words ? " " : "\n");
        }
    }
}
