/* block.c - one post-norm transformer block, forward and back (Vaswani et al. 2017; Devlin et al.
 * 2019):
 *
 *   qkv = x Wqkv^T + b          ctx = attention of each sequence
 *   y1 = LayerNorm(x + dropout(ctx Wo^T + bo))
 *   y2 = LayerNorm(y1 + dropout(gelu(y1 Wu^T + bu) Wd^T + bd))
 *
 * Products run over all rows of the batch at once; attention runs a sequence at a time and adds the
 * bias on its way, while the rows are in cache. In the last block of a head that reads first tokens
 * only, just those rows go on after the attention: what the others would become nobody reads, so
 * leaving them out is exact, and saves three quarters of that block. */
#include "engine/model/parts.h"

#include <math.h>
#include <string.h>

struct block_job {
    struct model *m;
    struct workspace *ws;
    struct block_memory *k;
    const struct param *p;
    const struct batch *b;
    const struct pass *pass;
    size_t layer, R; /* R rows leave the block */
    bool gathers;    /* first tokens only: R is B */
    float *dtail;    /* (R,H) gradient of y2, then of z2, y1, z1 */
    struct dropout attention_out, ffn_out;
};

static struct block_job job_of(struct model *m, size_t layer, const struct batch *b,
                               struct workspace *ws, const struct pass *pass)
{
    struct block_job j = {.m = m, .ws = ws, .b = b, .pass = pass, .layer = layer};
    j.k = &ws->layers[layer];
    j.p = model_block(m, layer);
    j.gathers = ws->first_only && layer + 1 == m->L;
    j.R = b->T;
    j.dtail = ws->dx;
    if (j.gathers) {
        j.R = b->B;
        j.dtail = ws->dtail;
    }
    uint32_t site = (uint32_t)(SITE_BLOCKS + 2 * layer);
    j.attention_out = dropout_site(m->hidden_dropout, pass, site);
    j.ffn_out = dropout_site(m->hidden_dropout, pass, site + 1);
    return j;
}

/* Each head of each sequence has a dropout of its own. */
static struct attention head_attention(const struct block_job *j, size_t sequence, size_t head)
{
    const struct model *m = j->m;
    size_t site = SITE_BLOCKS + 2 * m->L + (j->layer * j->b->B + sequence) * m->heads + head;
    return (struct attention){
        .S = j->b->start[sequence + 1] - j->b->start[sequence],
        .D = m->D,
        .scale = 1.0f / sqrtf((float)m->D),
        .d = dropout_site(m->attention_dropout, j->pass, (uint32_t)site),
    };
}

/* One head inside rows of queries, keys and values side by side. */
static struct qkv head_qkv(float *rows, size_t H, size_t D, size_t head)
{
    float *q = rows + head * D;
    return (struct qkv){q, q + H, q + 2 * H, 3 * H, 3 * H};
}

static struct norm block_norm(const struct block_job *j, int gamma, int beta)
{
    return (struct norm){j->p[gamma].w, j->p[beta].w, (float)j->m->config.layer_norm_eps, false};
}

static void attend(void *arg, size_t s, int worker)
{
    const struct block_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    size_t H = m->H, D = m->D, first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *qkv = j->k->qkv + first * 3 * H, *scratch = compute_scratch(m->compute, worker);
    float *own_P = scratch + (ops_attention_scratch(j->ws->max_S, D) + 15) / 16 * 16;
    ops->bias_add(qkv, j->p[QUERY_B].w, S, 3 * H);
    for (size_t h = 0; h < m->heads; h++) {
        float *P = j->ws->training
                       ? j->k->P + j->ws->attention_at[s] + h * S * ops_attention_stride(S)
                       : own_P;
        struct attention a = head_attention(j, s, h);
        ops->attention_forward(j->k->ctx + first * H + h * D, H, P, head_qkv(qkv, H, D, h), &a,
                               scratch);
    }
    if (j->gathers) {
        memcpy(j->k->tail_x + s * H, j->k->x + first * H, H * sizeof(float));
        memcpy(j->k->tail_ctx + s * H, j->k->ctx + first * H, H * sizeof(float));
    }
}

static void first_norm(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    const struct param *p = j->p;
    struct block_memory *k = j->k;
    size_t H = j->m->H, at = first * H;
    struct norm n = block_norm(j, GAMMA1, BETA1);
    j->m->compute->ops->residual_norm_forward(k->y1 + at, k->z1 + at, k->mean1 + first,
                                              k->rstd1 + first, k->z1 + at, p[OUT_B].w,
                                              k->tail_x + at, &n, rows, H, j->attention_out, first);
}

static void gelu(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    size_t F = j->m->F, at = first * F;
    j->m->compute->ops->bias_act_forward(ACT_GELU, j->k->a + at, j->k->u + at, j->p[UP_B].w, rows,
                                         F);
}

static void second_norm(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    const struct param *p = j->p;
    struct block_memory *k = j->k;
    size_t H = j->m->H, at = first * H;
    struct norm n = block_norm(j, GAMMA2, BETA2);
    j->m->compute->ops->residual_norm_forward(k->y2 + at, k->z2 + at, k->mean2 + first,
                                              k->rstd2 + first, k->z2 + at, p[DOWN_B].w, k->y1 + at,
                                              &n, rows, H, j->ffn_out, first);
}

void block_forward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                   const struct pass *pass)
{
    struct block_job j = job_of(m, layer, b, ws, pass);
    struct block_memory *k = j.k;
    struct compute *c = m->compute;
    size_t H = m->H, F = m->F, R = j.R;
    product_forward(c, k->qkv, k->x, j.p[QUERY_W].w, b->T, 3 * H, H);
    pool_run(c->pool, b->B, attend, &j);
    product_forward(c, k->z1, k->tail_ctx, j.p[OUT_W].w, R, H, H);
    compute_rows(c, R, first_norm, &j);
    product_forward(c, k->u, k->y1, j.p[UP_W].w, R, F, H);
    compute_rows(c, R, gelu, &j);
    product_forward(c, k->z2, k->a, j.p[DOWN_W].w, R, H, F);
    compute_rows(c, R, second_norm, &j);
}

/* The row of partial sums of one block of rows, and a vector's place in it. */
static float *partial_at(const struct block_job *j, size_t block, int vector)
{
    return j->ws->partial + block * vectors_width(j->m) + vector_at(j->p, vector);
}

static void second_norm_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    struct block_memory *k = j->k;
    size_t H = j->m->H, at = first * H;
    struct norm n = block_norm(j, GAMMA2, BETA2);
    j->m->compute->ops->residual_norm_backward(
        j->dtail + at, j->ws->d_o + at, partial_at(j, block, GAMMA2), partial_at(j, block, BETA2),
        partial_at(j, block, DOWN_B), j->dtail + at, NULL, k->z2 + at, k->mean2 + first,
        k->rstd2 + first, &n, rows, H, j->ffn_out, first);
}

static void gelu_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    size_t F = j->m->F, at = first * F;
    j->m->compute->ops->bias_act_backward(ACT_GELU, j->ws->da + at, partial_at(j, block, UP_B),
                                          j->ws->da + at, j->k->u + at, rows, F);
}

static void first_norm_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    struct block_memory *k = j->k;
    size_t H = j->m->H, at = first * H;
    struct norm n = block_norm(j, GAMMA1, BETA1);
    j->m->compute->ops->residual_norm_backward(
        j->dtail + at, j->ws->d_o + at, partial_at(j, block, GAMMA1), partial_at(j, block, BETA1),
        partial_at(j, block, OUT_B), j->dtail + at, NULL, k->z1 + at, k->mean1 + first,
        k->rstd1 + first, &n, rows, H, j->attention_out, first);
}

/* Gradients of gathered rows go back to the first rows of their sequences; the others are 0. */
static void spread(void *arg, size_t s, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    size_t H = j->m->H, first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *dx = j->ws->dx + first * H, *dctx = j->ws->dctx + first * H;
    memset(dx + H, 0, (S - 1) * H * sizeof *dx);
    memset(dctx + H, 0, (S - 1) * H * sizeof *dctx);
    memcpy(dx, j->dtail + s * H, H * sizeof *dx);
    memcpy(dctx, j->ws->dtail_ctx + s * H, H * sizeof *dctx);
}

static void attend_back(void *arg, size_t s, int worker)
{
    const struct block_job *j = arg;
    const struct model *m = j->m;
    size_t H = m->H, D = m->D, first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *scratch = compute_scratch(m->compute, worker);
    if (j->gathers)
        spread(arg, s, worker);
    for (size_t h = 0; h < m->heads; h++) {
        const float *P = j->k->P + j->ws->attention_at[s] + h * S * ops_attention_stride(S);
        struct attention a = head_attention(j, s, h);
        m->compute->ops->attention_backward(
            head_qkv(j->ws->dqkv + first * 3 * H, H, D, h), NULL, j->ws->dctx + first * H + h * D,
            H, P, head_qkv(j->k->qkv + first * 3 * H, H, D, h), &a, false, scratch);
    }
}

static void qkv_bias_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    size_t N = 3 * j->m->H;
    j->m->compute->ops->column_sum(partial_at(j, block, QUERY_B), j->ws->dqkv + first * N, rows, N);
}

static void clear_partials(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)first, (void)rows, (void)worker;
    const struct block_job *j = arg;
    memset(partial_at(j, block, QUERY_B), 0, vectors_width(j->m) * sizeof(float));
}

void block_backward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                    const struct pass *pass)
{
    struct block_job j = job_of(m, layer, b, ws, pass);
    struct block_memory *k = j.k;
    struct compute *c = m->compute;
    const struct param *p = j.p;
    size_t H = m->H, F = m->F, R = j.R, T = b->T;
    float *dctx = j.gathers ? ws->dtail_ctx : ws->dctx;
    compute_rows(c, T, clear_partials, &j);
    compute_rows(c, R, second_norm_back, &j);
    product_backward(c, ws->da, ws->d_o, p[DOWN_W].w, R, H, F, 0.0f);
    product_weight(c, p[DOWN_W].dw, ws->d_o, k->a, R, H, F, 1.0f);
    compute_rows(c, R, gelu_back, &j);
    product_backward(c, j.dtail, ws->da, p[UP_W].w, R, F, H, 1.0f);
    product_weight(c, p[UP_W].dw, ws->da, k->y1, R, F, H, 1.0f);
    compute_rows(c, R, first_norm_back, &j);
    product_backward(c, dctx, ws->d_o, p[OUT_W].w, R, H, H, 0.0f);
    product_weight(c, p[OUT_W].dw, ws->d_o, k->tail_ctx, R, H, H, 1.0f);
    pool_run(c->pool, b->B, attend_back, &j);
    compute_rows(c, T, qkv_bias_back, &j);
    product_backward(c, ws->dx, ws->dqkv, p[QUERY_W].w, T, 3 * H, H, 1.0f);
    product_weight(c, p[QUERY_W].dw, ws->dqkv, k->x, T, 3 * H, H, 1.0f);
    compute_add_partials(c, p[QUERY_B].dw, ws->partial, compute_blocks(T), vectors_width(m));
}
