/* kernels_rows.h - the small things that happen to a token's row between two products: biases,
 * dropout, rotary positions, and the sums over rows that gradients of vectors are. Shapes and
 * equations are in ops.h; norms are in kernels_norm.h, activations in kernels_act.h. */
#ifndef KERNELS_ROWS_H
#define KERNELS_ROWS_H
#include "engine/math/kernels_math.h"

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

/* Pairs (i, i + D/2) of each head turned by the row's angles; turned back by the sine's other sign. */
INLINE void rope_rows(const bool backward, float *x, size_t ld, const float *cosine,
                      const float *sine, size_t R, size_t heads, size_t D)
{
    const size_t half = D / 2;
    for (size_t r = 0; r < R; r++, x += ld, cosine += half, sine += half)
        for (size_t h = 0; h < heads; h++) {
            float *low = x + h * D, *high = low + half;
            FOR_VECS(j, n, half, {
                vec c = v_load(cosine + j, n), s = v_load(sine + j, n);
                vec a = v_load(low + j, n), b = v_load(high + j, n);
                vec across = v_mul(b, s), back = v_mul(a, s);
                v_store(low + j, backward ? v_fma(a, c, across) : v_sub(v_mul(a, c), across), n);
                v_store(high + j, backward ? v_sub(v_mul(b, c), back) : v_fma(b, c, back), n);
            });
        }
}

static void rope(float *x, size_t ld, const float *cosine, const float *sine, size_t R,
                 size_t heads, size_t D, bool backward)
{
    if (backward)
        rope_rows(true, x, ld, cosine, sine, R, heads, D);
    else
        rope_rows(false, x, ld, cosine, sine, R, heads, D);
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
