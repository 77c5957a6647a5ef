/* attend.c - what lies between the product for queries, keys and values and the one after
 * attention: their bias, norms of heads (Qwen3), rotary positions, softmax, and all of it back.
 *
 * One sequence at a time, while its rows are in cache, or some of its heads; they are dealt over the
 * workers. A key-value head may serve several query heads (Ainslie et al. 2023): their gradients add up in the
 * order of the heads. What a sequence adds to parameters that all sequences share (the norms, the
 * table of relative positions) goes to a row of its own, and rows are added up in order. */
#include "engine/model/parts.h"
#include "engine/model/xlnet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dropout attend_dropout(const struct attend_job *j, size_t sequence, size_t head)
{
    const struct model *m = j->m;
    size_t site = SITE_BLOCKS + 2 * m->L + (j->index * j->b->B + sequence) * m->heads + head;
    return dropout_site(m->dropout[DROPOUT_ATTENTION], j->pass, (uint32_t)site);
}

/* Frequencies as Transformers computes them, in float: at a position of 500 a double's would turn
 * by another angle in the fifth digit. Su et al. 2021; the stretching is Llama 3.1's. */
static float frequency_of(const struct rope *r, size_t i, size_t D)
{
    float f = 1.0f / powf((float)r->theta, (float)(2 * i) / (float)D);
    if (r->low_freq_factor == 0)
        return f / (float)r->factor;
    float wave = (float)(2 * M_PI) / f, factor = (float)r->factor;
    float longest = (float)(r->original_length / r->low_freq_factor);
    float shortest = (float)(r->original_length / r->high_freq_factor);
    if (wave > longest)
        return f / factor;
    if (wave < shortest)
        return f;
    float smooth = (float)(r->original_length / wave - r->low_freq_factor) /
                   (float)(r->high_freq_factor - r->low_freq_factor);
    return (1.0f - smooth) * (f / factor) + smooth * f;
}

void attend_prepare(const struct model *m, struct workspace *ws)
{
    size_t half = m->D / 2;
    if (ws->turned || m->family->positions != POSITIONS_ROTARY)
        return;
    for (int r = 0; r < 2; r++)
        for (size_t i = 0; i < half; i++) {
            float f = frequency_of(&m->config.rope[r], i, m->D);
            for (size_t p = 0; p < ws->max_S; p++) {
                ws->turns[r].cosine[p * half + i] = cosf((float)p * f);
                ws->turns[r].sine[p * half + i] = sinf((float)p * f);
            }
        }
    ws->turned = true;
}

static const struct turns *turns_of(const struct attend_job *j)
{
    return &j->ws->turns[j->l->rope == &j->m->config.rope[1]];
}

/* Which row of the table of relative positions serves distance d = key - query (Raffel et al. 2020,
 * as MPNet has it: distances beyond 128 share the last). */
static size_t bucket_of(long d, size_t buckets)
{
    size_t half = buckets / 2, exact = half / 2, n = (size_t)labs(d);
    size_t side = d > 0 ? half : 0;
    if (n < exact)
        return side + n;
    float far =
        logf((float)n / (float)exact) / (float)log(128.0 / (double)exact) * (float)(half - exact);
    size_t bucket = exact + (size_t)far;
    return side + (bucket < half ? bucket : half - 1);
}

/* bias (S, stride) of one head; and its gradient back to a sequence's sums (buckets, heads). */
static void relative_bias(const struct model *m, float *bias, size_t S, size_t head)
{
    const struct param *p = m->embedding[RELATIVE_BIAS];
    size_t stride = ops_attention_stride(S);
    for (long d = 1 - (long)S; d < (long)S; d++) {
        float value = p->w[bucket_of(d, p->rows) * p->cols + head];
        for (size_t i = d < 0 ? (size_t)-d : 0; i < S && (long)i + d < (long)S; i++)
            bias[i * stride + (size_t)((long)i + d)] = value;
    }
}

static void relative_bias_back(const struct model *m, float *sums, const float *dbias, size_t S,
                               size_t head)
{
    const struct param *p = m->embedding[RELATIVE_BIAS];
    size_t stride = ops_attention_stride(S);
    for (long d = 1 - (long)S; d < (long)S; d++) {
        double sum = 0;
        for (size_t i = d < 0 ? (size_t)-d : 0; i < S && (long)i + d < (long)S; i++)
            sum += dbias[i * stride + (size_t)((long)i + d)];
        sums[bucket_of(d, p->rows) * p->cols + head] += (float)sum;
    }
}

size_t attend_sums(const struct model *m)
{
    if (m->family->positions == POSITIONS_RELATIVE)
        return xlnet_sums(m);
    if (m->embedding[RELATIVE_BIAS])
        return m->embedding[RELATIVE_BIAS]->rows * m->heads;
    return m->layers[0].at[QUERY_NORM_W] ? 2 * m->D : 0;
}

/* Families whose scores have a bias by position, from what all heads share: its gradients add up. */
static bool is_biased(const struct model *m)
{
    return m->embedding[RELATIVE_BIAS] || m->family->positions == POSITIONS_RELATIVE;
}

/* A worker's scratch, one part after the other: the kernel's own, P where nobody keeps it, a bias
 * matrix, its gradient, and XLNet's. */
struct scratch {
    float *kernel, *P, *bias, *dbias, *rest;
};
static size_t whole(size_t floats)
{
    return (floats + 15) / 16 * 16;
}
static size_t lay_scratch(const struct model *m, size_t S, bool training, float *base,
                          struct scratch *out)
{
    size_t square = whole(S * ops_attention_stride(S));
    bool biased = is_biased(m);
    size_t at[6] = {0};
    at[1] = whole(ops_attention_scratch(S, m->D));
    at[2] = at[1] + (training ? 0 : square);
    at[3] = at[2] + (biased ? square : 0);
    at[4] = at[3] + (biased && training ? square : 0);
    at[5] = at[4] + (m->family->positions == POSITIONS_RELATIVE ? whole(xlnet_scratch(m, S)) : 0);
    if (out)
        *out = (struct scratch){base, base + at[1], base + at[2], base + at[3], base + at[4]};
    return at[5];
}
size_t attend_scratch(const struct model *m, size_t max_S, bool training)
{
    return lay_scratch(m, max_S, training, NULL, NULL);
}

/* Each head's queries and keys get a norm: rows of width D. */
static void norm_heads(const struct attend_job *j, size_t t)
{
    const struct model *m = j->m;
    struct norm q = norm_of(m, j->l->at[QUERY_NORM_W], NULL);
    struct norm k = norm_of(m, j->l->at[KEY_NORM_W], NULL);
    struct dropout none = {.scale = 1.0f};
    float *x = j->k->qkv + t * m->QKV, *raw = j->k->raw + t * (m->QW + m->KW);
    float *rstd = j->k->raw_rstd + t * (m->heads + m->kv_heads);
    const struct ops *ops = m->compute->ops;
    ops->residual_norm_forward(x, raw, NULL, rstd, x, NULL, NULL, &q, m->heads, m->D, none, 0);
    ops->residual_norm_forward(x + m->QW, raw + m->QW, NULL, rstd + m->heads, x + m->QW, NULL, NULL,
                               &k, m->kv_heads, m->D, none, 0);
}

static void norm_heads_back(const struct attend_job *j, size_t t, float *sums)
{
    const struct model *m = j->m;
    struct norm q = norm_of(m, j->l->at[QUERY_NORM_W], NULL);
    struct norm k = norm_of(m, j->l->at[KEY_NORM_W], NULL);
    struct dropout none = {.scale = 1.0f};
    float *dx = j->ws->dqkv + t * m->QKV;
    const float *raw = j->k->raw + t * (m->QW + m->KW);
    const float *rstd = j->k->raw_rstd + t * (m->heads + m->kv_heads);
    const struct ops *ops = m->compute->ops;
    ops->residual_norm_backward(dx, NULL, sums, NULL, NULL, dx, NULL, raw, NULL, rstd, &q, m->heads,
                                m->D, none, 0);
    ops->residual_norm_backward(dx + m->QW, NULL, sums + m->D, NULL, NULL, dx + m->QW, NULL,
                                raw + m->QW, NULL, rstd + m->heads, &k, m->kv_heads, m->D, none, 0);
}

static struct attention attention_of(const struct attend_job *j, size_t s, size_t S, size_t head)
{
    const struct model *m = j->m;
    return (struct attention){.S = S,
                              .D = m->D,
                              .scale = 1.0f / sqrtf((float)m->D),
                              .causal = m->family->causal,
                              .window = j->l->window,
                              .d = attend_dropout(j, s, head)};
}

/* Query head h of the rows at x, and the key-value head it shares. */
static struct qkv head_of(const struct model *m, float *x, size_t h)
{
    size_t kv = h / (m->heads / m->kv_heads) * m->D;
    return (struct qkv){x + h * m->D, x + m->QW + kv, x + m->QW + m->KW + kv, m->QKV, m->QKV};
}

/* ---- who does what ----
 *
 * An item is a sequence, or, where there are too few of them to go round, some heads of one: groups of
 * whole key-value heads. What all heads of a sequence share comes before or after in a job of its own
 * then; else it is done in the same item, while the rows are in cache. */

struct dealt {
    const struct attend_job *j;
    size_t groups; /* of heads, of each sequence */
};

/* Items are to be four a worker, since sequences differ in length. `whole`: heads add up to one sum. */
static struct dealt deal(const struct attend_job *j, bool whole)
{
    size_t wanted = 4 * (size_t)pool_threads(j->m->compute->pool), B = j->b->B;
    size_t groups = whole || B >= wanted ? 1 : (wanted + B - 1) / B;
    return (struct dealt){j, groups < j->m->kv_heads ? groups : j->m->kv_heads};
}

/* Heads [first, end) of an item. */
static size_t heads_of(const struct dealt *d, size_t item, size_t *end)
{
    const struct model *m = d->j->m;
    size_t group = item % d->groups, shared = m->heads / m->kv_heads;
    *end = (group + 1) * m->kv_heads / d->groups * shared;
    return group * m->kv_heads / d->groups * shared;
}

/* ---- forward ---- */

static void prepare_sequence(const struct attend_job *j, size_t s)
{
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    size_t first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *qkv = j->k->qkv + first * m->QKV;
    if (j->l->qkv_b)
        ops->bias_add(qkv, j->l->qkv_b->w, S, m->QKV);
    for (size_t t = first; j->l->at[QUERY_NORM_W] && t < first + S; t++)
        norm_heads(j, t);
    if (j->l->rope)
        ops->rope(qkv, m->QKV, turns_of(j)->cosine, turns_of(j)->sine, S, m->heads + m->kv_heads,
                  m->D, false);
}

static void prepare(void *arg, size_t s, int worker)
{
    (void)worker;
    prepare_sequence(((const struct dealt *)arg)->j, s);
}

static void attend(void *arg, size_t item, int worker)
{
    const struct dealt *dealt = arg;
    const struct attend_job *j = dealt->j;
    const struct model *m = j->m;
    size_t s = item / dealt->groups, end, h = heads_of(dealt, item, &end);
    size_t first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *qkv = j->k->qkv + first * m->QKV;
    struct scratch scratch;
    lay_scratch(m, j->ws->max_S, j->ws->training, compute_scratch(m->compute, worker), &scratch);
    if (dealt->groups == 1)
        prepare_sequence(j, s);
    for (; h < end; h++) {
        float *P = j->ws->training
                       ? j->k->P + j->ws->attention_at[s] + h * S * ops_attention_stride(S)
                       : scratch.P;
        float *ctx = j->k->ctx + first * m->QW + h * m->D;
        struct attention a = attention_of(j, s, S, h);
        struct qkv x = head_of(m, qkv, h);
        if (m->embedding[RELATIVE_BIAS]) {
            relative_bias(m, scratch.bias, S, h);
            a.bias = scratch.bias;
        }
        if (m->family->positions == POSITIONS_RELATIVE)
            x.q = xlnet_scores(j, s, h, scratch.bias, scratch.rest, &x.ldq, &a);
        m->compute->ops->attention_forward(ctx, m->QW, P, x, &a, scratch.kernel);
    }
}

void attend_forward(const struct attend_job *j)
{
    attend_prepare(j->m, j->ws);
    if (j->m->family->positions == POSITIONS_RELATIVE)
        xlnet_relative(j);
    struct dealt dealt = deal(j, false);
    if (dealt.groups > 1)
        pool_run(j->m->compute->pool, j->b->B, prepare, &dealt);
    pool_run(j->m->compute->pool, j->b->B * dealt.groups, attend, &dealt);
}

/* ---- backward ---- */

static float *sums_of(const struct attend_job *j, size_t s)
{
    size_t width = attend_sums(j->m);
    return width ? j->ws->sequence_sums + s * width : NULL;
}

static void finish_sequence(const struct attend_job *j, size_t s)
{
    const struct model *m = j->m;
    size_t first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *dqkv = j->ws->dqkv + first * m->QKV, *sums = sums_of(j, s);
    if (j->l->rope)
        m->compute->ops->rope(dqkv, m->QKV, turns_of(j)->cosine, turns_of(j)->sine, S,
                              m->heads + m->kv_heads, m->D, true);
    if (!j->l->at[QUERY_NORM_W])
        return;
    memset(sums, 0, attend_sums(m) * sizeof *sums);
    for (size_t t = first; t < first + S; t++)
        norm_heads_back(j, t, sums);
}

static void finish(void *arg, size_t s, int worker)
{
    (void)worker;
    finish_sequence(((const struct dealt *)arg)->j, s);
}

static void attend_back(void *arg, size_t item, int worker)
{
    const struct dealt *dealt = arg;
    const struct attend_job *j = dealt->j;
    const struct model *m = j->m;
    size_t s = item / dealt->groups, end, h = heads_of(dealt, item, &end);
    size_t first = j->b->start[s], S = j->b->start[s + 1] - first;
    float *qkv = j->k->qkv + first * m->QKV, *dqkv = j->ws->dqkv + first * m->QKV;
    float *sums = sums_of(j, s);
    struct scratch scratch;
    lay_scratch(m, j->ws->max_S, true, compute_scratch(m->compute, worker), &scratch);
    if (is_biased(m))
        memset(sums, 0, attend_sums(m) * sizeof *sums);
    for (; h < end; h++) {
        const float *P = j->k->P + j->ws->attention_at[s] + h * S * ops_attention_stride(S);
        const float *dctx = j->ws->dctx + first * m->QW + h * m->D;
        struct attention a = attention_of(j, s, S, h);
        struct qkv x = head_of(m, qkv, h), dx = head_of(m, dqkv, h);
        bool shares = h % (m->heads / m->kv_heads) != 0;
        if (m->family->positions == POSITIONS_RELATIVE) {
            xlnet_attend_back(j, s, h, P, dctx, scratch.kernel, scratch.dbias, scratch.rest, &a,
                              sums);
            continue;
        }
        m->compute->ops->attention_backward(dx, m->embedding[RELATIVE_BIAS] ? scratch.dbias : NULL,
                                            dctx, m->QW, P, x, &a, shares, scratch.kernel);
        if (m->embedding[RELATIVE_BIAS])
            relative_bias_back(m, sums, scratch.dbias, S, h);
    }
    if (dealt->groups == 1)
        finish_sequence(j, s);
}

void attend_backward(const struct attend_job *j)
{
    const struct model *m = j->m;
    struct dealt dealt = deal(j, is_biased(m));
    pool_run(m->compute->pool, j->b->B * dealt.groups, attend_back, &dealt);
    if (dealt.groups > 1)
        pool_run(m->compute->pool, j->b->B, finish, &dealt);
    if (m->family->positions == POSITIONS_RELATIVE)
        xlnet_add_sums(j);
    else if (m->embedding[RELATIVE_BIAS] && m->embedding[RELATIVE_BIAS]->trainable)
        compute_add_partials(m->compute, m->embedding[RELATIVE_BIAS]->dw, j->ws->sequence_sums,
                             j->b->B, attend_sums(m));
    else if (!m->embedding[RELATIVE_BIAS] && j->l->at[QUERY_NORM_W])
        compute_add_partials(m->compute, j->l->at[QUERY_NORM_W]->dw, j->ws->sequence_sums, j->b->B,
                             attend_sums(m));
}
