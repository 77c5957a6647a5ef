/* metrics_names.c - one table: what a figure is called, which way is better, whose it is. */
#include "engine/eval/metrics_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    SINGLE = 1 << PROBLEM_SINGLE_LABEL,
    VALUES = 1 << PROBLEM_REGRESSION,
    SETS = 1 << PROBLEM_MULTI_LABEL
};

static const struct row {
    const char *name, *title;
    size_t offset;
    int problems;
    bool falls;
} rows[METRIC_COUNT] = {
#define ROW(name, title, problems, falls)                                                          \
    {                                                                                              \
#name, title, offsetof(struct metrics, name), problems, falls                              \
    }
    [METRIC_LOSS] = ROW(loss, "loss", SINGLE | VALUES | SETS, true),
    [METRIC_ACCURACY] = ROW(accuracy, "accuracy", SINGLE, false),
    [METRIC_MACRO_F1] = ROW(macro_f1, "macro F1", SINGLE | SETS, false),
    [METRIC_MCC] = ROW(mcc, "MCC", SINGLE, false),
    [METRIC_MICRO_F1] = ROW(micro_f1, "micro F1", SETS, false),
    [METRIC_SUBSET_ACCURACY] = ROW(subset_accuracy, "subset accuracy", SETS, false),
    [METRIC_HAMMING_LOSS] = ROW(hamming_loss, "Hamming loss", SETS, true),
    [METRIC_MSE] = ROW(mse, "MSE", VALUES, true),
    [METRIC_MAE] = ROW(mae, "MAE", VALUES, true),
    [METRIC_PEARSON] = ROW(pearson, "Pearson", VALUES, false),
    [METRIC_SPEARMAN] = ROW(spearman, "Spearman", VALUES, false),
    [METRIC_R2] = ROW(r2, "R2", VALUES, false),
};

const char *metric_name(enum metric which)
{
    return rows[which].name;
}

const char *metric_title(enum metric which)
{
    return rows[which].title;
}

bool metric_falls(enum metric which)
{
    return rows[which].falls;
}

bool metric_serves(enum metric which, enum problem p)
{
    return rows[which].problems >> p & 1;
}

enum metric metric_first(enum problem p)
{
    return p == PROBLEM_REGRESSION    ? METRIC_PEARSON
           : p == PROBLEM_MULTI_LABEL ? METRIC_MICRO_F1
                                      : METRIC_ACCURACY;
}

double metric_of(const struct metrics *m, enum metric which)
{
    return *(const double *)(const void *)((const char *)m + rows[which].offset);
}

struct metrics metrics_blank(enum problem p, size_t labels)
{
    struct metrics m = {.problem = p, .labels = labels, .loss = 0};
    double *figures[] = {
        &m.accuracy,        &m.mcc,         &m.macro_precision,
        &m.macro_recall,    &m.macro_f1,    &m.micro_precision,
        &m.micro_recall,    &m.micro_f1,    &m.weighted_precision,
        &m.weighted_recall, &m.weighted_f1, &m.subset_accuracy,
        &m.hamming_loss,    &m.mse,         &m.mae,
        &m.pearson,         &m.spearman,    &m.r2,
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        *figures[i] = NAN;
    return m;
}
