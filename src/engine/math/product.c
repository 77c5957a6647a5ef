/* product.c - the products of a model, cut into tiles for the workers.
 *
 * With AVX-512 and AVX2 our own product serves every shape (ops.h, leads_blas): on a Zen 4 with two
 * threads a whole MiniLM step took 633 ms with it and 702 with OpenBLAS 0.3.21 for 32 sequences of
 * 64 tokens (best of 6; the medians 659 and 749), 70 and 74 ms for 16 of 11. Where BLAS is asked for
 * it serves a shape only after admit.c has found that its sums do not depend on a split, nor on how
 * many rows share a call; ours serves the rest. `sft doctor --measure` makes the comparison
 * for a machine, and what it finds is kept (profile.h).
 *
 * Both being blind to splits, tiles may follow the number of workers and the load: a few a worker
 * where the product is large, so that a worker that was held up does not hold up all, one a worker
 * where it is small.
 *
 * A tile's cost besides its multiply-adds is packing its share of both operands. So of the grids
 * with the wanted number of tiles the one that packs least is taken: near squares for a long batch,
 * columns only for a short one. */
#include "engine/math/product.h"

#include <assert.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

struct product product_of(enum product_kind kind, float *out, const float *a, const float *b,
                          size_t M, size_t N, size_t K, float beta)
{
    switch (kind) {
    case PRODUCT_FORWARD:
        return (struct product){out, N, a, K, 1, b, 1, K, M, N, K, beta};
    case PRODUCT_BACKWARD:
        return (struct product){out, K, a, N, 1, b, K, 1, M, K, N, beta};
    default:
        return (struct product){out, K, a, 1, N, b, K, 1, N, K, M, beta};
    }
}

struct product product_part(const struct product *p, size_t row, size_t rows, size_t column,
                            size_t columns)
{
    struct product part = *p;
    part.out += row * p->ld + column;
    part.a += row * p->ar;
    part.b += column * p->bc;
    part.rows = rows;
    part.columns = columns;
    return part;
}

void product_by_blas(const struct blas *blas, const struct product *p)
{
    bool a_across = p->ac != 1, b_across = p->bc != 1;
    blas->sgemm(BLAS_ROW_MAJOR, a_across ? BLAS_TRANS : BLAS_NO_TRANS,
                b_across ? BLAS_TRANS : BLAS_NO_TRANS, (int)p->rows, (int)p->columns, (int)p->depth,
                1.0f, p->a, (int)(a_across ? p->ac : p->ar), p->b, (int)(b_across ? p->bc : p->br),
                p->beta, p->out, (int)p->ld);
}

size_t product_least_rows(size_t N, size_t K)
{
    size_t rows = divide_up(PRODUCT_LEAST_WORK, N * K);
    rows = rows < 16 ? 16 : rows;
    return rows > 64 || rows * (N + K) > PRODUCT_PAD_FLOATS ? 0 : rows;
}

/* ---- tiles ---- */

struct grid {
    size_t rows, columns; /* of a tile */
    size_t down, across;  /* tiles */
};

struct product_job {
    const struct compute *c;
    const struct blas *blas; /* NULL: bf16->product or ops->product */
    struct product p;
    struct grid grid;
};

/* Multiply-adds of a tile of our own product that are worth handing to another worker: ten microseconds. */
static const double own_least_work = 400000;

/* Tiles wanted: a whole number a worker, none much smaller than what is worth handing out. `speed`:
 * how many times as fast as fp32 multiply-adds are. */
static size_t tiles_wanted(const struct product *p, size_t workers, bool blas, double speed)
{
    const double worth = 12e6 * speed, least = blas ? PRODUCT_LEAST_WORK : own_least_work;
    double work = (double)p->rows * (double)p->columns * (double)p->depth;
    size_t each = (size_t)(work / (worth * (double)workers));
    if (each == 0)
        return smaller(workers, (size_t)(work / (least * speed)));
    return workers * smaller(each, speed > 1.0 ? 2 : 4); /* fast, packing counts more */
}

static struct grid grid_of(const struct product *p, size_t down, size_t across, size_t row_unit,
                           size_t column_unit)
{
    struct grid g;
    g.rows = divide_up(divide_up(p->rows, down), row_unit) * row_unit;
    g.columns = divide_up(divide_up(p->columns, across), column_unit) * column_unit;
    g.down = divide_up(p->rows, g.rows);
    g.across = divide_up(p->columns, g.columns);
    return g;
}

static bool grid_is_allowed(const struct product *p, const struct grid *g, bool blas)
{
    if (!blas)
        return true;
    size_t last_rows = p->rows - (g->down - 1) * g->rows;
    size_t last_columns = p->columns - (g->across - 1) * g->columns;
    return last_rows * last_columns * p->depth >= PRODUCT_LEAST_WORK && last_rows >= 16;
}

static struct grid plan_grid(const struct product *p, size_t workers, bool blas, double speed)
{
    struct grid best = {p->rows, p->columns, 1, 1};
    double best_cost = 0.0;
    size_t wanted = tiles_wanted(p, workers, blas, speed);
    /* Few columns are halved evenly rather than at a tile's edge. */
    size_t column_unit = !blas && p->columns < 8 * PRODUCT_COLUMN_UNIT ? 16 : PRODUCT_COLUMN_UNIT;
    for (size_t down = 1; down <= wanted; down++) {
        if (wanted % down)
            continue;
        struct grid g = grid_of(p, down, wanted / down, speed == 1.0 ? 24 : 32, column_unit);
        if (!grid_is_allowed(p, &g, blas))
            continue;
        /* The longest worker's elements, and what is packed on the way, in the same unit: packing
         * an element costs about as much as 16 multiply-adds in fp32. */
        double rounds = (double)divide_up(g.down * g.across, workers);
        double cost = rounds * ((double)g.rows * (double)g.columns +
                                16.0 * speed * (double)(g.rows + g.columns));
        if (best_cost == 0.0 || cost < best_cost) {
            best_cost = cost;
            best = g;
        }
    }
    return best;
}

static void product_item(void *arg, size_t item, int worker)
{
    const struct product_job *j = arg;
    size_t row = item / j->grid.across * j->grid.rows;
    size_t column = item % j->grid.across * j->grid.columns;
    struct product p = product_part(&j->p, row, smaller(j->grid.rows, j->p.rows - row), column,
                                    smaller(j->grid.columns, j->p.columns - column));
    if (j->blas) {
        product_by_blas(j->blas, &p);
        return;
    }
    const struct bf16 *bf16 = j->c->bf16;
    (bf16 ? bf16->product : j->c->ops->product)(
        p.out, p.ld, p.a, p.ar, p.ac, p.b, p.br, p.bc, p.rows, p.columns, p.depth, p.beta,
        compute_scratch(j->c, worker) + j->c->scratch_floats);
}

static void run(struct compute *c, const struct blas *blas, struct product p)
{
    struct product_job j = {.c = c, .blas = blas, .p = p};
    j.grid =
        plan_grid(&p, (size_t)pool_threads(c->pool), blas != NULL, c->bf16 ? c->bf16->speed : 1.0);
    pool_run(c->pool, j.grid.down * j.grid.across, product_item, &j);
}

/* ---- who serves ---- */

static const struct compute_shape *find_shape(const struct compute *c, size_t N, size_t K)
{
    if (c->bf16)
        return NULL;
    for (size_t i = 0; i < c->shape_count; i++)
        if (c->shapes[i].N == N && c->shapes[i].K == K)
            return &c->shapes[i];
    return NULL;
}

/* A batch too short for BLAS's main kernels, made long enough with rows of zeros: a row's result
 * may not depend on how many rows share its batch. */
static void run_padded(struct compute *c, float *y, const float *x, const float *w, size_t M,
                       size_t N, size_t K, size_t rows)
{
    float *px = c->pad, *py = px + rows * K;
    memcpy(px, x, M * K * sizeof *px);
    memset(px + M * K, 0, (rows - M) * K * sizeof *px);
    run(c, c->blas, product_of(PRODUCT_FORWARD, py, px, w, rows, N, K, 0.0f));
    memcpy(y, py, M * N * sizeof *y);
}

void product_forward(struct compute *c, float *y, const float *x, const float *w, size_t M,
                     size_t N, size_t K)
{
    const struct compute_shape *shape = find_shape(c, N, K);
    bool by_blas = shape && shape->forward;
    size_t least = by_blas ? product_least_rows(N, K) : 0;
    if (M < least)
        run_padded(c, y, x, w, M, N, K, least);
    else
        run(c, by_blas ? c->blas : NULL, product_of(PRODUCT_FORWARD, y, x, w, M, N, K, 0.0f));
}

/* Gradients have no promise across batches of other sizes: what is small is ours. */
static bool large(size_t M, size_t N, size_t K)
{
    return M >= 16 && M * N * K >= PRODUCT_LEAST_WORK;
}

void product_backward(struct compute *c, float *dx, const float *dy, const float *w, size_t M,
                      size_t N, size_t K, float beta)
{
    const struct compute_shape *shape = find_shape(c, N, K);
    bool by_blas = shape && shape->backward && large(M, N, K);
    run(c, by_blas ? c->blas : NULL, product_of(PRODUCT_BACKWARD, dx, dy, w, M, N, K, beta));
}

void product_weight(struct compute *c, float *dw, const float *dy, const float *x, size_t M,
                    size_t N, size_t K, float beta)
{
    const struct compute_shape *shape = find_shape(c, N, K);
    bool by_blas = shape && shape->weight && large(M, N, K);
    run(c, by_blas ? c->blas : NULL, product_of(PRODUCT_WEIGHT, dw, dy, x, M, N, K, beta));
}
