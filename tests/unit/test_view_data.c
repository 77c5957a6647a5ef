/* The Data view from outside: keys in, text out. What is shown follows the filters, the cursor stays on its
 * row and its line, and nothing breaks at any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>

#include "unit/ui_check.h"

static struct app *open_data(void)
{
    struct app *a = check_open(&check_tickets, "tests/fixtures/tiny_bert");
    check_type(a, "1");
    free(check_draw(a, 80, 24, GLYPHS_BRAILLE)); /* keys move within what was drawn */
    return a;
}

static void all_sizes(void **state)
{
    static const char *const states[] = {"", "\t", "\t", "\t\n", "t", "\x1b", "o", "/a b", "\x1b"};
    struct app *a = open_data();
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        check_type(a, states[i]);
        check_all_sizes(a);
    }
    app_destroy(a);
}

static void without_a_model_there_are_no_tokens(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    check_type(a, "1");
    check_shows(a, 80, 24, "need a model", true);
    check_shows(a, 80, 24, "t tokens", false);
    check_type(a, "o");
    check_shows(a, 80, 24, "by label", true); /* there is nothing to sort by length by */
    check_type(a, "t");
    check_shows(a, 80, 24, "tokens need a model", true);
    check_all_sizes(a);
    app_destroy(a);
}

static void filters_add_up_and_esc_drops_them_one_by_one(void **state)
{
    struct app *a = open_data();
    (void)state;
    check_type(a, "\tvv\n"); /* the third label */
    check_shows(a, 80, 24, "6 of 32 rows", true);
    check_shows(a, 80, 24, "in file order, delivery", true);
    check_type(a, "f]\n"); /* the last finding */
    check_shows(a, 80, 24, "delivery, label with fewer", true);
    check_type(a, "\x1b"); /* back to the findings */
    check_shows(a, 80, 24, "6 of 32 rows", true);
    check_shows(a, 80, 24, "only these rows", true);
    check_type(a, "\x1b\x1b\x1b");
    check_shows(a, 80, 24, " 32 rows ", true);
    app_destroy(a);
}

static void a_query_is_refused_where_it_is_typed(void **state)
{
    struct app *a = open_data();
    (void)state;
    check_type(a, "//(/");
    check_shows(a, 80, 24, "what a search can say", true);
    check_shows(a, 80, 24, "missing closing", true);
    check_type(a, "\n");
    check_shows(a, 80, 24, "missing closing", true); /* still there, still refused */
    check_type(a, "\x1b/label:login\n");
    check_wait_jobs(a);
    check_shows(a, 80, 24, "7 of 32 rows", true);
    check_type(a, "\x1b");
    check_wait_jobs(a);
    check_shows(a, 80, 24, " 32 rows ", true);
    app_destroy(a);
}

static void the_cursor_stays_on_its_row_when_the_order_changes(void **state)
{
    struct app *a = open_data();
    (void)state;
    for (int i = 0; i < 32; i++, check_type(a, "v"))
        for (int order = 0; order < 3; order++) {
            char want[24];
            snprintf(want, sizeof want, " row %d ", i);
            check_shows(a, 80, 24, want, true);
            check_type(a, "o");
        }
    app_destroy(a);
}

/* Down to the last line that is seen, and up again: the table stands still. */
static void lines_follow_the_cursor_only_at_an_edge(void **state)
{
    struct app *a = open_data();
    (void)state;
    check_type(a, "]^^");
    check_shows(a, 80, 24, "my card was charged", false); /* the first row */
    check_shows(a, 80, 24, "closes by itself", true);     /* the last row */
    check_type(a, "[vv");
    check_shows(a, 80, 24, "my card was charged", true);
    app_destroy(a);
}

static void the_whole_row_ends_where_the_text_ends(void **state)
{
    static const struct dataset_spec long_texts = {.files = {"tests/tui/data/long.csv"},
                                                   .split_lone_train = true};
    struct app *a = check_open(&long_texts, "tests/fixtures/tiny_bert");
    (void)state;
    check_type(a, "1");
    free(check_draw(a, 80, 24, GLYPHS_BRAILLE));
    check_type(a, "\n]");
    check_shows(a, 80, 24, "word399", true);
    check_type(a, "^");
    check_shows(a, 80, 24, "word399", false); /* one line back: none was scrolled past the end */
    check_type(a, "[");
    check_shows(a, 80, 24, "word0 word1", true);
    check_type(a, ">");
    check_shows(a, 80, 24, "xxxx", true);
    app_destroy(a);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(without_a_model_there_are_no_tokens),
        cmocka_unit_test(filters_add_up_and_esc_drops_them_one_by_one),
        cmocka_unit_test(a_query_is_refused_where_it_is_typed),
        cmocka_unit_test(the_cursor_stays_on_its_row_when_the_order_changes),
        cmocka_unit_test(lines_follow_the_cursor_only_at_an_edge),
        cmocka_unit_test(the_whole_row_ends_where_the_text_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
