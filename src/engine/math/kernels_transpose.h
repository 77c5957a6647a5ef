/* kernels_transpose.h - a block of a matrix, its rows and columns exchanged, in registers. */
#ifndef KERNELS_TRANSPOSE_H
#define KERNELS_TRANSPOSE_H
#include "engine/math/vec.h"

/* One W x W block of a transpose in registers. Zipping row i with row i + W/2 moves the element at
 * r*W + c to the address rotated left by one bit; after log2(W) rounds r and c have changed
 * places. */
INLINE void transpose_block(float *dst, size_t ldd, const float *src, size_t lds, size_t rows,
                            size_t columns)
{
    vec x[W], y[W];
#pragma GCC unroll 16
    for (size_t i = 0; i < W; i++)
        x[i] = i < rows ? v_load(src + i * lds, columns) : v_set(0.0f);
#pragma GCC unroll 4
    for (int round = 1; round < W; round *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < W / 2; i++)
            v_zip(x[i], x[i + W / 2], &y[2 * i], &y[2 * i + 1]);
#pragma GCC unroll 16
        for (int i = 0; i < W; i++)
            x[i] = y[i];
    }
#pragma GCC unroll 16
    for (size_t i = 0; i < W; i++)
        if (i < columns)
            v_store(dst + i * ldd, x[i], rows);
}

#endif
