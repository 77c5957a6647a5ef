/* compute.c - rows over workers, sums in fixed trees.
 *
 * Every function here cuts its work by the shape alone or in ways that no result can tell: an
 * element of a product, a row of a kernel and a column of a tree are made by the same operations
 * whoever makes them. Sums over many rows or elements are cut into blocks or chunks whose size
 * depends on the shape only, and the parts are added pairwise: 0+1, 2+3, ..., then 0+2, ... */
#include "engine/math/compute.h"

#include "engine/math/cpu.h"
#include "engine/math/product.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t round_up(size_t x, size_t unit)
{
    return (x + unit - 1) / unit * unit;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

int compute_reserve(struct compute *c, size_t floats, struct err *err)
{
    if (c->memory.base && floats <= c->scratch_floats)
        return 0;
    size_t product = ops_product_scratch();
    if (c->bf16 && product < bf16_scratch())
        product = bf16_scratch();
    size_t stride = round_up(floats, 16) + round_up(product, 16);
    struct mem_block grown = {0};
    if (mem_block_init(&grown, stride * sizeof(float) * (size_t)pool_threads(c->pool),
                       "the workers' scratch", err))
        return -1;
    mem_block_clear(&c->memory);
    c->memory = grown;
    c->scratch_floats = round_up(floats, 16);
    c->stride_floats = stride;
    return 0;
}

float *compute_scratch(const struct compute *c, int worker)
{
    return (float *)c->memory.base + (size_t)worker * c->stride_floats;
}

/* Whether our own product serves all, as the profile says; one of other kernels says nothing. */
static bool own_leads(const struct compute *c)
{
    blas_prepare(); /* which reads the profile */
    const struct profile *p = profile_cached(NULL);
    const struct profile_row *choice =
        p && !strcmp(p->kernels, c->ops->name) ? profile_choice(p) : NULL;
    return choice ? !choice->blas : c->ops->leads_blas;
}

/* No BLAS is no error, except where one was asked for by name. */
static int choose_blas(struct compute *c, struct err *err)
{
    struct err why;
    if (!getenv("SFT_BLAS") && own_leads(c))
        return 0; /* and no time is spent on it */
    c->blas = blas_load(&why);
    if (!c->blas && why.code == ERR_USAGE) {
        if (err)
            *err = why;
        return -1;
    }
    /* A profile that chose OpenBLAS chose the library that it measured. */
    const struct profile *p = profile_cached(NULL);
    if (c->blas && c->ops->leads_blas && !getenv("SFT_BLAS") && p &&
        strcmp(p->library, c->blas->library))
        c->blas = NULL;
    return 0;
}

void compute_follow(struct compute *c, const char *pinned_kernel_set)
{
    if (getenv("SFT_BLAS"))
        return;
    if (!strstr(pinned_kernel_set, "OpenBLAS"))
        c->blas = NULL;
    else if (!c->blas)
        c->blas = blas_load(NULL);
}

void compute_notice(const struct compute *c, char *out, size_t size)
{
    snprintf(out, size, "%s", "");
    if (c->blas && c->blas->overridden[0])
        snprintf(out, size, "%s is set aside: %s", c->blas->overridden, c->blas->why);
}

struct compute *compute_create(int threads, struct err *err)
{
    struct compute *c = mem_alloc(1, sizeof *c, "the compute handle", err);
    if (!c)
        return NULL;
    c->ops = cpu_choose_ops(err);
    if (!c->ops || choose_blas(c, err))
        goto fail;
    c->pool = pool_create(threads > 0 ? threads : pool_cores(), err);
    if (!c->pool || compute_reserve(c, 0, err) ||
        mem_block_init(&c->pad_memory, PRODUCT_PAD_FLOATS * sizeof(float), "short batches", err))
        goto fail;
    c->pad = c->pad_memory.base;
    return c;
fail:
    compute_destroy(c);
    return NULL;
}

void compute_destroy(struct compute *c)
{
    if (!c)
        return;
    pool_destroy(c->pool);
    mem_block_clear(&c->memory);
    mem_block_clear(&c->pad_memory);
    free(c);
}

/* ---- bf16 ---- */

static int refuse_slow(const struct bf16 *bf16, struct bf16_speed speed, struct err *err)
{
    return err_set(
        err, ERR_UNSUPPORTED,
        "bf16 is not faster on this CPU: a product reaches %.0f GFLOP/s in bf16 (%s), %.0f "
        "in fp32; train without bf16",
        speed.bf16, bf16->name, speed.fp32);
}

int compute_use_bf16(struct compute *c, bool must_pay, struct err *err)
{
    const double least_gain = 1.1;
    const char *name = getenv("SFT_BF16");
    bool named = name && *name;
    c->bf16 = bf16_find(named ? name : NULL);
    if (!c->bf16 && named)
        return err_set(err, ERR_USAGE,
                       "SFT_BF16=%.40s: this CPU runs no such kernel; use plain%s%s, or unset it",
                       name, bf16_find("avx512_bf16") ? ", avx512_bf16" : "",
                       bf16_find("amx") ? ", amx" : "");
    if (!c->bf16)
        return err_set(err, ERR_UNSUPPORTED,
                       "bf16: this CPU has no bf16 arithmetic (neither AVX512-BF16 nor AMX); train "
                       "without bf16");
    size_t floats = c->scratch_floats;
    mem_block_clear(&c->memory);
    c->memory = (struct mem_block){0};
    if (compute_reserve(c, floats, err))
        return -1;
    if (named || !must_pay)
        return 0;
    struct bf16_speed speed =
        bf16_measure(c->bf16, c->ops, compute_scratch(c, 0) + c->scratch_floats);
    return speed.bf16 < least_gain * speed.fp32 ? refuse_slow(c->bf16, speed, err) : 0;
}

void compute_kernel_set(const struct compute *c, char *out, size_t size)
{
    if (c->bf16) {
        snprintf(out, size, "%s, bf16 %s", c->ops->name, c->bf16->name);
        return;
    }
    if (!c->blas) {
        snprintf(out, size, "%s", c->ops->name);
        return;
    }
    int version = (int)strcspn(c->blas->config + strcspn(c->blas->config, "0123456789"), " ");
    snprintf(out, size, "%s + OpenBLAS %.*s %s", c->ops->name, version,
             c->blas->config + strcspn(c->blas->config, "0123456789"), c->blas->core);
}

/* ---- rows ---- */

struct rows_job {
    compute_rows_fn *fn;
    void *arg;
    size_t M;
};

static void rows_item(void *arg, size_t item, int worker)
{
    const struct rows_job *j = arg;
    size_t first = item * OPS_BLOCK_ROWS;
    j->fn(j->arg, first, smaller(OPS_BLOCK_ROWS, j->M - first), item, worker);
}

size_t compute_blocks(size_t M)
{
    return (M + OPS_BLOCK_ROWS - 1) / OPS_BLOCK_ROWS;
}

void compute_rows(struct compute *c, size_t M, compute_rows_fn *fn, void *arg)
{
    struct rows_job j = {fn, arg, M};
    pool_run(c->pool, compute_blocks(M), rows_item, &j);
}

/* ---- sums ---- */

struct partials_job {
    const struct ops *ops;
    float *sum, *partial;
    size_t blocks, N, columns;
};

/* The whole tree for one range of columns. */
static void partials_item(void *arg, size_t item, int worker)
{
    (void)worker;
    const struct partials_job *j = arg;
    size_t first = item * j->columns, n = smaller(j->columns, j->N - first);
    float *p = j->partial + first;
    for (size_t step = 1; step < j->blocks; step *= 2)
        for (size_t b = 0; b + step < j->blocks; b += 2 * step)
            j->ops->add(p + b * j->N, p + (b + step) * j->N, n);
    j->ops->add(j->sum + first, p, n);
}

void compute_add_partials(struct compute *c, float *sum, float *partial, size_t blocks, size_t N)
{
    if (blocks == 0)
        return;
    size_t columns = blocks * N < 32768 ? N : 256; /* little work is not worth waking a worker */
    struct partials_job j = {c->ops, sum, partial, blocks, N, columns};
    pool_run(c->pool, (N + columns - 1) / columns, partials_item, &j);
}

struct squares_job {
    const struct ops *ops;
    const float *x;
    size_t n, chunk;
    double *sums;
};

static void squares_item(void *arg, size_t item, int worker)
{
    (void)worker;
    const struct squares_job *j = arg;
    size_t first = item * j->chunk;
    j->sums[item] = j->ops->sum_squares(j->x + first, smaller(j->chunk, j->n - first));
}

double compute_add_tree(double *x, size_t n)
{
    for (size_t step = 1; step < n; step *= 2)
        for (size_t i = 0; i + step < n; i += 2 * step)
            x[i] += x[i + step];
    return n ? x[0] : 0.0;
}

double compute_sum_squares(struct compute *c, const float *x, size_t n)
{
    size_t chunk = round_up((n + COMPUTE_CHUNKS - 1) / COMPUTE_CHUNKS, 16);
    chunk = chunk < 16384 ? 16384 : chunk;
    size_t count = (n + chunk - 1) / chunk;
    assert(count <= COMPUTE_CHUNKS);
    struct squares_job j = {c->ops, x, n, chunk, c->chunk_sums};
    pool_run(c->pool, count, squares_item, &j);
    return compute_add_tree(c->chunk_sums, count);
}
