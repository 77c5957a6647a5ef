/* metrics.h - predictions to numbers, as scikit-learn computes them.
 *
 * Sums run in row order in double, so a result depends on nothing but its inputs. Macro and
 * weighted means go over the labels that occur in truth or prediction; zero_division is 0; MCC is
 * 0 when undefined. */
#ifndef METRICS_H
#define METRICS_H
#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct label_score {
    double precision, recall, f1;
    size_t support; /* true rows of this label */
};

struct metrics {
    size_t rows, labels;
    double loss;            /* mean negative log-likelihood in nats; no smoothing, no weights */
    double accuracy;
    double macro_precision, macro_recall, macro_f1, weighted_f1;
    double mcc;             /* Gorodkin's R_K */
    struct label_score *per_label; /* (labels) */
    uint64_t *confusion;           /* (labels, labels): rows true, columns predicted */
};

/* logits (n, labels); truth (n) in [0, labels). */
int metrics_compute(struct metrics *m, const float *logits, const int32_t *truth, size_t n,
                    size_t labels, struct err *err);
/* From a confusion matrix alone; loss is taken as given. */
int metrics_from_confusion(struct metrics *m, const uint64_t *confusion, size_t labels, double loss,
                           struct err *err);
void metrics_clear(struct metrics *m);

/* softmax of one row, in double inside; the index of the largest logit (lowest index on a tie). */
void softmax_row(float *probs, const float *logits, size_t n);
size_t argmax_row(const float *logits, size_t n);

#endif
