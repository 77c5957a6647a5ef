/* loss.c - softmax cross-entropy, in double inside.
 *
 * A batch has a few thousand logits at most, so the cost is nothing and the sums keep all digits.
 */
#include "engine/model/loss.h"

#include <assert.h>
#include <math.h>

/* With w = class_weight[y], e = smoothing, p = softmax(z):
 *   L = w * ((1-e) * -log p_y  +  e/K * sum_k -log p_k)
 *   dL/dz_k = w * (p_k - (1-e) [k = y] - e/K) */
double loss_cross_entropy(float *dlogits, const float *logits, const int32_t *label, size_t B,
                          size_t K, const float *class_weight, double smoothing, double divisor)
{
    double sum = 0.0;
    for (size_t b = 0; b < B; b++) {
        const float *z = logits + b * K;
        float *dz = dlogits ? dlogits + b * K : NULL;
        assert(label[b] >= 0 && (size_t)label[b] < K);
        size_t y = (size_t)label[b];
        double largest = z[0], expsum = 0.0, zsum = 0.0;
        for (size_t k = 1; k < K; k++) /* shifting by the maximum keeps exp() finite */
            largest = z[k] > largest ? z[k] : largest;
        for (size_t k = 0; k < K; k++) {
            expsum += exp(z[k] - largest);
            zsum += z[k];
        }
        double w = class_weight ? (double)class_weight[y] : 1.0;
        double log_total = log(expsum) + largest;
        double nll = log_total - z[y], uniform = log_total - zsum / (double)K;
        sum += w * ((1.0 - smoothing) * nll + smoothing * uniform);
        for (size_t k = 0; dz && k < K; k++) {
            double target = smoothing / (double)K + (k == y ? 1.0 - smoothing : 0.0);
            dz[k] = (float)(w * (exp(z[k] - log_total) - target) / divisor);
        }
    }
    return sum;
}
