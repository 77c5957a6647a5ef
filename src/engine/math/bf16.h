/* bf16.h - products whose operands are rounded to bfloat16, with fp32 sums.
 *
 * What `bf16` of the settings (Transformers' name) turns on: the products of a weight, forward and
 * backward. Operands are rounded while they are packed, so everything else stays fp32: weights, their
 * gradients, the optimiser, activations, norms, softmax. A product is exact in fp32, and the sums are
 * fp32, so an element's error is that of rounding the operands, 2^-9 of each.
 *
 * Rows of the table are `bf16_plain` (C11, for tests: no faster than fp32), `bf16_avx512` (vdpbf16ps)
 * and `bf16_amx` (tdpbf16ps). Whether they are faster than fp32 is the CPU's affair - on some Intel
 * CPUs vdpbf16ps runs at half the rate of fp32 - so it is measured before they are used. Like the
 * instructions, all three take a denormal for 0. */
#ifndef BF16_H
#define BF16_H
#include "engine/base/err.h"
#include "engine/math/ops.h"

#include <stdbool.h>
#include <stddef.h>

struct bf16 {
    const char *name; /* "plain", "avx512_bf16", "amx" */
    /* As ops->product, and as blind to splits of M and N; one stride of each operand is 1.
     * scratch: bf16_scratch() floats, aligned to 64 bytes. */
    void (*product)(float *c, size_t ldc, const float *a, size_t ar, size_t ac, const float *b,
                    size_t br, size_t bc, size_t M, size_t N, size_t K, float beta, float *scratch);
    /* Independent multiply-adds in registers, for measuring the peak; returns the operations done. */
    double (*multiply_adds)(size_t rounds);
    double speed; /* about how many times as fast as fp32 where it is fast, to cut products by */
};

extern const struct bf16 bf16_plain, bf16_avx512, bf16_amx;

size_t bf16_scratch(void);

/* The fastest row this CPU and its operating system run, `bf16_plain` not among them: NULL where
 * there is none. With `name` that row, or NULL when the CPU cannot run it. The first use of AMX asks
 * the operating system for its registers, for the whole process. */
const struct bf16 *bf16_find(const char *name);

/* GFLOP/s of one product of a model's shape on this thread, the best of a few in turn; about 10 ms. */
struct bf16_speed {
    double bf16, fp32;
};
struct bf16_speed bf16_measure(const struct bf16 *bf16, const struct ops *ops, float *scratch);

#endif
