/* test_sentencepiece.c - .model files and their charsmaps, against what Hugging Face makes of them
 * (tests/fixtures/make_sentencepiece.py), and what is refused. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/text/charsmap.h"
#include "engine/text/grapheme.h"
#include "engine/text/sentencepiece.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURES "tests/fixtures/sentencepiece"

static void test_reads_what_was_trained(void **state)
{
    (void)state;
    struct sentencepiece s;
    assert_int_equal(sentencepiece_read(&s, FIXTURES "/t5/spiece.model", NULL), 0);
    assert_int_equal(s.count, 300);
    assert_int_equal(s.kind, SENTENCEPIECE_UNIGRAM);
    assert_false(s.byte_fallback);
    assert_string_equal(s.piece[0].text, "<pad>");
    assert_int_equal(s.piece[0].type, SENTENCEPIECE_CONTROL);
    assert_int_equal(s.piece[2].type, SENTENCEPIECE_UNKNOWN);
    assert_int_equal(s.piece[3].type, SENTENCEPIECE_NORMAL);
    assert_true(s.piece[3].score < 0);
    static const int32_t ids[] = {2, -1, 1, 0};
    assert_memory_equal(s.id, ids, sizeof ids);
    assert_string_equal(s.special[SENTENCEPIECE_EOS], "</s>");
    assert_true(s.add_dummy_prefix && s.remove_extra_whitespaces && s.escape_whitespaces);
    assert_true(s.charsmap_size > 1024);
    sentencepiece_clear(&s);
    assert_int_equal(sentencepiece_read(&s, FIXTURES "/llama/tokenizer.model", NULL), 0);
    assert_int_equal(s.kind, SENTENCEPIECE_BPE);
    assert_true(s.byte_fallback);
    assert_false(s.remove_extra_whitespaces);
    assert_string_equal(s.piece[3 + 10].text, "<0x0A>");
    assert_int_equal(s.piece[3 + 10].type, SENTENCEPIECE_BYTE);
    sentencepiece_clear(&s);
}

/* Each is one message; the word that the refusal must hold comes first. */
static const struct {
    const char *says;
    size_t n;
    const char *bytes;
} refused[] = {
    {"no pieces", 0, ""},
    {"no valid number", 2, "\x00\x00"},
    {"known type", 2, "\x0b\x00"}, /* a group */
    {"cut short", 1, "\x0a"},      /* no length */
    {"cut short", 2, "\x08\x80"},  /* a varint without its end */
    {"too large", 12, "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00"},
    {"longer than", 3, "\x0a\x05\x0a"},
    {"longer than", 12, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"},
    {"wrong type", 2, "\x08\x01"}, /* pieces as a number */
    {"no text", 2, "\x0a\x00"},
    {"not UTF-8", 5, "\x0a\x03\x0a\x01\xff"},
    {"not UTF-8", 5, "\x0a\x03\x0a\x01\x00"},
    {"empty", 4, "\x0a\x02\x0a\x00"},
    {"a number", 10,
     "\x0a\x08\x0a\x01"
     "a\x15\x00\x00\xc0\x7f"}, /* NaN */
    {"known type", 7,
     "\x0a\x05\x0a\x01"
     "a\x18\x09"},
    {"known kind", 9,
     "\x0a\x03\x0a\x01"
     "a\x12\x02\x18\x07"},
};

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct sentencepiece s;
        struct err err = {0};
        unsigned char *exact = malloc(refused[i].n + !refused[i].n); /* a byte too far is seen */
        memcpy(exact, refused[i].bytes, refused[i].n);
        assert_int_equal(sentencepiece_parse(&s, exact, refused[i].n, "x.model", &err), -1);
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.text, "x.model: byte "));
        assert_non_null(strstr(err.text, refused[i].says));
        free(exact);
    }
}

/* Fields of other numbers are skipped; of a field that comes twice the last counts. */
static void test_skips_and_overrides(void **state)
{
    (void)state;
    static const char bytes[] = "\x0a\x08\x0a\x01"
                                "a\x18\x03\x0a\x01"
                                "b"                                 /* a piece, named twice */
                                "\x22\x03\x0a\x01x"                 /* self_test_data */
                                "\x50\x07\x5d\x01\x02\x03\x04"      /* numbers 10 and 11 */
                                "\x12\x06\xc0\x02\x00\xd8\x02\x00"; /* unk_id, pad_id */
    unsigned char copy[sizeof bytes - 1];
    memcpy(copy, bytes, sizeof copy);
    struct sentencepiece s;
    struct err err = {0};
    int status = sentencepiece_parse(&s, copy, sizeof copy, "x.model", &err);
    if (status)
        print_message("%s\n", err.text);
    assert_int_equal(status, 0);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.piece[0].text, "b");
    assert_int_equal(s.piece[0].type, SENTENCEPIECE_CONTROL);
    assert_int_equal(s.id[SENTENCEPIECE_PAD], 0);
    assert_int_equal(s.id[SENTENCEPIECE_EOS], -1); /* 2 by default, but there is one piece */
    sentencepiece_clear(&s);
}

/* -- charsmaps ------------------------------------------------------------------------------ */

static void take(struct normalized *n, const char *hex)
{
    size_t length = strlen(hex) / 2;
    n->length = 0;
    assert_int_equal(normalized_reserve(n, length + 1, NULL), 0);
    for (size_t i = 0; i < length; i++) {
        char byte = (char)strtoul((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
        normalized_put_bytes(n, &byte, 1, (struct normalize_span){(uint32_t)i, (uint32_t)i + 1});
    }
}

static void open_map(struct charsmap *m, struct sentencepiece *s)
{
    assert_int_equal(sentencepiece_read(s, FIXTURES "/t5/spiece.model", NULL), 0);
    assert_int_equal(charsmap_init(m, s->charsmap, s->charsmap_size, NULL), 0);
}

static void test_charsmap_as_precompiled(void **state)
{
    (void)state;
    struct sentencepiece s;
    struct charsmap m;
    struct normalized in = {0}, out = {0}, want = {0};
    open_map(&m, &s);
    FILE *f = fopen(FIXTURES "/charsmap.jsonl", "r");
    assert_non_null(f);
    char *line = NULL;
    size_t size = 0, cases = 0, changed = 0;
    for (ssize_t n; (n = getline(&line, &size, f)) > 0; cases++) {
        cJSON *o = json_parse(line, (size_t)n, "charsmap.jsonl", cases + 1, NULL);
        const char *text, *result;
        assert_int_equal(json_get_string(o, "text", &text, "a case", NULL), 0);
        assert_int_equal(json_get_string(o, "result", &result, "a case", NULL), 0);
        take(&in, text);
        take(&want, result);
        assert_int_equal(charsmap_apply(&m, &in, &out, NULL), 0);
        if (out.length != want.length || (out.length && memcmp(out.bytes, want.bytes, out.length)))
            fail_msg("%s: got %.*s, want %.*s", text, (int)out.length, out.bytes, (int)want.length,
                     want.bytes);
        for (size_t i = 0; i < out.length; i++) { /* places go up and stay inside */
            assert_true(out.span[i].start < out.span[i].end && out.span[i].end <= in.length);
            assert_true(!i || out.span[i].start >= out.span[i - 1].start);
        }
        changed += strcmp(text, result) != 0;
        cJSON_Delete(o);
    }
    assert_true(cases > 300 && changed > 200);
    free(line);
    fclose(f);
    normalized_clear(&in);
    normalized_clear(&out);
    normalized_clear(&want);
    charsmap_clear(&m);
    sentencepiece_clear(&s);
}

static void test_charsmap_refuses(void **state)
{
    (void)state;
    struct sentencepiece s;
    struct charsmap m;
    struct err err = {0};
    open_map(&m, &s);
    charsmap_clear(&m);
    size_t results = 4 + (s.charsmap[0] | (size_t)s.charsmap[1] << 8 | (size_t)s.charsmap[2] << 16);
    assert_int_equal(charsmap_init(&m, s.charsmap, 3, &err), -1);
    assert_non_null(strstr(err.text, "cut short"));
    charsmap_clear(&m);
    assert_int_equal(charsmap_init(&m, s.charsmap, results - 1, &err), -1);
    assert_non_null(strstr(err.text, "cut short"));
    charsmap_clear(&m);
    assert_int_equal(charsmap_init(&m, s.charsmap, results, &err), -1); /* values, no results */
    assert_non_null(strstr(err.text, "leads outside"));
    charsmap_clear(&m);
    s.charsmap[s.charsmap_size - 1] = 0xff;
    assert_int_equal(charsmap_init(&m, s.charsmap, s.charsmap_size, &err), -1);
    assert_non_null(strstr(err.text, "not UTF-8"));
    charsmap_clear(&m);
    s.charsmap[s.charsmap_size - 1] = 0;
    s.charsmap[4 + 3] = 0x7f; /* the root's children far away */
    assert_int_equal(charsmap_init(&m, s.charsmap, s.charsmap_size, &err), -1);
    assert_non_null(strstr(err.text, "unit 0 leads outside"));
    charsmap_clear(&m);
    sentencepiece_clear(&s);
}

static void test_graphemes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"ab", 1},
        {"\r\n", 2},
        {"\n\r", 1},
        {"e\xcc\x81\xcc\xa3x", 5},
        {"\xed\x95\x9c\xea\xb5\xad", 3},                         /* Hangul syllables */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 9},             /* jamo of one */
        {"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab", 8}, /* a flag */
        {"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9 ", 11},   /* joined people */
        {"a\xe1\xab\xa0", 4},                                    /* new in Unicode 17 */
        {"\xf0\x91\x8f\x91"
         "a",
         5}, /* U+113D1, prepended */
        {"\xf0\x91\xa8\xba"
         "a",
         4}, /* no longer prepended */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(grapheme_length(cases[i].text, strlen(cases[i].text)), cases[i].length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_was_trained),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_skips_and_overrides),
        cmocka_unit_test(test_charsmap_as_precompiled),
        cmocka_unit_test(test_charsmap_refuses),
        cmocka_unit_test(test_graphemes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
