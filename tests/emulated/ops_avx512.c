/* ops_avx512.c - as src/engine/math/ops_avx512.c, for any CPU. */
#define VEC_AVX512
#include "emulated/emulated.h"
#include "engine/math/ops_table.h"

const struct ops emulated_avx512 = OPS_TABLE("avx512, emulated", true);
