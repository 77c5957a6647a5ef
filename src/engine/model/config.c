/* config.c - config.json read into the numbers the model is built from.
 *
 * One table of fields with the keys and defaults most families share; families.c says where a family
 * differs. Absent keys have the values Transformers' configuration classes give them. What this
 * program would compute wrongly is refused by name: another architecture, another activation,
 * relative positions of a kind it does not have. Sizes are bounded so that products of two of them
 * cannot overflow. */
#include "engine/model/config.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/model/config_parts.h"
#include "engine/model/families.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_LIMIT (1u << 24)

enum field_kind { SIZE, REAL, TOKEN, FLAG, ACTIVATION };

/* A key of "" is read in no file unless the family gives it a name. Numbers lie in [min, max); a
 * size that may be 0 is worked out from others when it is absent, 0 or null. */
static const struct field {
    const char *name, *key;
    enum field_kind kind;
    size_t at;
    double dflt, min, max;
} fields[] = {
#define AT(member) offsetof(struct model_config, member)
#define COUNT(member, key, dflt, min, max)                                                         \
    {                                                                                              \
#member, key, SIZE, AT(member), dflt, min, (max) + 1.0                                     \
    }
    COUNT(hidden_size, "hidden_size", 768, 1, WIDTH_LIMIT),
    COUNT(intermediate_size, "intermediate_size", 3072, 0, WIDTH_LIMIT),
    COUNT(num_hidden_layers, "num_hidden_layers", 12, 1, 1000),
    COUNT(num_attention_heads, "num_attention_heads", 12, 1, 4096),
    COUNT(num_key_value_heads, "", 0, 0, 4096),
    COUNT(head_dim, "", 0, 0, 65536),
    COUNT(embedding_size, "", 0, 0, WIDTH_LIMIT),
    COUNT(vocab_size, "vocab_size", 30522, 1, WIDTH_LIMIT),
    COUNT(max_position_embeddings, "max_position_embeddings", 512, 1, WIDTH_LIMIT),
    COUNT(type_vocab_size, "type_vocab_size", 2, 1, WIDTH_LIMIT),
    COUNT(num_hidden_groups, "", 0, 0, 1000),
    COUNT(inner_group_num, "", 0, 0, 1000),
    COUNT(relative_attention_num_buckets, "", 0, 0, 65536),
    COUNT(sliding_window, "", 0, 0, WIDTH_LIMIT),
    {"pad_token_id", "pad_token_id", TOKEN, AT(pad_token_id), 0, -1, WIDTH_LIMIT},
    {"layer_norm_eps", "layer_norm_eps", REAL, AT(layer_norm_eps), 1e-12, 0, 1},
    {"initializer_range", "initializer_range", REAL, AT(initializer_range), 0.02, 0, 1e3},
    {"initializer_cutoff_factor", "initializer_cutoff_factor", REAL, AT(initializer_cutoff_factor),
     2, 0.1, 1e3},
    {"clamp_len", "clamp_len", REAL, AT(clamp_len), -1, -1e9, 1e9},
    {"hidden_act", "hidden_act", ACTIVATION, AT(hidden_act), ACT_GELU, 0, 0},
    {"dense_act", "", ACTIVATION, AT(dense_act), ACT_TANH, 0, 0},
    {"attention_bias", "", FLAG, AT(attention_bias), true, 0, 0},
    {"mlp_bias", "", FLAG, AT(mlp_bias), true, 0, 0},
    {"norm_bias", "", FLAG, AT(norm_bias), true, 0, 0},
    {"dense_bias", "", FLAG, AT(dense_bias), true, 0, 0},
};

static const struct activation_name {
    const char *name;
    enum activation act;
} activations[] = {
    {"gelu", ACT_GELU},           {"gelu_python", ACT_GELU},
    {"gelu_new", ACT_GELU_TANH},  {"gelu_pytorch_tanh", ACT_GELU_TANH},
    {"gelu_fast", ACT_GELU_TANH}, {"relu", ACT_RELU},
    {"silu", ACT_SILU},           {"swish", ACT_SILU},
    {"tanh", ACT_TANH},
};

/* Keys of which only one value is served, by the families that have them. */
static const struct fixed_row {
    const char *model_type, *key, *value; /* model_type NULL: all */
} fixed[] = {
    {NULL, "position_embedding_type", "absolute"},
    {NULL, "is_decoder", "false"},
    {NULL, "add_cross_attention", "false"},
    {"gpt2", "scale_attn_weights", "true"},
    {"gpt2", "scale_attn_by_inverse_layer_idx", "false"},
    {"xlnet", "attn_type", "bi"},
    {"xlnet", "bi_data", "false"},
    {"xlnet", "summary_type", "last"},
    {"xlnet", "summary_use_proj", "true"},
    {"xlnet", "summary_activation", "tanh"},
};

static int read_activation(const cJSON *json, const char *key, enum activation *act,
                           const char *path, struct err *err)
{
    const char *name;
    char list[128];
    size_t n = 0;
    if (json_get_string(json, key, &name, path, err))
        return -1;
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (!strcmp(name, activations[i].name)) {
            *act = activations[i].act;
            return 0;
        }
        n +=
            (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", activations[i].name);
    }
    return err_set(err, ERR_UNSUPPORTED, "'%s': %s '%.40s' is not supported; supported: %s", path,
                   key, name, list);
}

static int read_number(const cJSON *json, const struct field *f, const char *key, double *out,
                       const char *path, struct err *err)
{
    size_t count;
    if (f->kind == SIZE) {
        if (json_get_size(json, key, &count, path, err))
            return -1;
        *out = (double)count;
    } else if (json_get_number(json, key, out, path, err)) {
        return -1;
    }
    if (*out >= f->min && *out < f->max)
        return 0;
    if (f->kind == SIZE)
        return err_set(err, ERR_INPUT, "'%s': %s is %zu, expected %g to %g", path, key, count,
                       f->min, f->max - 1);
    return err_set(err, ERR_INPUT, "'%s': %s is %g, expected %g to below %g", path, key, *out,
                   f->min, f->max);
}

/* One field from its key, or its default. */
static int read_field(struct model_config *c, const struct field *f, const char *path,
                      struct err *err)
{
    void *at = (char *)c + f->at;
    const char *key = f->key;
    double value = f->at == AT(dense_act) ? (double)c->family->dense_act : f->dflt;
    for (const struct config_override *o = c->family->config; o->field; o++)
        if (!strcmp(o->field, f->name)) {
            key = o->key ? o->key : f->key;
            value = o->dflt;
        }
    const cJSON *item = *key ? cJSON_GetObjectItemCaseSensitive(c->json, key) : NULL;
    bool given = item && !cJSON_IsNull(item);
    if (cJSON_IsNull(item) && (f->kind == TOKEN || (f->kind == SIZE && f->min == 0)))
        value = f->min;
    switch (f->kind) {
    case FLAG:
        *(bool *)at = value != 0;
        return given ? json_bool_or(c->json, key, false, at, path, err) : 0;
    case ACTIVATION:
        *(enum activation *)at = (enum activation)value;
        return given ? read_activation(c->json, key, at, path, err) : 0;
    case SIZE:
        if (given && read_number(c->json, f, key, &value, path, err))
            return -1;
        *(size_t *)at = (size_t)value;
        return 0;
    case REAL:
    case TOKEN:
        if (given && read_number(c->json, f, key, &value, path, err))
            return -1;
        *(double *)at = value;
        return 0;
    }
    return 0;
}

/* Sizes that follow from others unless they are given. */
static int settle_sizes(struct model_config *c, const char *path, struct err *err)
{
    size_t heads = c->num_attention_heads;
    if (!c->intermediate_size)
        c->intermediate_size = 4 * c->hidden_size;
    if (!c->num_key_value_heads)
        c->num_key_value_heads = heads;
    if (!c->embedding_size)
        c->embedding_size = c->hidden_size;
    if (!c->head_dim && c->hidden_size % heads)
        return err_set(err, ERR_INPUT,
                       "'%s': hidden_size %zu is no multiple of num_attention_heads %zu", path,
                       c->hidden_size, heads);
    if (!c->head_dim)
        c->head_dim = c->hidden_size / heads;
    if (heads % c->num_key_value_heads)
        return err_set(err, ERR_INPUT,
                       "'%s': num_attention_heads %zu is no multiple of num_key_value_heads %zu",
                       path, heads, c->num_key_value_heads);
    if (c->num_hidden_groups > c->num_hidden_layers)
        return err_set(err, ERR_INPUT, "'%s': num_hidden_groups %zu is more than the %zu layers",
                       path, c->num_hidden_groups, c->num_hidden_layers);
    if (c->family->positions == POSITIONS_ROTARY && c->head_dim % 2)
        return err_set(err, ERR_INPUT, "'%s': head_dim %zu is odd; rotary positions need pairs",
                       path, c->head_dim);
    return 0;
}

static int read_dropouts(struct model_config *c, const char *path, struct err *err)
{
    for (size_t i = 0; i < DROPOUTS; i++) {
        const struct config_dropout *d = &c->family->dropout[i];
        const char *key = d->key;
        c->dropout[i] = 0;
        if (!key)
            continue;
        double dflt = d->dflt;
        if (d->fallback && json_number_or(c->json, d->fallback, dflt, &dflt, path, err))
            return -1;
        if (json_number_or(c->json, key, dflt, &c->dropout[i], path, err))
            return -1;
        if (!(c->dropout[i] >= 0 && c->dropout[i] < 1))
            return err_set(err, ERR_INPUT, "'%s': %s is %g, expected 0 to below 1", path, key,
                           c->dropout[i]);
    }
    return 0;
}

static int find_family(struct model_config *c, const char *path, struct err *err)
{
    const char *type;
    if (json_string_or(c->json, "model_type", "", &type, path, err))
        return -1;
    if (!*type)
        return err_set(err, ERR_INPUT,
                       "'%s' has no model_type, so it describes no Hugging Face model", path);
    if ((c->family = family_find(type)))
        return 0;
    char list[256];
    size_t n = 0;
    for (size_t i = 0; model_types(i) && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", model_types(i));
    return err_set(err, ERR_UNSUPPORTED, "'%s': model_type '%.40s' is not supported; supported: %s",
                   path, type, list);
}

static int refuse_foreign(const struct model_config *c, const char *path, struct err *err)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const struct fixed_row *row = &fixed[i];
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(c->json, row->key);
        if ((row->model_type && strcmp(row->model_type, c->family->model_type)) || !item ||
            cJSON_IsNull(item))
            continue;
        const char *value = cJSON_IsString(item)  ? item->valuestring
                            : cJSON_IsTrue(item)  ? "true"
                            : cJSON_IsFalse(item) ? "false"
                                                  : NULL;
        if (!value)
            return err_set(err, ERR_INPUT, "'%s': %s is neither a string nor true or false", path,
                           row->key);
        if (strcmp(value, row->value))
            return err_set(err, ERR_UNSUPPORTED, "'%s': %s '%.40s' is not supported; supported: %s",
                           path, row->key, value, row->value);
    }
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

static int read_pooling(struct model_config *c, const char *path, struct err *err)
{
    const char *pooling, *own = "cls";
    if (json_string_or(c->json, "sft_pooling", "", &pooling, path, err))
        return -1;
    if (*pooling && strcmp(pooling, "cls") && strcmp(pooling, "mean"))
        return err_set(err, ERR_INPUT, "'%s': sft_pooling is '%.20s', expected cls or mean", path,
                       pooling);
    snprintf(c->sft_pooling, sizeof c->sft_pooling, "%s", pooling);
    if (!strcmp(c->family->model_type, "modernbert") &&
        json_string_or(c->json, "classifier_pooling", "cls", &own, path, err))
        return -1;
    if (strcmp(own, "cls") && strcmp(own, "mean"))
        return err_set(err, ERR_INPUT, "'%s': classifier_pooling is '%.20s', expected cls or mean",
                       path, own);
    c->mean_pooling = !strcmp(own, "mean");
    return 0;
}

static int read_all(struct model_config *c, const char *path, struct err *err)
{
    if (!cJSON_IsObject(c->json))
        return err_set(err, ERR_INPUT, "'%s' holds no JSON object", path);
    if (find_family(c, path, err) || refuse_foreign(c, path, err))
        return -1;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (read_field(c, &fields[i], path, err))
            return -1;
    if (settle_sizes(c, path, err) || read_dropouts(c, path, err) || read_labels(c, path, err) ||
        read_pooling(c, path, err))
        return -1;
    return config_read_layers(c, path, err);
}

int model_config_parse(struct model_config *c, const char *text, size_t n, const char *name,
                       struct err *err)
{
    *c = (struct model_config){0};
    if (!(c->json = json_parse(text, n, name, 1, err)))
        return -1;
    /* What export writes again keeps its spelling: Transformers refuses a 2 where it wrote 2.0. */
    if (!read_all(c, name, err) && !json_keep_spelling(c->json, text, err))
        return 0;
    model_config_clear(c);
    return -1;
}

int model_config_read(struct model_config *c, const char *dir, struct err *err)
{
    char path[4096];
    size_t n;
    if (file_join(path, sizeof path, dir, "config.json", err))
        return -1;
    if (!file_exists(path))
        return err_set(err, ERR_INPUT,
                       "'%s' is no model directory: it has no config.json; expected config.json, "
                       "weights (model.safetensors or pytorch_model.bin, whole or in shards) and a "
                       "tokenizer (tokenizer.json, vocab.txt, vocab.json or a .model)",
                       dir);
    char *text = file_read(path, &n, err);
    size_t mark = text && n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
    int rc = text ? model_config_parse(c, text + mark, n - mark, path, err) : -1;
    free(text);
    return rc;
}

void model_config_clear(struct model_config *c)
{
    for (size_t i = 0; c->labels && i < c->num_labels; i++)
        free(c->labels[i]);
    free(c->labels);
    free(c->layer_window);
    cJSON_Delete(c->json);
    *c = (struct model_config){0};
}

const char *model_config_type(const struct model_config *c)
{
    return c->family->model_type;
}
