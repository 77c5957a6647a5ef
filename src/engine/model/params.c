/* params.c - the table of parameters: every tensor's name, shape and place in memory.
 *
 * The rows below are BERT's tensors in memory order. A row starts on a cache line unless it is
 * glued to the row before it; parts.h says who relies on which neighbours. */
#include "engine/model/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum extent { NONE, HIDDEN, INTERMEDIATE, VOCABULARY, POSITIONS, TYPES, LABELS };

struct layout_row {
    const char *name;
    enum extent rows, cols; /* NONE rows: a vector */
    bool glued, decays;
};

static const struct layout_row embedding_rows[EMBEDDING_PARAMS] = {
    [WORD] = {"word_embeddings.weight", VOCABULARY, HIDDEN, false, true},
    [POSITION] = {"position_embeddings.weight", POSITIONS, HIDDEN, false, true},
    [TYPE] = {"token_type_embeddings.weight", TYPES, HIDDEN, false, true},
    [EMBEDDING_GAMMA] = {"LayerNorm.weight", NONE, HIDDEN, true, false},
    [EMBEDDING_BETA] = {"LayerNorm.bias", NONE, HIDDEN, true, false},
};

static const struct layout_row block_rows[BLOCK_PARAMS] = {
    [QUERY_W] = {"attention.self.query.weight", HIDDEN, HIDDEN, false, true},
    [KEY_W] = {"attention.self.key.weight", HIDDEN, HIDDEN, true, true},
    [VALUE_W] = {"attention.self.value.weight", HIDDEN, HIDDEN, true, true},
    [OUT_W] = {"attention.output.dense.weight", HIDDEN, HIDDEN, false, true},
    [UP_W] = {"intermediate.dense.weight", INTERMEDIATE, HIDDEN, false, true},
    [DOWN_W] = {"output.dense.weight", HIDDEN, INTERMEDIATE, false, true},
    [QUERY_B] = {"attention.self.query.bias", NONE, HIDDEN, false, false},
    [KEY_B] = {"attention.self.key.bias", NONE, HIDDEN, true, false},
    [VALUE_B] = {"attention.self.value.bias", NONE, HIDDEN, true, false},
    [OUT_B] = {"attention.output.dense.bias", NONE, HIDDEN, true, false},
    [GAMMA1] = {"attention.output.LayerNorm.weight", NONE, HIDDEN, true, false},
    [BETA1] = {"attention.output.LayerNorm.bias", NONE, HIDDEN, true, false},
    [UP_B] = {"intermediate.dense.bias", NONE, INTERMEDIATE, true, false},
    [DOWN_B] = {"output.dense.bias", NONE, HIDDEN, true, false},
    [GAMMA2] = {"output.LayerNorm.weight", NONE, HIDDEN, true, false},
    [BETA2] = {"output.LayerNorm.bias", NONE, HIDDEN, true, false},
};

static const struct layout_row pooler_rows[] = {
    [POOLER_W] = {"bert.pooler.dense.weight", HIDDEN, HIDDEN, false, true},
    [POOLER_B] = {"bert.pooler.dense.bias", NONE, HIDDEN, false, false},
};

static const struct layout_row classifier_rows[] = {
    [CLASSIFIER_W] = {"classifier.weight", LABELS, HIDDEN, false, true},
    [CLASSIFIER_B] = {"classifier.bias", NONE, LABELS, false, false},
};

static size_t extent_of(const struct model *m, enum extent e)
{
    const struct model_config *c = &m->config;
    const size_t table[] = {
        [NONE] = 1,
        [HIDDEN] = m->H,
        [INTERMEDIATE] = m->F,
        [VOCABULARY] = c->vocab_size,
        [POSITIONS] = c->max_position_embeddings,
        [TYPES] = c->type_vocab_size,
        [LABELS] = m->K,
    };
    return table[e];
}

/* Append rows to the table. Until the block exists, w holds the offset in floats. */
static struct param *add_rows(struct model *m, const char *prefix, const struct layout_row *rows,
                              size_t count, int depth, struct err *err)
{
    struct param *first = m->params + m->param_count;
    for (size_t i = 0; i < count; i++) {
        const struct layout_row *row = &rows[i];
        char name[128];
        snprintf(name, sizeof name, "%s%s", prefix, row->name);
        struct param *p = &m->params[m->param_count];
        if (!(p->name = mem_strdup(name, err)))
            return NULL;
        m->param_count++;
        p->rows = extent_of(m, row->rows);
        p->cols = extent_of(m, row->cols);
        p->dims = row->rows == NONE ? 1 : 2;
        p->depth = depth;
        p->decays = row->decays;
        if (!row->glued)
            m->weights_size = (m->weights_size + 15) / 16 * 16;
        p->w = (float *)(m->weights_size * sizeof(float));
        m->weights_size += p->rows * p->cols;
    }
    return first;
}

static int add_all(struct model *m, bool pooler, struct err *err)
{
    int top = (int)m->L + 1;
    m->embedding = add_rows(m, "bert.embeddings.", embedding_rows, EMBEDDING_PARAMS, 0, err);
    if (!m->embedding)
        return -1;
    m->blocks = m->params + m->param_count;
    for (size_t l = 0; l < m->L; l++) {
        char prefix[48];
        snprintf(prefix, sizeof prefix, "bert.encoder.layer.%zu.", l);
        if (!add_rows(m, prefix, block_rows, BLOCK_PARAMS, (int)l + 1, err))
            return -1;
    }
    if (pooler && !(m->pooler = add_rows(m, "", pooler_rows, 2, top, err)))
        return -1;
    return (m->classifier = add_rows(m, "", classifier_rows, 2, top, err)) ? 0 : -1;
}

int params_create(struct model *m, bool pooler, struct err *err)
{
    size_t most = EMBEDDING_PARAMS + m->L * BLOCK_PARAMS + HEAD_PARAMS;
    if (!(m->params = mem_alloc(most, sizeof *m->params, "parameter table", err)) ||
        add_all(m, pooler, err) ||
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
    mem_block_clear(&m->weights);
    mem_block_clear(&m->gradients);
}

/* FULL trains what the path from ids to logits holds; HEAD what is no part of the checkpoint's
 * backbone. An unused pooler is neither. */
static bool learns(const struct model *m, const struct param *p, enum tune tune)
{
    bool of_pooler = m->pooler && (p == m->pooler || p == m->pooler + 1);
    if (of_pooler)
        return m->pooling == POOLING_MODEL && (tune == TUNE_FULL || p->fresh);
    return tune == TUNE_FULL || p >= m->classifier;
}

int model_prepare_training(struct model *m, enum tune tune, struct err *err)
{
    struct param *word = &m->embedding[WORD];
    size_t bytes = m->weights_size * sizeof(float);
    if (!m->gradients.base) {
        if (mem_block_init(&m->gradients, bytes, "gradients", err))
            return -1;
        mem_block_sparse(&m->gradients, 0, word->rows * word->cols * sizeof(float));
    }
    if (!word->touched && !(word->touched = mem_alloc(word->rows, 1, "row marks", err)))
        return -1;
    m->tune = tune;
    for (size_t i = 0; i < m->param_count; i++) {
        struct param *p = &m->params[i];
        p->trainable = learns(m, p, tune);
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
