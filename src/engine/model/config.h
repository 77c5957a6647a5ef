/* config.h - config.json: what kind of model a directory holds. */
#ifndef CONFIG_H
#define CONFIG_H
#include "engine/base/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct model_config {
    char model_type[32]; /* "bert" */
    size_t hidden_size, intermediate_size, num_hidden_layers, num_attention_heads;
    size_t vocab_size, max_position_embeddings, type_vocab_size;
    double layer_norm_eps, initializer_range;
    double hidden_dropout_prob, attention_probs_dropout_prob, classifier_dropout;
    char hidden_act[16];  /* "gelu" */
    size_t num_labels;    /* of id2label, 0 when the config has none of its own */
    char **labels;        /* (num_labels) in id order, or NULL */
    char sft_pooling[16]; /* "" unless this program exported it with --force */
    cJSON *json;          /* the whole file, for export */
};

/* Read DIR/config.json. An architecture this program does not know is refused by name with the list
 * of what is supported; a missing file says what a model directory holds. */
int model_config_read(struct model_config *c, const char *dir, struct err *err);
void model_config_clear(struct model_config *c);

#endif
