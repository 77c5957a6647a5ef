/* onnx_attention.h - ONNX's Attention in the shape our kernel has, for test_onnx.c.
 *
 * There a head may have more keys than queries, values of another width, keys of the past, a mask
 * for each sequence or head. Ours have as many keys as queries and one width: what is missing is
 * padded with zeros, which neither the scores nor the outputs that are read see, and a key nobody
 * may look at has a bias of minus infinity. */
#ifndef ONNX_ATTENTION_H
#define ONNX_ATTENTION_H
#include "onnx_case.h"

#include "engine/math/ops.h"

/* A head of queries, keys or values: either (B, heads, length, width) or (B, length, heads*width). */
struct heads {
    const struct tensor *t;
    size_t heads, length, width;
};

static inline struct heads heads_of(const struct onnx_case *c, const struct tensor *t,
                                    const char *count)
{
    if (t->rank == 4)
        return (struct heads){t, t->shape[1], t->shape[2], t->shape[3]};
    size_t heads = (size_t)onnx_number(c, count, 1);
    return (struct heads){t, heads, t->shape[1], t->shape[2] / heads};
}

static inline size_t row_at(const struct heads *x, size_t b, size_t h, size_t i)
{
    if (x->t->rank == 4)
        return ((b * x->heads + h) * x->length + i) * x->width;
    return ((b * x->length + i) * x->heads + h) * x->width;
}

/* `before`: under a causal mask key i + before is the newest that query i sees, so query i becomes
 * row i + before. */
struct attention_case {
    const struct onnx_case *c;
    struct heads q, k, v, past_k, past_v;
    const struct tensor *mask, *lengths;
    size_t B, keys, S, D, before;
};

static inline const char *attention_case_of(struct attention_case *a, const struct onnx_case *c)
{
    const struct tensor *past = onnx_in(c, 4);
    *a = (struct attention_case){.c = c, .mask = onnx_in(c, 3), .lengths = onnx_in(c, 6)};
    a->q = heads_of(c, onnx_in(c, 0), "q_num_heads");
    a->k = heads_of(c, onnx_in(c, 1), "kv_num_heads");
    a->v = heads_of(c, onnx_in(c, 2), "kv_num_heads");
    if (past) {
        a->past_k = heads_of(c, past, "kv_num_heads");
        a->past_v = heads_of(c, onnx_in(c, 5), "kv_num_heads");
    }
    a->B = onnx_in(c, 0)->shape[0];
    a->D = a->q.width > a->v.width ? a->q.width : a->v.width;
    if (onnx_number(c, "softcap", 0) != 0)
        return "softcap: no family here squashes its scores";
    for (size_t b = 0; a->lengths && onnx_number(c, "is_causal", 0) != 0 && b < a->B; b++)
        if (a->lengths->data[b] < (double)a->q.length)
            return "a query that sees nothing: sequences here have no such rows";
    return NULL;
}

/* Keys and places of queries for sequence b. */
static inline void attention_case_at(struct attention_case *a, size_t b)
{
    bool causal = onnx_number(a->c, "is_causal", 0) != 0;
    a->keys = a->past_k.length + a->k.length;
    if (a->lengths)
        a->keys = (size_t)a->lengths->data[b];
    a->before = causal ? (a->lengths ? a->keys - a->q.length : a->past_k.length) : 0;
    a->S = a->before + a->q.length > a->keys ? a->before + a->q.length : a->keys;
}

/* The mask of (query i, key j): numbers are added, truths are those seen. */
static inline float mask_at(const struct attention_case *a, size_t b, size_t h, size_t i, size_t j)
{
    const struct tensor *m = a->mask;
    if (j >= a->keys)
        return -INFINITY;
    if (!m)
        return 0.0f;
    size_t columns = m->shape[m->rank - 1], at = 0;
    if (m->rank == 4) /* sizes of 1 stand for any */
        at = ((m->shape[0] == 1 ? 0 : b) * m->shape[1] + (m->shape[1] == 1 ? 0 : h)) * m->shape[2] *
             columns;
    if (j >= columns)
        return -INFINITY;
    float x = m->f[at + i * columns + j];
    return strcmp(m->dtype, "bool") ? x : x != 0.0f ? 0.0f : -INFINITY;
}

static inline void fill_head(const struct attention_case *a, size_t b, size_t h, float *q, float *k,
                             float *v, float *bias)
{
    size_t D = a->D, kv = h / (a->q.heads / a->k.heads), past = a->past_k.length;
    for (size_t i = 0; i < a->q.length; i++) {
        memcpy(q + (a->before + i) * D, a->q.t->f + row_at(&a->q, b, h, i), a->q.width * sizeof *q);
        for (size_t j = 0; j < a->S; j++)
            bias[(a->before + i) * ops_attention_stride(a->S) + j] = mask_at(a, b, h, i, j);
    }
    for (size_t j = 0; j < a->keys; j++) {
        const struct heads *ks = j < past ? &a->past_k : &a->k;
        const struct heads *vs = j < past ? &a->past_v : &a->v;
        size_t at = j < past ? j : j - past;
        memcpy(k + j * D, ks->t->f + row_at(ks, b, kv, at), ks->width * sizeof *k);
        memcpy(v + j * D, vs->t->f + row_at(vs, b, kv, at), vs->width * sizeof *v);
    }
}

/* One head's outputs into y; and P held against the scores ONNX gives, in the form it gives them. */
static inline void run_head(const struct ops *ops, struct attention_case *a, size_t b, size_t h,
                            float *y)
{
    size_t S = a->S, D = a->D, stride = ops_attention_stride(S);
    const struct tensor *scores = onnx_out(a->c, 3);
    float *q = check_zeros(S * D), *k = check_zeros(S * D), *v = check_zeros(S * D);
    float *o = check_zeros(S * D), *P = check_zeros(S * stride), *bias = check_zeros(S * stride);
    float *scratch = check_zeros(ops_attention_scratch(S, D));
    fill_head(a, b, h, q, k, v, bias);
    struct attention x = {.S = S, .D = D, .bias = bias, .d = {.scale = 1.0f}};
    x.scale = (float)onnx_number(a->c, "scale", 1.0 / sqrt((double)a->q.width));
    x.causal = onnx_number(a->c, "is_causal", 0) != 0;
    ops->attention_forward(o, D, P, (struct qkv){q, k, v, D, D}, &x, scratch);
    struct heads out = {onnx_out(a->c, 0), a->q.heads, a->q.length, a->v.width};
    for (size_t i = 0; i < a->q.length; i++) {
        memcpy(y + row_at(&out, b, h, i), o + (a->before + i) * D, a->v.width * sizeof *y);
        if (!scores)
            continue;
        const double *s = scores->data + ((b * a->q.heads + h) * a->q.length + i) * a->keys;
        double want[64], sum = 0.0;
        bool done = onnx_number(a->c, "qk_matmul_output_mode", 0) == 3;
        for (size_t j = 0; j < a->keys; j++)
            sum += want[j] = done ? s[j] : exp(s[j]);
        for (size_t j = 0; j < a->keys; j++)
            want[j] /= sum;
        CHECK_CLOSE(P + i * stride, want, a->keys);
    }
    free(q), free(k), free(v), free(o), free(P), free(bias), free(scratch);
}

static inline const char *onnx_attention(const struct ops *ops, const struct onnx_case *c)
{
    struct attention_case a;
    const char *why = attention_case_of(&a, c);
    if (why)
        return why;
    float *y = check_zeros(onnx_out(c, 0)->n);
    for (size_t b = 0; b < a.B; b++) {
        attention_case_at(&a, b);
        for (size_t h = 0; h < a.q.heads; h++)
            run_head(ops, &a, b, h, y);
    }
    onnx_compare(ops, c, onnx_out(c, 0), y);
    free(y);
    return NULL;
}

#endif
