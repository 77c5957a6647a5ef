/* bf16_plain.c - products in bf16 in portable C: no faster than fp32, and what the others are compared
 * with. */
#define VEC_PLAIN
#include "engine/math/kernels_bf16.h"

const struct bf16 bf16_plain = {
    .name = "plain", .product = product, .multiply_adds = multiply_adds, .speed = 0.1};
