#include "ui/data_list.h"

#include "engine/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *data_order_name(enum data_order o, enum problem p)
{
    static const char *const names[ORDER_COUNT] = {"in file order", "longest first", "by label"};
    return o == ORDER_LABEL && p == PROBLEM_REGRESSION ? "by value" : names[o];
}

void data_list_init(struct data_list *l)
{
    *l = (struct data_list){.label = NO_LABEL, .finding = -1};
}

void data_list_clear(struct data_list *l)
{
    free(l->rows);
    data_list_init(l);
}

size_t data_list_label_rows(const struct dataset *d, int32_t label)
{
    size_t n = 0;
    for (int split = 0; split < SPLIT_COUNT; split++)
        n += dataset_label_rows(d, label, (enum split)split);
    return n;
}

/* A filter is an ascending list of rows, read along with the pass; NULL rows: everything passes. */
struct filter {
    const uint32_t *rows;
    size_t count, at;
    bool active;
};

static bool passes(struct filter *f, uint32_t row)
{
    if (!f->active)
        return true;
    while (f->at < f->count && f->rows[f->at] < row)
        f->at++;
    return f->at < f->count && f->rows[f->at] == row;
}

/* What rows are sorted by: small whole numbers, so counting does. */
static size_t sort_key(const struct data_list *l, const struct session *s, uint32_t row)
{
    struct example e;
    if (l->order == ORDER_TOKENS)
        return s->gate->longest - s->encoded->full_length[row];
    dataset_get(s->dataset, row, &e);
    int32_t label = e.set_count ? e.set[0] : e.label; /* of a set the first */
    return label == NO_LABEL ? dataset_labels(s->dataset) : (size_t)label;
}

struct valued {
    double value;
    uint32_t row;
};

static int by_value(const void *a, const void *b)
{
    const struct valued *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Ascending; rows without a value last. */
static void sort_by_value(struct data_list *l, const struct dataset *d)
{
    struct valued *sorted = mem_alloc(l->count, sizeof *sorted, "an order", NULL);
    struct example e;
    if (!sorted)
        return;
    for (size_t i = 0; i < l->count; i++) {
        dataset_get(d, l->rows[i], &e);
        sorted[i] = (struct valued){e.given ? e.value : INFINITY, l->rows[i]};
    }
    qsort(sorted, l->count, sizeof *sorted, by_value);
    for (size_t i = 0; i < l->count; i++)
        l->rows[i] = sorted[i].row;
    free(sorted);
}

static bool has_label(const struct example *e, int32_t label)
{
    for (size_t i = 0; i < e->set_count; i++)
        if (e->set[i] == label)
            return true;
    return e->label == label;
}

/* Stable counting sort by sort_key. */
static void sort_rows(struct data_list *l, const struct session *s)
{
    bool tokens = l->order == ORDER_TOKENS;
    if (l->order == ORDER_FILE || (tokens && (!s->encoded || !s->gate)))
        return;
    if (!tokens && dataset_problem(s->dataset) == PROBLEM_REGRESSION) {
        sort_by_value(l, s->dataset);
        return;
    }
    size_t keys = (tokens ? s->gate->longest : dataset_labels(s->dataset)) + 2;
    size_t *start = mem_alloc(keys, sizeof *start, "an order", NULL);
    uint32_t *sorted = mem_alloc(l->count, sizeof *sorted, "an order", NULL);
    if (start && sorted) {
        for (size_t i = 0; i < l->count; i++)
            start[sort_key(l, s, l->rows[i]) + 1]++;
        for (size_t k = 1; k < keys; k++)
            start[k] += start[k - 1];
        for (size_t i = 0; i < l->count; i++)
            sorted[start[sort_key(l, s, l->rows[i])]++] = l->rows[i];
        memcpy(l->rows, sorted, l->count * sizeof *sorted);
    }
    free(start);
    free(sorted);
}

void data_list_make(struct data_list *l, const struct session *s)
{
    const struct dataset *d = s->dataset;
    size_t rows = dataset_rows(d);
    struct filter search = {s->search.rows, s->search.count, 0,
                            s->search.query[0] && !s->search.running};
    struct filter finding = {0};
    if (l->finding >= 0 && s->gate) {
        const struct finding *f = &s->gate->findings[l->finding];
        finding = (struct filter){f->rows, f->count, 0, true};
    }
    l->count = 0;
    if (s->search.error[0]) /* what the query would leave is not known */
        return;
    if (mem_grow(&l->rows, &l->capacity, rows ? rows : 1, sizeof *l->rows, "the rows shown", NULL))
        return;
    for (uint32_t row = 0; row < rows; row++) {
        struct example e;
        if (!passes(&search, row) || !passes(&finding, row))
            continue;
        if (l->label != NO_LABEL) {
            dataset_get(d, row, &e);
            if (!has_label(&e, l->label))
                continue;
        }
        l->rows[l->count++] = row;
    }
    sort_rows(l, s);
}

bool data_list_find(const struct data_list *l, size_t row, size_t *at)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->rows[i] == row) {
            *at = i;
            return true;
        }
    return false;
}
