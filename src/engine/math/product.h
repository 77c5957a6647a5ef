/* product.h - what the parts of the product must agree on: the workers' tiles (product.c) and the
 * trial of BLAS (admit.c). */
#ifndef PRODUCT_H
#define PRODUCT_H
#include "engine/math/compute.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    PRODUCT_COLUMN_UNIT = 64,     /* a split of columns falls on multiples of it */
    PRODUCT_PAD_FLOATS = 1 << 19, /* room to pad a short batch in */
};

/* BLAS libraries switch to other kernels for small products (OpenBLAS: up to 1e6 multiply-adds),
 * whose sums have another order. No call is smaller than this. */
#define PRODUCT_LEAST_WORK 2000000u

enum product_kind { PRODUCT_FORWARD, PRODUCT_BACKWARD, PRODUCT_WEIGHT };

/* out (rows, columns) = beta*out + A B with reduction depth; element (i,k) of A at a[i*ar + k*ac],
 * element (k,j) of B at b[k*br + j*bc]; one stride of each is 1. */
struct product {
    float *out;
    size_t ld;
    const float *a;
    size_t ar, ac;
    const float *b;
    size_t br, bc;
    size_t rows, columns, depth;
    float beta;
};

/* The three products with a weight (N,K) over M rows, as product_forward and the others take them. */
struct product product_of(enum product_kind kind, float *out, const float *a, const float *b,
                          size_t M, size_t N, size_t K, float beta);

/* The part of p that makes rows [row, row + rows) and columns [column, column + columns). */
struct product product_part(const struct product *p, size_t row, size_t rows, size_t column,
                            size_t columns);

void product_by_blas(const struct blas *blas, const struct product *p);

/* Rows below which a call of forward would be too small for BLAS; such batches are padded. 0 when
 * the shape is too small for BLAS at all. */
size_t product_least_rows(size_t N, size_t K);

#endif
