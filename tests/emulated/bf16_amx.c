/* bf16_amx.c - as src/engine/math/bf16_amx.c, for any CPU. */
#define VEC_AVX512
#define BF16_AMX
#include "emulated/emulated.h"
#include "engine/math/kernels_bf16.h"

const struct bf16 emulated_amx = {
    .name = "amx, emulated", .product = product, .multiply_adds = multiply_adds, .speed = 8.0};
