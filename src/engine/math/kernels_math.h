/* kernels_math.h - the functions kernels need of each lane: exp, tanh, the normal distribution, and
 * dropout's hash. libm's would cost 40 times the rest of a GELU.
 *
 * The polynomials were fitted for this file (least squares, reweighted towards the largest relative
 * error); each comment gives the error left. NaN and infinity come out as they should. */
#ifndef KERNELS_MATH_H
#define KERNELS_MATH_H
#include "engine/math/ops.h"
#include "engine/math/vec.h"

/* e^x within 1e-7 relative; 0 and infinity past the range. x = k ln 2 + r, |r| <= ln 2 / 2; ln 2 is
 * taken in two pieces so that r keeps its digits. */
INLINE vec v_exp(vec x)
{
    x = v_max(v_set(-104.0f), x);
    x = v_min(v_set(89.0f), x);
    vec k = v_round(v_mul(x, v_set(1.44269504f)));
    vec r = v_fnma(k, v_set(0.693359375f), x);
    r = v_fnma(k, v_set(-2.12194440e-4f), r);
    vec p = v_set(1.97902293e-4f);
    p = v_fma(p, r, v_set(1.39447860e-3f));
    p = v_fma(p, r, v_set(8.33349768e-3f));
    p = v_fma(p, r, v_set(4.16662917e-2f));
    p = v_fma(p, r, v_set(1.66666657e-1f));
    p = v_fma(p, r, v_set(0.5f));
    p = v_add(v_fma(v_mul(r, r), p, r), v_set(1.0f));
    return v_scale2(p, k);
}

/* tanh within 2e-7 relative: an odd polynomial near 0, where 1 - e^-2x would lose the digits. */
INLINE vec v_tanh(vec x)
{
    vec a = v_abs(x), q = v_mul(x, x);
    vec p = v_set(-6.27422053e-3f);
    p = v_fma(p, q, v_set(2.10716650e-2f));
    p = v_fma(p, q, v_set(-5.38523048e-2f));
    p = v_fma(p, q, v_set(1.33325860e-1f));
    p = v_fma(p, q, v_set(-3.33333164e-1f));
    vec near = v_fma(v_mul(x, q), p, x);
    vec e = v_exp(v_mul(a, v_set(-2.0f)));
    vec far = v_div(v_sub(v_set(1.0f), e), v_add(v_set(1.0f), e));
    far = v_pick(v_less(x, v_set(0.0f)), v_sub(v_set(0.0f), far), far);
    return v_pick(v_less(a, v_set(0.55f)), near, far);
}

/* Phi(x), and e^(-x^2/2) in *density for the derivative. The upper tail Phi(-|x|) over that density
 * is smooth in t = 1 / (1 + 0.35 |x|) and served by a polynomial within 6e-8 relative for every x,
 * so small values keep their digits: for large negative x GELU's result is all tail. */
INLINE vec v_phi(vec x, vec *density)
{
    vec e = v_exp(v_mul(v_mul(x, x), v_set(-0.5f)));
    vec t = v_div(v_set(1.0f), v_fma(v_abs(x), v_set(0.35f), v_set(1.0f)));
    vec p = v_set(-2.91602351e-2f);
    p = v_fma(p, t, v_set(1.44041181e-1f));
    p = v_fma(p, t, v_set(-2.55857766e-1f));
    p = v_fma(p, t, v_set(1.59338310e-1f));
    p = v_fma(p, t, v_set(-2.32232399e-2f));
    p = v_fma(p, t, v_set(1.05556302e-1f));
    p = v_fma(p, t, v_set(1.19820520e-1f));
    p = v_fma(p, t, v_set(1.39863595e-1f));
    p = v_fma(p, t, v_set(1.39621303e-1f));
    vec tail = v_mul(v_mul(p, t), e);
    *density = e;
    return v_pick(v_less(x, v_set(0.0f)), tail, v_sub(v_set(1.0f), tail));
}

/* Which lanes of elements counter, counter + 1, ... are kept: two rounds of a multiply and xorshift
 * mixer over a Weyl sequence. Every lane depends on (key, its counter) alone. */
INLINE vmask v_kept(struct dropout d, uint32_t counter)
{
    ivec h = i_mul(i_add(i_set(counter), i_count()), i_set(0x9E3779B1u));
    h = i_xor(h, i_set(d.key));
    h = i_xor(h, i_shift_right(h, 16));
    h = i_mul(h, i_set(0x21F0AAADu));
    h = i_xor(h, i_shift_right(h, 15));
    h = i_mul(h, i_set(0x735A2D97u));
    h = i_xor(h, i_shift_right(h, 15));
    return i_at_least(h, i_set(d.threshold));
}

INLINE vec v_dropout(vec x, struct dropout d, uint32_t counter)
{
    vec kept = v_mul(x, v_set(d.scale));
    return v_pick(v_kept(d, counter), kept, v_set(0.0f));
}

/* The dropout of one row of a site: counters are 64 bits wide, the hash takes 32, so the upper half
 * goes into the key. */
INLINE struct dropout dropout_row(struct dropout d, uint64_t counter)
{
    d.key ^= (uint32_t)(counter >> 32) * 0x85EBCA6Bu;
    return d;
}

#endif
