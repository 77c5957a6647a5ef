/* ops_avx2.c - the kernels in eight lanes, with fused multiply-adds (AVX2 and FMA). */
#if defined(__x86_64__)
#define VEC_AVX2
#include "engine/math/ops_table.h"

const struct ops ops_avx2 = OPS_TABLE("avx2", true);
#endif
