/* ops.c - what all rows of the kernel table share: sizes, and the key of a dropout site. */
#include "engine/math/ops.h"

#include "engine/base/rng.h"

#include <assert.h>

/* The widest vector of any row of the table: a P kept by one can be read by another. */
#define STRIDE_FLOATS 16u

/* A distance between rows that is a multiple of 512 bytes would put a column's elements into a few
 * sets of the cache, where they push each other out: at S of 512 that costs half of backward. */
size_t ops_attention_stride(size_t S)
{
    size_t stride = (S + STRIDE_FLOATS - 1) / STRIDE_FLOATS * STRIDE_FLOATS;
    return stride % 128 == 0 ? stride + STRIDE_FLOATS : stride;
}

size_t ops_attention_scratch(size_t S, size_t D)
{
    return ops_attention_stride(S) * (D + 2 * S);
}

size_t ops_product_scratch(void)
{
    return (size_t)OPS_PANEL_K * (OPS_PANEL_COLUMNS + OPS_PANEL_ROWS);
}

struct dropout dropout_at(double p, uint64_t seed, uint64_t step, uint32_t micro, uint32_t site)
{
    assert(p >= 0.0 && p < 1.0);
    uint64_t of_step = rng_bits(seed, RNG_DROPOUT, step);
    return (struct dropout){
        .key = (uint32_t)rng_bits(of_step, RNG_DROPOUT, (uint64_t)micro << 32 | site),
        .threshold = (uint32_t)(p * 4294967296.0),
        .scale = (float)(1.0 / (1.0 - p)),
    };
}
