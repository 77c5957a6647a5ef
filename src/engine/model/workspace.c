/* workspace.c - all memory of a step, there before the first one.
 *
 * One block, carved front to back by `take`. Carving is arithmetic alone: it runs once from address
 * 0 to learn the size for the largest batch, then for every batch at that batch's own size. So what
 * a batch uses lies together at the front, and a block sized for the longest batch costs address
 * space, not memory, until such a batch comes. For training every block of the model has buffers of
 * its own, since backward reads them; for inference all share one set, and y2 overwrites x. */
#include "engine/model/parts.h"

#include <assert.h>
#include <stdlib.h>

struct carver {
    char *base; /* NULL while counting */
    size_t used;
};

static void *take(struct carver *c, size_t count, size_t size)
{
    void *p = c->base ? c->base + c->used : NULL;
    c->used += (count * size + 63) / 64 * 64; /* a cache line of its own */
    return p;
}

static float *floats(struct carver *c, size_t rows, size_t cols)
{
    return take(c, rows * cols, sizeof(float));
}

static void carve_block(struct carver *c, const struct model *m, struct workspace *ws,
                        struct block_memory *k, bool last)
{
    size_t T = ws->T, H = m->H, F = m->F;
    bool gathers = last && ws->first_only;
    size_t R = gathers ? ws->B : T;
    k->qkv = floats(c, T, 3 * H);
    k->ctx = floats(c, T, H);
    if (ws->training) /* a sequence of S tokens has S rows of at most the longest's stride */
        k->P = floats(c, T * m->heads, ops_attention_stride(ws->S));
    k->tail_x = gathers ? floats(c, R, H) : k->x;
    k->tail_ctx = gathers ? floats(c, R, H) : k->ctx;
    k->z1 = floats(c, R, H);
    k->y1 = floats(c, R, H);
    k->u = floats(c, R, F);
    k->a = floats(c, R, F);
    k->z2 = floats(c, R, H);
    k->y2 = ws->training || gathers ? floats(c, R, H) : k->x;
    k->mean1 = floats(c, R, 1);
    k->rstd1 = floats(c, R, 1);
    k->mean2 = floats(c, R, 1);
    k->rstd2 = floats(c, R, 1);
}

static void carve_blocks(struct carver *c, const struct model *m, struct workspace *ws)
{
    struct block_memory counting;
    ws->layers = take(c, m->L, sizeof *ws->layers);
    float *x = ws->embedded;
    size_t shared = c->used, most = shared;
    for (size_t l = 0; l < m->L; l++) {
        struct block_memory *k = ws->layers ? &ws->layers[l] : &counting;
        if (!ws->training)
            c->used = shared; /* every block over the same buffers */
        k->x = x;
        carve_block(c, m, ws, k, l + 1 == m->L);
        x = k->y2;
        most = c->used > most ? c->used : most;
    }
    c->used = most;
}

/* Partial sums have a row for each block of rows: of vectors, or of the embedding's small tables.
 */
static size_t partial_width(const struct model *m)
{
    size_t small = (m->config.type_vocab_size + 2) * m->H;
    size_t width = small > vectors_width(m) ? small : vectors_width(m);
    return width > m->K ? width : m->K;
}

static void carve(struct carver *c, const struct model *m, struct workspace *ws)
{
    size_t B = ws->B, T = ws->T, H = m->H;
    ws->attention_at = take(c, B, sizeof *ws->attention_at);
    ws->embedded = floats(c, T, H);
    ws->embedding_z = floats(c, T, H);
    ws->embedding_mean = floats(c, T, 1);
    ws->embedding_rstd = floats(c, T, 1);
    ws->pool_in = floats(c, B, H);
    ws->pool_u = floats(c, B, H);
    ws->pooled = floats(c, B, H);
    ws->head_in = floats(c, B, H);
    carve_blocks(c, m, ws);
    if (!ws->training)
        return;
    ws->dx = floats(c, T, H);
    ws->d_o = floats(c, T, H);
    ws->da = floats(c, T, m->F);
    ws->dctx = floats(c, T, H);
    ws->dqkv = floats(c, T, 3 * H);
    ws->dtail = floats(c, B, H);
    ws->dtail_ctx = floats(c, B, H);
    ws->dhead = floats(c, B, H);
    ws->partial = floats(c, compute_blocks(T > B ? T : B), partial_width(m));
}

void workspace_fit(struct workspace *ws, const struct model *m, size_t B, size_t T, size_t S)
{
    assert(B <= ws->max_B && T <= ws->max_T && S <= ws->max_S);
    struct carver c = {.base = ws->block.base};
    ws->B = B, ws->T = T, ws->S = S;
    carve(&c, m, ws);
    assert(c.used <= ws->block.size_bytes);
}

static int reserve_scratch(const struct model *m, size_t max_S, bool training, struct err *err)
{
    size_t need = ops_attention_scratch(max_S, m->D);
    if (!training) /* P lives no longer than its head */
        need += 16 + max_S * ops_attention_stride(max_S);
    return compute_reserve(m->compute, need, err);
}

struct workspace *workspace_create(const struct model *m, size_t max_B, size_t max_T, size_t max_S,
                                   bool training, struct err *err)
{
    struct workspace *ws = mem_alloc(1, sizeof *ws, "workspace", err);
    if (!ws)
        return NULL;
    *ws = (struct workspace){.max_B = max_B, .max_T = max_T, .max_S = max_S, .training = training};
    ws->B = max_B, ws->T = max_T, ws->S = max_S;
    ws->first_only = m->pooling != POOLING_MEAN;
    struct carver c = {0};
    carve(&c, m, ws);
    if (mem_block_init(&ws->block, c.used, "activations", err) ||
        reserve_scratch(m, max_S, training, err)) {
        workspace_destroy(ws);
        return NULL;
    }
    return ws;
}

void workspace_destroy(struct workspace *ws)
{
    if (!ws)
        return;
    mem_block_clear(&ws->block);
    free(ws);
}
