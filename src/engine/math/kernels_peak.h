/* kernels_peak.h - nothing but multiply-adds: what the vector units can do at most. */
#ifndef KERNELS_PEAK_H
#define KERNELS_PEAK_H
#include "engine/math/vec.h"

/* Twelve chains hide a latency of up to six cycles on two units, and fit sixteen registers with the
 * two factors. The chains converge to a fixed point, so they never meet slow denormals. */
static double multiply_adds(size_t rounds)
{
    enum { CHAINS = 12 };
    static volatile float sink;
    vec x[CHAINS], a = v_set(0.5f), b = v_set(1.0f);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++)
        x[i] = v_set(1.0f + (float)i);
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            x[i] = v_fma(x[i], a, b);
    vec sum = x[0];
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++)
        sum = v_add(sum, x[i]);
    sink = v_sum(sum);
    (void)sink;
    return 2.0 * CHAINS * W * (double)rounds;
}

#endif
