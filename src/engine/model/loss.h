/* loss.h - what a batch's logits cost against its targets, and the gradient. */
#ifndef LOSS_H
#define LOSS_H
#include "engine/data/targets.h"

#include <stddef.h>
#include <stdint.h>

/* Each returns the sum over rows of their losses, in row order, not divided, and puts dL/dlogits of
 * that sum over `divisor` into dlogits (B,K), which may be NULL (no gradient wanted) or logits.
 * divisor: the number of examples of the whole accumulated step (with class weights the sum of their
 * weights, as torch's weighted mean), not of this micro-batch. None can fail. */

/* Cross-entropy over classes.
 *   label (B) in [0,K);  class_weight (K) or NULL;  smoothing as Transformers' LabelSmoother:
 *   (1-e) * NLL + e * mean over classes of -log p. A row's whole loss, smoothing's share included,
 *   has the weight of its label. */
double loss_cross_entropy(float *dlogits, const float *logits, const int32_t *label, size_t B,
                          size_t K, const float *class_weight, double smoothing, double divisor);

/* Squared error, as torch's MSELoss: a row's loss is the mean over its K outputs. */
double loss_squared_error(float *dlogits, const float *logits, const float *value, size_t B,
                          size_t K, double divisor);

/* Binary cross-entropy with logits against values 0 and 1, as torch's BCEWithLogitsLoss: a row's
 * loss is the mean over its K labels. */
double loss_binary_cross_entropy(float *dlogits, const float *logits, const float *value, size_t B,
                                 size_t K, double divisor);

/* The one of the three that the targets' problem names; weights and smoothing are cross-entropy's. */
double loss_of_targets(float *dlogits, const float *logits, const struct targets *t, size_t B,
                       const float *class_weight, double smoothing, double divisor);

#endif
