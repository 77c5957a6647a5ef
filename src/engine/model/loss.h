/* loss.h - cross-entropy over classes, and its gradient. */
#ifndef LOSS_H
#define LOSS_H
#include <stddef.h>
#include <stdint.h>

/*   logits (B,K) in; dlogits (B,K) out, may be NULL (no gradient wanted) or logits
 *   label (B) in [0,K);  class_weight (K) or NULL;  smoothing as Transformers' LabelSmoother:
 *   (1-e) * NLL + e * mean over classes of -log p.
 *   divisor: what the sum is divided by. It is the number of examples of the whole accumulated step
 *   (with class weights the sum of their weights, as torch's weighted mean), not of this
 *   micro-batch. A row's whole loss, smoothing's share included, has the weight of its label.
 * Returns the sum over rows of weighted losses, in row order, not divided. Cannot fail. */
double loss_cross_entropy(float *dlogits, const float *logits, const int32_t *label, size_t B,
                          size_t K, const float *class_weight, double smoothing, double divisor);

#endif
