/* heads.c - from the backbone's last rows to logits: what is read, the dense layer, the classifier.
 *
 *   h      = one token's row, or the sequence's mean
 *   d      = norm(act(dropout(h) Wd^T + bd))        where the family has such a layer
 *   logits = dropout(d) Wc^T + bc
 *
 * BERT calls the dense layer its pooler. With pooling cls or mean it is left out: the classifier
 * reads h.
 *
 * All here works on B rows, one a sequence, so it also serves rows of cached features. */
#include "engine/model/parts.h"

#include <string.h>

struct rows_job {
    const struct model *m;
    const struct batch *b;
    struct workspace *ws;
    const float *in;
    const float *bias;
    float *out, *partial;
    size_t width, rows;
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
    const float *rows = ws->layers[m->L - 1].yB;
    struct rows_job j = {.m = m, .b = b, .in = rows, .out = out};
    if (ws->tail_only) /* the last block has left nothing else */
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
    if (ws->tail_only)
        memcpy(ws->dtail, dout, b->B * m->H * sizeof *dout);
    else
        pool_run(m->compute->pool, b->B, spread_mean, &j);
}

static void dense_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct rows_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    struct dropout none = {.scale = 1.0f};
    struct workspace *ws = j->ws;
    size_t H = m->H, at = first * H;
    ops->bias_act_forward(m->config.dense_act, ws->dense_a + at, ws->dense_u + at,
                          param_w(m->head[DENSE_B]), rows, H);
    if (!m->head[HEAD_NORM_W])
        return;
    struct norm norm = norm_of(m, m->head[HEAD_NORM_W], m->head[HEAD_NORM_B]);
    ops->residual_norm_forward(ws->head_y + at, ws->head_z + at, ws->head_mean + first,
                               ws->head_rstd + first, ws->dense_a + at, NULL, NULL, &norm, rows, H,
                               none, first);
}

static void drop_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct rows_job *j = arg;
    size_t at = first * j->width;
    j->m->compute->ops->dropout_rows(j->out + at, j->in + at, rows, j->width, j->drop, first);
}

static void drop_or_copy(struct rows_job *j, size_t B)
{
    if (j->drop.threshold)
        compute_rows(j->m->compute, B, drop_rows, j);
    else if (j->out != j->in)
        memcpy(j->out, j->in, B * j->width * sizeof *j->in);
}

const float *dense_forward(struct model *m, struct workspace *ws, const float *in, size_t B,
                           const struct pass *pass)
{
    struct rows_job first = {.m = m, .in = in, .out = ws->dense_in, .width = m->H};
    struct rows_job j = {.m = m, .ws = ws};
    first.drop = dropout_site(m->dropout[DROPOUT_HEAD_FIRST], pass, SITE_HEAD_FIRST);
    drop_or_copy(&first, B);
    product_forward(m->compute, ws->dense_u, ws->dense_in, m->head[DENSE_W]->w, B, m->H, m->H);
    compute_rows(m->compute, B, dense_rows, &j);
    return m->head[HEAD_NORM_W] ? ws->head_y : ws->dense_a;
}

/* Partial sums of the bias, and of the norm's two vectors, each a matrix (blocks, H) of its own. */
static float *dense_partial(const struct rows_job *j, int which, size_t block)
{
    return j->partial + ((size_t)which * compute_blocks(j->rows) + block) * j->m->H;
}

static void dense_rows_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct rows_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    struct dropout none = {.scale = 1.0f};
    struct workspace *ws = j->ws;
    size_t H = m->H, at = first * H;
    float *dy = j->out + at, *sum[3];
    for (int i = 0; i < 3; i++) {
        sum[i] = dense_partial(j, i, block);
        memset(sum[i], 0, H * sizeof *sum[i]);
    }
    if (m->head[HEAD_NORM_W]) {
        struct norm norm = norm_of(m, m->head[HEAD_NORM_W], m->head[HEAD_NORM_B]);
        ops->residual_norm_backward(dy, NULL, sum[1], norm.beta ? sum[2] : NULL, NULL, dy, NULL,
                                    ws->head_z + at, ws->head_mean + first, ws->head_rstd + first,
                                    &norm, rows, H, none, first);
    }
    ops->bias_act_backward(m->config.dense_act, dy, sum[0], dy, ws->dense_u + at, rows, H);
}

void dense_backward(struct model *m, struct workspace *ws, size_t B, const struct pass *pass,
                    float *dy, float *din)
{
    struct compute *c = m->compute;
    struct rows_job j = {.m = m, .ws = ws, .out = dy, .partial = ws->partial, .rows = B};
    static const int vectors[3] = {DENSE_B, HEAD_NORM_W, HEAD_NORM_B};
    size_t H = m->H;
    compute_rows(c, B, dense_rows_back, &j);
    for (int i = 0; i < 3; i++)
        if (m->head[vectors[i]])
            compute_add_partials(c, m->head[vectors[i]]->dw, dense_partial(&j, i, 0),
                                 compute_blocks(B), H);
    product_weight(c, m->head[DENSE_W]->dw, dy, ws->dense_in, B, H, H,
                   param_keeps(m->head[DENSE_W]));
    if (!din)
        return;
    product_backward(c, din, dy, m->head[DENSE_W]->w, B, H, H, 0.0f);
    struct rows_job first = {.m = m, .in = din, .out = din, .width = H};
    first.drop = dropout_site(m->dropout[DROPOUT_HEAD_FIRST], pass, SITE_HEAD_FIRST);
    drop_or_copy(&first, B);
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
    struct rows_job drop = {.m = m, .in = in, .out = ws->head_in, .width = m->H};
    drop.drop = dropout_site(m->dropout[DROPOUT_HEAD], pass, SITE_HEAD);
    drop_or_copy(&drop, B);
    product_forward(c, logits, ws->head_in, m->head[CLASSIFIER_W]->w, B, m->K, m->H);
    if (!m->head[CLASSIFIER_B])
        return;
    struct rows_job bias = {.m = m, .bias = m->head[CLASSIFIER_B]->w, .out = logits, .width = m->K};
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
    struct rows_job drop = {.m = m, .in = din, .out = din, .width = m->H};
    if (m->head[CLASSIFIER_B]) {
        compute_rows(c, B, sum_rows, &sum);
        compute_add_partials(c, m->head[CLASSIFIER_B]->dw, ws->partial, compute_blocks(B), m->K);
    }
    product_weight(c, m->head[CLASSIFIER_W]->dw, dlogits, ws->head_in, B, m->K, m->H,
                   param_keeps(m->head[CLASSIFIER_W]));
    if (!din)
        return;
    product_backward(c, din, dlogits, m->head[CLASSIFIER_W]->w, B, m->K, m->H, 0.0f);
    drop.drop = dropout_site(m->dropout[DROPOUT_HEAD], pass, SITE_HEAD);
    drop_or_copy(&drop, B);
}
