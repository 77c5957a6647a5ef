/* kernels_norm.h - LayerNorm and RMSNorm with the residual, its bias and its dropout, in as few
 * passes over a row as the arithmetic allows. Shapes and equations are in ops.h. Which norm it is
 * and whether there is a beta are constants of each loop: nothing is asked an element at a time. */
#ifndef KERNELS_NORM_H
#define KERNELS_NORM_H
#include "engine/math/kernels_math.h"

/* z = x + dropout(o + bias) for one row; returns the sum of z. */
INLINE float residual_row(float *z, const float *o, const float *bias, const float *x, size_t H,
                          struct dropout d, uint32_t counter)
{
    vec sum = v_set(0.0f);
    FOR_VECS(j, n, H, {
        vec t = v_load(o + j, n);
        if (bias)
            t = v_add(t, v_load(bias + j, n));
        if (d.threshold)
            t = v_dropout(t, d, counter + (uint32_t)j);
        if (x)
            t = v_add(t, v_load(x + j, n));
        v_store(z + j, t, n);
        sum = v_add(sum, v_first(t, n));
    });
    return v_sum(sum);
}

/* z without its mean, of which RMSNorm takes none. */
INLINE vec centred(const bool rms, vec z, vec mean)
{
    return rms ? z : v_sub(z, mean);
}

INLINE void norm_rows(const bool rms, const bool shifts, float *y, float *z, float *mean,
                      float *rstd, const float *o, const float *bias, const float *x,
                      const struct norm *norm, size_t R, size_t H, struct dropout d, uint64_t first)
{
    const float *gamma = norm->gamma, *beta = norm->beta, eps = norm->eps;
    for (size_t r = 0; r < R; r++, o += H, z += H, y += H) {
        uint64_t counter = (first + r) * H;
        struct dropout row = dropout_row(d, counter);
        float sum = residual_row(z, o, bias, x ? x + r * H : NULL, H, row, (uint32_t)counter);
        float mu = sum / (float)H;
        vec m = v_set(mu), square = v_set(0.0f);
        FOR_VECS(j, n, H, {
            vec t = v_first(centred(rms, v_load(z + j, n), m), n);
            square = v_fma(t, t, square);
        });
        float rs = 1.0f / sqrtf(v_sum(square) / (float)H + eps);
        vec s = v_set(rs);
        FOR_VECS(j, n, H, {
            vec t = v_mul(centred(rms, v_load(z + j, n), m), s), g = v_load(gamma + j, n);
            v_store(y + j, shifts ? v_fma(t, g, v_load(beta + j, n)) : v_mul(t, g), n);
        });
        if (!rms)
            mean[r] = mu;
        rstd[r] = rs;
    }
}

static void residual_norm_forward(float *y, float *z, float *mean, float *rstd, const float *o,
                                  const float *bias, const float *x, const struct norm *norm,
                                  size_t R, size_t H, struct dropout d, uint64_t first)
{
    if (norm->rms)
        norm_rows(true, false, y, z, mean, rstd, o, bias, x, norm, R, H, d, first);
    else if (norm->beta)
        norm_rows(false, true, y, z, mean, rstd, o, bias, x, norm, R, H, d, first);
    else
        norm_rows(false, false, y, z, mean, rstd, o, bias, x, norm, R, H, d, first);
}

/* With w = dy * gamma and h = (z - mean) * rstd: dz = rstd * (w - mean(w) - h * mean(w * h)), and
 * without the mean(w) for RMSNorm. */
INLINE void norm_rows_backward(const bool rms, const bool shifts, float *dz, float *d_o,
                               float *dgamma, float *dbeta, float *dbias, const float *dy,
                               const float *dres, const float *z, const float *mean,
                               const float *rstd, const float *gamma, size_t R, size_t H,
                               struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++, dy += H, z += H, dz += H) {
        vec m = v_set(rms ? 0.0f : mean[r]), s = v_set(rstd[r]);
        vec sum_w = v_set(0.0f), sum_wh = v_set(0.0f);
        FOR_VECS(j, n, H, {
            vec g = v_load(dy + j, n);
            vec h = v_first(v_mul(centred(rms, v_load(z + j, n), m), s), n);
            vec w = v_mul(g, v_load(gamma + j, n));
            sum_w = v_add(sum_w, w);
            sum_wh = v_fma(w, h, sum_wh);
            v_store(dgamma + j, v_fma(g, h, v_load(dgamma + j, n)), n);
            if (shifts)
                v_store(dbeta + j, v_add(g, v_load(dbeta + j, n)), n);
        });
        vec mean_w = v_set(v_sum(sum_w) / (float)H), mean_wh = v_set(v_sum(sum_wh) / (float)H);
        uint64_t counter = (first + r) * H;
        struct dropout row = dropout_row(d, counter);
        float *d_o_row = d_o ? d_o + r * H : NULL;
        const float *dres_row = dres ? dres + r * H : NULL;
        FOR_VECS(j, n, H, {
            vec h = v_mul(centred(rms, v_load(z + j, n), m), s);
            vec w = v_mul(v_load(dy + j, n), v_load(gamma + j, n));
            vec g = v_mul(s, v_fnma(h, mean_wh, centred(rms, w, mean_w)));
            if (dres_row)
                g = v_add(g, v_load(dres_row + j, n));
            v_store(dz + j, g, n);
            if (row.threshold)
                g = v_dropout(g, row, (uint32_t)counter + (uint32_t)j);
            if (d_o_row)
                v_store(d_o_row + j, g, n);
            if (dbias)
                v_store(dbias + j, v_add(g, v_load(dbias + j, n)), n);
        });
    }
}

static void residual_norm_backward(float *dz, float *d_o, float *dgamma, float *dbeta, float *dbias,
                                   const float *dy, const float *dres, const float *z,
                                   const float *mean, const float *rstd, const struct norm *norm,
                                   size_t R, size_t H, struct dropout d, uint64_t first)
{
    const float *gamma = norm->gamma;
    if (norm->rms)
        norm_rows_backward(true, false, dz, d_o, dgamma, dbeta, dbias, dy, dres, z, mean, rstd,
                           gamma, R, H, d, first);
    else if (norm->beta)
        norm_rows_backward(false, true, dz, d_o, dgamma, dbeta, dbias, dy, dres, z, mean, rstd,
                           gamma, R, H, d, first);
    else
        norm_rows_backward(false, false, dz, d_o, dgamma, dbeta, dbias, dy, dres, z, mean, rstd,
                           gamma, R, H, d, first);
}

#endif
