/* model.c - a model opened, and one batch led through it: embeddings, blocks, head; and back. */
#include "engine/model/parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dropout dropout_site(double p, const struct pass *pass, uint32_t site)
{
    return dropout_at(pass->training ? p : 0.0, pass->seed, pass->step, pass->micro, site);
}

static int set_labels(struct model *m, const struct head_spec *head, struct err *err)
{
    if (!(m->label_names = mem_alloc(m->K, sizeof *m->label_names, "label names", err)))
        return -1;
    for (size_t i = 0; i < m->K; i++) {
        char made[32];
        snprintf(made, sizeof made, "LABEL_%zu", i);
        const char *name = made;
        if (head->keep_head)
            name = m->config.labels ? m->config.labels[i] : made;
        else if (head->label_names)
            name = head->label_names[i];
        if (!(m->label_names[i] = mem_strdup(name, err)))
            return -1;
    }
    return 0;
}

/* "model" means what the directory says, and a directory may say sft_pooling. */
static enum pooling pooling_of(const struct model_config *c, enum pooling asked)
{
    if (asked != POOLING_MODEL || !*c->sft_pooling)
        return asked;
    return !strcmp(c->sft_pooling, "cls") ? POOLING_CLS : POOLING_MEAN;
}

/* What the head answers: as asked, or as the config of a head that is kept says. What neither names
 * is as in Transformers: one output is a number, more are classes. */
static int set_problem(struct model *m, const char *dir, const struct head_spec *head,
                       struct err *err)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(m->config.json, "problem_type");
    m->problem = head->problem;
    if (head->keep_head && cJSON_IsString(given) &&
        (!problem_parse(given->valuestring, &m->problem) || m->problem == PROBLEM_AUTO))
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s': its head was trained for problem_type '%.40s'; supported are %s, %s "
                       "and %s",
                       dir, given->valuestring, problem_name(PROBLEM_SINGLE_LABEL),
                       problem_name(PROBLEM_REGRESSION), problem_name(PROBLEM_MULTI_LABEL));
    if (m->problem == PROBLEM_AUTO)
        m->problem = m->K == 1 ? PROBLEM_REGRESSION : PROBLEM_SINGLE_LABEL;
    if (m->problem == PROBLEM_REGRESSION && m->K != 1)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s': a regression of %zu values a text; one is supported", dir, m->K);
    return 0;
}

static void set_shape(struct model *m, const struct head_spec *head)
{
    const struct model_config *c = &m->config;
    m->family = c->family;
    m->H = c->hidden_size;
    m->E = c->embedding_size;
    m->F = c->intermediate_size;
    m->U = m->family->gated ? 2 * m->F : m->F;
    m->L = c->num_hidden_layers * (c->inner_group_num ? c->inner_group_num : 1);
    m->heads = c->num_attention_heads;
    m->kv_heads = c->num_key_value_heads;
    m->D = c->head_dim;
    m->QW = m->heads * m->D;
    m->KW = m->kv_heads * m->D;
    m->QKV = m->QW + 2 * m->KW;
    m->K = head->keep_head ? c->num_labels : head->labels;
    m->pooling = pooling_of(c, head->pooling);
    m->reads_mean = m->pooling == POOLING_MEAN || (m->pooling == POOLING_MODEL && c->mean_pooling);
    for (int i = 0; i < DROPOUTS; i++)
        m->dropout[i] = c->dropout[i];
    /* An override means the places that the family has. */
    for (int i = 0; head->dropout >= 0 && i < DROPOUTS; i++)
        m->dropout[i] = m->family->dropout[i].key ? head->dropout : 0;
}

static void admit_shapes(struct model *m)
{
    const size_t shapes[][2] = {
        {m->QKV, m->H}, {m->H, m->QW}, {m->U, m->H}, {m->H, m->F},
        {m->K, m->H},   {m->H, m->H},  {m->H, m->E}, {m->QW, m->H},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        compute_admit(m->compute, shapes[i][0], shapes[i][1]);
}

/* dir NULL: the weights are random. */
static int fill_model(struct model *m, const char *dir, const struct head_spec *head,
                      struct err *err)
{
    set_shape(m, head);
    if (set_problem(m, dir ? dir : "the model", head, err))
        return -1;
    if (dir ? weights_load(m, dir, head, err) : weights_random(m, head->seed, err))
        return -1;
    if (set_labels(m, head, err))
        return -1;
    if (m->notice.failed)
        return err_set(err, ERR_NOMEM, "out of memory for the model");
    if (m->notice.length) /* lines are kept apart, the last needs no end */
        m->notice.text[--m->notice.length] = '\0';
    admit_shapes(m);
    return 0;
}

static struct model *make_model(struct compute *c, struct err *err)
{
    struct model *m = mem_alloc(1, sizeof *m, "model", err);
    if (m)
        m->compute = c;
    return m;
}

struct model *model_open(const char *dir, const struct head_spec *head, struct compute *c,
                         struct err *err)
{
    assert(head->keep_head || head->labels >= 1);
    struct model *m = make_model(c, err);
    if (m && !model_config_read(&m->config, dir, err) && !fill_model(m, dir, head, err))
        return m;
    model_close(m);
    return NULL;
}

struct model *model_create(const char *config, const struct head_spec *head, struct compute *c,
                           struct err *err)
{
    assert(!head->keep_head && head->labels >= 1);
    struct model *m = make_model(c, err);
    if (m && !model_config_parse(&m->config, config, strlen(config), "the configuration", err) &&
        !fill_model(m, NULL, head, err))
        return m;
    model_close(m);
    return NULL;
}

void model_close(struct model *m)
{
    if (!m)
        return;
    for (size_t i = 0; m->label_names && i < m->K; i++)
        free(m->label_names[i]);
    free(m->label_names);
    params_destroy(m);
    strbuf_clear(&m->notice);
    model_config_clear(&m->config);
    free(m);
}

const struct model_config *model_config(const struct model *m)
{
    return &m->config;
}

size_t model_labels(const struct model *m)
{
    return m->K;
}

const char *model_label(const struct model *m, size_t id)
{
    return m->label_names[id];
}

size_t model_max_length(const struct model *m)
{
    size_t taken = 0; /* RoBERTa's first places are not used */
    if (m->family->positions == POSITIONS_OFFSET)
        taken = (size_t)(m->config.pad_token_id + 1);
    return m->config.max_position_embeddings - taken;
}

enum pooling model_pooling(const struct model *m)
{
    return m->pooling;
}

enum problem model_problem(const struct model *m)
{
    return m->problem;
}

const char *model_notice(const struct model *m)
{
    return m->notice.text ? m->notice.text : "";
}

int model_check_tokens(const struct model *m, const struct encoded *e, struct err *err)
{
    const struct model_config *c = &m->config;
    size_t types = m->embedding[TYPE] ? c->type_vocab_size : 256;
    if (e->longest > model_max_length(m))
        return err_set(err, ERR_USAGE,
                       "a text has %zu tokens, the model reads %zu; lower max_length", e->longest,
                       model_max_length(m));
    for (uint64_t t = 0; t < e->start[e->rows]; t++)
        if (e->token[t] < 0 || (size_t)e->token[t] >= c->vocab_size ||
            e->segment[t] >= (int64_t)types)
            return err_set(
                err, ERR_INPUT,
                "the tokenizer makes token %d of type %d, the model knows %zu tokens and "
                "%zu types; the directory's files are not of one model",
                (int)e->token[t], (int)e->segment[t], c->vocab_size, types);
    return 0;
}

/* The frozen backbone runs without dropout. */
static struct pass backbone_pass(const struct model *m, const struct pass *p)
{
    struct pass pass = *p;
    pass.training = p->training && m->tune == TUNE_FULL;
    return pass;
}

/* The token that the head reads of a sequence. A decoder's is the last that is not padding, which
 * may occur in a text, too (GenericForSequenceClassification; all padding: the first). */
static uint32_t tail_of(const struct model *m, const struct batch *b, size_t s)
{
    const struct family *f = m->family;
    uint32_t first = b->start[s], last = b->start[s + 1] - 1;
    if (!f->reads_last)
        return first;
    if (!f->causal || m->config.pad_token_id < 0)
        return last;
    int32_t pad = (int32_t)m->config.pad_token_id;
    while (last > first && b->token[last] == pad)
        last--;
    return last;
}

/* Lay the workspace out for a batch. */
static void begin_batch(const struct model *m, const struct batch *b, struct workspace *ws)
{
    size_t at = 0;
    workspace_fit(ws, m, b->B, b->T, b->longest);
    for (size_t s = 0; s < b->B; s++) {
        size_t S = b->start[s + 1] - b->start[s];
        ws->tail[s] = tail_of(m, b, s);
        ws->attention_at[s] = at;
        at += m->heads * S * ops_attention_stride(S);
    }
}

/* Ids to ws->head_read: (B,H) rows that the head reads. */
static void backbone_forward(struct model *m, const struct batch *b, struct workspace *ws,
                             const struct pass *pass)
{
    begin_batch(m, b, ws);
    embeddings_forward(m, b, ws, pass);
    for (size_t l = 0; l < m->L; l++)
        block_forward(m, l, b, ws, pass);
    head_gather(m, b, ws, ws->head_read);
}

static void run_head(struct model *m, size_t B, struct workspace *ws, const struct pass *p,
                     float *logits)
{
    const float *in = ws->head_read;
    if (model_has_dense(m))
        in = dense_forward(m, ws, in, B, p);
    classifier_forward(m, ws, in, B, p, logits);
}

void model_forward(struct model *m, const struct batch *b, struct workspace *ws,
                   const struct pass *p, float *logits)
{
    struct pass pass = backbone_pass(m, p);
    assert(!ws->first);
    backbone_forward(m, b, ws, &pass);
    run_head(m, b->B, ws, p, logits);
}

/* ---- freeze_layers ---- */

void model_prefix(struct model *m, const struct batch *b, struct workspace *ws, float *out)
{
    const struct pass off = {0};
    assert(m->frozen && !ws->training);
    begin_batch(m, b, ws);
    embeddings_forward(m, b, ws, &off);
    for (size_t l = 0; l < m->frozen; l++)
        block_forward(m, l, b, ws, &off);
    const struct block_memory *last = &ws->layers[m->frozen - 1];
    memcpy(out, m->family->place == PRE_NORM ? last->zB : last->yB, b->T * m->H * sizeof *out);
}

void model_forward_from(struct model *m, const struct batch *b, struct workspace *ws,
                        const struct pass *p, const float *prefix, float *logits)
{
    assert(m->frozen && ws->first == m->frozen);
    begin_batch(m, b, ws);
    memcpy(ws->prefix, prefix, b->T * m->H * sizeof *prefix);
    if (m->family->place == PRE_NORM)
        block_norm_prefix(m, ws);
    for (size_t l = ws->first; l < m->L; l++)
        block_forward(m, l, b, ws, p);
    head_gather(m, b, ws, ws->head_read);
    run_head(m, b->B, ws, p, logits);
}

/* ---- backward ---- */

/* The head's gradients; din (B,H) gets that of what the head read, when it is not NULL. */
static void head_backward(struct model *m, size_t B, struct workspace *ws, const struct pass *p,
                          const float *dlogits, float *din)
{
    if (!model_has_dense(m) || !m->head[DENSE_W]->trainable) {
        classifier_backward(m, ws, B, p, dlogits, din);
        return;
    }
    classifier_backward(m, ws, B, p, dlogits, ws->dhead);
    dense_backward(m, ws, B, p, ws->dhead, din);
}

void model_backward(struct model *m, const struct batch *b, struct workspace *ws,
                    const struct pass *p, const float *dlogits)
{
    assert(ws->training && m->gradients.base);
    if (m->tune == TUNE_HEAD) {
        head_backward(m, b->B, ws, p, dlogits, NULL);
        return;
    }
    head_backward(m, b->B, ws, p, dlogits, ws->dtail);
    head_scatter(m, b, ws, ws->dtail);
    for (size_t l = m->L; l-- > ws->first;)
        block_backward(m, l, b, ws, p);
    if (!ws->first)
        embeddings_backward(m, b, ws, p);
    else if (m->family->place == PRE_NORM)
        block_norm_prefix_back(m, ws);
}

/* Under TUNE_HEAD a pooler of the checkpoint is part of what is frozen. */
static bool dense_is_frozen(const struct model *m)
{
    return model_has_dense(m) && m->family->dense_in_base && !m->head[DENSE_W]->fresh;
}

size_t model_feature_width(const struct model *m)
{
    return m->H;
}

void model_features(struct model *m, const struct batch *b, struct workspace *ws, float *features)
{
    struct pass off = {0};
    backbone_forward(m, b, ws, &off);
    const float *out = ws->head_read;
    if (dense_is_frozen(m))
        out = dense_forward(m, ws, out, b->B, &off);
    memcpy(features, out, b->B * m->H * sizeof *features);
}

void model_head_forward(struct model *m, const float *features, size_t B, struct workspace *ws,
                        const struct pass *p, float *logits)
{
    const float *in = features;
    workspace_fit(ws, m, B, 0, 0);
    if (model_has_dense(m) && !dense_is_frozen(m))
        in = dense_forward(m, ws, features, B, p);
    classifier_forward(m, ws, in, B, p, logits);
}

void model_head_backward(struct model *m, size_t B, struct workspace *ws, const struct pass *p,
                         const float *dlogits)
{
    assert(ws->training && m->tune == TUNE_HEAD && B == ws->B);
    head_backward(m, B, ws, p, dlogits, NULL);
}
