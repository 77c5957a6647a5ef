/* params.c - the table of parameters: every tensor's name, shape and place in memory.
 *
 * The rows below give each role its shape and whether it lies close to the row before it; the
 * family gives the names, and the configuration says which biases there are. A tensor that is not
 * glued starts on a cache line; parts.h says who relies on which neighbours. */
#include "engine/model/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum extent {
    ONE,
    HIDDEN,
    EMBEDDING,
    INTERMEDIATE,
    GATED,
    QUERIES,
    KEYS,
    ALL_HEADS,
    HEAD,
    HEADS,
    BUCKETS,
    VOCABULARY,
    POSITION_ROWS,
    TYPES,
    LABELS,
    TWO
};

struct layout_row {
    enum extent rows, cols; /* ONE row: a vector */
    bool glued, decays;
    size_t flag; /* of the config, that must be true; 0: always there */
};

#define BIAS(member) offsetof(struct model_config, member)
#define MATRIX(r, c)                                                                               \
    {                                                                                              \
        r, c, false, true, 0                                                                       \
    }
#define FOLLOWS(r, c)                                                                              \
    {                                                                                              \
        r, c, true, true, 0                                                                        \
    }
#define VECTOR(c)                                                                                  \
    {                                                                                              \
        ONE, c, true, false, 0                                                                     \
    }
#define OPTIONAL(c, member)                                                                        \
    {                                                                                              \
        ONE, c, true, false, BIAS(member)                                                          \
    }

static const struct layout_row embedding_rows[EMBEDDING_ROLES] = {
    [WORD] = MATRIX(VOCABULARY, EMBEDDING),
    [POSITION] = MATRIX(POSITION_ROWS, EMBEDDING),
    [TYPE] = MATRIX(TYPES, EMBEDDING),
    [EMBEDDING_NORM_W] = VECTOR(EMBEDDING),
    [EMBEDDING_NORM_B] = OPTIONAL(EMBEDDING, norm_bias),
    [PROJECT_W] = MATRIX(HIDDEN, EMBEDDING),
    [PROJECT_B] = VECTOR(HIDDEN),
    [RELATIVE_BIAS] = {BUCKETS, HEADS, false, false, 0}, /* Trainer's rule: "bias" in its name */
    [MASK_EMBEDDING] = {ONE, HIDDEN, false, true, 0},
};

static const struct layout_row block_rows[BLOCK_ROLES] = {
    [QKV_W] = MATRIX(ALL_HEADS, HIDDEN),
    [QUERY_W] = MATRIX(QUERIES, HIDDEN),
    [KEY_W] = FOLLOWS(KEYS, HIDDEN),
    [VALUE_W] = FOLLOWS(KEYS, HIDDEN),
    [OUT_W] = MATRIX(HIDDEN, QUERIES),
    [GATE_UP_W] = MATRIX(GATED, HIDDEN),
    [GATE_W] = MATRIX(INTERMEDIATE, HIDDEN),
    [UP_W] = FOLLOWS(INTERMEDIATE, HIDDEN), /* starts a line anew where there is no gate */
    [DOWN_W] = MATRIX(HIDDEN, INTERMEDIATE),
    [RELATIVE_W] = MATRIX(QUERIES, HIDDEN),
    [QKV_B] = OPTIONAL(ALL_HEADS, attention_bias),
    [QUERY_B] = OPTIONAL(QUERIES, attention_bias),
    [KEY_B] = OPTIONAL(KEYS, attention_bias),
    [VALUE_B] = OPTIONAL(KEYS, attention_bias),
    [OUT_B] = OPTIONAL(HIDDEN, attention_bias),
    [NORM_A_W] = VECTOR(HIDDEN),
    [NORM_A_B] = OPTIONAL(HIDDEN, norm_bias),
    [GATE_UP_B] = OPTIONAL(GATED, mlp_bias),
    [GATE_B] = OPTIONAL(INTERMEDIATE, mlp_bias),
    [UP_B] = OPTIONAL(INTERMEDIATE, mlp_bias),
    [DOWN_B] = OPTIONAL(HIDDEN, mlp_bias),
    [NORM_B_W] = VECTOR(HIDDEN),
    [NORM_B_B] = OPTIONAL(HIDDEN, norm_bias),
    [QUERY_NORM_W] = VECTOR(HEAD),
    [KEY_NORM_W] = VECTOR(HEAD),
    [CONTENT_BIAS] = VECTOR(QUERIES),
    [POSITION_BIAS] = VECTOR(QUERIES),
    [SEGMENT_BIAS] = VECTOR(QUERIES),
    [SEGMENT_W] = {TWO, QUERIES, true, true, 0},
};

static const struct layout_row head_rows[HEAD_ROLES] = {
    [DENSE_W] = MATRIX(HIDDEN, HIDDEN),
    [DENSE_B] = {ONE, HIDDEN, false, false, BIAS(dense_bias)},
    [HEAD_NORM_W] = VECTOR(HIDDEN),
    [HEAD_NORM_B] = OPTIONAL(HIDDEN, norm_bias),
    [CLASSIFIER_W] = MATRIX(LABELS, HIDDEN),
    [CLASSIFIER_B] = {ONE, LABELS, false, false, 0},
};

static size_t extent_of(const struct model *m, enum extent e)
{
    const struct model_config *c = &m->config;
    const size_t table[] = {
        [ONE] = 1,
        [HIDDEN] = m->H,
        [EMBEDDING] = m->E,
        [INTERMEDIATE] = m->F,
        [GATED] = 2 * m->F,
        [QUERIES] = m->QW,
        [KEYS] = m->KW,
        [ALL_HEADS] = m->QKV,
        [HEAD] = m->D,
        [HEADS] = m->heads,
        [BUCKETS] = c->relative_attention_num_buckets,
        [VOCABULARY] = c->vocab_size,
        [POSITION_ROWS] = c->max_position_embeddings,
        [TYPES] = c->type_vocab_size,
        [LABELS] = m->K,
        [TWO] = 2,
    };
    return table[e];
}

/* The shape the checkpoint has it in: XLNet keeps heads apart. */
static void set_shape(struct param *p, const struct model *m, const struct layout_row *row)
{
    bool by_head = m->family->positions == POSITIONS_RELATIVE;
    p->dims = row->rows == ONE ? 1 : 2;
    p->shape[0] = p->in_out ? p->cols : p->rows;
    p->shape[1] = p->in_out ? p->rows : p->cols;
    if (p->dims == 1)
        p->shape[0] = p->cols;
    if (by_head && (p->in_out || row->cols == QUERIES)) {
        p->shape[p->dims - 1] = m->heads;
        p->shape[p->dims++] = m->D;
    }
}

/* Append one tensor. Until the memory is there, w holds the offset in floats. */
static struct param *add_param(struct model *m, const char *name, const struct layout_row *row,
                               int depth, struct err *err)
{
    struct param *p = &m->params[m->param_count];
    if (!(p->name = mem_strdup(name, err)))
        return NULL;
    m->param_count++;
    p->rows = extent_of(m, row->rows);
    p->cols = extent_of(m, row->cols);
    p->depth = depth;
    p->decays = row->decays;
    p->alone = !row->glued && p->rows > 1;
    if (row->glued)
        p[-1].alone = false;
    else
        m->weights_size = (m->weights_size + 15) / 16 * 16;
    p->w = (float *)(m->weights_size * sizeof(float));
    m->weights_size += p->rows * p->cols;
    return p;
}

static bool is_there(const struct model *m, const struct layout_row *row, const char *name)
{
    return name && (!row->flag || *(const bool *)((const char *)&m->config + row->flag));
}

static int add_embeddings(struct model *m, struct err *err)
{
    const struct family *f = m->family;
    /* ELECTRA projects only where widths differ, ALBERT always. */
    bool projects = m->E != m->H || m->config.num_hidden_groups;
    for (int role = 0; role < EMBEDDING_ROLES; role++) {
        struct layout_row row = embedding_rows[role];
        char name[160];
        if (!is_there(m, &row, f->embedding[role]) ||
            ((role == PROJECT_W || role == PROJECT_B) && !projects))
            continue;
        snprintf(name, sizeof name, "%s%s", f->prefix, f->embedding[role]);
        if (!(m->embedding[role] = add_param(m, name, &row, 0, err)))
            return -1;
        m->embedding[role]->by_product = role == PROJECT_W;
        set_shape(m->embedding[role], m, &row);
    }
    struct param *mask = m->embedding[MASK_EMBEDDING];
    if (mask) {
        mask->dims = 3;
        mask->shape[0] = mask->shape[1] = 1;
        mask->shape[2] = m->H;
    }
    return 0;
}

/* "bert.encoder.layer.3.": of parameter set s, or of what stands for it after the last. */
static void layer_prefix(char *out, size_t size, const struct model *m, size_t s)
{
    size_t inner = m->config.inner_group_num;
    size_t n = (size_t)snprintf(out, size, "%s", m->family->prefix);
    if (inner)
        snprintf(out + n, size - n, m->family->layer, s / inner, s % inner);
    else
        snprintf(out + n, size - n, m->family->layer, s);
}

static void role_name(char *out, size_t size, const struct model *m, size_t s, size_t sets,
                      int role)
{
    const struct family *f = m->family;
    const char *own = f->block[role];
    char prefix[96];
    bool follows = f->place == PRE_NORM && (role == NORM_B_W || role == NORM_B_B);
    if (follows && s + 1 == sets) {
        snprintf(out, size, "%s%s%s", f->prefix, f->final_norm, strrchr(own, '.'));
        return;
    }
    layer_prefix(prefix, sizeof prefix, m, follows ? s + 1 : s);
    snprintf(out, size, "%s%s", prefix, own);
}

/* Stored (in, out): all matrices of Conv1D families; what XLNet multiplies from the left. */
static bool stored_in_out(const struct family *f, int role)
{
    if (f->positions == POSITIONS_RELATIVE)
        return role == QUERY_W || role == KEY_W || role == VALUE_W || role == RELATIVE_W;
    return f->conv1d && role < QKV_B;
}

static int add_set(struct model *m, struct layer *l, size_t s, size_t sets, struct err *err)
{
    const struct family *f = m->family;
    for (int role = 0; role < BLOCK_ROLES; role++) {
        struct layout_row row = block_rows[role];
        char name[256];
        if (!is_there(m, &row, f->block[role]))
            continue;
        if ((role == UP_W && !l->at[GATE_W]) || (role >= QKV_B && !l->vectors))
            row.glued = false;
        role_name(name, sizeof name, m, s, sets, role);
        struct param *p = add_param(m, name, &row, (int)s + 1, err);
        if (!p)
            return -1;
        p->in_out = stored_in_out(f, role);
        p->by_product = p->rows > 1 && role != SEGMENT_W;
        set_shape(p, m, &row);
        l->at[role] = p;
        if (role >= QKV_B && !l->vectors)
            l->vectors = p;
    }
    l->qkv_w = l->at[QKV_W] ? l->at[QKV_W] : l->at[QUERY_W];
    l->qkv_b = l->at[QKV_B] ? l->at[QKV_B] : l->at[QUERY_B];
    l->in_w = l->at[GATE_UP_W] ? l->at[GATE_UP_W] : l->at[GATE_W] ? l->at[GATE_W] : l->at[UP_W];
    l->in_b = l->at[GATE_UP_B] ? l->at[GATE_UP_B] : l->at[GATE_B] ? l->at[GATE_B] : l->at[UP_B];
    m->vectors_width = m->weights_size - (size_t)l->vectors->w / sizeof(float);
    return 0;
}

/* ALBERT runs `inner` blocks of a group in each of its layers, and groups serve several layers. */
static size_t set_of_layer(const struct model *m, size_t run)
{
    const struct model_config *c = &m->config;
    if (!c->num_hidden_groups)
        return run;
    double per_group = (double)c->num_hidden_layers / (double)c->num_hidden_groups;
    size_t group = (size_t)((double)(run / c->inner_group_num) / per_group);
    return group * c->inner_group_num + run % c->inner_group_num;
}

static int add_layers(struct model *m, struct err *err)
{
    const struct model_config *c = &m->config;
    size_t sets = c->num_hidden_groups ? c->num_hidden_groups * c->inner_group_num : m->L;
    struct layer *own = mem_alloc(sets, sizeof *own, "layers", err);
    int rc = own && (m->layers = mem_alloc(m->L, sizeof *m->layers, "layers", err)) ? 0 : -1;
    for (size_t s = 0; s < sets && !rc; s++)
        rc = add_set(m, &own[s], s, sets, err);
    for (size_t run = 0; run < m->L && !rc; run++) {
        m->layers[run] = own[set_of_layer(m, run)];
        m->layers[run].window = c->num_hidden_groups ? 0 : c->layer_window[run];
        if (m->family->positions == POSITIONS_ROTARY)
            m->layers[run].rope = &c->rope[m->layers[run].window ? 1 : 0];
    }
    free(own);
    return rc;
}

static int add_head(struct model *m, bool dense, struct err *err)
{
    const struct family *f = m->family;
    for (int role = 0; role < HEAD_ROLES; role++) {
        bool of_dense = role <= HEAD_NORM_B;
        char name[160];
        if (!is_there(m, &head_rows[role], f->head[role]) || (of_dense && !dense))
            continue;
        snprintf(name, sizeof name, "%s%s", of_dense && f->dense_in_base ? f->prefix : "",
                 f->head[role]);
        if (!(m->head[role] = add_param(m, name, &head_rows[role], (int)m->L + 1, err)))
            return -1;
        m->head[role]->by_product = role == DENSE_W || role == CLASSIFIER_W;
        set_shape(m->head[role], m, &head_rows[role]);
    }
    return 0;
}

int params_create(struct model *m, bool dense, struct err *err)
{
    size_t groups = m->config.num_hidden_groups * m->config.inner_group_num;
    size_t most = EMBEDDING_ROLES + (groups ? groups : m->L) * BLOCK_ROLES + HEAD_ROLES;
    if (!(m->params = mem_alloc(most, sizeof *m->params, "parameter table", err)) ||
        add_embeddings(m, err) || add_layers(m, err) || add_head(m, dense, err) ||
        mem_block_init(&m->weights, m->weights_size * sizeof(float), "weights", err))
        return -1;
    for (size_t i = 0; i < m->param_count; i++)
        m->params[i].w = (float *)((char *)m->weights.base + (size_t)m->params[i].w);
    return 0;
}

void params_destroy(struct model *m)
{
    for (size_t i = 0; i < m->param_count; i++) {
        free((char *)m->params[i].name);
        free(m->params[i].touched);
    }
    free(m->params);
    free(m->layers);
    mem_block_clear(&m->weights);
    weight_files_close(&m->mapped);
    mem_block_clear(&m->gradients);
}

/* The norm before the first layer that learns is that layer's, whatever block it is computed in. */
static bool is_frozen(const struct model *m, const struct param *p)
{
    if (!m->frozen || p->depth > (int)m->frozen)
        return false;
    const struct layer *last = &m->layers[m->frozen - 1];
    return m->family->place != PRE_NORM || (p != last->at[NORM_B_W] && p != last->at[NORM_B_B]);
}

/* FULL trains what the path from ids to logits holds; HEAD what is no part of the checkpoint's
 * backbone. An unused pooler is neither. */
static bool learns(const struct model *m, const struct param *p, enum tune tune)
{
    bool of_head = false, of_dense = false;
    for (int role = 0; role < HEAD_ROLES; role++)
        if (p == m->head[role]) {
            of_head = true;
            of_dense = role <= HEAD_NORM_B;
        }
    if (is_frozen(m, p) || p == m->embedding[MASK_EMBEDDING] || (of_dense && !model_has_dense(m)))
        return false;
    if (of_dense && m->family->dense_in_base)
        return tune == TUNE_FULL || p->fresh;
    return tune == TUNE_FULL || of_head;
}

static int set_frozen(struct model *m, size_t frozen, struct err *err)
{
    if (frozen >= m->L)
        return err_set(
            err, ERR_USAGE,
            "freeze_layers %zu: the model has %zu layers, and one at least must learn; tune "
            "head trains the new layers alone",
            frozen, m->L);
    if (frozen && m->config.num_hidden_groups)
        return err_set(
            err, ERR_UNSUPPORTED,
            "freeze_layers %zu: the layers of '%s' share their weights, so none can stay as "
            "it is while another learns; use tune head or tune full",
            frozen, m->family->model_type);
    m->frozen = frozen;
    return 0;
}

int model_mark_training(struct model *m, enum tune tune, size_t frozen, struct err *err)
{
    if (set_frozen(m, frozen, err))
        return -1;
    m->tune = tune;
    for (size_t i = 0; i < m->param_count; i++)
        m->params[i].trainable = learns(m, &m->params[i], tune);
    return 0;
}

int model_prepare_training(struct model *m, enum tune tune, size_t frozen, struct err *err)
{
    struct param *word = m->embedding[WORD];
    size_t bytes = m->weights_size * sizeof(float);
    if (model_mark_training(m, tune, frozen, err))
        return -1;
    weights_settle(m);
    if (!m->gradients.base) {
        if (mem_block_init(&m->gradients, bytes, "gradients", err))
            return -1;
        mem_block_sparse(&m->gradients, 0, word->rows * word->cols * sizeof(float));
    }
    if (!word->touched && !(word->touched = mem_alloc(word->rows, 1, "row marks", err)))
        return -1;
    for (size_t i = 0; i < m->param_count; i++) {
        struct param *p = &m->params[i];
        size_t at = (size_t)((char *)p->w - (char *)m->weights.base);
        p->dw = p->trainable ? (float *)((char *)m->gradients.base + at) : NULL;
    }
    return 0;
}

struct param *model_params(struct model *m, size_t *count)
{
    *count = m->param_count;
    return m->params;
}

struct param_counts model_count_params(const struct model *m)
{
    struct param_counts n = {0};
    for (size_t i = 0; i < m->param_count; i++) {
        uint64_t size = (uint64_t)m->params[i].rows * m->params[i].cols;
        n.all += size;
        n.trained += m->params[i].trainable ? size : 0;
        n.fresh += m->params[i].fresh ? size : 0;
    }
    return n;
}
