/* The Data view's list equals a naive filter and a stable sort, for every combination of filters and
 * orders over random lists of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/data/encode.h"
#include "ui/data_list.h"

#define ROWS_MAX 4096

static const struct dataset_spec tickets = {.files = {"tests/tui/data/tickets/train.csv",
                                                      "tests/tui/data/tickets/validation.csv",
                                                      "tests/tui/data/tickets/test.csv"}};

struct fixture {
    struct session s;
    uint32_t length[ROWS_MAX];
    struct encoded encoded;
};

static struct fixture *make(void)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    f->s.dataset = dataset_open(&tickets, &err);
    assert_non_null(f->s.dataset);
    f->s.gate = gate_run(f->s.dataset, NULL, &err);
    assert_non_null(f->s.gate);
    f->encoded.rows = dataset_rows(f->s.dataset);
    f->encoded.full_length = f->length;
    for (size_t i = 0; i < f->encoded.rows; i++) {
        f->length[i] = (uint32_t)(rng_bits(1, RNG_TEST, i) % 7);
        if (f->length[i] > f->s.gate->longest)
            f->s.gate->longest = f->length[i];
    }
    f->s.encoded = &f->encoded;
    return f;
}

static void destroy(struct fixture *f)
{
    gate_destroy(f->s.gate);
    dataset_close(f->s.dataset);
    free(f->s.search.rows);
    free(f);
}

static bool contains(const uint32_t *rows, size_t n, uint32_t row)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i] == row)
            return true;
    return false;
}

static bool belongs(const struct fixture *f, const struct data_list *l, uint32_t row)
{
    struct example e;
    dataset_get(f->s.dataset, row, &e);
    if (l->label != NO_LABEL && e.label != l->label)
        return false;
    if (l->finding >= 0 &&
        !contains(f->s.gate->findings[l->finding].rows, f->s.gate->findings[l->finding].count, row))
        return false;
    return !f->s.search.query[0] || contains(f->s.search.rows, f->s.search.count, row);
}

/* What stands before what: smaller keys first, equal ones in row order. */
static size_t key_of(const struct fixture *f, enum data_order order, uint32_t row)
{
    struct example e;
    dataset_get(f->s.dataset, row, &e);
    return order == ORDER_TOKENS  ? ROWS_MAX - f->length[row]
           : order == ORDER_LABEL ? (size_t)e.label
                                  : 0;
}

static void check(const struct fixture *f, const struct data_list *l)
{
    uint32_t naive[ROWS_MAX];
    size_t n = 0, at;
    for (uint32_t row = 0; row < dataset_rows(f->s.dataset); row++) {
        if (!belongs(f, l, row))
            continue;
        size_t place = n;
        while (place > 0 && key_of(f, l->order, naive[place - 1]) > key_of(f, l->order, row))
            place--;
        memmove(naive + place + 1, naive + place, (n - place) * sizeof *naive);
        naive[place] = row;
        n++;
    }
    assert_int_equal(l->count, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(l->rows[i], naive[i]);
        assert_true(data_list_find(l, naive[i], &at));
        assert_int_equal(at, i);
    }
}

static void search_for_every(struct fixture *f, size_t nth)
{
    size_t rows = dataset_rows(f->s.dataset);
    free(f->s.search.rows);
    f->s.search.rows = calloc(rows, sizeof *f->s.search.rows);
    f->s.search.count = 0;
    strcpy(f->s.search.query, nth ? "q" : "");
    for (uint32_t row = 0; nth && row < rows; row++)
        if (rng_bits(2, RNG_TEST, row) % nth == 0)
            f->s.search.rows[f->s.search.count++] = row;
}

static void the_list_is_a_filter_and_a_stable_sort(void **state)
{
    struct fixture *f = make();
    struct data_list l;
    (void)state;
    data_list_init(&l);
    for (size_t nth = 0; nth < 4; nth++) {
        search_for_every(f, nth);
        for (int32_t label = NO_LABEL; label < (int32_t)dataset_labels(f->s.dataset); label++)
            for (l.finding = -1; l.finding < FINDING_KINDS; l.finding++)
                for (int order = 0; order < ORDER_COUNT; order++) {
                    l.label = label;
                    l.order = (enum data_order)order;
                    data_list_make(&l, &f->s);
                    check(f, &l);
                }
    }
    data_list_clear(&l);
    destroy(f);
}

static void a_query_that_fails_shows_nothing_and_one_that_runs_hides_nothing(void **state)
{
    struct fixture *f = make();
    struct data_list l;
    size_t at;
    (void)state;
    data_list_init(&l);
    search_for_every(f, 3);
    f->s.search.running = true;
    data_list_make(&l, &f->s);
    assert_int_equal(l.count, dataset_rows(f->s.dataset));
    assert_false(data_list_find(&l, l.count, &at));
    strcpy(f->s.search.error, "no");
    data_list_make(&l, &f->s);
    assert_int_equal(l.count, 0);
    data_list_clear(&l);
    destroy(f);
}

static void label_rows_add_up(void **state)
{
    struct fixture *f = make();
    size_t sum = 0;
    (void)state;
    for (size_t i = 0; i < dataset_labels(f->s.dataset); i++)
        sum += data_list_label_rows(f->s.dataset, (int32_t)i);
    assert_int_equal(sum, dataset_rows(f->s.dataset));
    destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_a_filter_and_a_stable_sort),
        cmocka_unit_test(a_query_that_fails_shows_nothing_and_one_that_runs_hides_nothing),
        cmocka_unit_test(label_rows_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
