/* config.c - config.json read into the numbers the model is built from.
 *
 * Absent keys have the values Transformers' BertConfig gives them. What this program would compute
 * wrongly is refused by name: another architecture, another activation, relative positions, a
 * decoder. Sizes are bounded so that products of two of them cannot overflow. */
#include "engine/model/config.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_LIMIT (1u << 24)

static const struct size_row {
    const char *key;
    size_t at;
    size_t dflt, max;
} sizes[] = {
    {"hidden_size", offsetof(struct model_config, hidden_size), 768, WIDTH_LIMIT},
    {"intermediate_size", offsetof(struct model_config, intermediate_size), 3072, WIDTH_LIMIT},
    {"num_hidden_layers", offsetof(struct model_config, num_hidden_layers), 12, 1000},
    {"num_attention_heads", offsetof(struct model_config, num_attention_heads), 12, 4096},
    {"vocab_size", offsetof(struct model_config, vocab_size), 30522, WIDTH_LIMIT},
    {"max_position_embeddings", offsetof(struct model_config, max_position_embeddings), 512,
     WIDTH_LIMIT},
    {"type_vocab_size", offsetof(struct model_config, type_vocab_size), 2, WIDTH_LIMIT},
};

static const struct real_row {
    const char *key;
    size_t at;
    double dflt, max; /* values in [0, max) */
} reals[] = {
    {"layer_norm_eps", offsetof(struct model_config, layer_norm_eps), 1e-12, 1},
    {"initializer_range", offsetof(struct model_config, initializer_range), 0.02, 1e3},
    {"hidden_dropout_prob", offsetof(struct model_config, hidden_dropout_prob), 0.1, 1},
    {"attention_probs_dropout_prob", offsetof(struct model_config, attention_probs_dropout_prob),
     0.1, 1},
};

/* Keys of which only one value is served. */
static const struct fixed_row {
    const char *key, *value;
} fixed[] = {
    {"model_type", "bert"},
    {"hidden_act", "gelu"},
    {"position_embedding_type", "absolute"},
};

static int read_sizes(struct model_config *c, const char *path, struct err *err)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t *out = (size_t *)((char *)c + sizes[i].at);
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(c->json, sizes[i].key);
        *out = sizes[i].dflt;
        if (item && json_get_size(c->json, sizes[i].key, out, path, err))
            return -1;
        if (*out < 1 || *out > sizes[i].max)
            return err_set(err, ERR_INPUT, "'%s': %s is %zu, expected 1 to %zu", path, sizes[i].key,
                           *out, sizes[i].max);
    }
    if (c->hidden_size % c->num_attention_heads)
        return err_set(err, ERR_INPUT,
                       "'%s': hidden_size %zu is no multiple of num_attention_heads %zu", path,
                       c->hidden_size, c->num_attention_heads);
    return 0;
}

static int read_reals(struct model_config *c, const char *path, struct err *err)
{
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        double *out = (double *)((char *)c + reals[i].at);
        if (json_number_or(c->json, reals[i].key, reals[i].dflt, out, path, err))
            return -1;
        if (!(*out >= 0 && *out < reals[i].max))
            return err_set(err, ERR_INPUT, "'%s': %s is %g, expected 0 to below %g", path,
                           reals[i].key, *out, reals[i].max);
    }
    double *drop = &c->classifier_dropout;
    if (json_number_or(c->json, "classifier_dropout", c->hidden_dropout_prob, drop, path, err))
        return -1;
    if (!(*drop >= 0 && *drop < 1))
        return err_set(err, ERR_INPUT, "'%s': classifier_dropout is %g, expected 0 to below 1",
                       path, *drop);
    return 0;
}

static int refuse_foreign(const struct model_config *c, const char *path, struct err *err)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const char *value, *dflt = i ? fixed[i].value : "";
        if (json_string_or(c->json, fixed[i].key, dflt, &value, path, err))
            return -1;
        if (!*value)
            return err_set(err, ERR_INPUT,
                           "'%s' has no model_type, so it describes no Hugging Face model", path);
        if (strcmp(value, fixed[i].value))
            return err_set(err, ERR_UNSUPPORTED, "'%s': %s '%.40s' is not supported; supported: %s",
                           path, fixed[i].key, value, fixed[i].value);
    }
    bool decoder;
    if (json_bool_or(c->json, "is_decoder", false, &decoder, path, err))
        return -1;
    if (decoder)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s': is_decoder is true; only BERT encoders are supported", path);
    return 0;
}

/* id2label is an object from "0", "1", ... to names: every id from 0 to its size, once. */
static int read_id2label(struct model_config *c, const cJSON *map, const char *path,
                         struct err *err)
{
    size_t count = cJSON_IsObject(map) ? (size_t)cJSON_GetArraySize(map) : 0;
    if (!count)
        return err_set(err, ERR_INPUT, "'%s': id2label is no object with names in it", path);
    if (!(c->labels = mem_alloc(count, sizeof *c->labels, "label names", err)))
        return -1;
    c->num_labels = count;
    for (const cJSON *item = map->child; item; item = item->next) {
        char *end;
        unsigned long id = strtoul(item->string, &end, 10);
        if (item->string[0] < '0' || item->string[0] > '9' || *end || id >= count ||
            c->labels[id] || !cJSON_IsString(item))
            return err_set(
                err, ERR_INPUT,
                "'%s': id2label entry '%.20s' is wrong; expected ids 0 to %zu, each with "
                "a name",
                path, item->string, count - 1);
        if (!(c->labels[id] = mem_strdup(item->valuestring, err)))
            return -1;
    }
    return 0;
}

static int read_labels(struct model_config *c, const char *path, struct err *err)
{
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(c->json, "id2label");
    if (map && !cJSON_IsNull(map))
        return read_id2label(c, map, path, err);
    const char *key = "num_labels"; /* as old configs have it: names are then LABEL_0, ... */
    if (!cJSON_GetObjectItemCaseSensitive(c->json, key))
        return 0;
    size_t count;
    if (json_get_size(c->json, key, &count, path, err))
        return -1;
    if (count < 1 || count > WIDTH_LIMIT)
        return err_set(err, ERR_INPUT, "'%s': num_labels is %zu", path, count);
    if (!(c->labels = mem_alloc(count, sizeof *c->labels, "label names", err)))
        return -1;
    c->num_labels = count;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "LABEL_%zu", i);
        if (!(c->labels[i] = mem_strdup(name, err)))
            return -1;
    }
    return 0;
}

static int read_fields(struct model_config *c, const char *path, struct err *err)
{
    const char *pooling;
    if (!cJSON_IsObject(c->json))
        return err_set(err, ERR_INPUT, "'%s' holds no JSON object", path);
    if (refuse_foreign(c, path, err) || read_sizes(c, path, err) || read_reals(c, path, err) ||
        read_labels(c, path, err) ||
        json_string_or(c->json, "sft_pooling", "", &pooling, path, err))
        return -1;
    if (*pooling && strcmp(pooling, "cls") && strcmp(pooling, "mean"))
        return err_set(err, ERR_INPUT, "'%s': sft_pooling is '%.20s', expected cls or mean", path,
                       pooling);
    snprintf(c->sft_pooling, sizeof c->sft_pooling, "%s", pooling);
    snprintf(c->model_type, sizeof c->model_type, "bert");
    snprintf(c->hidden_act, sizeof c->hidden_act, "gelu");
    return 0;
}

int model_config_read(struct model_config *c, const char *dir, struct err *err)
{
    char path[4096];
    *c = (struct model_config){0};
    if (file_join(path, sizeof path, dir, "config.json", err))
        return -1;
    if (!file_exists(path))
        return err_set(err, ERR_INPUT,
                       "'%s' is no model directory: it has no config.json; expected config.json, "
                       "model.safetensors and a tokenizer (vocab.txt or tokenizer.json)",
                       dir);
    if (!(c->json = json_read(path, err)))
        return -1;
    if (!read_fields(c, path, err))
        return 0;
    model_config_clear(c);
    return -1;
}

void model_config_clear(struct model_config *c)
{
    for (size_t i = 0; c->labels && i < c->num_labels; i++)
        free(c->labels[i]);
    free(c->labels);
    cJSON_Delete(c->json);
    *c = (struct model_config){0};
}
