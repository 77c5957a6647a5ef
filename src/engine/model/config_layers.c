/* config_layers.c - what of config.json differs from layer to layer: which tokens a layer sees, and
 * how its positions turn.
 *
 * Files of Transformers 5 have `layer_types` and `rope_parameters`; older ones say the same by
 * `global_attn_every_n_layers`, `max_window_layers`, `rope_theta` and `rope_scaling`. */
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/model/config_parts.h"
#include "engine/model/families.h"

#include <string.h>

/* A base frequency, and how it is scaled: {"rope_type": ..., "rope_theta": ..., "factor": ...}. */
static int read_rope(struct rope *r, const cJSON *o, double theta, size_t max_length,
                     const char *path, struct err *err)
{
    const char *type, *old;
    *r = (struct rope){.theta = theta, .factor = 1.0};
    if (!o || cJSON_IsNull(o))
        return 0;
    if (!cJSON_IsObject(o))
        return err_set(err, ERR_INPUT, "'%s': the rotary parameters are no object", path);
    if (json_string_or(o, "type", "default", &old, path, err) ||
        json_string_or(o, "rope_type", old, &type, path, err) ||
        json_number_or(o, "rope_theta", theta, &r->theta, path, err))
        return -1;
    if (!(r->theta > 0))
        return err_set(err, ERR_INPUT, "'%s': rope_theta is %g, expected more than 0", path,
                       r->theta);
    if (!strcmp(type, "default"))
        return 0;
    bool llama3 = !strcmp(type, "llama3");
    if (!llama3 && strcmp(type, "linear"))
        return err_set(
            err, ERR_UNSUPPORTED,
            "'%s': rope_type '%.40s' is not supported; supported: default, linear, llama3", path,
            type);
    if (json_get_number(o, "factor", &r->factor, path, err))
        return -1;
    if (!(r->factor >= 1))
        return err_set(err, ERR_INPUT, "'%s': the rotary factor is %g, expected 1 or more", path,
                       r->factor);
    if (!llama3)
        return 0;
    if (json_get_number(o, "low_freq_factor", &r->low_freq_factor, path, err) ||
        json_get_number(o, "high_freq_factor", &r->high_freq_factor, path, err) ||
        json_number_or(o, "original_max_position_embeddings", (double)max_length,
                       &r->original_length, path, err))
        return -1;
    if (!(r->low_freq_factor > 0 && r->high_freq_factor > r->low_freq_factor &&
          r->original_length > 0))
        return err_set(err, ERR_INPUT,
                       "'%s': llama3 scaling needs 0 < low_freq_factor < high_freq_factor", path);
    return 0;
}

static int read_ropes(struct model_config *c, const char *path, struct err *err)
{
    static const struct {
        const char *layer_type, *old_key;
        double theta;
    } modernbert[] = {{"full_attention", "global_rope_theta", 160000.0},
                      {"sliding_attention", "local_rope_theta", 10000.0}};
    bool by_type = c->family->early_norm;
    const cJSON *all = cJSON_GetObjectItemCaseSensitive(c->json, "rope_parameters");
    if (!all)
        all = cJSON_GetObjectItemCaseSensitive(c->json, "rope_scaling");
    for (int i = 0; i < 2; i++) {
        double theta = by_type ? modernbert[i].theta : 10000.0;
        const char *old_key = by_type ? modernbert[i].old_key : "rope_theta";
        const cJSON *own =
            by_type ? cJSON_GetObjectItemCaseSensitive(all, modernbert[i].layer_type) : all;
        if (json_number_or(c->json, old_key, theta, &theta, path, err) ||
            read_rope(&c->rope[i], own, theta, c->max_position_embeddings, path, err))
            return -1;
    }
    return 0;
}

/* Whether layer l sees a window only. */
static int is_local(const struct model_config *c, size_t l, bool *local, const char *path,
                    struct err *err)
{
    const cJSON *types = cJSON_GetObjectItemCaseSensitive(c->json, "layer_types");
    double every, first;
    if (types && !cJSON_IsNull(types)) {
        const cJSON *item = cJSON_GetArrayItem(types, (int)l);
        *local = cJSON_IsString(item) && !strcmp(item->valuestring, "sliding_attention");
        if (!*local && (!cJSON_IsString(item) || strcmp(item->valuestring, "full_attention")))
            return err_set(err, ERR_INPUT,
                           "'%s': layer_types says nothing this program knows of layer %zu; "
                           "expected full_attention or sliding_attention",
                           path, l);
        return 0;
    }
    if (c->family->early_norm) {
        if (json_number_or(c->json, "global_attn_every_n_layers", 3, &every, path, err))
            return -1;
        if (!(every >= 1 && every < 1e9))
            return err_set(err, ERR_INPUT, "'%s': global_attn_every_n_layers is %g", path, every);
        *local = l % (size_t)every != 0;
        return 0;
    }
    if (json_number_or(c->json, "max_window_layers", 28, &first, path, err))
        return -1;
    *local = (double)l >= first;
    return 0;
}

/* Causal windows count the token itself; ModernBERT's half reaches that far to either side. */
static int read_windows(struct model_config *c, const char *path, struct err *err)
{
    bool use = true;
    if (c->family->causal && json_bool_or(c->json, "use_sliding_window", false, &use, path, err))
        return -1;
    if (!use || !c->sliding_window)
        return 0;
    if (c->sliding_window < 2)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s': a sliding window of %zu leaves a token alone; expected 2 or more",
                       path, c->sliding_window);
    size_t reach = c->family->causal ? c->sliding_window - 1 : c->sliding_window / 2;
    for (size_t l = 0; l < c->num_hidden_layers; l++) {
        bool local = false;
        if (is_local(c, l, &local, path, err))
            return -1;
        c->layer_window[l] = local ? reach : 0;
    }
    return 0;
}

int config_read_layers(struct model_config *c, const char *path, struct err *err)
{
    if (!(c->layer_window =
              mem_alloc(c->num_hidden_layers, sizeof *c->layer_window, "layer windows", err)))
        return -1;
    if (c->family->positions != POSITIONS_ROTARY)
        return 0;
    return read_ropes(c, path, err) || read_windows(c, path, err) ? -1 : 0;
}
