/* config.h - config.json: what kind of model a directory holds.
 *
 * Fields carry BERT's names, whatever the family calls them in its file. */
#ifndef CONFIG_H
#define CONFIG_H
#include "engine/base/err.h"
#include "engine/math/ops.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Where a model drops out while it trains. */
enum dropout_place {
    DROPOUT_EMBEDDING,
    DROPOUT_ATTENTION, /* of attention probabilities */
    DROPOUT_ATTENTION_OUT,
    DROPOUT_FFN_INNER, /* after the activation */
    DROPOUT_FFN_OUT,
    DROPOUT_HEAD_FIRST, /* of what the head reads */
    DROPOUT_HEAD,       /* before the classifier */
    DROPOUTS
};

/* Rotary positions: the base, and Llama 3's stretching of low frequencies when scaling is set.
 * factor alone (low_freq_factor 0): all frequencies are divided by it ("linear"). */
struct rope {
    double theta, factor, low_freq_factor, high_freq_factor, original_length;
};

struct family;
struct model_config {
    const struct family *family;
    size_t hidden_size, intermediate_size, num_hidden_layers, num_attention_heads;
    size_t num_key_value_heads, head_dim, embedding_size;
    size_t vocab_size, max_position_embeddings, type_vocab_size;
    size_t num_hidden_groups, inner_group_num; /* ALBERT; 0 elsewhere */
    size_t relative_attention_num_buckets;     /* MPNet */
    size_t sliding_window;                     /* as in the file; see layer_window */
    double pad_token_id;                       /* -1: the model has none */
    double layer_norm_eps, initializer_range;
    double dropout[DROPOUTS];
    enum activation hidden_act, dense_act;
    bool attention_bias, mlp_bias, norm_bias, dense_bias;
    bool mean_pooling; /* ModernBERT's classifier_pooling "mean" */
    double initializer_cutoff_factor;
    double clamp_len;     /* XLNet: distances beyond it count as it; not positive: none */
    struct rope rope[2];  /* of layers that see all, of layers that see a window */
    size_t *layer_window; /* (num_hidden_layers): a token sees others this far off; 0: all */
    size_t num_labels;    /* of id2label, 0 when the config has none of its own */
    char **labels;        /* (num_labels) in id order, or NULL */
    char sft_pooling[16]; /* "" unless this program exported it with --force */
    cJSON *json;          /* the whole file, for export: numbers are raw text */
};

/* Read DIR/config.json. An architecture this program does not know is refused by name with the list
 * of what is supported; a missing file says what a model directory holds. */
int model_config_read(struct model_config *c, const char *dir, struct err *err);
/* The same from the file's text; `name` is for messages. */
int model_config_parse(struct model_config *c, const char *text, size_t n, const char *name,
                       struct err *err);
void model_config_clear(struct model_config *c);

/* The i-th supported model_type, NULL after the last. */
const char *model_types(size_t i);
/* What config.json calls the family of c. */
const char *model_config_type(const struct model_config *c);

#endif
