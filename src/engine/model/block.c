/* block.c - the one transformer block, forward and back (Vaswani et al. 2017), with the options its
 * family sets:
 *
 *   ctx = attention of each sequence over in Wqkv^T + b                              attend.c
 *   zA  = stream + dropout(ctx Wo^T + bo)                        yA = norm(zA)
 *   zB  = residual + dropout(act(yA Wu^T + bu) Wd^T + bd)        yB = norm(zB)
 *
 * In a post-norm family (BERT) the residuals are the normed values: stream is `in`, residual is yA.
 * In a pre-norm family (GPT-2, Llama) they are the sums themselves: stream is the last block's zB,
 * residual is zA, and NORM_B is the next block's first norm. So both are the same four products and
 * the same two row kernels; only what the residual points at differs, and on the way back whether
 * the gradient of the stream is the gradient of `in` or a second buffer beside it.
 *
 * Products run over all rows of the batch at once. In the last block of a head that reads one token
 * a sequence, just those rows go on after the attention: what the others would become nobody reads,
 * so leaving them out is exact, and saves three quarters of that block. */
#include "engine/model/parts.h"

#include <string.h>

struct block_job {
    struct attend_job attend;
    struct model *m;
    struct workspace *ws;
    struct block_memory *k;
    const struct layer *l;
    struct norm norm_a, norm_b;
    size_t R;            /* rows that leave the block */
    bool gathers;        /* one token a sequence: R is B */
    bool pre, top;       /* pre-norm; the last block */
    float *dy, *dstream; /* (R,H) gradients of yB and zB, then of yA and zA */
    struct dropout attention_out, ffn_inner, ffn_out;
};

static struct block_job job_of(struct model *m, size_t layer, const struct batch *b,
                               struct workspace *ws, const struct pass *pass)
{
    struct layer *l = &m->layers[layer];
    struct block_job j = {.m = m, .ws = ws, .k = &ws->layers[layer], .l = l};
    j.attend = (struct attend_job){m, ws, j.k, l, b, pass, layer};
    j.norm_a = norm_of(m, l->at[NORM_A_W], l->at[NORM_A_B]);
    j.norm_b = norm_of(m, l->at[NORM_B_W], l->at[NORM_B_B]);
    j.pre = m->family->place == PRE_NORM;
    j.top = layer + 1 == m->L;
    j.gathers = ws->tail_only && j.top;
    j.R = j.gathers ? b->B : b->T;
    j.dy = j.gathers ? ws->dtail : ws->dx;
    j.dstream = j.gathers ? ws->dtail_stream : ws->dstream;
    uint32_t site = (uint32_t)(SITE_BLOCKS + 2 * layer);
    j.attention_out = dropout_site(m->dropout[DROPOUT_ATTENTION_OUT], pass, site);
    j.ffn_out = dropout_site(m->dropout[DROPOUT_FFN_OUT], pass, site + 1);
    j.ffn_inner =
        dropout_site(m->dropout[DROPOUT_FFN_INNER], pass, SITE_FFN_INNER - (uint32_t)layer);
    return j;
}

/* The rows that go on, and where their gradients go back to. */
static void gather(const struct block_job *j)
{
    const struct workspace *ws = j->ws;
    size_t H = j->m->H, QW = j->m->QW;
    for (size_t s = 0; s < ws->B; s++) {
        size_t t = ws->tail[s];
        memcpy(j->k->tail_stream + s * H, j->k->stream + t * H, H * sizeof(float));
        memcpy(j->k->tail_ctx + s * QW, j->k->ctx + t * QW, QW * sizeof(float));
    }
}

static void clear_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    size_t H = j->m->H, QW = j->m->QW;
    memset(j->ws->dstream + first * H, 0, rows * H * sizeof(float));
    memset(j->ws->dctx + first * QW, 0, rows * QW * sizeof(float));
}

static void spread(struct block_job *j)
{
    struct workspace *ws = j->ws;
    size_t H = j->m->H, QW = j->m->QW;
    compute_rows(j->m->compute, ws->T, clear_rows, j);
    for (size_t s = 0; s < ws->B; s++) {
        size_t t = ws->tail[s];
        memcpy(ws->dstream + t * H, ws->dtail_stream + s * H, H * sizeof(float));
        memcpy(ws->dctx + t * QW, ws->dtail_ctx + s * QW, QW * sizeof(float));
    }
}

static void norm_a(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    struct block_memory *k = j->k;
    size_t H = j->m->H, at = first * H;
    j->m->compute->ops->residual_norm_forward(k->yA + at, k->zA + at, k->meanA + first,
                                              k->rstdA + first, k->zA + at,
                                              param_w(j->l->at[OUT_B]), k->tail_stream + at,
                                              &j->norm_a, rows, H, j->attention_out, first);
}

static void activate(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    float *a = j->k->a + first * m->F, *u = j->k->u + first * m->U;
    const float *bias = param_w(j->l->in_b);
    if (m->family->gated)
        ops->gated_act_forward(m->config.hidden_act, a, u, bias, rows, m->F);
    else
        ops->bias_act_forward(m->config.hidden_act, a, u, bias, rows, m->F);
    if (j->ffn_inner.threshold)
        ops->dropout_rows(a, a, rows, m->F, j->ffn_inner, first);
}

static void norm_b(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct block_job *j = arg;
    struct block_memory *k = j->k;
    size_t H = j->m->H, at = first * H;
    j->m->compute->ops->residual_norm_forward(
        k->yB + at, k->zB + at, k->meanB + first, k->rstdB + first, k->zB + at,
        param_w(j->l->at[DOWN_B]), (j->pre ? k->zA : k->yA) + at, &j->norm_b, rows, H, j->ffn_out,
        first);
}

void block_forward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                   const struct pass *pass)
{
    struct block_job j = job_of(m, layer, b, ws, pass);
    struct block_memory *k = j.k;
    struct compute *c = m->compute;
    size_t R = j.R;
    product_forward(c, k->qkv, k->in, j.l->qkv_w->w, b->T, m->QKV, m->H);
    attend_forward(&j.attend);
    if (j.gathers)
        gather(&j);
    product_forward(c, k->zA, k->tail_ctx, j.l->at[OUT_W]->w, R, m->H, m->QW);
    compute_rows(c, R, norm_a, &j);
    product_forward(c, k->u, k->yA, j.l->in_w->w, R, m->U, m->H);
    compute_rows(c, R, activate, &j);
    product_forward(c, k->zB, k->a, j.l->at[DOWN_W]->w, R, m->H, m->F);
    compute_rows(c, R, norm_b, &j);
}

static float *partial_row(const struct block_job *j, size_t block)
{
    return j->ws->partial + block * j->m->vectors_width;
}

static void norm_b_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    const struct layer *l = j->l;
    struct block_memory *k = j->k;
    float *row = partial_row(j, block);
    size_t H = j->m->H, at = first * H;
    j->m->compute->ops->residual_norm_backward(
        j->dstream + at, j->ws->d_o + at, partial_of(l, l->at[NORM_B_W], row),
        partial_of(l, l->at[NORM_B_B], row), partial_of(l, l->at[DOWN_B], row), j->dy + at,
        j->pre && !j->top ? j->dstream + at : NULL, k->zB + at, k->meanB + first, k->rstdB + first,
        &j->norm_b, rows, H, j->ffn_out, first);
}

static void activate_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    float *da = j->ws->da + first * m->F, *du = j->ws->du + first * m->U;
    const float *u = j->k->u + first * m->U;
    float *dbias = partial_of(j->l, j->l->in_b, partial_row(j, block));
    if (j->ffn_inner.threshold)
        ops->dropout_rows(da, da, rows, m->F, j->ffn_inner, first);
    if (m->family->gated)
        ops->gated_act_backward(m->config.hidden_act, du, dbias, da, u, rows, m->F);
    else
        ops->bias_act_backward(m->config.hidden_act, du, dbias, da, u, rows, m->F);
}

static void norm_a_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    const struct layer *l = j->l;
    struct block_memory *k = j->k;
    float *row = partial_row(j, block);
    size_t H = j->m->H, at = first * H;
    j->m->compute->ops->residual_norm_backward(
        j->dstream + at, j->ws->d_o + at, partial_of(l, l->at[NORM_A_W], row),
        partial_of(l, l->at[NORM_A_B], row), partial_of(l, l->at[OUT_B], row), j->dy + at,
        j->pre ? j->dstream + at : NULL, k->zA + at, k->meanA + first, k->rstdA + first, &j->norm_a,
        rows, H, j->attention_out, first);
}

static void qkv_bias_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct block_job *j = arg;
    size_t N = j->m->QKV;
    j->m->compute->ops->column_sum(partial_of(j->l, j->l->qkv_b, partial_row(j, block)),
                                   j->ws->dqkv + first * N, rows, N);
}

static void clear_partials(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)first, (void)rows, (void)worker;
    const struct block_job *j = arg;
    memset(partial_row(j, block), 0, j->m->vectors_width * sizeof(float));
}

/* Nobody reads the gradient of what frozen layers made, but for the norm that may follow them. */
static bool block_passes_back(const struct model *m, size_t layer)
{
    return layer > m->frozen || !m->frozen || m->family->place == PRE_NORM;
}

void block_backward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                    const struct pass *pass)
{
    struct block_job j = job_of(m, layer, b, ws, pass);
    struct block_memory *k = j.k;
    struct compute *c = m->compute;
    const struct layer *l = j.l;
    size_t H = m->H, R = j.R, T = b->T;
    float *dctx = j.gathers ? ws->dtail_ctx : ws->dctx;
    /* Where residuals are normed values, the product's gradient comes on top of the stream's. */
    float keep = j.pre ? 0.0f : 1.0f;
    compute_rows(c, T, clear_partials, &j);
    compute_rows(c, R, norm_b_back, &j);
    product_backward(c, ws->da, ws->d_o, l->at[DOWN_W]->w, R, H, m->F, 0.0f);
    product_weight(c, l->at[DOWN_W]->dw, ws->d_o, k->a, R, H, m->F, param_keeps(l->at[DOWN_W]));
    compute_rows(c, R, activate_back, &j);
    product_backward(c, j.dy, ws->du, l->in_w->w, R, m->U, H, keep);
    product_weight(c, l->in_w->dw, ws->du, k->yA, R, m->U, H, param_keeps(l->in_w));
    compute_rows(c, R, norm_a_back, &j);
    product_backward(c, dctx, ws->d_o, l->at[OUT_W]->w, R, H, m->QW, 0.0f);
    product_weight(c, l->at[OUT_W]->dw, ws->d_o, k->tail_ctx, R, H, m->QW,
                   param_keeps(l->at[OUT_W]));
    if (j.gathers)
        spread(&j);
    attend_backward(&j.attend);
    if (l->qkv_b)
        compute_rows(c, T, qkv_bias_back, &j);
    if (block_passes_back(m, layer))
        product_backward(c, ws->dx, ws->dqkv, l->qkv_w->w, T, m->QKV, H, keep);
    product_weight(c, l->qkv_w->dw, ws->dqkv, k->in, T, m->QKV, H, param_keeps(l->qkv_w));
    compute_add_partials(c, l->vectors->dw, ws->partial, compute_blocks(T), m->vectors_width);
}

/* ---- after frozen layers ---- */

struct prefix_job {
    struct model *m;
    struct workspace *ws;
    const struct layer *l; /* the last frozen block, whose NORM_B is the next one's */
    struct norm norm;
};

static struct prefix_job prefix_of(struct model *m, struct workspace *ws)
{
    const struct layer *l = &m->layers[ws->first - 1];
    return (struct prefix_job){m, ws, l, norm_of(m, l->at[NORM_B_W], l->at[NORM_B_B])};
}

static void norm_prefix(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct prefix_job *j = arg;
    const struct dropout none = {.scale = 1.0f};
    struct workspace *ws = j->ws;
    size_t H = j->m->H, at = first * H;
    j->m->compute->ops->residual_norm_forward(
        ws->prefix_normed + at, ws->prefix + at, ws->prefix_mean + first, ws->prefix_rstd + first,
        ws->prefix + at, NULL, NULL, &j->norm, rows, H, none, first);
}

void block_norm_prefix(struct model *m, struct workspace *ws)
{
    struct prefix_job j = prefix_of(m, ws);
    compute_rows(m->compute, ws->T, norm_prefix, &j);
}

static void norm_prefix_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct prefix_job *j = arg;
    const struct dropout none = {.scale = 1.0f};
    struct workspace *ws = j->ws;
    size_t H = j->m->H, at = first * H, width = j->norm.beta ? 2 * H : H;
    float *row = ws->partial + block * width;
    memset(row, 0, width * sizeof *row);
    j->m->compute->ops->residual_norm_backward(
        ws->dx + at, ws->d_o + at, row, j->norm.beta ? row + H : NULL, NULL, ws->dx + at, NULL,
        ws->prefix + at, ws->prefix_mean + first, ws->prefix_rstd + first, &j->norm, rows, H, none,
        first);
}

void block_norm_prefix_back(struct model *m, struct workspace *ws)
{
    struct prefix_job j = prefix_of(m, ws);
    compute_rows(m->compute, ws->T, norm_prefix_back, &j);
    compute_add_partials(m->compute, j.l->at[NORM_B_W]->dw, ws->partial, compute_blocks(ws->T),
                         j.norm.beta ? 2 * m->H : m->H);
}
