/* kernels_peak.h - nothing but multiply-adds: what the vector units can do at most. */
#ifndef KERNELS_PEAK_H
#define KERNELS_PEAK_H
#include "engine/math/vec.h"

/* Twelve chains hide a latency of up to six cycles on two units, and fit sixteen registers with the
 * two operands. Every multiply-add adds the same 2^-10 to a lane, exactly, so the sums say how many
 * there were: what a compiler had left out would not be counted. The operands and where each chain
 * begins come from memory that may change: else the multiplications could go, and twelve equal
 * chains be made one. */
static double multiply_adds(size_t rounds)
{
    enum { CHAINS = 12 };
    static const volatile float one = 1.0f, bit = 0x1p-10f, begin = 0.0f;
    const vec a = v_set(one), b = v_set(bit);
    vec x[CHAINS];
    float lanes[W];
    double sum = 0.0;
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++)
        x[i] = v_set(begin);
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            x[i] = v_fma(x[i], a, b);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) {
        v_store(lanes, x[i], W);
        for (size_t j = 0; j < W; j++)
            sum += (double)lanes[j];
    }
    return 2.0 * 0x1p10 * sum;
}

#endif
