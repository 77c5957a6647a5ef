/* bf16_avx512_bf16.c - products in bf16 with vdpbf16ps, sixteen pairs at a time. */
#if defined(__x86_64__)
#define VEC_AVX512
#define BF16_AVX512
#include "engine/math/kernels_bf16.h"

const struct bf16 bf16_avx512 = {
    .name = "avx512_bf16", .product = product, .multiply_adds = multiply_adds, .speed = 1.9};
#endif
