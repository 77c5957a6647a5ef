/* metrics.h - predictions to numbers, as scikit-learn and scipy compute them.
 *
 * Sums run in row order in double, so a result depends on nothing but its inputs. zero_division is 0;
 * MCC is 0 when undefined. With one label a row, macro means go over the labels that occur in truth
 * or prediction; with sets, over all. Pearson, Spearman and R2 are NaN when undefined, and so is
 * every figure that is not of the problem. */
#ifndef METRICS_H
#define METRICS_H
#include "engine/base/err.h"
#include "engine/data/targets.h"

#include <stddef.h>
#include <stdint.h>

struct label_score {
    double precision, recall, f1;
    size_t support; /* true rows of this label */
};

struct metrics {
    enum problem problem;
    size_t rows, labels;
    double loss; /* mean over rows, no smoothing, no weights: negative log-likelihood in
                               nats; mean over labels of binary cross-entropy; squared error */
    /* One label a row. */
    double accuracy, mcc; /* mcc: Gorodkin's R_K */
    /* One label a row, or sets. */
    double macro_precision, macro_recall, macro_f1;
    double micro_precision, micro_recall, micro_f1;
    double weighted_precision, weighted_recall, weighted_f1;
    struct label_score *per_label; /* (labels) */
    uint64_t *confusion;           /* one label: (labels, labels), rows true, columns predicted;
                                      sets: (labels, 2, 2), a label's no and yes likewise */
    /* Sets. */
    double subset_accuracy; /* rows whose set is right as a whole */
    double hamming_loss;    /* share of wrong cells */
    /* Values. */
    double mse, mae, pearson, spearman, r2;
};

/* By name, as settings, JSON and the workbench speak of them. */
enum metric {
    METRIC_LOSS,
    METRIC_ACCURACY,
    METRIC_MACRO_F1,
    METRIC_MCC,
    METRIC_MICRO_F1,
    METRIC_SUBSET_ACCURACY,
    METRIC_HAMMING_LOSS,
    METRIC_MSE,
    METRIC_MAE,
    METRIC_PEARSON,
    METRIC_SPEARMAN,
    METRIC_R2,
    METRIC_COUNT
};
const char *metric_name(enum metric which);  /* "macro_f1" */
const char *metric_title(enum metric which); /* "macro F1" */
bool metric_falls(enum metric which);        /* lower is better */
bool metric_serves(enum metric which, enum problem p);
double metric_of(const struct metrics *m, enum metric which);
/* The one figure a run is told by: accuracy, micro F1, Pearson. */
enum metric metric_first(enum problem p);

/* What the targets' problem asks for; logits (n, targets.width). */
int metrics_of_targets(struct metrics *m, const float *logits, const struct targets *t, size_t n,
                       struct err *err);

/* One label a row: logits (n, labels); truth (n) in [0, labels). */
int metrics_compute(struct metrics *m, const float *logits, const int32_t *truth, size_t n,
                    size_t labels, struct err *err);
/* From a confusion matrix alone; loss is taken as given. */
int metrics_from_confusion(struct metrics *m, const uint64_t *confusion, size_t labels, double loss,
                           struct err *err);
/* Sets: probs (n, labels), a label is predicted above one half; truth (n, labels) of 0 and 1. Loss
 * is taken as given. */
int metrics_of_sets(struct metrics *m, const float *probs, const float *truth, size_t n,
                    size_t labels, double loss, struct err *err);
/* Values: one a row. */
int metrics_of_values(struct metrics *m, const float *predicted, const float *truth, size_t n,
                      struct err *err);
void metrics_clear(struct metrics *m);

/* softmax of one row, in double inside; the index of the largest logit (lowest index on a tie). */
void softmax_row(float *probs, const float *logits, size_t n);
size_t argmax_row(const float *logits, size_t n);

/* One row of logits as an answer: probabilities by softmax or sigmoid, or the values themselves. */
void answer_row(float *answer, const float *logits, size_t n, enum problem p);
/* Whether a label of this probability belongs to the predicted set. */
static inline bool answer_has(float prob)
{
    return prob > 0.5f;
}

#endif
