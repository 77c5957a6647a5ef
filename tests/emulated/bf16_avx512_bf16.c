/* bf16_avx512_bf16.c - as src/engine/math/bf16_avx512_bf16.c, for any CPU. */
#define VEC_AVX512
#define BF16_AVX512
#include "emulated/emulated.h"
#include "engine/math/vec.h"

#include <assert.h>

/* It holds a value in a register that is not there; no compiler folds what is emulated, either. */
#define __asm__(...)
#include "engine/math/kernels_bf16.h"

const struct bf16 emulated_avx512_bf16 = {.name = "avx512_bf16, emulated",
                                          .product = product,
                                          .multiply_adds = multiply_adds,
                                          .speed = 1.9};
