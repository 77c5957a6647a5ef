/* kernels_attention.h - one head of one sequence, forward and backward, inside a core's cache.
 *
 * Keys (values in backward) are transposed once so that both products of a pass run over contiguous
 * rows. Rows of P are padded to whole vectors and a little more (ops_attention_stride); the padding
 * is 0. One head's P is a quarter of a megabyte at S of 256, a whole one at 512: tiling would gain
 * something in backward from there on, and cost another order of sums.
 *
 * What a query may not see has P exactly 0. Under a causal or window mask the products go a band of
 * rows or columns at a time and leave out what no row of the band sees; bands depend on S alone. */
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H
#include "engine/math/kernels_math.h"
#include "engine/math/kernels_product.h"

enum { BAND_ROWS = 4 * TILE_ROWS };

struct span {
    size_t from, to;
};

INLINE bool is_masked(const struct attention *a)
{
    return a->causal || a->window;
}

/* The keys that one of queries [i, i + count) sees; and the queries that see one of such keys. */
INLINE struct span keys_of(const struct attention *a, size_t i, size_t count)
{
    struct span s = {0, a->S};
    if (a->window && i > a->window)
        s.from = i - a->window;
    if (a->window && a->window < a->S - (i + count))
        s.to = i + count + a->window;
    if (a->causal)
        s.to = i + count;
    return s;
}
INLINE struct span queries_of(const struct attention *a, size_t i, size_t count)
{
    struct span s = keys_of(a, i, count);
    if (a->causal) {
        s.from = i;
        s.to = a->window && a->window < a->S - (i + count) ? i + count + a->window : a->S;
    }
    return s;
}

/* t (D, stride) = the transpose of x (S, D), padded with zeros. */
static void transpose_head(float *t, const float *x, size_t ld, size_t S, size_t D, size_t stride)
{
    transpose(t, stride, x, ld, S, D);
    for (size_t c = 0; c < D; c++)
        memset(t + c * stride + S, 0, (stride - S) * sizeof *t);
}

/* y (S, stride) = alpha x t for t (D, stride): all, or where masked at least what is seen. */
static void product_of_pairs(float *y, const float *x, size_t ld, const float *t,
                             const struct attention *a, float alpha)
{
    size_t stride = ops_attention_stride(a->S), whole = (a->S + W - 1) / W * W;
    size_t wide = is_masked(a) ? (size_t)TILE_COLUMNS : whole;
    for (size_t j = 0; j < a->S; j += wide) {
        struct span i = queries_of(a, j, a->S - j < wide ? a->S - j : wide);
        size_t columns = whole - j < wide ? whole - j : wide;
        small_product(y + i.from * stride + j, stride, x + i.from * ld, ld, 1, t + j, stride,
                      i.to - i.from, columns, a->D, alpha, false);
    }
}

/* y (S,D) = alpha p x for p (S, stride), which is 0 where masked; `across`: its transpose. */
static void product_over_pairs(float *y, size_t ldy, const float *p, bool across, const float *x,
                               size_t ldx, const struct attention *a, float alpha, bool add)
{
    size_t stride = ops_attention_stride(a->S), tall = is_masked(a) ? (size_t)BAND_ROWS : a->S;
    size_t pr = across ? 1 : stride, pc = across ? stride : 1;
    for (size_t i = 0; i < a->S; i += tall) {
        size_t rows = a->S - i < tall ? a->S - i : tall;
        struct span k = across ? queries_of(a, i, rows) : keys_of(a, i, rows);
        small_product(y + i * ldy, ldy, p + i * pr + k.from * pc, pr, pc, x + k.from * ldx, ldx,
                      rows, a->D, k.to - k.from, alpha, add);
    }
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

/* x[from..to) = value */
INLINE void fill(float *x, size_t from, size_t to, float value)
{
    for (size_t j = from; j < to; j++)
        x[j] = value;
}

INLINE void clear_unseen(float *row, struct span seen, size_t stride)
{
    fill(row, 0, seen.from, 0.0f);
    fill(row, seen.to, stride, 0.0f);
}

/* Scores of query i to its row of P, by whole vectors from the one that holds the first key seen;
 * a score of minus infinity there is a P of 0. */
INLINE void attend_row(float *p, size_t i, const struct attention *a, size_t stride)
{
    struct span see = keys_of(a, i, 1);
    size_t from = see.from / W * W;
    if (a->bias) {
        const float *bias = a->bias + i * stride + from;
        FOR_VECS(j, n, see.to - from, {
            v_store(p + from + j, v_add(v_load(p + from + j, n), v_load(bias + j, n)), n);
        });
    }
    fill(p, from, see.from, -INFINITY);
    softmax_row(p + from, see.to - from);
    clear_unseen(p, see, stride);
}

/* to = dropout of query i's row of P */
INLINE void drop_row(float *to, const float *p, size_t i, const struct attention *a, size_t stride)
{
    struct span see = keys_of(a, i, 1);
    size_t from = see.from / W * W;
    FOR_VECS(j, n, see.to - from, {
        vec x = v_dropout(v_load(p + from + j, n), a->d, (uint32_t)(i * a->S + from + j));
        v_store(to + from + j, x, n);
    });
    clear_unseen(to, see, stride);
}

static void attention_forward(float *o, size_t ldo, float *P, struct qkv x,
                              const struct attention *a, float *scratch)
{
    size_t S = a->S, stride = ops_attention_stride(S);
    float *kt = scratch, *dropped = kt + a->D * stride;
    transpose_head(kt, x.k, x.ldk, S, a->D, stride);
    product_of_pairs(P, x.q, x.ldq, kt, a, a->scale);
    for (size_t i = 0; i < S; i++) {
        attend_row(P + i * stride, i, a, stride);
        if (a->d.threshold)
            drop_row(dropped + i * stride, P + i * stride, i, a, stride);
    }
    product_over_pairs(o, ldo, a->d.threshold ? dropped : P, false, x.v, x.ldk, a, 1.0f, false);
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

/* The same for query i over the keys it sees; ds and dropped become 0 elsewhere, also where the sum
 * is no number. */
INLINE void attend_row_backward(float *ds, float *dropped, const float *p, size_t i,
                                const struct attention *a, size_t stride)
{
    struct span see = keys_of(a, i, 1);
    size_t from = see.from / W * W;
    fill(ds, from, see.from, 0.0f);
    softmax_backward_row(ds + from, dropped + from, p + from, see.to - from, a->d,
                         (uint32_t)(i * a->S + from));
    clear_unseen(ds, see, stride);
    if (a->d.threshold)
        clear_unseen(dropped, see, stride);
}

static void attention_backward(struct qkv dx, float *dbias, const float *d_o, size_t ldo,
                               const float *P, struct qkv x, const struct attention *a, bool add_kv,
                               float *scratch)
{
    size_t S = a->S, stride = ops_attention_stride(S);
    float *vt = scratch, *ds = vt + a->D * stride, *dropped = ds + S * stride;
    transpose_head(vt, x.v, x.ldk, S, a->D, stride);
    product_of_pairs(ds, d_o, ldo, vt, a, 1.0f);
    for (size_t i = 0; i < S; i++)
        attend_row_backward(ds + i * stride, dropped + i * stride, P + i * stride, i, a, stride);
    if (dbias)
        memcpy(dbias, ds, S * stride * sizeof *ds);
    product_over_pairs(dx.v, dx.ldk, a->d.threshold ? dropped : P, true, d_o, ldo, a, 1.0f, add_kv);
    product_over_pairs(dx.q, dx.ldq, ds, false, x.k, x.ldk, a, a->scale, false);
    product_over_pairs(dx.k, dx.ldk, ds, true, x.q, x.ldq, a, a->scale, add_kv);
}

#endif
