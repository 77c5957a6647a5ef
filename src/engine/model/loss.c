/* loss.c - cross-entropy over classes or for each label, squared error; in double inside.
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
        const double zy = z[y];
        double largest = z[0], expsum = 0.0, zsum = 0.0;
        for (size_t k = 1; k < K; k++) /* shifting by the maximum keeps exp() finite */
            largest = z[k] > largest ? z[k] : largest;
        for (size_t k = 0; k < K; k++) {
            double e = exp(z[k] - largest);
            expsum += e;
            zsum += z[k];
            if (dz) /* which may be z itself, so z[y] is kept */
                dz[k] = (float)e;
        }
        double w = class_weight ? (double)class_weight[y] : 1.0;
        double log_total = log(expsum) + largest;
        double nll = log_total - zy, uniform = log_total - zsum / (double)K;
        sum += w * ((1.0 - smoothing) * nll + smoothing * uniform);
        for (size_t k = 0; dz && k < K; k++) {
            double target = smoothing / (double)K + (k == y ? 1.0 - smoothing : 0.0);
            dz[k] = (float)(w * ((double)dz[k] / expsum - target) / divisor);
        }
    }
    return sum;
}

/* L = mean_k (z_k - y_k)^2,  dL/dz_k = 2/K (z_k - y_k) */
double loss_squared_error(float *dlogits, const float *logits, const float *value, size_t B,
                          size_t K, double divisor)
{
    double sum = 0.0;
    for (size_t i = 0; i < B * K; i++) {
        double off = (double)logits[i] - value[i];
        sum += off * off / (double)K;
        if (dlogits)
            dlogits[i] = (float)(2.0 * off / ((double)K * divisor));
    }
    return sum;
}

/* With s = sigmoid(z):  L = mean_k max(z,0) - z y + log(1 + exp(-|z|)),  dL/dz_k = (s - y) / K.
 * exp() sees no positive number, so nothing overflows. */
double loss_binary_cross_entropy(float *dlogits, const float *logits, const float *value, size_t B,
                                 size_t K, double divisor)
{
    double sum = 0.0;
    for (size_t i = 0; i < B * K; i++) {
        double z = logits[i], y = value[i], small = exp(-fabs(z));
        double sigmoid = z >= 0 ? 1.0 / (1.0 + small) : small / (1.0 + small);
        sum += ((z > 0 ? z : 0.0) - z * y + log1p(small)) / (double)K;
        if (dlogits)
            dlogits[i] = (float)((sigmoid - y) / ((double)K * divisor));
    }
    return sum;
}

double loss_of_targets(float *dlogits, const float *logits, const struct targets *t, size_t B,
                       const float *class_weight, double smoothing, double divisor)
{
    if (t->problem == PROBLEM_REGRESSION)
        return loss_squared_error(dlogits, logits, t->value, B, t->width, divisor);
    if (t->problem == PROBLEM_MULTI_LABEL)
        return loss_binary_cross_entropy(dlogits, logits, t->value, B, t->width, divisor);
    return loss_cross_entropy(dlogits, logits, t->label, B, t->width, class_weight, smoothing,
                              divisor);
}
