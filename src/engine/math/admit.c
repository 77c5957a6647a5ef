/* admit.c - whether BLAS may serve a weight's shape: only if nothing but speed depends on how the
 * work is cut.
 *
 * For each of the three products one whole call is compared, byte for byte, with calls for parts of
 * it, cut as product.c cuts: rows anywhere, columns on multiples of PRODUCT_COLUMN_UNIT, no call
 * below PRODUCT_LEAST_WORK. A part of a forward product is also a shorter batch, so the same trial
 * shows that a row does not feel its neighbours. The whole is compared with our own product too: a
 * library that is wrong for one shape only must not serve it. The verdict is a function of shape,
 * library and CPU; no clock is read. */
#include "engine/math/product.h"

#include "engine/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trial {
    const struct compute *c;
    struct product whole;
    float *out, *part; /* of the whole product, of a part */
};

/* One part against the same rectangle of the whole. beta is 1, so `part` starts as `out` did. */
static bool part_is_equal(const struct trial *t, size_t row, size_t rows, size_t column,
                          size_t columns)
{
    if (row + rows > t->whole.rows || column + columns > t->whole.columns || rows < 16 ||
        columns == 0 || rows * columns * t->whole.depth < PRODUCT_LEAST_WORK)
        return true; /* product.c makes no such call */
    struct product p = product_part(&t->whole, row, rows, column, columns);
    p.out = t->part;
    p.ld = columns;
    for (size_t i = 0; i < rows * columns; i++)
        p.out[i] = 1.0f;
    product_by_blas(t->c->blas, &p);
    for (size_t r = 0; r < rows; r++)
        if (memcmp(p.out + r * columns, t->out + (row + r) * t->whole.ld + column,
                   columns * sizeof(float)) != 0)
            return false;
    return true;
}

/* Rows from everywhere in lengths of every remainder, then columns, then both. */
static bool splits_are_equal(const struct trial *t)
{
    static const size_t more[] = {0, 1, 2, 3, 5, 8};
    const size_t rows = t->whole.rows, columns = t->whole.columns, unit = PRODUCT_COLUMN_UNIT;
    const size_t least = 16 + PRODUCT_LEAST_WORK / (columns * t->whole.depth + 1);
    const size_t third = columns / 3 / unit * unit, half = columns / 2 / unit * unit;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (!part_is_equal(t, 1 + 9 * i, least + more[i], i % 2 ? half : 0,
                           i % 2 ? columns - half : columns))
            return false;
    return part_is_equal(t, 0, rows, 0, third) && part_is_equal(t, 0, rows, third, unit) &&
           part_is_equal(t, 5, rows - 5, third + unit, columns - third - unit) &&
           part_is_equal(t, rows / 2, rows - rows / 2, 0, columns);
}

static bool agrees_with_ours(const struct trial *t, float *scratch)
{
    const struct product *p = &t->whole;
    size_t rows = p->rows < 12 ? p->rows : 12;
    for (size_t i = 0; i < rows * p->columns; i++)
        t->part[i] = 1.0f;
    t->c->ops->product(t->part, p->columns, p->a, p->ar, p->ac, p->b, p->br, p->bc, rows,
                       p->columns, p->depth, 1.0f, scratch);
    double off = 0.0, size = 0.0;
    for (size_t i = 0; i < rows * p->columns; i++) {
        double difference = (double)t->out[i] - (double)t->part[i];
        off += difference * difference;
        size += (double)t->part[i] * (double)t->part[i];
    }
    return off <= 1e-10 * size; /* false for NaN */
}

/* Enough for a call of one unit of columns that is not too small to be made. */
static size_t trial_rows(size_t N, size_t K)
{
    size_t narrow = 1 + PRODUCT_LEAST_WORK / (PRODUCT_COLUMN_UNIT * (N < K ? N : K));
    return narrow < 128 ? 128 : narrow > 512 ? 512 : narrow;
}

static bool kind_is_admitted(struct compute *c, enum product_kind kind, size_t N, size_t K,
                             float *memory)
{
    const size_t M = trial_rows(N, K);
    size_t largest = N > K ? N : K;
    float *a = memory, *b = a + M * largest, *out = b + (N * K > M * K ? N * K : M * K);
    float *part = out + (kind == PRODUCT_WEIGHT ? N * K : M * largest);
    struct trial t = {c, product_of(kind, out, a, b, M, N, K, 1.0f), out, part};
    for (size_t i = 0; i < t.whole.rows * t.whole.columns; i++)
        out[i] = 1.0f;
    product_by_blas(c->blas, &t.whole);
    float *scratch = compute_scratch(c, 0) + c->scratch_floats;
    return agrees_with_ours(&t, scratch) && splits_are_equal(&t);
}

void compute_admit(struct compute *c, size_t N, size_t K)
{
    const size_t M = trial_rows(N, K);
    for (size_t i = 0; i < c->shape_count; i++)
        if (c->shapes[i].N == N && c->shapes[i].K == K)
            return;
    if (!c->blas || c->shape_count == COMPUTE_SHAPES || product_least_rows(N, K) == 0)
        return;
    size_t rows = M * (N > K ? N : K), inputs = rows + N * K + rows;
    size_t floats = inputs + 2 * (N * K > rows ? N * K : rows);
    struct mem_block block = {0};
    if (mem_block_init(&block, floats * sizeof(float), "a trial of BLAS", NULL))
        return; /* ours serves it; what follows will say that memory is out */
    float *memory = block.base;
    for (size_t i = 0; i < inputs; i++)
        memory[i] = (float)(int32_t)(rng_bits(1, RNG_TEST, i) >> 32) * 0x1p-31f;
    c->shapes[c->shape_count++] = (struct compute_shape){
        N,
        K,
        kind_is_admitted(c, PRODUCT_FORWARD, N, K, memory),
        kind_is_admitted(c, PRODUCT_BACKWARD, N, K, memory),
        kind_is_admitted(c, PRODUCT_WEIGHT, N, K, memory),
    };
    mem_block_clear(&block);
}
