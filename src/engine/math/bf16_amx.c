/* bf16_amx.c - products in bf16 with tdpbf16ps, sixteen by sixteen by thirty-two at a time. */
#if defined(__x86_64__)
#define VEC_AVX512
#define BF16_AMX
#include "engine/math/kernels_bf16.h"

const struct bf16 bf16_amx = {
    .name = "amx", .product = product, .multiply_adds = multiply_adds, .speed = 8.0};
#endif
