/* kernels_attention.h - one head of one sequence, forward and backward, inside a core's cache.
 *
 * Keys (values in backward) are transposed once so that both products of a pass run over contiguous
 * rows. Rows of P are padded to whole vectors; the padding is 0 and stays 0, so that the second
 * product may run over it or stop at S alike. Up to S of about 512 one head's P fits in L2, so
 * there is nothing to tile. */
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H
#include "engine/math/kernels_math.h"
#include "engine/math/kernels_product.h"

/* t (D, stride) = the transpose of x (S, D), padded with zeros. */
static void transpose_head(float *t, const float *x, size_t ld, size_t S, size_t D, size_t stride)
{
    transpose(t, stride, x, ld, S, D);
    for (size_t c = 0; c < D; c++)
        memset(t + c * stride + S, 0, (stride - S) * sizeof *t);
}

/* p[0..S) = softmax in place; what stands behind it up to a whole vector becomes 0. A NaN or an
 * infinite score makes the whole row NaN. */
INLINE void softmax_row(float *p, size_t S)
{
    vec top = v_set(-INFINITY), sum = v_set(0.0f);
    FOR_VECS(j, n, S, { top = v_max(top, v_first_or(v_load_whole(p + j), n, -INFINITY)); });
    vec m = v_set(v_top(top));
    FOR_VECS(j, n, S, {
        vec e = v_first(v_exp(v_sub(v_load_whole(p + j), m)), n);
        v_store_whole(p + j, e);
        sum = v_add(sum, e);
    });
    vec inverse = v_set(1.0f / v_sum(sum));
    FOR_VECS(j, n, S, { v_store_whole(p + j, v_first(v_mul(v_load_whole(p + j), inverse), n)); });
}

static void attention_forward(float *o, size_t ldo, float *P, const float *q, const float *k,
                              const float *v, size_t ld, size_t S, size_t D, float *scratch,
                              struct dropout d)
{
    size_t stride = ops_attention_stride(S);
    float *kt = scratch, *dropped = kt + D * stride;
    transpose_head(kt, k, ld, S, D, stride);
    small_product(P, stride, q, ld, 1, kt, stride, S, stride, D, 1.0f / sqrtf((float)D));
    for (size_t i = 0; i < S; i++) {
        float *p = P + i * stride, *to = dropped + i * stride;
        softmax_row(p, S);
        if (d.threshold)
            FOR_VECS(j, n, S, {
                v_store(to + j, v_dropout(v_load(p + j, n), d, (uint32_t)(i * S + j)), n);
            });
    }
    small_product(o, ldo, d.threshold ? dropped : P, stride, 1, v, ld, S, D, S, 1.0f);
}

/* ds becomes P * (g - sum_j P g) with g = dropout'(ds); dropped becomes dropout(P). */
INLINE void softmax_backward_row(float *ds, float *dropped, const float *p, size_t S,
                                 struct dropout d, uint32_t counter)
{
    vec sum = v_set(0.0f);
    FOR_VECS(j, n, S, {
        vec x = v_load_whole(p + j), g = v_first(v_load_whole(ds + j), n);
        if (d.threshold) {
            vmask kept = v_kept(d, counter + (uint32_t)j);
            g = v_pick(kept, v_mul(g, v_set(d.scale)), v_set(0.0f));
            v_store_whole(dropped + j, v_pick(kept, v_mul(x, v_set(d.scale)), v_set(0.0f)));
            v_store_whole(ds + j, g);
        }
        sum = v_fma(x, g, sum);
    });
    vec dot = v_set(v_sum(sum));
    FOR_VECS(j, n, S, {
        vec g = v_mul(v_load_whole(p + j), v_sub(v_load_whole(ds + j), dot));
        v_store_whole(ds + j, v_first(g, n));
    });
}

static void attention_backward(float *dq, float *dk, float *dv, size_t ldd, const float *d_o,
                               size_t ldo, const float *P, const float *q, const float *k,
                               const float *v, size_t ld, size_t S, size_t D, float *scratch,
                               struct dropout d)
{
    size_t stride = ops_attention_stride(S);
    float *vt = scratch, *ds = vt + D * stride, *dropped = ds + S * stride;
    float alpha = 1.0f / sqrtf((float)D);
    transpose_head(vt, v, ld, S, D, stride);
    small_product(ds, stride, d_o, ldo, 1, vt, stride, S, stride, D, 1.0f);
    for (size_t i = 0; i < S; i++)
        softmax_backward_row(ds + i * stride, dropped + i * stride, P + i * stride, S, d,
                             (uint32_t)(i * S));
    small_product(dv, ldd, d.threshold ? dropped : P, 1, stride, d_o, ldo, S, D, S, 1.0f);
    small_product(dq, ldd, ds, stride, 1, k, ld, S, D, S, alpha);
    small_product(dk, ldd, ds, 1, stride, q, ld, S, D, S, alpha);
}

#endif
