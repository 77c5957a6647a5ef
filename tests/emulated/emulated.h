/* emulated.h - the rows of the kernel tables that this machine's CPU may lack, compiled from the same sources
 * with intrinsics/immintrin.h in place of the compiler's. They need AVX2 and FMA. */
#ifndef EMULATED_H
#define EMULATED_H
#include "engine/math/bf16.h"
#include "engine/math/ops.h"

extern const struct ops emulated_avx512;
extern const struct bf16 emulated_avx512_bf16, emulated_amx;

#endif
