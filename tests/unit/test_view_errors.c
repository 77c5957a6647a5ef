/* The Errors view from outside: cells lead to rows and back, a new evaluation keeps the row under the cursor,
 * validation comes before test in whatever order they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>

#include "unit/ui_check.h"

static struct app *open_errors(void)
{
    struct app *a = check_open(&check_tickets, "tests/fixtures/tiny_bert");
    free(check_draw(a, 80, 24, GLYPHS_BRAILLE));
    check_evaluate(a, SPLIT_VALIDATION, 1);
    check_type(a, "4");
    return a;
}

static void all_sizes(void **state)
{
    static const char *const states[] = {"",  "\n",    "t",  "\x1b",    "m",
                                         "p", ">>v\n", "\n", "\x1b\x1b"};
    struct app *a = open_errors();
    (void)state;
    check_evaluate(a, SPLIT_TEST, 2);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        check_type(a, states[i]);
        check_all_sizes(a);
    }
    app_destroy(a);
}

/* The same keys where the rows have values or sets: whatever they lead to can be drawn at any size. */
static void all_sizes_of_other_problems(void **state)
{
    static const char *const states[] = {"",  "\n",    "t",  "\x1b",    "m",
                                         "p", ">>v\n", "oa", "\x1b\x1b"};
    static const struct dataset_spec specs[] = {
        {.files = {"tests/tui/data/topics/train.csv", "tests/tui/data/topics/validation.csv"},
         .label_separator = "|"},
        {.files = {"tests/tui/data/similar/train.csv", "tests/tui/data/similar/validation.csv"},
         .text_column = "first",
         .pair_column = "second",
         .label_column = "similarity"}};
    static const char *const shows[] = {"micro F1", "Pearson"};
    (void)state;
    for (size_t p = 0; p < sizeof specs / sizeof *specs; p++) {
        struct app *a = check_open(&specs[p], NULL);
        free(check_draw(a, 80, 24, GLYPHS_BRAILLE));
        check_evaluate(a, SPLIT_VALIDATION, 1);
        check_type(a, "4");
        check_shows(a, 80, 24, shows[p], true);
        check_shows(a, 80, 24, "accuracy", false);
        for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
            check_type(a, states[i]);
            check_all_sizes(a);
        }
        app_destroy(a);
    }
}

static void without_an_evaluation_it_says_how_to_get_one(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    check_type(a, "4m\nvp/o");
    check_shows(a, 80, 24, "No run yet", true);
    check_all_sizes(a);
    app_destroy(a);
}

static void every_cell_leads_to_as_many_rows_as_it_says(void **state)
{
    struct app *a = open_errors();
    const struct metrics *m = &app_session(a)->inspection[SPLIT_VALIDATION]->metrics;
    (void)state;
    for (size_t t = 0; t < m->labels; t++)
        for (size_t p = 0; p < m->labels; p++) {
            char want[32];
            check_type(a, "m[<<<<<<");
            for (size_t i = 0; i < t; i++)
                check_type(a, "v");
            for (size_t i = 0; i < p; i++)
                check_type(a, ">");
            check_type(a, "\n");
            snprintf(want, sizeof want,
                     "┌─ %llu rows: ", (unsigned long long)m->confusion[t * m->labels + p]);
            check_shows(a, 80, 24, want, true);
            check_type(a, "\x1b"); /* the matrix */
            check_shows(a, 80, 24, "scores", true);
            check_type(a, "m");
        }
    app_destroy(a);
}

/* From any row the matrix opens at its cell, and the cell's rows hold it. */
static void the_matrix_opens_at_the_cell_of_the_row(void **state)
{
    struct app *a = open_errors();
    (void)state;
    check_type(a, "a");
    for (int i = 0; i < 10; i++, check_type(a, "av")) {
        char *before = check_draw(a, 80, 24, GLYPHS_BRAILLE), *at = strstr(before, "└─ row "),
             row[12];
        assert_non_null(at);
        snprintf(row, sizeof row, "%.11s", at);
        free(before);
        check_type(a, "m\n[");
        for (int down = 0; down < 10; down++, check_type(a, "v")) {
            char *now = check_draw(a, 80, 24, GLYPHS_BRAILLE);
            bool found = strstr(now, row) != NULL;
            free(now);
            if (found)
                break;
            assert_true(down < 9);
        }
        check_type(a, "\x1bm"); /* the cell is dropped; only wrong rows again */
    }
    app_destroy(a);
}

static void a_new_evaluation_keeps_the_row_under_the_cursor(void **state)
{
    struct app *a = open_errors();
    (void)state;
    check_type(a, "av"); /* all rows, the second of them */
    char *before = check_draw(a, 80, 24, GLYPHS_BRAILLE), *at = strstr(before, "└─ row "), row[12];
    assert_non_null(at);
    snprintf(row, sizeof row, "%.11s", at);
    for (uint64_t seed = 2; seed < 12; seed++) {
        check_evaluate(a, SPLIT_VALIDATION, seed);
        check_shows(a, 80, 24, row, true);
    }
    check_type(a, "[");
    check_evaluate(a, SPLIT_VALIDATION, 20); /* at the top it stays at the top */
    check_shows(a, 80, 24, "│ ▸ ", true);
    free(before);
    app_destroy(a);
}

static void validation_comes_first(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    check_type(a, "4");
    check_evaluate(a, SPLIT_TEST, 3);
    check_shows(a, 80, 24, "test, step 3", true);
    check_evaluate(a, SPLIT_VALIDATION, 4);
    check_shows(a, 80, 24, "validation, step 4", true);
    check_type(a, "s");
    check_evaluate(a, SPLIT_VALIDATION, 5);
    check_shows(a, 80, 24, "test, step 3", true); /* asked for, so it stays */
    app_destroy(a);
}

/* An evaluation may be read before its data set is. */
static void an_evaluation_waits_for_its_data(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    struct dataset *d = a->session.dataset;
    (void)state;
    check_type(a, "4");
    a->session.dataset = NULL;
    session_set_inspection(&a->session, check_inspection(d, SPLIT_VALIDATION, 1));
    app_tick(a, clock_monotonic());
    a->session.dataset = d;
    session_touch(&a->session, CHANGED_DATA);
    app_tick(a, clock_monotonic());
    check_shows(a, 80, 24, "│ ▸ ", true);
    app_destroy(a);
}

static void a_search_narrows_and_all_rows_widen(void **state)
{
    struct app *a = open_errors();
    (void)state;
    check_type(a, "a/LOCKED out\n");
    check_shows(a, 80, 24, "1 evaluated rows with 'LOCKED out'", true);
    check_type(a, "\x1b/zebra\n");
    check_shows(a, 80, 24, "no row matches", true);
    check_type(a, "\x1b");
    check_shows(a, 80, 24, "of 10 rows wrong", true);
    app_destroy(a);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(all_sizes_of_other_problems),
        cmocka_unit_test(without_an_evaluation_it_says_how_to_get_one),
        cmocka_unit_test(every_cell_leads_to_as_many_rows_as_it_says),
        cmocka_unit_test(the_matrix_opens_at_the_cell_of_the_row),
        cmocka_unit_test(a_new_evaluation_keeps_the_row_under_the_cursor),
        cmocka_unit_test(validation_comes_first),
        cmocka_unit_test(an_evaluation_waits_for_its_data),
        cmocka_unit_test(a_search_narrows_and_all_rows_widen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
