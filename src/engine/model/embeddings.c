/* embeddings.c - ids to vectors: word + position + token type, LayerNorm, dropout.
 *
 * Backward spreads the tables over the workers by row, not the tokens: each row of a table has one
 * worker, which adds the tokens that use it in the order of the batch. So nothing races, and the
 * order of every sum is the batch's, whatever the number of threads. */
#include "engine/model/parts.h"

#include <assert.h>
#include <string.h>

#define WORD_PARTS 32 /* items the word table is dealt into, by id */

struct embedding_job {
    struct model *m;
    const struct batch *b;
    struct workspace *ws;
    struct dropout drop;
};

static struct norm embedding_norm(const struct model *m)
{
    const struct param *p = m->embedding;
    return (struct norm){p[EMBEDDING_GAMMA].w, p[EMBEDDING_BETA].w, (float)m->config.layer_norm_eps,
                         false};
}

static void forward_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct embedding_job *j = arg;
    const struct ops *ops = j->m->compute->ops;
    const struct param *p = j->m->embedding;
    const struct batch *b = j->b;
    struct workspace *ws = j->ws;
    size_t H = j->m->H;
    float *z = ws->embedding_z + first * H, *y = ws->embedded + first * H;
    for (size_t r = 0; r < rows; r++) {
        size_t t = first + r;
        assert((size_t)b->token[t] < p[WORD].rows && (size_t)b->position[t] < p[POSITION].rows &&
               (size_t)b->segment[t] < p[TYPE].rows);
        memcpy(z + r * H, p[WORD].w + (size_t)b->token[t] * H, H * sizeof *z);
        ops->add(z + r * H, p[TYPE].w + (size_t)b->segment[t] * H, H);
        ops->add(z + r * H, p[POSITION].w + (size_t)b->position[t] * H, H);
    }
    struct dropout none = {.scale = 1.0f};
    struct norm n = embedding_norm(j->m);
    ops->residual_norm_forward(y, z, ws->embedding_mean + first, ws->embedding_rstd + first, z,
                               NULL, NULL, &n, rows, H, none, first);
    if (j->drop.threshold)
        ops->dropout_rows(y, y, rows, H, j->drop, first);
}

void embeddings_forward(struct model *m, const struct batch *b, struct workspace *ws,
                        const struct pass *pass)
{
    struct embedding_job j = {m, b, ws, dropout_site(m->hidden_dropout, pass, SITE_EMBEDDING)};
    compute_rows(m->compute, b->T, forward_rows, &j);
}

/* dx becomes the gradient of the summed embeddings; the block's share of the token types' and of
 * LayerNorm's gradients goes into its row of partial sums. */
static void backward_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct embedding_job *j = arg;
    const struct ops *ops = j->m->compute->ops;
    const struct param *p = j->m->embedding;
    struct workspace *ws = j->ws;
    size_t H = j->m->H, types = p[TYPE].rows, width = (types + 2) * H;
    float *partial = ws->partial + block * width, *dx = ws->dx + first * H;
    memset(partial, 0, width * sizeof *partial);
    if (j->drop.threshold)
        ops->dropout_rows(dx, dx, rows, H, j->drop, first);
    struct dropout none = {.scale = 1.0f};
    struct norm n = embedding_norm(j->m);
    ops->residual_norm_backward(dx, NULL, partial + types * H, partial + (types + 1) * H, NULL, dx,
                                NULL, ws->embedding_z + first * H, ws->embedding_mean + first,
                                ws->embedding_rstd + first, &n, rows, H, none, first);
    for (size_t r = 0; r < rows; r++)
        ops->add(partial + (size_t)j->b->segment[first + r] * H, dx + r * H, H);
}

/* Items 0..WORD_PARTS: word ids of that remainder. Items after: one position each. */
static void scatter(void *arg, size_t item, int worker)
{
    (void)worker;
    const struct embedding_job *j = arg;
    const struct ops *ops = j->m->compute->ops;
    struct param *p = j->m->embedding;
    const struct batch *b = j->b;
    size_t H = j->m->H;
    if (item < WORD_PARTS) {
        for (size_t t = 0; t < b->T; t++) {
            size_t id = (size_t)b->token[t];
            if (id % WORD_PARTS != item)
                continue;
            p[WORD].touched[id] = 1;
            ops->add(p[WORD].dw + id * H, j->ws->dx + t * H, H);
        }
        return;
    }
    size_t position = item - WORD_PARTS;
    for (size_t s = 0; s < b->B; s++)
        if (b->start[s] + position < b->start[s + 1])
            ops->add(p[POSITION].dw + position * H, j->ws->dx + (b->start[s] + position) * H, H);
}

void embeddings_backward(struct model *m, const struct batch *b, struct workspace *ws,
                         const struct pass *pass)
{
    struct embedding_job j = {m, b, ws, dropout_site(m->hidden_dropout, pass, SITE_EMBEDDING)};
    size_t width = (m->embedding[TYPE].rows + 2) * m->H;
    compute_rows(m->compute, b->T, backward_rows, &j);
    compute_add_partials(m->compute, m->embedding[TYPE].dw, ws->partial, compute_blocks(b->T),
                         width);
    pool_run(m->compute->pool, WORD_PARTS + b->longest, scatter, &j);
}
