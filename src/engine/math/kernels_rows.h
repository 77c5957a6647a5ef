/* kernels_rows.h - what happens to a token's row between two products: LayerNorm with the residual
 * and its dropout, GELU, tanh, biases, and the sums over rows that gradients of vectors are.
 * One pass over a row where the arithmetic allows it; shapes and equations are in ops.h. */
#ifndef KERNELS_ROWS_H
#define KERNELS_ROWS_H
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

static void residual_norm_forward(float *y, float *z, float *mean, float *rstd, const float *o,
                                  const float *bias, const float *x, const float *gamma,
                                  const float *beta, float eps, size_t R, size_t H,
                                  struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++, o += H, z += H, y += H) {
        uint64_t counter = (first + r) * H;
        struct dropout row = dropout_row(d, counter);
        float mu =
            residual_row(z, o, bias, x ? x + r * H : NULL, H, row, (uint32_t)counter) / (float)H;
        vec m = v_set(mu), square = v_set(0.0f);
        FOR_VECS(j, n, H, {
            vec t = v_first(v_sub(v_load(z + j, n), m), n);
            square = v_fma(t, t, square);
        });
        float rs = 1.0f / sqrtf(v_sum(square) / (float)H + eps);
        vec s = v_set(rs);
        FOR_VECS(j, n, H, {
            vec t = v_mul(v_sub(v_load(z + j, n), m), s);
            v_store(y + j, v_fma(t, v_load(gamma + j, n), v_load(beta + j, n)), n);
        });
        mean[r] = mu;
        rstd[r] = rs;
    }
}

/* With w = dy * gamma and h = (z - mean) * rstd: dz = rstd * (w - mean(w) - h * mean(w * h)). */
static void residual_norm_backward(float *dz, float *d_o, float *dgamma, float *dbeta, float *dbias,
                                   const float *dy, const float *z, const float *mean,
                                   const float *rstd, const float *gamma, size_t R, size_t H,
                                   struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++, dy += H, z += H, dz += H) {
        vec m = v_set(mean[r]), s = v_set(rstd[r]), sum_w = v_set(0.0f), sum_wh = v_set(0.0f);
        FOR_VECS(j, n, H, {
            vec g = v_load(dy + j, n);
            vec h = v_first(v_mul(v_sub(v_load(z + j, n), m), s), n);
            vec w = v_mul(g, v_load(gamma + j, n));
            sum_w = v_add(sum_w, w);
            sum_wh = v_fma(w, h, sum_wh);
            v_store(dgamma + j, v_fma(g, h, v_load(dgamma + j, n)), n);
            v_store(dbeta + j, v_add(g, v_load(dbeta + j, n)), n);
        });
        vec mean_w = v_set(v_sum(sum_w) / (float)H), mean_wh = v_set(v_sum(sum_wh) / (float)H);
        uint64_t counter = (first + r) * H;
        struct dropout row = dropout_row(d, counter);
        float *d_o_row = d_o ? d_o + r * H : NULL;
        FOR_VECS(j, n, H, {
            vec h = v_mul(v_sub(v_load(z + j, n), m), s);
            vec w = v_mul(v_load(dy + j, n), v_load(gamma + j, n));
            vec g = v_mul(s, v_fnma(h, mean_wh, v_sub(w, mean_w)));
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

static void bias_gelu_forward(float *a, float *u, const float *bias, size_t R, size_t F)
{
    for (size_t r = 0; r < R; r++, a += F, u += F)
        FOR_VECS(j, n, F, {
            vec x = v_add(v_load(u + j, n), v_load(bias + j, n)), density;
            v_store(u + j, x, n);
            v_store(a + j, v_mul(x, v_phi(x, &density)), n);
        });
}

static void bias_gelu_backward(float *du, float *dbias, const float *da, const float *u, size_t R,
                               size_t F)
{
    const float inverse_root_2pi = 0.398942280f;
    for (size_t r = 0; r < R; r++, du += F, da += F, u += F)
        FOR_VECS(j, n, F, {
            vec x = v_load(u + j, n), density;
            vec phi = v_phi(x, &density);
            vec slope = v_fma(v_mul(x, v_set(inverse_root_2pi)), density, phi);
            vec g = v_mul(v_load(da + j, n), slope);
            v_store(du + j, g, n);
            v_store(dbias + j, v_add(g, v_load(dbias + j, n)), n);
        });
}

static void bias_tanh_forward(float *y, const float *bias, size_t R, size_t H)
{
    for (size_t r = 0; r < R; r++, y += H)
        FOR_VECS(j, n, H,
                 { v_store(y + j, v_tanh(v_add(v_load(y + j, n), v_load(bias + j, n))), n); });
}

static void bias_tanh_backward(float *dy, float *dbias, const float *y, size_t R, size_t H)
{
    for (size_t r = 0; r < R; r++, dy += H, y += H)
        FOR_VECS(j, n, H, {
            vec t = v_load(y + j, n);
            vec g = v_mul(v_load(dy + j, n), v_fnma(t, t, v_set(1.0f)));
            v_store(dy + j, g, n);
            v_store(dbias + j, v_add(g, v_load(dbias + j, n)), n);
        });
}

static void bias_add(float *y, const float *bias, size_t R, size_t N)
{
    for (size_t r = 0; r < R; r++, y += N)
        FOR_VECS(j, n, N, { v_store(y + j, v_add(v_load(y + j, n), v_load(bias + j, n)), n); });
}

static void column_sum(float *sum, const float *y, size_t R, size_t N)
{
    for (size_t r = 0; r < R; r++, y += N)
        FOR_VECS(j, n, N, { v_store(sum + j, v_add(v_load(sum + j, n), v_load(y + j, n)), n); });
}

static void dropout_rows(float *y, const float *x, size_t R, size_t H, struct dropout d,
                         uint64_t first)
{
    for (size_t r = 0; r < R; r++, y += H, x += H) {
        uint64_t counter = (first + r) * H;
        struct dropout row = dropout_row(d, counter);
        FOR_VECS(j, n, H, {
            vec t = v_load(x + j, n);
            if (row.threshold)
                t = v_dropout(t, row, (uint32_t)counter + (uint32_t)j);
            v_store(y + j, t, n);
        });
    }
}

static void add(float *y, const float *x, size_t count)
{
    FOR_VECS(j, n, count, { v_store(y + j, v_add(v_load(y + j, n), v_load(x + j, n)), n); });
}

static void scale(float *y, float a, size_t count)
{
    FOR_VECS(j, n, count, { v_store(y + j, v_mul(v_load(y + j, n), v_set(a)), n); });
}

#endif
