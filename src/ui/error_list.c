#include "ui/error_list.h"

#include "engine/base/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *error_order_name(enum error_order o, enum problem p)
{
    static const char *const names[ERROR_ORDERS][PROBLEM_COUNT] = {
        [ERRORS_WORST] = {[PROBLEM_SINGLE_LABEL] = "most confident first",
                          [PROBLEM_REGRESSION] = "largest difference first",
                          [PROBLEM_MULTI_LABEL] = "most labels wrong first"},
        [ERRORS_SECOND] = {[PROBLEM_SINGLE_LABEL] = "largest loss first",
                           [PROBLEM_REGRESSION] = "read too high first",
                           [PROBLEM_MULTI_LABEL] = "largest loss first"}};
    return o == ERRORS_BY_ROW ? "in file order" : names[o][p];
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

static double log_loss(double p)
{
    return -log(fmax(p, 1e-38));
}

double evaluation_difference(const struct evaluation *e, size_t at)
{
    return (double)e->probs[at] - (double)e->target[at];
}

double evaluation_row_loss(const struct evaluation *e, size_t at)
{
    if (e->problem == PROBLEM_REGRESSION)
        return evaluation_difference(e, at) * evaluation_difference(e, at);
    if (e->problem != PROBLEM_MULTI_LABEL)
        return log_loss((double)evaluation_prob(e, at, e->truth[at]));
    double sum = 0;
    for (size_t k = at * e->labels; k < (at + 1) * e->labels; k++)
        sum += log_loss(answer_has(e->target[k]) ? (double)e->probs[k] : 1 - (double)e->probs[k]);
    return sum / (double)e->labels;
}

size_t evaluation_count_wrong(const struct evaluation *e)
{
    size_t wrong = 0;
    for (size_t i = 0; i < e->rows && e->problem != PROBLEM_REGRESSION; i++)
        wrong += !evaluation_right(e, i);
    return wrong;
}

enum fate evaluation_fate(const struct evaluation *e, size_t at, int32_t label)
{
    static const enum fate fates[2][2] = {{FATE_ABSENT, FATE_SURPLUS}, {FATE_MISSED, FATE_FOUND}};
    size_t k = at * e->labels + (size_t)label;
    return fates[answer_has(e->target[k])][answer_has(e->probs[k])];
}

static size_t count_fate(const struct evaluation *e, size_t at, enum fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < e->labels; i++)
        n += evaluation_fate(e, at, (int32_t)i) == fate;
    return n;
}

size_t evaluation_fate_text(const struct evaluation *e, size_t at, enum fate fate,
                            const struct dataset *d, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < e->labels; i++)
        if (evaluation_fate(e, at, (int32_t)i) == fate && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     dataset_label(d, (int32_t)i));
    return count_fate(e, at, fate);
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

static bool is_chosen(const struct error_list *l, const struct evaluation *e, size_t at)
{
    if (e->problem == PROBLEM_REGRESSION)
        return true;
    if (l->truth == NO_LABEL)
        return l->all || !evaluation_right(e, at);
    if (e->truth)
        return e->truth[at] == l->truth && e->predicted[at] == l->predicted;
    enum fate fate = evaluation_fate(e, at, l->truth);
    return fate == FATE_MISSED || fate == FATE_SURPLUS;
}

static bool is_shown(const struct error_list *l, const struct evaluation *e,
                     const struct dataset *d, size_t at)
{
    struct example row;
    if (!is_chosen(l, e, at))
        return false;
    if (!l->word[0])
        return true;
    dataset_get(d, e->row[at], &row);
    return holds_word(row.text, row.text_length, l->word) ||
           (row.pair && holds_word(row.pair, row.pair_length, l->word));
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

static double badness(const struct evaluation *e, enum error_order order, uint32_t at)
{
    bool worst = order == ERRORS_WORST;
    switch (e->problem) {
    case PROBLEM_REGRESSION:
        return worst ? fabs(evaluation_difference(e, at)) : evaluation_difference(e, at);
    case PROBLEM_MULTI_LABEL:
        return worst ? (double)(count_fate(e, at, FATE_MISSED) + count_fate(e, at, FATE_SURPLUS))
                     : evaluation_row_loss(e, at);
    default:
        return worst ? (double)evaluation_prob(e, at, e->predicted[at])
                     : evaluation_row_loss(e, at);
    }
}

static double rank_of(const struct error_list *l, const struct evaluation *e, uint32_t at)
{
    double value = l->order == ERRORS_BY_ROW ? 0 : badness(e, l->order, at);
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
