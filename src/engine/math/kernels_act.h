/* kernels_act.h - activation functions over rows: with their bias, and gated by a second half.
 *
 * activate() and slope() are the functions; every loop below is compiled once for each of them,
 * with the activation a constant, and chosen before its first row. */
#ifndef KERNELS_ACT_H
#define KERNELS_ACT_H
#include "engine/math/kernels_math.h"

/* 1 / (1 + e^-x), and one minus it in *rest, each with its digits. */
INLINE vec v_sigmoid(vec x, vec *rest)
{
    vec one = v_set(1.0f), e = v_exp(v_sub(v_set(0.0f), x));
    vec y = v_div(one, v_add(one, e));
    *rest = v_pick(v_less(x, v_set(0.0f)), v_sub(one, y), v_mul(e, y));
    return y;
}

/* What GELU's tanh form multiplies x with: (1 + tanh(t)) / 2 is the sigmoid of 2t, which keeps its
 * digits where 1 + tanh loses them. *more gets the derivative of 2t. */
INLINE vec v_gelu_tanh_gate(vec x, vec *rest, vec *more)
{
    const float a = 1.59576912f, b = 0.0713548163f; /* 2 sqrt(2/pi), and that times 0.044715 */
    vec q = v_mul(x, x);
    *more = v_fma(q, v_set(3.0f * b), v_set(a));
    return v_sigmoid(v_mul(x, v_fma(q, v_set(b), v_set(a))), rest);
}

INLINE vec activate(const enum activation act, vec x)
{
    vec unused, unread;
    switch (act) {
    case ACT_GELU:
        return v_mul(x, v_phi(x, &unused));
    case ACT_GELU_TANH:
        return v_mul(x, v_gelu_tanh_gate(x, &unused, &unread));
    case ACT_RELU:
        return v_max(v_set(0.0f), x);
    case ACT_SILU:
        return v_mul(x, v_sigmoid(x, &unused));
    default:
        return v_tanh(x);
    }
}

/* The derivative at x. */
INLINE vec slope(const enum activation act, vec x)
{
    const float inverse_root_2pi = 0.398942280f;
    vec one = v_set(1.0f), more, rest, gate;
    switch (act) {
    case ACT_GELU:
        gate = v_phi(x, &more);
        return v_fma(v_mul(x, v_set(inverse_root_2pi)), more, gate);
    case ACT_GELU_TANH:
        gate = v_gelu_tanh_gate(x, &rest, &more);
        return v_fma(v_mul(v_mul(x, more), gate), rest, gate);
    case ACT_RELU: /* 0 at 0, as torch has it; the maximum lets a NaN through */
        return v_pick(v_less(v_set(0.0f), x), one, v_max(v_set(0.0f), x));
    case ACT_SILU:
        gate = v_sigmoid(x, &rest);
        return v_fma(v_mul(x, gate), rest, gate);
    default:
        gate = v_tanh(x);
        return v_fnma(gate, gate, one);
    }
}

/* rows(act, ...) with act a constant. */
#define FOR_ACTIVATION(act, rows, ...)                                                             \
    switch (act) {                                                                                 \
    case ACT_GELU:                                                                                 \
        rows(ACT_GELU, __VA_ARGS__);                                                               \
        break;                                                                                     \
    case ACT_GELU_TANH:                                                                            \
        rows(ACT_GELU_TANH, __VA_ARGS__);                                                          \
        break;                                                                                     \
    case ACT_RELU:                                                                                 \
        rows(ACT_RELU, __VA_ARGS__);                                                               \
        break;                                                                                     \
    case ACT_SILU:                                                                                 \
        rows(ACT_SILU, __VA_ARGS__);                                                               \
        break;                                                                                     \
    case ACT_TANH:                                                                                 \
        rows(ACT_TANH, __VA_ARGS__);                                                               \
        break;                                                                                     \
    }

INLINE void act_rows(const enum activation act, float *a, float *u, const float *bias, size_t R,
                     size_t F)
{
    for (size_t r = 0; r < R; r++, a += F, u += F)
        FOR_VECS(j, n, F, {
            vec x = v_load(u + j, n);
            if (bias) {
                x = v_add(x, v_load(bias + j, n));
                v_store(u + j, x, n);
            }
            v_store(a + j, activate(act, x), n);
        });
}

static void bias_act_forward(enum activation act, float *a, float *u, const float *bias, size_t R,
                             size_t F){FOR_ACTIVATION(act, act_rows, a, u, bias, R, F)}

INLINE void act_rows_backward(const enum activation act, float *du, float *dbias, const float *da,
                              const float *u, size_t R, size_t F)
{
    for (size_t r = 0; r < R; r++, du += F, da += F, u += F)
        FOR_VECS(j, n, F, {
            vec g = v_mul(v_load(da + j, n), slope(act, v_load(u + j, n)));
            v_store(du + j, g, n);
            if (dbias)
                v_store(dbias + j, v_add(g, v_load(dbias + j, n)), n);
        });
}

static void bias_act_backward(enum activation act, float *du, float *dbias, const float *da,
                              const float *u, size_t R, size_t F){
    FOR_ACTIVATION(act, act_rows_backward, du, dbias, da, u, R, F)}

INLINE void gated_rows(const enum activation act, float *a, float *u, const float *bias, size_t R,
                       size_t F)
{
    for (size_t r = 0; r < R; r++, a += F, u += 2 * F)
        FOR_VECS(j, n, F, {
            vec x = v_load(u + j, n), gate = v_load(u + F + j, n);
            if (bias) {
                x = v_add(x, v_load(bias + j, n));
                gate = v_add(gate, v_load(bias + F + j, n));
                v_store(u + j, x, n);
                v_store(u + F + j, gate, n);
            }
            v_store(a + j, v_mul(activate(act, x), gate), n);
        });
}

static void gated_act_forward(enum activation act, float *a, float *u, const float *bias, size_t R,
                              size_t F){FOR_ACTIVATION(act, gated_rows, a, u, bias, R, F)}

INLINE void gated_rows_backward(const enum activation act, float *du, float *dbias, const float *da,
                                const float *u, size_t R, size_t F)
{
    for (size_t r = 0; r < R; r++, du += 2 * F, da += F, u += 2 * F)
        FOR_VECS(j, n, F, {
            vec x = v_load(u + j, n), gate = v_load(u + F + j, n), g = v_load(da + j, n);
            vec dx = v_mul(v_mul(g, gate), slope(act, x)), dgate = v_mul(g, activate(act, x));
            v_store(du + j, dx, n);
            v_store(du + F + j, dgate, n);
            if (dbias) {
                v_store(dbias + j, v_add(dx, v_load(dbias + j, n)), n);
                v_store(dbias + F + j, v_add(dgate, v_load(dbias + F + j, n)), n);
            }
        });
}

static void gated_act_backward(enum activation act, float *du, float *dbias, const float *da,
                               const float *u, size_t R, size_t F)
{
    FOR_ACTIVATION(act, gated_rows_backward, du, dbias, da, u, R, F)
}

#endif
