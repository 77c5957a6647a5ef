/* targets.c - sets are spread into rows of 0 and 1 here, and only here. */
#include "engine/data/targets.h"

#include "engine/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int targets_init(struct targets *t, const struct dataset *d, size_t rows, struct err *err)
{
    *t = (struct targets){.problem = dataset_problem(d), .width = dataset_labels(d)};
    if (t->problem == PROBLEM_SINGLE_LABEL)
        t->label = mem_alloc(rows, sizeof *t->label, "the labels", err);
    else
        t->value = mem_alloc(rows, t->width * sizeof *t->value, "the targets", err);
    return t->label || t->value ? 0 : -1;
}

void targets_clear(struct targets *t)
{
    free(t->label);
    free(t->value);
    memset(t, 0, sizeof *t);
}

static void fill_values(struct targets *t, const struct example *x, float *out)
{
    bool single = t->problem == PROBLEM_REGRESSION;
    for (size_t k = 0; k < t->width; k++)
        out[k] = !x->given ? NAN : single ? (float)x->value : 0.0f;
    for (size_t i = 0; i < x->set_count; i++)
        out[x->set[i]] = 1.0f;
}

void targets_fill(struct targets *t, const struct dataset *d, const uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct example x;
        dataset_get(d, rows[i], &x);
        if (t->label)
            t->label[i] = x.label;
        else
            fill_values(t, &x, t->value + i * t->width);
    }
}
