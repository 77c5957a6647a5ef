/* test_normalize.c - code points and BERT's normaliser, from outside: bytes in, bytes and spans
 * out. */
#include "engine/base/rng.h"
#include "engine/text/normalize.h"
#include "engine/text/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct normalized out;

static const char *normalize_n(struct normalizer n, const char *text, size_t length)
{
    normalize_prepare(&n);
    assert_int_equal(normalize_text(&n, text, 0, length, &out, NULL), 0);
    out.bytes[out.length] = '\0'; /* the room reserved is larger than any result */
    return out.bytes;
}

static const char *normalize(struct normalizer n, const char *text)
{
    return normalize_n(n, text, strlen(text));
}

static const struct normalizer uncased = {
    .clean_text = true, .handle_chinese_chars = true, .strip_accents = true, .lowercase = true};

static void test_every_code_point_comes_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        char bytes[4];
        uint32_t back, last;
        size_t n = unicode_encode(c, bytes);
        assert_int_equal(unicode_decode(bytes, n, &back), n);
        assert_int_equal(unicode_decode_last(bytes, n, &last), n);
        assert_int_equal(back, c);
        assert_int_equal(last, c);
        assert_true(unicode_valid(bytes, n));
        assert_false(n > 1 && unicode_valid(bytes, n - 1));
    }
}

/* What stands for each run of bad bytes: how many times U+FFFD, by Unicode's table 3-8 and its
 * like. */
static void test_bad_bytes_become_replacement_characters(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t replaced;
    } cases[] = {
        {"\xc0\x80", 2},     {"\xe0\x9f\xbf", 3},
        {"\xed\xa0\x80", 3}, {"\xf0\x80\x80", 3},
        {"\xf4\x90\x80", 3}, {"\xe2\x82", 1},
        {"\xf0\x9f\x98", 1}, {"\xff\xfe", 2},
        {"\x80\x80", 2},     {"\xf1\x80\x80\xe1\x80", 2},
        {"\xe1\x80\xc2", 2}, {"\xf5\x80", 2},
    };
    struct normalizer nothing = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *s = normalize(nothing, cases[i].bytes);
        assert_int_equal(strlen(s), 3 * cases[i].replaced);
        for (; *s; s += 3)
            assert_memory_equal(s, "\xef\xbf\xbd", 3);
        assert_false(unicode_valid(cases[i].bytes, strlen(cases[i].bytes)));
        assert_string_equal(normalize(uncased, cases[i].bytes), ""); /* clean_text removes them */
    }
    assert_true(unicode_valid("\xef\xbf\xbd", 3));
}

static void test_each_option_does_one_thing(void **state)
{
    (void)state;
    const char *text = "\tÉ\x01中a";
    assert_string_equal(normalize((struct normalizer){0}, text), text);
    assert_string_equal(normalize((struct normalizer){.clean_text = true}, text), " É中a");
    assert_string_equal(normalize((struct normalizer){.handle_chinese_chars = true}, text),
                        "\tÉ\x01 中 a");
    assert_string_equal(normalize((struct normalizer){.strip_accents = true}, text), "\tE\x01中a");
    assert_string_equal(normalize((struct normalizer){.lowercase = true}, text), "\té\x01中a");
    assert_string_equal(normalize(uncased, text), " e 中 a");
    assert_string_equal(normalize_n(uncased, "a\0b", 3), "ab");
}

/* tests/parity/tokenizer.py compares every code point; here stand the facts the tables exist for.
 */
static void test_editions_of_unicode(void **state)
{
    (void)state;
    assert_true(unicode_is_mark(0x1ab0) && unicode_is_mark(0x1734));
    assert_false(unicode_is_mark(0x1abf)); /* Unicode 13 */
    assert_true(unicode_is_punctuation(0x2e42) && unicode_is_punctuation('$'));
    assert_false(unicode_is_punctuation(0x2e43)); /* Unicode 9 */
    assert_true(unicode_is_control(0xad) && unicode_is_control(0xe000) &&
                unicode_is_control(0xfffd));
    assert_false(unicode_is_control(0x8e2)); /* Unicode 9 */
    assert_true(unicode_is_cjk(0x2b81f) && !unicode_is_cjk(0x2b820) && unicode_is_cjk(0x2b920));
    assert_int_equal(unicode_combining_class(0x301), 230);
    assert_int_equal(unicode_combining_class(0x1df6), 0); /* Unicode 10 */
    uint32_t lower[2];
    assert_int_equal(unicode_lower(0x16ea0, lower), 1); /* Unicode 17 */
    assert_int_equal(lower[0], 0x16ebb);
    assert_string_equal(normalize((struct normalizer){.lowercase = true}, "İ"), "i\u0307");
    assert_string_equal(normalize(uncased, "İ"), "i");
    assert_string_equal(normalize(uncased, "한"), "\u1112\u1161\u11ab");
    /* A tone mark of class 224 (Hangul, no accent) moves before one of class 230 that stays. */
    assert_string_equal(normalize((struct normalizer){.strip_accents = true}, "a\u302fb"),
                        "a\u302fb");
}

static void check_spans(size_t length)
{
    for (size_t i = 0; i < out.length; i++) {
        assert_true(out.span[i].start < out.span[i].end && out.span[i].end <= length);
        bool inside = ((unsigned char)out.bytes[i] & 0xc0) == 0x80;
        assert_false(inside && memcmp(&out.span[i], &out.span[i - 1], sizeof out.span[i]));
    }
    assert_true(unicode_valid(out.bytes, out.length));
}

/* Every character between letters, under every choice of options: the result is UTF-8, its letters
 * are there with their own places, and the room reserved sufficed (which is asserted inside). */
static void test_spans_of_every_code_point(void **state)
{
    (void)state;
    for (int bits = 0; bits < 16; bits++) {
        struct normalizer n = {bits & 1, bits & 2, bits & 4, bits & 8, {0}};
        normalize_prepare(&n);
        for (uint32_t c = 0; c < 0x110000; c += c < 0x3000 || bits == 15 ? 1 : 37) {
            char text[7] = "a";
            size_t length = 1 + unicode_encode(c >= 0xd800 && c < 0xe000 ? 0x301 : c, text + 1);
            text[length++] = 'b';
            assert_int_equal(normalize_text(&n, text, 0, length, &out, NULL), 0);
            check_spans(length);
            assert_true(out.length >= 2 && out.bytes[0] == 'a' && out.bytes[out.length - 1] == 'b');
            assert_int_equal(out.span[0].start, 0);
            assert_int_equal(out.span[out.length - 1].end, length);
        }
    }
}

/* A text is normalised piece by piece wherever ASCII stands at the joint, and the places move with
 * it. */
static void test_pieces_join(void **state)
{
    (void)state;
    static const char *const parts[] = {"É", "\u0301", "\u0323", "한", "中", "\xe2\x82", "\u302e",
                                        "İ", "ß",      "\u0345", "x",  " ",  "\u1df6",   "\u00a0"};
    struct normalizer n = uncased;
    normalize_prepare(&n);
    for (uint64_t round = 0; round < 3000; round++) {
        char text[128], whole[512];
        size_t length = 0, cut = 0;
        for (int i = 0; i < 12; i++) {
            const char *p = parts[rng_bits(1, RNG_TEST, round * 12 + (uint64_t)i) % 14];
            if (i == 6)
                p = ".";
            if (i == 6)
                cut = length;
            memcpy(text + length, p, strlen(p));
            length += strlen(p);
        }
        assert_int_equal(normalize_text(&n, text, 0, length, &out, NULL), 0);
        check_spans(length);
        size_t total = out.length;
        memcpy(whole, out.bytes, total);
        assert_int_equal(normalize_text(&n, text, 0, cut, &out, NULL), 0);
        size_t first = out.length;
        assert_memory_equal(whole, out.bytes, first);
        assert_int_equal(normalize_text(&n, text, cut, length, &out, NULL), 0);
        assert_int_equal(first + out.length, total);
        assert_memory_equal(whole + first, out.bytes, out.length);
        assert_int_equal(out.span[0].start, cut);
    }
}

/* A line of nothing but combining characters that stay, in the worst order: sorted, and soon. */
static void test_many_marks(void **state)
{
    (void)state;
    enum { PAIRS = 100000 };
    char *text = malloc(6 * PAIRS);
    assert_non_null(text);
    for (size_t i = 0; i < PAIRS; i++)
        memcpy(text + 6 * i, "\u302e\u1b44", 6); /* classes 224 and 9 */
    normalize_n(uncased, text, 6 * PAIRS);
    assert_int_equal(out.length, 6 * PAIRS);
    for (size_t i = 0; i < PAIRS; i++) {
        assert_memory_equal(out.bytes + 3 * i, "\u1b44", 3);
        assert_int_equal(out.span[3 * i].start, 6 * i + 3);
    }
    free(text);
}

static int clear(void **state)
{
    (void)state;
    normalized_clear(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_comes_back),
        cmocka_unit_test(test_bad_bytes_become_replacement_characters),
        cmocka_unit_test(test_each_option_does_one_thing),
        cmocka_unit_test(test_editions_of_unicode),
        cmocka_unit_test(test_spans_of_every_code_point),
        cmocka_unit_test(test_pieces_join),
        cmocka_unit_test(test_many_marks),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
