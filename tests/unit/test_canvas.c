/* The grid of cells: widths, clipping, clusters, and bytes that must never reach a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

#include "engine/base/rng.h"
#include "ui/canvas.h"

static struct canvas *make(int w, int h, enum glyph_level level)
{
    struct err err = {0};
    struct canvas *c = canvas_create(w, h, level, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}

static void shows(const struct canvas *c, const char *want)
{
    struct strbuf text = {0};
    canvas_to_text(c, &text);
    assert_string_equal(text.text, want);
    strbuf_clear(&text);
}

/* What holds for every canvas at any time. */
static void check_cells(const struct canvas *c)
{
    for (int y = 0; y < canvas_height(c); y++)
        for (int x = 0; x < canvas_width(c); x++) {
            const struct canvas_cell *cell = canvas_at(c, x, y);
            assert_in_range(cell->role, 0, ROLE_COUNT - 1);
            if (cell->width == 0) { /* a right half has its left half */
                assert_true(x > 0 && canvas_at(c, x - 1, y)->width == 2);
                assert_int_equal(cell->cp[0], 0);
                continue;
            }
            assert_int_equal(cell->width, wcwidth((wchar_t)cell->cp[0]));
            if (cell->width == 2)
                assert_true(x + 1 < canvas_width(c) && canvas_at(c, x + 1, y)->width == 0);
            for (int i = 1; i < CANVAS_CLUSTER && cell->cp[i]; i++)
                assert_int_equal(wcwidth((wchar_t)cell->cp[i]), 0);
            for (int i = 0; i < CANVAS_CLUSTER && cell->cp[i]; i++) {
                utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)cell->cp[i]);
                assert_true(k != UTF8PROC_CATEGORY_CC && k != UTF8PROC_CATEGORY_CF &&
                            k != UTF8PROC_CATEGORY_CS && k != UTF8PROC_CATEGORY_ZL &&
                            k != UTF8PROC_CATEGORY_ZP);
                if (canvas_level(c) == GLYPHS_ASCII)
                    assert_in_range(cell->cp[i], 0x20, 0x7e);
            }
        }
}

static void text_is_clipped_and_says_so(void **state)
{
    (void)state;
    struct canvas *c = make(10, 3, GLYPHS_BRAILLE);
    assert_int_equal(canvas_text(c, 0, 0, 10, ROLE_TEXT, "exactly 10"), 10);
    assert_int_equal(canvas_text(c, 0, 1, 10, ROLE_TEXT, "eleven long"), 10);
    assert_int_equal(canvas_text(c, 7, 2, 3, ROLE_TEXT, "日本"), 3);
    shows(c, "exactly 10\neleven lo…\n       日…\n");
    canvas_destroy(c);
}

static void outside_is_nowhere(void **state)
{
    (void)state;
    struct canvas *c = make(4, 2, GLYPHS_BRAILLE);
    canvas_text(c, -2, 0, 10, ROLE_TEXT, "abcdefgh");
    canvas_text(c, 0, -1, 4, ROLE_TEXT, "up");
    canvas_text(c, 0, 2, 4, ROLE_TEXT, "down");
    canvas_text(c, -1, 1, 4, ROLE_TEXT, "日x");
    canvas_fill(c, (struct rect){3, -5, 100, 100}, ROLE_BAR, '#');
    shows(c, "cde#\n x #\n");
    check_cells(c);
    assert_null(canvas_at(c, 4, 0));
    canvas_destroy(c);
}

static void halves_never_stay(void **state)
{
    (void)state;
    struct canvas *c = make(6, 1, GLYPHS_BRAILLE);
    canvas_text(c, 0, 0, 6, ROLE_TEXT, "日本語");
    canvas_text(c, 1, 0, 1, ROLE_TEXT, "x");
    check_cells(c);
    shows(c, " x本語\n");
    canvas_text(c, 3, 0, 2, ROLE_TEXT, "字");
    check_cells(c);
    shows(c, " x 字\n");
    canvas_destroy(c);
}

static void hostile_bytes_are_replaced(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a\x1b[31mb", "a\xef\xbf\xbd[31mb\n"},
        {"c1 \xc2\x9b!", "c1 \xef\xbf\xbd!\n"},
        {"del\x7f", "del\xef\xbf\xbd\n"},
        {"bad \xff\xc3(", "bad \xef\xbf\xbd\xef\xbf\xbd(\n"},
        {"\u202etxt", "\xef\xbf\xbdtxt\n"},
        {"x\u2066y", "x\xef\xbf\xbdy\n"},
        {"zero\u200bwidth", "zero\xef\xbf\xbdwidth\n"},
        {"tab\tnew\nline", "tab new line\n"},
        {"👩\u200d💻 ok", "👩💻 ok\n"},
        {"👍🏽", "👍\n"},
        {"❤\ufe0f", "❤\n"},
        {"e\u0301", "e\u0301\n"},
        {"\u0301alone", "\xef\xbf\xbd"
                        "alone\n"},
        {"a\u0300\u0301\u0302\u0303\u0304\u0305", "a\u0300\u0301\u0302\u0303\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct canvas *c = make(30, 1, GLYPHS_BRAILLE);
        canvas_text(c, 0, 0, 30, ROLE_TEXT, cases[i].text);
        check_cells(c);
        shows(c, cases[i].want);
        canvas_destroy(c);
    }
}

static void ascii_canvas_holds_ascii(void **state)
{
    (void)state;
    struct canvas *c = make(20, 2, GLYPHS_ASCII);
    canvas_text(c, 0, 0, 20, ROLE_TEXT, "日本 é e\u0301 👩\u200d💻 x");
    for (int g = 0; g < GLYPH_COUNT; g++)
        canvas_put_glyph(c, g % 20, 1, ROLE_TEXT, (enum glyph)g);
    check_cells(c);
    canvas_destroy(c);
}

static void every_glyph_is_one_column(void **state)
{
    (void)state;
    for (int level = 0; level < GLYPH_LEVELS; level++) {
        struct canvas *c = make(4, 1, (enum glyph_level)level);
        for (int g = 0; g < GLYPH_COUNT; g++) {
            const char *text = canvas_glyph(c, (enum glyph)g);
            assert_int_equal(canvas_text_width(c, text, strlen(text)), 1);
        }
        canvas_destroy(c);
    }
}

/* Random bytes at random places: no cell is ever broken, and a text's measured width is what it
 * takes. */
static void random_bytes_break_nothing(void **state)
{
    (void)state;
    uint64_t n = 0;
    for (int round = 0; round < 4000; round++) {
        char text[64];
        int length = (int)(rng_bits(1, RNG_TEST, n++) % sizeof text);
        bool high = round % 2; /* half the rounds are real code points */
        for (int i = 0; i < length; i++)
            text[i] = (char)rng_bits(1, RNG_TEST, n++);
        if (high) {
            length = 0;
            while (length < 56)
                length += (int)utf8proc_encode_char(
                    (utf8proc_int32_t)(rng_bits(1, RNG_TEST, n++) % 0x20000 + 1),
                    (utf8proc_uint8_t *)text + length);
        }
        struct canvas *c = make(24, 3, (enum glyph_level)(round % GLYPH_LEVELS));
        int x = (int)(rng_bits(1, RNG_TEST, n++) % 40) - 10;
        canvas_text_n(c, x, 1, 20, ROLE_TEXT, text, (size_t)length);
        canvas_text_n(c, x / 2, 1, 9, ROLE_BAD, text, (size_t)length / 2);
        check_cells(c);
        int width = canvas_text_width(c, text, (size_t)length), used;
        assert_int_equal(canvas_text_fit(c, text, (size_t)length, width, &used), length);
        assert_int_equal(used, width);
        canvas_destroy(c);
    }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_clipped_and_says_so), cmocka_unit_test(outside_is_nowhere),
        cmocka_unit_test(halves_never_stay),           cmocka_unit_test(hostile_bytes_are_replaced),
        cmocka_unit_test(ascii_canvas_holds_ascii),    cmocka_unit_test(every_glyph_is_one_column),
        cmocka_unit_test(random_bytes_break_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
