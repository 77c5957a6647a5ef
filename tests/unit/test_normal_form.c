/* test_normal_form.c - the published NormalizationTest, where it is.
 *
 * The file is of Unicode 14; normal_form.h goes by Unicode 9, as `tokenizers` does, which must be
 * equalled. Lines with a character that came after 9 are left out and counted; all others hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>

#include "engine/base/file.h"
#include "engine/text/normal_form.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

#define PUBLISHED "../shared/reference/unicode/NormalizationTest.txt"

/* Of the file's characters, those that Unicode 9 has not. */
static const uint32_t later[][2] = {
    {0x7fd, 0x7fd},     {0x898, 0x8d3},     {0x9fe, 0x9fe},     {0xc3c, 0xc3c},
    {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x1715, 0x1715},   {0x1abf, 0x1ace},
    {0x1df6, 0x1dfa},   {0x32ff, 0x32ff},   {0xa7f2, 0xa7f4},   {0xa82c, 0xa82c},
    {0xab66, 0xab69},   {0x10781, 0x107ba}, {0x10d24, 0x10f85}, {0x11070, 0x11070},
    {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x11839, 0x11a99}, {0x11d42, 0x11d97},
    {0x16ff0, 0x16ff1}, {0x1df04, 0x1df1e}, {0x1e130, 0x1e2ef}, {0x1f16c, 0x1f16c},
    {0x1fbf0, 0x1fbf9}};

static bool is_later(uint32_t code)
{
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (code >= later[i][0] && code <= later[i][1])
            return true;
    return false;
}

/* The characters of a field; false when one of them came later. */
static bool take(struct normalized *n, const char *field)
{
    bool known = true;
    n->length = 0;
    for (char *end; *field && *field != ';'; field = end + (*end == ' ')) {
        uint32_t code = (uint32_t)strtoul(field, &end, 16);
        assert_int_equal(normalized_reserve(n, 4, NULL), 0);
        normalized_put(n, code,
                       (struct normalize_span){(uint32_t)n->length, (uint32_t)n->length + 1});
        known &= !is_later(code);
    }
    return known;
}

static struct normalized made;

static bool makes(enum normal_form form, const struct normalized *in, const struct normalized *want)
{
    made.length = 0;
    assert_int_equal(normal_form_apply(form, in, &made, NULL), 0);
    return made.length == want->length && !memcmp(made.bytes, want->bytes, made.length);
}

/* The laws in the head of the file, for columns c1 to c5. */
static bool lawful(struct normalized c[5])
{
    bool ok = true;
    for (int i = 0; i < 5; i++) {
        ok = ok && makes(NORMAL_NFC, &c[i], &c[i < 3 ? 1 : 3]);
        ok = ok && makes(NORMAL_NFD, &c[i], &c[i < 3 ? 2 : 4]);
        ok = ok && makes(NORMAL_NFKC, &c[i], &c[3]);
        ok = ok && makes(NORMAL_NFKD, &c[i], &c[4]);
    }
    return ok;
}

static struct normalized column[5];
static unsigned char listed[0x110000]; /* characters with a line of their own */

static void check_line(const char *line, size_t *held, size_t *left_out)
{
    const char *field = line;
    char *end;
    bool known = true;
    uint32_t source = (uint32_t)strtoul(line, &end, 16);
    if (*end == ';')
        listed[source] = 1;
    for (int i = 0; i < 5; i++) {
        known &= take(&column[i], field);
        field = strchr(field, ';') + 1;
    }
    if (known && !lawful(column))
        fail_msg("%.120s", line);
    ++*(known ? held : left_out);
}

static void test_published(void **state)
{
    (void)state;
    if (!file_exists(PUBLISHED))
        skip();
    size_t size, held = 0, left_out = 0;
    char *text = file_read(PUBLISHED, &size, NULL), *rest = text, *line;
    while ((line = strsep(&rest, "\n")))
        if (*line && *line != '#' && *line != '@')
            check_line(line, &held, &left_out);
    free(text);
    assert_int_equal(held + left_out, 18992);
    assert_true(left_out < 800);
    for (uint32_t code = 0; code < 0x110000; code++) { /* all others are every form of themselves */
        if (listed[code] || (code >= 0xd800 && code < 0xe000))
            continue;
        column[0].length = 0;
        normalized_put(&column[0], code, (struct normalize_span){0, 1});
        for (int form = NORMAL_NFC; form <= NORMAL_NFKD; form++)
            if (!makes((enum normal_form)form, &column[0], &column[0]))
                fail_msg("U+%04X changes", (unsigned)code);
    }
}

static int clear(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        normalized_clear(&column[i]);
    normalized_clear(&made);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published)};
    return cmocka_run_group_tests(tests, NULL, clear);
}
