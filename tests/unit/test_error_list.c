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
    double v = l->order == ERRORS_BY_CONFIDENCE ? (double)p[e->predicted[at]]
               : l->order == ERRORS_BY_LOSS     ? -log(fmax((double)p[e->truth[at]], 1e-38))
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_list_is_a_filter_and_a_stable_sort)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
