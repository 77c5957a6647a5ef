#include "ui/error_list.h"

#include "engine/base/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *error_order_name(enum error_order o)
{
    static const char *const names[ERROR_ORDERS] = {"most confident first", "largest loss first",
                                                    "in file order"};
    return names[o];
}

void error_list_init(struct error_list *l)
{
    *l = (struct error_list){.truth = NO_LABEL, .predicted = NO_LABEL};
}

void error_list_clear(struct error_list *l)
{
    free(l->at);
    error_list_init(l);
}

float evaluation_prob(const struct evaluation *e, size_t at, int32_t label)
{
    return e->probs[at * e->labels + (size_t)label];
}

double evaluation_row_loss(const struct evaluation *e, size_t at)
{
    return -log(fmax((double)evaluation_prob(e, at, e->truth[at]), 1e-38));
}

size_t evaluation_count_wrong(const struct evaluation *e)
{
    size_t wrong = 0;
    for (size_t i = 0; i < e->rows; i++)
        wrong += e->truth[i] != e->predicted[i];
    return wrong;
}

static bool holds_word(const char *text, size_t n, const char *word)
{
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= n; i++) {
        size_t k = 0;
        while (k < m && tolower((unsigned char)text[i + k]) == tolower((unsigned char)word[k]))
            k++;
        if (k == m)
            return true;
    }
    return false;
}

static bool is_shown(const struct error_list *l, const struct evaluation *e,
                     const struct dataset *d, size_t at)
{
    struct example row;
    if (l->truth != NO_LABEL) {
        if (e->truth[at] != l->truth || e->predicted[at] != l->predicted)
            return false;
    } else if (!l->all && e->truth[at] == e->predicted[at]) {
        return false;
    }
    if (!l->word[0])
        return true;
    dataset_get(d, e->row[at], &row);
    return holds_word(row.text, row.text_length, l->word);
}

/* Rows with what they are sorted by; descending, equal ones in row order, so the order is total. */
struct ranked {
    double value;
    uint32_t at;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static double rank_of(const struct error_list *l, const struct evaluation *e, uint32_t at)
{
    double value = l->order == ERRORS_BY_CONFIDENCE
                       ? (double)evaluation_prob(e, at, e->predicted[at])
                   : l->order == ERRORS_BY_LOSS ? evaluation_row_loss(e, at)
                                                : 0;
    return isnan(value) ? INFINITY : value; /* a row the model broke on comes first */
}

static void sort_list(struct error_list *l, const struct evaluation *e)
{
    struct ranked *ranked = mem_alloc(l->count, sizeof *ranked, "an order", NULL);
    if (!ranked)
        return;
    for (size_t i = 0; i < l->count; i++)
        ranked[i] = (struct ranked){rank_of(l, e, l->at[i]), l->at[i]};
    qsort(ranked, l->count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < l->count; i++)
        l->at[i] = ranked[i].at;
    free(ranked);
}

void error_list_make(struct error_list *l, const struct evaluation *e, const struct dataset *d)
{
    l->count = 0;
    if (mem_grow(&l->at, &l->capacity, e->rows ? e->rows : 1, sizeof *l->at, "the rows shown",
                 NULL))
        return;
    for (size_t at = 0; at < e->rows; at++)
        if (is_shown(l, e, d, at))
            l->at[l->count++] = (uint32_t)at;
    sort_list(l, e);
}
