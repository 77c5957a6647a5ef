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

/* What a norm leaves: the sum, the normed, their statistics. */
static void carve_norm(struct carver *c, size_t R, size_t H, float **z, float **y, float **mean,
                       float **rstd)
{
    if (z)
        *z = floats(c, R, H);
    if (y)
        *y = floats(c, R, H);
    *mean = floats(c, R, 1);
    *rstd = floats(c, R, 1);
}

static void carve_attention(struct carver *c, const struct model *m, struct workspace *ws,
                            struct block_memory *k)
{
    size_t T = ws->T;
    k->qkv = floats(c, T, m->QKV);
    k->ctx = floats(c, T, m->QW);
    if (m->layers[0].at[QUERY_NORM_W]) {
        k->raw = floats(c, T, m->QW + m->KW);
        k->raw_rstd = floats(c, T, m->heads + m->kv_heads);
    }
    if (m->layers[0].at[RELATIVE_W])
        k->relative = floats(c, 2 * ws->S, m->QW);
    if (ws->training) /* a sequence of S tokens has S rows of at most the longest's stride */
        k->P = floats(c, T * m->heads, ops_attention_stride(ws->S));
}

static void carve_block(struct carver *c, const struct model *m, struct workspace *ws,
                        struct block_memory *k, bool last)
{
    bool gathers = last && ws->tail_only, keeps = ws->training || gathers;
    bool pre = m->family->place == PRE_NORM;
    size_t R = gathers ? ws->B : ws->T, H = m->H;
    carve_attention(c, m, ws, k);
    k->tail_stream = gathers ? floats(c, R, H) : k->stream;
    k->tail_ctx = gathers ? floats(c, R, m->QW) : k->ctx;
    carve_norm(c, R, H, &k->zA, &k->yA, &k->meanA, &k->rstdA);
    k->u = floats(c, R, m->U);
    k->a = floats(c, R, m->F);
    k->zB = keeps || !pre ? floats(c, R, H) : k->stream == k->in ? ws->spare_stream : k->stream;
    k->yB = keeps ? floats(c, R, H) : k->in;
    carve_norm(c, R, H, NULL, NULL, &k->meanB, &k->rstdB);
}

/* What comes from the frozen layers, and the norm before the first layer that learns. */
static void carve_prefix(struct carver *c, const struct model *m, struct workspace *ws, float **in,
                         float **stream)
{
    *in = *stream = ws->prefix = floats(c, ws->T, m->H);
    if (m->family->place != PRE_NORM)
        return;
    carve_norm(c, ws->T, m->H, NULL, &ws->prefix_normed, &ws->prefix_mean, &ws->prefix_rstd);
    *in = ws->prefix_normed;
}

static void carve_blocks(struct carver *c, const struct model *m, struct workspace *ws)
{
    struct block_memory counting;
    bool pre = m->family->place == PRE_NORM;
    float *in = ws->projected, *stream = pre && !m->family->early_norm ? ws->summed : in;
    ws->layers = take(c, m->L, sizeof *ws->layers);
    /* Without training, blocks write over what they read; where stream and input are one at the
     * start, the stream goes elsewhere. */
    if (!ws->training && m->family->early_norm)
        ws->spare_stream = floats(c, ws->T, m->H);
    size_t shared = c->used, most = shared;
    if (ws->first)
        carve_prefix(c, m, ws, &in, &stream);
    for (size_t l = ws->first; l < m->L; l++) {
        struct block_memory *k = ws->layers ? &ws->layers[l] : &counting;
        if (!ws->training)
            c->used = shared; /* every block over the same buffers */
        *k = (struct block_memory){.in = in, .stream = stream};
        carve_block(c, m, ws, k, l + 1 == m->L);
        in = k->yB;
        stream = pre ? k->zB : k->yB;
        most = c->used > most ? c->used : most;
    }
    c->used = most;
}

static void carve_embeddings(struct carver *c, const struct model *m, struct workspace *ws)
{
    size_t T = ws->T;
    if (m->family->positions == POSITIONS_ROTARY)
        for (int i = 0; i < 2; i++) {
            ws->turns[i].cosine = floats(c, ws->max_S, m->D / 2);
            ws->turns[i].sine = floats(c, ws->max_S, m->D / 2);
        }
    if (m->layers[0].at[RELATIVE_W]) {
        ws->distances = floats(c, 2 * ws->max_S, m->H);
        ws->distances_dropped = floats(c, 2 * ws->max_S, m->H);
    }
    if (ws->first) /* no embeddings either */
        return;
    if (m->embedding[POSITION])
        ws->position = take(c, T, sizeof *ws->position);
    ws->summed = floats(c, T, m->E);
    ws->embedded = m->embedding[EMBEDDING_NORM_W] ? floats(c, T, m->E) : ws->summed;
    ws->embedding_mean = floats(c, T, 1);
    ws->embedding_rstd = floats(c, T, 1);
    ws->projected = m->embedding[PROJECT_W] ? floats(c, T, m->H) : ws->embedded;
}

static void carve_head(struct carver *c, const struct model *m, struct workspace *ws)
{
    size_t B = ws->B, H = m->H;
    ws->head_read = floats(c, B, H);
    ws->head_in = floats(c, B, H);
    if (m->head[DENSE_W]) {
        ws->dense_in = floats(c, B, H);
        ws->dense_u = floats(c, B, H);
        ws->dense_a = floats(c, B, H);
    }
    if (m->head[HEAD_NORM_W])
        carve_norm(c, B, H, &ws->head_z, &ws->head_y, &ws->head_mean, &ws->head_rstd);
}

/* Partial sums have a row for each block of rows: of vectors, of the embedding's small tables, of a
 * head's three vectors. */
static size_t partial_width(const struct model *m)
{
    const size_t widths[] = {m->vectors_width, embeddings_partial(m), 3 * m->H, m->K};
    size_t most = 0;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        most = widths[i] > most ? widths[i] : most;
    return most;
}

static void carve_backward(struct carver *c, const struct model *m, struct workspace *ws)
{
    size_t B = ws->B, T = ws->T, H = m->H;
    bool pre = m->family->place == PRE_NORM;
    ws->dx = floats(c, T, H);
    ws->dembedded = m->embedding[PROJECT_W] ? floats(c, T, m->E) : ws->dx;
    ws->dstream = pre ? floats(c, T, H) : ws->dx;
    ws->d_o = floats(c, T, m->E > H ? m->E : H);
    ws->da = floats(c, T, m->F);
    ws->du = m->family->gated ? floats(c, T, m->U) : ws->da;
    ws->dctx = floats(c, T, m->QW);
    ws->dqkv = floats(c, T, m->QKV);
    ws->dtail = floats(c, B, H);
    ws->dtail_stream = pre ? floats(c, B, H) : ws->dtail;
    ws->dtail_ctx = floats(c, B, m->QW);
    ws->dhead = floats(c, B, H);
    ws->sequence_sums = floats(c, B, attend_sums(m));
    if (m->layers[0].at[RELATIVE_W]) {
        ws->drelative = floats(c, B, 2 * ws->S * m->QW);
        ws->drelative_sum = floats(c, 2 * ws->S, m->QW);
    }
    ws->partial = floats(c, compute_blocks(T > B ? T : B), partial_width(m));
}

static void carve(struct carver *c, const struct model *m, struct workspace *ws)
{
    carve_embeddings(c, m, ws); /* first: the tables of turns stay where they are */
    ws->attention_at = take(c, ws->B, sizeof *ws->attention_at);
    ws->tail = take(c, ws->B, sizeof *ws->tail);
    carve_head(c, m, ws);
    carve_blocks(c, m, ws);
    if (ws->training)
        carve_backward(c, m, ws);
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
    return compute_reserve(m->compute, attend_scratch(m, max_S, training), err);
}

/* Lay it out from address 0, for its size. */
static size_t measure(struct workspace *ws, const struct model *m, size_t B, size_t T, size_t S,
                      bool training)
{
    struct carver c = {0};
    *ws = (struct workspace){.max_B = B, .max_T = T, .max_S = S, .training = training};
    ws->B = B, ws->T = T, ws->S = S;
    ws->tail_only = !m->reads_mean;
    ws->first = training ? m->frozen : 0;
    carve(&c, m, ws);
    return c.used;
}

size_t workspace_bytes(const struct model *m, size_t B, size_t T, size_t S, bool training)
{
    struct workspace ws;
    return measure(&ws, m, B, T, S, training);
}

struct workspace *workspace_create(const struct model *m, size_t max_B, size_t max_T, size_t max_S,
                                   bool training, struct err *err)
{
    struct workspace *ws = mem_alloc(1, sizeof *ws, "workspace", err);
    if (!ws)
        return NULL;
    size_t bytes = measure(ws, m, max_B, max_T, max_S, training);
    if (mem_block_init(&ws->block, bytes, "activations", err) ||
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
