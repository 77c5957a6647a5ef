/* kernels_optim.h - the optimisers' inner loops. AdamW reads and writes 28 bytes a parameter and is
 * bound by memory; its arithmetic hides behind that. */
#ifndef KERNELS_OPTIM_H
#define KERNELS_OPTIM_H
#include "engine/math/ops.h"
#include "engine/math/vec.h"

/* Two accumulators of doubles: squares of floats are exact in double, and no order is lost. */
static double sum_squares(const float *x, size_t count)
{
    dvec sum = d_zero();
    FOR_VECS(j, n, count, { sum = d_add_square(sum, v_load(x + j, n)); });
    return d_sum(sum);
}

static void adamw(float *p, float *m, float *v, const float *g, size_t count,
                  const struct adamw_step *s)
{
    const struct adamw_step a = *s; /* a copy: stores through p cannot change it */
    FOR_VECS(j, n, count, {
        vec x = v_mul(v_load(g + j, n), v_set(a.gradient_scale));
        vec first = v_load(m + j, n);
        first = v_fma(v_sub(x, first), v_set(a.one_minus_beta1), first);
        vec second = v_mul(v_load(v + j, n), v_set(a.beta2));
        second = v_fma(v_mul(x, x), v_set(a.one_minus_beta2), second);
        v_store(m + j, first, n);
        v_store(v + j, second, n);
        vec root = v_fma(v_sqrt(second), v_set(a.inverse_root_bias2), v_set(a.epsilon));
        vec kept = v_mul(v_load(p + j, n), v_set(a.decay));
        v_store(p + j, v_fnma(v_set(a.step_size), v_div(first, root), kept), n);
    });
}

static void sgd(float *p, const float *g, size_t count, float lr, float weight_decay, float gscale)
{
    FOR_VECS(j, n, count, {
        vec w = v_load(p + j, n);
        vec x = v_mul(v_load(g + j, n), v_set(gscale));
        x = v_fma(w, v_set(weight_decay), x);
        v_store(p + j, v_fnma(v_set(lr), x, w), n);
    });
}

#endif
