/* compute.h - where arithmetic happens: the kernel table, the BLAS, the pool, in one handle.
 *
 * A model asks for "this product over all rows" or "this kernel over all rows"; compute splits the
 * rows over the pool. A result never depends on the split (promise 3 of the design): products are
 * done by BLAS only for shapes that were found bit-equal under row and column splits on this
 * machine, else by ops->product; sums over rows go through partials of OPS_BLOCK_ROWS rows that are
 * added in block order.
 *
 * One thread at a time uses a compute. Nothing is allocated after compute_create but what
 * compute_reserve asks for. */
#ifndef COMPUTE_H
#define COMPUTE_H
#include "engine/base/err.h"
#include "engine/base/mem.h"
#include "engine/base/pool.h"
#include "engine/math/bf16.h"
#include "engine/math/blas.h"
#include "engine/math/ops.h"

#include <stdbool.h>
#include <stddef.h>

/* Which products of a weight shape BLAS may serve. */
struct compute_shape {
    size_t N, K;
    bool forward, backward, weight;
};

enum { COMPUTE_SHAPES = 64, COMPUTE_CHUNKS = 1024 };

struct compute {
    const struct ops *ops;
    const struct blas *blas; /* NULL: own products only */
    const struct bf16 *bf16; /* NULL: products in fp32; else all of a weight's are in bf16 */
    struct pool *pool;
    /* Below: compute.c's own. */
    struct mem_block memory; /* of all workers' scratch */
    struct mem_block pad_memory;
    float *pad;            /* where product.c makes short batches longer */
    size_t scratch_floats; /* what compute_scratch gives each worker */
    size_t stride_floats;  /* from one worker's scratch to the next, with room for a product */
    struct compute_shape shapes[COMPUTE_SHAPES];
    size_t shape_count;
    double chunk_sums[COMPUTE_CHUNKS];
};

/* threads 0: all cores. Chooses kernels by CPUID, loads BLAS (blas.h).
 * Who makes the products is what this machine's profile says (profile.h), where there is one; else
 * a row of the kernel table that leads BLAS (ops.h) serves them all itself.
 * SFT_KERNELS=plain|avx2|avx512 and SFT_BLAS=none|system|PATH in the environment override, for tests
 * and comparisons. */
struct compute *compute_create(int threads, struct err *err);
void compute_destroy(struct compute *c);

/* Whether a run is pinned to products of our own or of OpenBLAS: use those, whatever a profile made
 * since then says, unless SFT_BLAS names another. Before the model is opened. What the kernel set
 * then is remains to be compared. */
void compute_follow(struct compute *c, const char *pinned_kernel_set);

/* A line for the user when what the environment asked of OpenBLAS was set aside, "" when there is
 * nothing to say or OpenBLAS makes no products. */
void compute_notice(const struct compute *c, char *out, size_t size);

/* From now on the products with a weight are in bf16 (bf16.h). Before the first of them. Refused where
 * this CPU has no bf16 arithmetic and, when `must_pay`, where it was measured and is not faster than
 * fp32: the error has both figures. SFT_BF16=plain|avx512_bf16|amx in the environment chooses the
 * kernel, faster or not, for tests and comparisons. */
int compute_use_bf16(struct compute *c, bool must_pay, struct err *err);

/* Scratch a worker needs: grow it to at least `floats` each. Before the first step. */
int compute_reserve(struct compute *c, size_t floats, struct err *err);
float *compute_scratch(const struct compute *c, int worker);

/* "avx512 + OpenBLAS 0.3.21 SkylakeX", "avx512, bf16 amx": what the bytes of a run depend on; pinned in run.json. */
void compute_kernel_set(const struct compute *c, char *out, size_t size);

/* Find out, once for each weight shape a model has, whether BLAS may serve it (see above). N and K
 * are the weight's rows and columns. Call before the first product of that shape. */
void compute_admit(struct compute *c, size_t N, size_t K);

/* Products with a weight w (N,K) in checkpoint layout, over M rows, on all workers.
 *   forward:   y  (M,N) = x (M,K) w^T
 *   backward:  dx (M,K) = beta*dx + dy (M,N) w        beta is 0 or 1
 *   weight:    dw (N,K) = beta*dw + dy^T (N,M) x (M,K) */
void product_forward(struct compute *c, float *y, const float *x, const float *w, size_t M,
                     size_t N, size_t K);
void product_backward(struct compute *c, float *dx, const float *dy, const float *w, size_t M,
                      size_t N, size_t K, float beta);
void product_weight(struct compute *c, float *dw, const float *dy, const float *x, size_t M,
                    size_t N, size_t K, float beta);

/* fn over rows [0, M) in blocks of whole OPS_BLOCK_ROWS (the last may be shorter), on all workers.
 * `block` numbers the block, for partial sums. */
typedef void compute_rows_fn(void *arg, size_t first, size_t rows, size_t block, int worker);
void compute_rows(struct compute *c, size_t M, compute_rows_fn *fn, void *arg);
size_t compute_blocks(size_t M);

/* sum[j] += partial[0][j] + partial[1][j] + ... in a fixed tree over blocks; partial (blocks, N),
 * row stride N, destroyed. */
void compute_add_partials(struct compute *c, float *sum, float *partial, size_t blocks, size_t N);

/* sum of squares of n floats in fixed chunks and a fixed tree. */
double compute_sum_squares(struct compute *c, const float *x, size_t n);

/* x[0] + ... + x[n-1], pairwise: 0+1, 2+3, ..., then 0+2, 4+6, ...; x is destroyed. */
double compute_add_tree(double *x, size_t n);

#endif
