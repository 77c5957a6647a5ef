/* embeddings.c - ids to vectors: word + token type + position, norm, dropout, and where the widths
 * differ (ELECTRA, ALBERT) a projection to the blocks' width.
 *
 * Pre-norm families drop out first, and what they norm goes on un-normed, too, as the residual
 * stream. ModernBERT norms once, before the dropout, and both are the same.
 *
 * Backward spreads the tables over the workers by row, not the tokens: each row of a table has one
 * worker, which adds the tokens that use it in the order of the batch. So nothing races, and the
 * order of every sum is the batch's, whatever the number of threads. */
#include "engine/model/parts.h"

#include <assert.h>
#include <string.h>

#define TABLE_PARTS 32 /* items a table is dealt into, by row */

struct embedding_job {
    struct model *m;
    const struct batch *b;
    struct workspace *ws;
    struct dropout drop;
    bool normed;      /* there is a norm */
    bool drops_first; /* the dropout comes before the norm */
    float *gradient;  /* (T,E) of the summed tables */
};

static struct embedding_job job_of(struct model *m, const struct batch *b, struct workspace *ws,
                                   const struct pass *pass)
{
    struct embedding_job j = {.m = m, .b = b, .ws = ws};
    j.drop = dropout_site(m->dropout[DROPOUT_EMBEDDING], pass, SITE_EMBEDDING);
    j.normed = m->embedding[EMBEDDING_NORM_W];
    j.drops_first = m->family->place == PRE_NORM && !m->family->early_norm;
    j.gradient = ws->d_o;
    return j;
}

/* RoBERTa's places: padding stands at pad_token_id, everything else counts on from there. */
static void place_tokens(const struct model *m, const struct batch *b, struct workspace *ws)
{
    int32_t pad = (int32_t)m->config.pad_token_id;
    if (m->family->positions != POSITIONS_OFFSET) {
        memcpy(ws->position, b->position, b->T * sizeof *ws->position);
        return;
    }
    for (size_t s = 0; s < b->B; s++) {
        int32_t next = pad;
        for (size_t t = b->start[s]; t < b->start[s + 1]; t++)
            ws->position[t] = b->token[t] == pad ? pad : ++next;
    }
}

/* A token's row of the table of types: the first where the model is told none. */
static size_t type_of(const struct batch *b, size_t t)
{
    return b->segment[t] == NO_SEGMENT ? 0 : (size_t)b->segment[t];
}

static void sum_tables(const struct embedding_job *j, size_t first, size_t rows)
{
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    const struct batch *b = j->b;
    const struct param *word = m->embedding[WORD], *type = m->embedding[TYPE],
                       *position = m->embedding[POSITION];
    size_t E = m->E;
    for (size_t t = first; t < first + rows; t++) {
        float *z = j->ws->summed + t * E;
        assert((size_t)b->token[t] < word->rows);
        memcpy(z, word->w + (size_t)b->token[t] * E, E * sizeof *z);
        if (type)
            ops->add(z, type->w + type_of(b, t) * E, E);
        if (position)
            ops->add(z, position->w + (size_t)j->ws->position[t] * E, E);
    }
}

static void forward_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct embedding_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    struct workspace *ws = j->ws;
    size_t E = m->E;
    float *z = ws->summed + first * E, *y = ws->embedded + first * E;
    struct dropout none = {.scale = 1.0f};
    sum_tables(j, first, rows);
    if (j->normed) {
        struct norm norm =
            norm_of(m, m->embedding[EMBEDDING_NORM_W], m->embedding[EMBEDDING_NORM_B]);
        ops->residual_norm_forward(y, z, ws->embedding_mean + first, ws->embedding_rstd + first, z,
                                   NULL, NULL, &norm, rows, E, j->drops_first ? j->drop : none,
                                   first);
    }
    if (j->drop.threshold && !j->drops_first)
        ops->dropout_rows(y, y, rows, E, j->drop, first);
}

static void project_bias(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)block, (void)worker;
    const struct embedding_job *j = arg;
    const struct model *m = j->m;
    m->compute->ops->bias_add(j->ws->projected + first * m->H, m->embedding[PROJECT_B]->w, rows,
                              m->H);
}

void embeddings_forward(struct model *m, const struct batch *b, struct workspace *ws,
                        const struct pass *pass)
{
    struct embedding_job j = job_of(m, b, ws, pass);
    if (ws->position)
        place_tokens(m, b, ws);
    compute_rows(m->compute, b->T, forward_rows, &j);
    if (!m->embedding[PROJECT_W])
        return;
    product_forward(m->compute, ws->projected, ws->embedded, m->embedding[PROJECT_W]->w, b->T, m->H,
                    m->E);
    compute_rows(m->compute, b->T, project_bias, &j);
}

/* The gradient of the summed tables to j->gradient, from ws->dembedded and the stream's; the
 * block's share of the token types' and of the norm's goes into its row of partial sums. */
static void backward_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct embedding_job *j = arg;
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    const struct param *type = m->embedding[TYPE];
    struct workspace *ws = j->ws;
    size_t E = m->E, types = type ? type->rows : 0;
    size_t width = embeddings_partial(m), at = first * E;
    float *partial = ws->partial + block * width, *dy = ws->dembedded + at;
    float *out = j->gradient + at;
    memset(partial, 0, width * sizeof *partial);
    if (m->family->early_norm)
        ops->add(dy, ws->dstream + at, rows * E);
    if (j->drop.threshold && !j->drops_first)
        ops->dropout_rows(dy, dy, rows, E, j->drop, first);
    if (j->normed) {
        struct norm norm =
            norm_of(m, m->embedding[EMBEDDING_NORM_W], m->embedding[EMBEDDING_NORM_B]);
        float *dgamma = partial + types * E, *dbeta = norm.beta ? dgamma + E : NULL;
        struct dropout none = {.scale = 1.0f};
        ops->residual_norm_backward(dy, out, dgamma, dbeta, NULL, dy,
                                    j->drops_first ? ws->dstream + at : NULL, ws->summed + at,
                                    ws->embedding_mean + first, ws->embedding_rstd + first, &norm,
                                    rows, E, j->drops_first ? j->drop : none, first);
    } else {
        memcpy(out, dy, rows * E * sizeof *out);
    }
    for (size_t r = 0; type && r < rows; r++)
        ops->add(partial + type_of(j->b, first + r) * E, out + r * E, E);
}

/* Add the tokens' gradients to the rows of one part of a table. `skip`: torch's padding_idx. */
static void scatter_part(const struct embedding_job *j, struct param *table, const int32_t *row,
                         size_t part, double skip)
{
    size_t E = j->m->E;
    for (size_t t = 0; t < j->b->T; t++) {
        size_t id = (size_t)row[t];
        if (id % TABLE_PARTS != part)
            continue;
        if (table->touched)
            table->touched[id] = 1;
        if ((double)id != skip)
            j->m->compute->ops->add(table->dw + id * E, j->gradient + t * E, E);
    }
}

/* Items 0..TABLE_PARTS are of the word table, those after of the positions'. */
static void scatter(void *arg, size_t item, int worker)
{
    (void)worker;
    const struct embedding_job *j = arg;
    const struct model *m = j->m;
    double pad = m->config.pad_token_id;
    if (item < TABLE_PARTS)
        scatter_part(j, m->embedding[WORD], j->b->token, item, m->family->pads_words ? pad : -1);
    else
        scatter_part(j, m->embedding[POSITION], j->ws->position, item - TABLE_PARTS,
                     m->family->positions == POSITIONS_OFFSET ? pad : -1);
}

static void project_bias_back(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    const struct embedding_job *j = arg;
    size_t H = j->m->H;
    float *partial = j->ws->partial + block * H;
    memset(partial, 0, H * sizeof *partial);
    j->m->compute->ops->column_sum(partial, j->ws->dx + first * H, rows, H);
}

static void project_back(struct embedding_job *j)
{
    struct model *m = j->m;
    struct compute *c = m->compute;
    struct workspace *ws = j->ws;
    size_t T = j->b->T;
    struct param *w = m->embedding[PROJECT_W];
    product_backward(c, ws->dembedded, ws->dx, w->w, T, m->H, m->E, 0.0f);
    product_weight(c, w->dw, ws->dx, ws->embedded, T, m->H, m->E, param_keeps(w));
    compute_rows(c, T, project_bias_back, j);
    compute_add_partials(c, m->embedding[PROJECT_B]->dw, ws->partial, compute_blocks(T), m->H);
}

size_t embeddings_partial(const struct model *m)
{
    size_t rows = m->embedding[TYPE] ? m->embedding[TYPE]->rows : 0;
    rows += m->embedding[EMBEDDING_NORM_W] ? 1 : 0;
    rows += m->embedding[EMBEDDING_NORM_B] ? 1 : 0;
    return rows * m->E;
}

void embeddings_backward(struct model *m, const struct batch *b, struct workspace *ws,
                         const struct pass *pass)
{
    struct embedding_job j = job_of(m, b, ws, pass);
    struct param *first = m->embedding[TYPE] ? m->embedding[TYPE] : m->embedding[EMBEDDING_NORM_W];
    if (m->embedding[PROJECT_W])
        project_back(&j);
    compute_rows(m->compute, b->T, backward_rows, &j);
    if (first)
        compute_add_partials(m->compute, first->dw, ws->partial, compute_blocks(b->T),
                             embeddings_partial(m));
    pool_run(m->compute->pool, m->embedding[POSITION] ? 2 * TABLE_PARTS : TABLE_PARTS, scatter, &j);
}
