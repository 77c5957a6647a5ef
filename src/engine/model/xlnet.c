/* xlnet.c - see xlnet.h. Distances run from 1 - S to S - 1 in rows; a shorter sequence of the batch
 * uses the rows in the middle. */
#include "engine/model/xlnet.h"

#include <math.h>
#include <string.h>

/* One head's scratch in one sequence. */
struct spots {
    float *content, *place; /* (S,D) queries with r_w_bias, with r_r_bias */
    float *met;             /* (S,2S) place times distances */
    float *dcontent, *dplace;
    float *product; /* of ops->product */
};

static size_t whole(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

static struct spots spots_of(const struct model *m, float *base, size_t S)
{
    size_t rows = whole(S * m->D);
    return (struct spots){.content = base,
                          .place = base + rows,
                          .dcontent = base + 2 * rows,
                          .dplace = base + 3 * rows,
                          .met = base + 4 * rows,
                          .product = base + 4 * rows + whole(2 * S * S)};
}

size_t xlnet_scratch(const struct model *m, size_t S)
{
    return 4 * whole(S * m->D) + whole(2 * S * S) + ops_product_scratch();
}

/* Three biases and the two segment vectors, neighbours in the table of parameters. */
size_t xlnet_sums(const struct model *m)
{
    return 5 * m->QW;
}

/* Row r of the table encodes distance r - (max_S - 1): sines, then cosines. */
static void fill_distances(const struct model *m, struct workspace *ws)
{
    size_t half = m->H / 2;
    double limit = m->config.clamp_len;
    for (size_t r = 0; r < 2 * ws->max_S - 1; r++) {
        double d = (double)r - (double)(ws->max_S - 1);
        if (limit > 0)
            d = d > limit ? limit : d < -limit ? -limit : d;
        for (size_t i = 0; i < half; i++) {
            float f = 1.0f / powf(10000.0f, (float)(2 * i) / (float)m->H);
            ws->distances[r * m->H + i] = sinf((float)d * f);
            ws->distances[r * m->H + half + i] = cosf((float)d * f);
        }
    }
}

/* The rows of this batch's distances. */
static const float *distances_of(const struct attend_job *j)
{
    return j->ws->distances_read + (j->ws->max_S - j->ws->S) * j->m->H;
}

/* Dropout of the encodings is drawn once a forward pass and serves all layers, as in Transformers;
 * there each sequence of a batch has a draw of its own, here they share one. */
static void drop_distances(const struct attend_job *j)
{
    struct workspace *ws = j->ws;
    const struct model *m = j->m;
    size_t rows = 2 * ws->max_S - 1;
    struct dropout d = dropout_site(m->dropout[DROPOUT_EMBEDDING], j->pass, SITE_DISTANCES);
    ws->distances_read = ws->distances;
    if (!d.threshold)
        return;
    m->compute->ops->dropout_rows(ws->distances_dropped, ws->distances, rows, m->H, d, 0);
    ws->distances_read = ws->distances_dropped;
}

void xlnet_relative(const struct attend_job *j)
{
    struct workspace *ws = j->ws;
    if (!ws->turned)
        fill_distances(j->m, ws);
    ws->turned = true;
    if (j->index == ws->first)
        drop_distances(j);
    product_forward(j->m->compute, j->k->relative, distances_of(j), j->l->at[RELATIVE_W]->w,
                    2 * ws->S - 1, j->m->QW, j->m->H);
}

static void add_bias(float *out, const float *q, size_t ldq, const float *bias, size_t S, size_t D)
{
    for (size_t i = 0; i < S; i++)
        for (size_t c = 0; c < D; c++)
            out[i * D + c] = q[i * ldq + c] + bias[c];
}

/* What query row q and a bias make of the two segment vectors of head h. */
static void segment_scores(const struct attend_job *j, const float *q, size_t h, float out[2])
{
    size_t D = j->m->D;
    const float *bias = j->l->at[SEGMENT_BIAS]->w + h * D;
    for (int which = 0; which < 2; which++) {
        const float *v = j->l->at[SEGMENT_W]->w + (size_t)which * j->m->QW + h * D;
        double sum = 0;
        for (size_t c = 0; c < D; c++)
            sum += (double)(q[c] + bias[c]) * v[c];
        out[which] = (float)sum;
    }
}

float *xlnet_scores(const struct attend_job *j, size_t s, size_t h, float *bias, float *rest,
                    size_t *ldq, struct attention *a)
{
    const struct model *m = j->m;
    size_t S = a->S, D = m->D, QW = m->QW, stride = ops_attention_stride(S);
    size_t first = j->b->start[s];
    const float *q = j->k->qkv + first * m->QKV + h * D;
    const float *relative = j->k->relative + (j->ws->S - S) * QW + h * D;
    const int32_t *segment = j->b->segment + first;
    const bool told = segment[0] != NO_SEGMENT;
    struct spots at = spots_of(m, rest, S);
    add_bias(at.content, q, m->QKV, j->l->at[CONTENT_BIAS]->w + h * D, S, D);
    add_bias(at.place, q, m->QKV, j->l->at[POSITION_BIAS]->w + h * D, S, D);
    m->compute->ops->product(at.met, 2 * S, at.place, D, 1, relative, 1, QW, S, 2 * S - 1, D, 0.0f,
                             at.product);
    for (size_t i = 0; i < S; i++) {
        float by_segment[2] = {0.0f, 0.0f};
        if (told)
            segment_scores(j, q + i * m->QKV, h, by_segment);
        for (size_t k = 0; k < S; k++)
            bias[i * stride + k] = a->scale * (at.met[i * 2 * S + (i + S - 1 - k)] +
                                               by_segment[segment[i] != segment[k]]);
    }
    a->bias = bias;
    *ldq = D;
    return at.content;
}

/* dbias to at->met, by distance, and to the two segment vectors' shares of each query. */
static void split_scores(const struct attend_job *j, size_t s, const struct attention *a,
                         const float *dbias, const struct spots *at, float *shares)
{
    size_t S = a->S, stride = ops_attention_stride(S);
    const int32_t *segment = j->b->segment + j->b->start[s];
    const bool told = segment[0] != NO_SEGMENT;
    memset(at->met, 0, 2 * S * S * sizeof *at->met);
    for (size_t i = 0; i < S; i++) {
        double share[2] = {0, 0};
        for (size_t k = 0; k < S; k++) {
            float g = a->scale * dbias[i * stride + k];
            at->met[i * 2 * S + (i + S - 1 - k)] = g;
            share[segment[i] != segment[k]] += g;
        }
        shares[2 * i] = told ? (float)share[0] : 0.0f;
        shares[2 * i + 1] = told ? (float)share[1] : 0.0f;
    }
}

/* dq of one head from its three parts, and the sums for the biases and the segment vectors. */
static void gather_queries(const struct attend_job *j, size_t first, size_t S, size_t h,
                           const struct spots *at, const float *shares, float *sums)
{
    const struct model *m = j->m;
    size_t D = m->D, QW = m->QW;
    const float *bias = j->l->at[SEGMENT_BIAS]->w + h * D, *vector = j->l->at[SEGMENT_W]->w + h * D;
    float *content = sums + h * D, *place = content + QW, *segment = place + QW;
    float *vectors = segment + QW;
    for (size_t i = 0; i < S; i++) {
        const float *q = j->k->qkv + (first + i) * m->QKV + h * D, *share = shares + 2 * i;
        float *dq = j->ws->dqkv + (first + i) * m->QKV + h * D;
        for (size_t c = 0; c < D; c++) {
            float by_segment = share[0] * vector[c] + share[1] * vector[QW + c];
            dq[c] = at->dcontent[i * D + c] + at->dplace[i * D + c] + by_segment;
            content[c] += at->dcontent[i * D + c];
            place[c] += at->dplace[i * D + c];
            segment[c] += by_segment;
            vectors[c] += share[0] * (q[c] + bias[c]);
            vectors[QW + c] += share[1] * (q[c] + bias[c]);
        }
    }
}

void xlnet_attend_back(const struct attend_job *j, size_t s, size_t h, const float *P,
                       const float *dctx, float *kernel, float *dbias, float *rest,
                       struct attention *a, float *sums)
{
    const struct model *m = j->m;
    const struct ops *ops = m->compute->ops;
    struct workspace *ws = j->ws;
    size_t S = a->S, D = m->D, QW = m->QW, first = j->b->start[s];
    float *qkv = j->k->qkv + first * m->QKV + h * D, *dqkv = ws->dqkv + first * m->QKV + h * D;
    const float *relative = j->k->relative + (ws->S - S) * QW + h * D;
    float *drelative = ws->drelative + s * 2 * ws->S * QW;
    struct spots at = spots_of(m, rest, S);
    if (h == 0)
        memset(drelative, 0, 2 * ws->S * QW * sizeof *drelative);
    drelative += (ws->S - S) * QW + h * D;
    add_bias(at.content, qkv, m->QKV, j->l->at[CONTENT_BIAS]->w + h * D, S, D);
    add_bias(at.place, qkv, m->QKV, j->l->at[POSITION_BIAS]->w + h * D, S, D);
    struct qkv x = {at.content, qkv + QW, qkv + 2 * QW, D, m->QKV};
    struct qkv dx = {at.dcontent, dqkv + QW, dqkv + 2 * QW, D, m->QKV};
    ops->attention_backward(dx, dbias, dctx, QW, P, x, a, false, kernel);
    float *shares = kernel; /* the kernel is done with it */
    split_scores(j, s, a, dbias, &at, shares);
    ops->product(at.dplace, D, at.met, 2 * S, 1, relative, QW, 1, S, D, 2 * S - 1, 0.0f,
                 at.product);
    ops->product(drelative, QW, at.met, 1, 2 * S, at.place, D, 1, 2 * S - 1, D, S, 0.0f,
                 at.product);
    gather_queries(j, first, S, h, &at, shares, sums);
}

void xlnet_add_sums(const struct attend_job *j)
{
    const struct model *m = j->m;
    struct compute *c = m->compute;
    struct workspace *ws = j->ws;
    size_t rows = 2 * ws->S - 1, N = 2 * ws->S * m->QW;
    compute_add_partials(c, j->l->at[CONTENT_BIAS]->dw, ws->sequence_sums, j->b->B, xlnet_sums(m));
    memset(ws->drelative_sum, 0, N * sizeof(float));
    compute_add_partials(c, ws->drelative_sum, ws->drelative, j->b->B, N);
    product_weight(c, j->l->at[RELATIVE_W]->dw, ws->drelative_sum, distances_of(j), rows, m->QW,
                   m->H, param_keeps(j->l->at[RELATIVE_W]));
}
