/* heads.c - from the backbone's last rows to logits: what is read, BERT's pooler, the classifier.
 *
 *   pooled = tanh(h Wp^T + bp)             h: the first token's row
 *   logits = dropout(pooled) Wc^T + bc
 *
 * With pooling cls or mean there is no pooler: the classifier reads h, or the sequence's mean.
 *
 * All here works on B rows, one a sequence, so it also serves rows of cached features. */
#include "engine/model/parts.h"

#include <string.h>

struct rows_job {
    const struct model *m;
    const struct batch *b;
    const struct workspace *ws;
    const float *in;
    const float *bias;
    float *out, *partial;
    size_t width;
    struct dropout drop;
};

static void mean_rows(void *arg, size_t s, int worker)
{
    (void)worker;
    const struct rows_job *j = arg;
    const struct ops *ops = j->m->compute->ops;
    size_t H = j->m->H, first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *out = j->out + s * H;
    memset(out, 0, H * sizeof *out);
    for (size_t r = 0; r < S; r++)
        ops->add(out, j->in + (first + r) * H, H);
    ops->scale(out, 1.0f / (float)S, H);
}

void head_gather(struct model *m, const struct batch *b, const struct workspace *ws, float *out)
{
    const float *rows = ws->layers[m->L - 1].y2;
    struct rows_job j = {.m = m, .b = b, .in = rows, .out = out};
    if (ws->first_only) /* the last block has left nothing else */
        memcpy(out, rows, b->B * m->H * sizeof *out);
    else
        pool_run(m->compute->pool, b->B, mean_rows, &j);
}

static void spread_mean(void *arg, size_t s, int worker)
{
    (void)worker;
    const struct rows_job *j = arg;
    size_t H = j->m->H, first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *row = j->out + first * H;
    memcpy(row, j->in + s * H, H * sizeof *row);
    j->m->compute->ops->scale(row, 1.0f / (float)S, H);
    for (size_t r = 1; r < S; r++)
        memcpy(row + r * H, row, H * sizeof *row);
}

void head_scatter(struct model *m, const struct batch *b, struct workspace *ws, const float *dout)
{
    struct rows_job j = {.m = m, .b = b, .in = dout, .out = ws->dx};
    if (ws->first_only)
        memcpy(ws->dtail, dout, b->B * m->H * sizeof *dout);
    else
        pool_run(m->compute->pool, b->B, spread_mean, &j);
}

static void tanh_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct rows_job *j = arg;
    size_t at = first * j->width;
    j->m->compute->ops->bias_act_forward(ACT_TANH, j->out + at, j->ws->pool_u + at, j->bias, rows,
                                         j->width);
}

void pooler_forward(struct model *m, struct workspace *ws, const float *in, size_t B, float *out)
{
    struct rows_job j = {
        .m = m, .ws = ws, .bias = m->pooler[POOLER_B].w, .out = out, .width = m->H};
    product_forward(m->compute, ws->pool_u, in, m->pooler[POOLER_W].w, B, m->H, m->H);
    compute_rows(m->compute, B, tanh_rows, &j);
}

static void tanh_rows_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct rows_job *j = arg;
    float *partial = j->partial + block * j->width;
    memset(partial, 0, j->width * sizeof *partial);
    float *dy = j->out + first * j->width;
    j->m->compute->ops->bias_act_backward(ACT_TANH, dy, partial, dy,
                                          j->ws->pool_u + first * j->width, rows, j->width);
}

void pooler_backward(struct model *m, struct workspace *ws, const float *in, size_t B, float *dy,
                     float *din)
{
    struct compute *c = m->compute;
    struct rows_job j = {.m = m, .ws = ws, .out = dy, .partial = ws->partial, .width = m->H};
    compute_rows(c, B, tanh_rows_back, &j);
    compute_add_partials(c, m->pooler[POOLER_B].dw, ws->partial, compute_blocks(B), m->H);
    product_weight(c, m->pooler[POOLER_W].dw, dy, in, B, m->H, m->H, 1.0f);
    if (din)
        product_backward(c, din, dy, m->pooler[POOLER_W].w, B, m->H, m->H, 0.0f);
}

static void drop_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct rows_job *j = arg;
    size_t at = first * j->width;
    j->m->compute->ops->dropout_rows(j->out + at, j->in + at, rows, j->width, j->drop, first);
}

static void bias_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct rows_job *j = arg;
    j->m->compute->ops->bias_add(j->out + first * j->width, j->bias, rows, j->width);
}

void classifier_forward(struct model *m, struct workspace *ws, const float *in, size_t B,
                        const struct pass *pass, float *logits)
{
    struct compute *c = m->compute;
    struct rows_job drop = {.m = m,
                            .in = in,
                            .out = ws->head_in,
                            .width = m->H,
                            .drop = dropout_site(m->head_dropout, pass, SITE_HEAD)};
    struct rows_job bias = {
        .m = m, .bias = m->classifier[CLASSIFIER_B].w, .out = logits, .width = m->K};
    if (drop.drop.threshold)
        compute_rows(c, B, drop_rows, &drop);
    else
        memcpy(ws->head_in, in, B * m->H * sizeof *in);
    product_forward(c, logits, ws->head_in, m->classifier[CLASSIFIER_W].w, B, m->K, m->H);
    compute_rows(c, B, bias_rows, &bias);
}

static void sum_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct rows_job *j = arg;
    float *partial = j->partial + block * j->width;
    memset(partial, 0, j->width * sizeof *partial);
    j->m->compute->ops->column_sum(partial, j->in + first * j->width, rows, j->width);
}

void classifier_backward(struct model *m, struct workspace *ws, size_t B, const struct pass *pass,
                         const float *dlogits, float *din)
{
    struct compute *c = m->compute;
    struct rows_job sum = {.m = m, .in = dlogits, .partial = ws->partial, .width = m->K};
    struct rows_job drop = {.m = m,
                            .in = din,
                            .out = din,
                            .width = m->H,
                            .drop = dropout_site(m->head_dropout, pass, SITE_HEAD)};
    compute_rows(c, B, sum_rows, &sum);
    compute_add_partials(c, m->classifier[CLASSIFIER_B].dw, ws->partial, compute_blocks(B), m->K);
    product_weight(c, m->classifier[CLASSIFIER_W].dw, dlogits, ws->head_in, B, m->K, m->H, 1.0f);
    if (!din)
        return;
    product_backward(c, din, dlogits, m->classifier[CLASSIFIER_W].w, B, m->K, m->H, 0.0f);
    if (drop.drop.threshold)
        compute_rows(c, B, drop_rows, &drop);
}
