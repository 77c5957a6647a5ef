/* The Errors view's list equals a naive filter and sort of random evaluations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "unit/ui_check.h"

#include "ui/error_list.h"

static bool belongs(const struct error_list *l, const struct evaluation *e, const struct dataset *d,
                    size_t at)
{
    struct example row;
    char text[4096];
    dataset_get(d, e->row[at], &row);
    snprintf(text, sizeof text, "%.*s", (int)row.text_length, row.text);
    if (l->word[0] && !strcasestr(text, l->word))
        return false;
    if (l->truth != NO_LABEL)
        return e->truth[at] == l->truth && e->predicted[at] == l->predicted;
    return l->all || e->truth[at] != e->predicted[at];
}

static double value_of(const struct error_list *l, const struct evaluation *e, size_t at)
{
    const float *p = e->probs + at * e->labels;
    double v = l->order == ERRORS_WORST    ? (double)p[e->predicted[at]]
               : l->order == ERRORS_SECOND ? -log(fmax((double)p[e->truth[at]], 1e-38))
                                           : 0;
    return isnan(v) ? INFINITY : v;
}

static void check(const struct error_list *l, const struct evaluation *e, const struct dataset *d)
{
    uint32_t naive[256];
    size_t n = 0;
    for (uint32_t at = 0; at < e->rows; at++) {
        if (!belongs(l, e, d, at))
            continue;
        size_t place = n++;
        for (; place > 0 && value_of(l, e, naive[place - 1]) < value_of(l, e, at); place--)
            naive[place] = naive[place - 1];
        naive[place] = at;
    }
    assert_int_equal(l->count, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(l->at[i], naive[i]);
}

static void the_list_is_a_filter_and_a_stable_sort(void **state)
{
    static const char *const words[] = {"", "E", "the", "Locked OUT", "zebra"};
    struct err err;
    struct dataset *d = dataset_open(&check_tickets, &err);
    struct error_list l;
    (void)state;
    assert_non_null(d);
    error_list_init(&l);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct inspection *in = check_inspection(d, (enum split)(seed % SPLIT_COUNT), seed);
        struct evaluation *e = &in->evaluation;
        if (seed % 3 == 2) /* a row the model broke on */
            e->probs[(size_t)e->predicted[0]] = NAN;
        for (int cell = -1; cell < 25; cell++)
            for (unsigned k = 0; k < 2 * 5 * ERROR_ORDERS; k++) {
                l.truth = cell < 0 ? NO_LABEL : cell / 5;
                l.predicted = cell < 0 ? NO_LABEL : cell % 5;
                l.all = k % 2;
                l.order = (enum error_order)(k / 2 % ERROR_ORDERS);
                strcpy(l.word, words[k / 2 / ERROR_ORDERS]);
                error_list_make(&l, e, d);
                check(&l, e, d);
            }
        inspection_destroy(in);
    }
    error_list_clear(&l);
    dataset_close(d);
}

/* ---- sets and values ---- */

enum { ROWS = 6, LABELS = 3 };

/* Rows of the tickets with targets of our own. */
static struct evaluation numbers(enum problem p, uint32_t *row, float *target, float *probs)
{
    for (uint32_t i = 0; i < ROWS; i++)
        row[i] = i;
    return (struct evaluation){.problem = p,
                               .rows = ROWS,
                               .labels = p == PROBLEM_REGRESSION ? 1 : LABELS,
                               .row = row,
                               .target = target,
                               .probs = probs};
}

static void expect_order(struct error_list *l, const struct evaluation *e, const struct dataset *d,
                         const uint32_t *want, size_t n)
{
    error_list_make(l, e, d);
    assert_int_equal(l->count, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(l->at[i], want[i]);
}

/* No value is simply wrong: all are there, by size of the difference, then by its sign. */
static void values_are_all_shown_by_their_difference(void **state)
{
    float target[ROWS] = {1, 2, 3, 4, 5, 6}, read[ROWS] = {1, 4, 2.5f, 4.5f, 2, NAN};
    static const uint32_t largest[] = {5, 4, 1, 2, 3, 0}, high[] = {5, 1, 3, 0, 2, 4};
    uint32_t row[ROWS];
    struct dataset *d = dataset_open(&check_tickets, NULL);
    struct evaluation e = numbers(PROBLEM_REGRESSION, row, target, read);
    struct error_list l;
    (void)state;
    error_list_init(&l);
    expect_order(&l, &e, d, largest, ROWS);
    l.order = ERRORS_SECOND;
    expect_order(&l, &e, d, high, ROWS);
    assert_true(evaluation_difference(&e, 4) == -3.0);
    assert_true(evaluation_row_loss(&e, 4) == 9.0);
    assert_int_equal(evaluation_count_wrong(&e), 0);
    error_list_clear(&l);
    dataset_close(d);
}

/* The fate of every label, the rows in which any or one of them is wrong, the loss of a row. */
static void sets_are_wrong_label_by_label(void **state)
{
    static float target[ROWS * LABELS] = {1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1};
    static float probs[ROWS * LABELS] = {.9f, .1f, .2f, .9f, .2f, .6f, .1f, .1f, .1f,
                                         .1f, .4f, .8f, .4f, .3f, .2f, .7f, .1f, .9f};
    static const uint32_t wrong[] = {4, 1, 3, 5}, second[] = {1, 3, 4}, all[] = {4, 1, 3, 5, 0, 2};
    uint32_t row[ROWS];
    struct dataset *d = dataset_open(&check_tickets, NULL);
    struct evaluation e = numbers(PROBLEM_MULTI_LABEL, row, target, probs);
    struct error_list l;
    char text[64];
    (void)state;
    error_list_init(&l);
    expect_order(&l, &e, d, wrong, 4);
    assert_int_equal(evaluation_count_wrong(&e), 4);
    l.all = true;
    expect_order(&l, &e, d, all, ROWS);
    l.truth = 1; /* only the rows in which the second label is wrong */
    l.order = ERRORS_BY_ROW;
    expect_order(&l, &e, d, second, 3);
    assert_int_equal(evaluation_fate(&e, 1, 0), FATE_FOUND);
    assert_int_equal(evaluation_fate(&e, 1, 1), FATE_MISSED);
    assert_int_equal(evaluation_fate(&e, 1, 2), FATE_SURPLUS);
    assert_int_equal(evaluation_fate(&e, 0, 2), FATE_ABSENT);
    assert_int_equal(evaluation_fate_text(&e, 4, FATE_MISSED, d, text, sizeof text), 3);
    assert_string_equal(text, "app crash, billing, delivery");
    assert_int_equal(evaluation_fate_text(&e, 4, FATE_MISSED, d, text, 14), 3);
    assert_int_equal(strlen(text), 13);
    double loss = -(log((double)probs[3]) + log((double)probs[4]) + log(1 - (double)probs[5])) / 3;
    assert_true(fabs(evaluation_row_loss(&e, 1) - loss) < 1e-12);
    error_list_clear(&l);
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_a_filter_and_a_stable_sort),
        cmocka_unit_test(values_are_all_shown_by_their_difference),
        cmocka_unit_test(sets_are_wrong_label_by_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
