/* ops_avx512.c - the kernels in sixteen lanes (AVX-512 F, BW, DQ and VL). */
#if defined(__x86_64__)
#define VEC_AVX512
#include "engine/math/ops_table.h"

const struct ops ops_avx512 = OPS_TABLE("avx512", true);
#endif
