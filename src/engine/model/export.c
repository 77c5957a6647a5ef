/* export.c - the model as a directory that AutoModelForSequenceClassification.from_pretrained
 * loads.
 *
 * config.json is the one the model came with, plus what Transformers needs to rebuild the head;
 * keys this program does not know stay as they were. */
#include "engine/model/parts.h"

#include "engine/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const pooling_names[] = {
    [POOLING_MODEL] = "model",
    [POOLING_CLS] = "cls",
    [POOLING_MEAN] = "mean",
};

/* Put a member, whatever stood there before. Takes the item. */
static int put(cJSON *o, const char *key, cJSON *item)
{
    cJSON_DeleteItemFromObjectCaseSensitive(o, key);
    if (item && cJSON_AddItemToObject(o, key, item))
        return 0;
    cJSON_Delete(item);
    return -1;
}

static int put_labels(cJSON *o, const struct model *m)
{
    cJSON *id2label = cJSON_CreateObject(), *label2id = cJSON_CreateObject();
    int rc = 0;
    for (size_t i = 0; i < m->K; i++) {
        char id[24];
        snprintf(id, sizeof id, "%zu", i);
        rc |= !cJSON_AddStringToObject(id2label, id, m->label_names[i]);
        rc |= !cJSON_AddNumberToObject(label2id, m->label_names[i], (double)i);
    }
    rc |= put(o, "id2label", id2label);
    rc |= put(o, "label2id", label2id);
    return rc ? -1 : 0;
}

static int edit_config(cJSON *o, const struct model *m)
{
    static const char *const stale[] = {"torch_dtype", "num_labels", "_num_labels", "sft_pooling"};
    const char *architecture = m->family->architecture;
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(o, stale[i]);
    int rc = put(o, "architectures", cJSON_CreateStringArray(&architecture, 1)) |
             put(o, "dtype", cJSON_CreateString("float32")) |
             put(o, "problem_type", cJSON_CreateString(problem_name(m->problem))) |
             put_labels(o, m);
    if (m->pooling != POOLING_MODEL)
        rc |= put(o, "sft_pooling", cJSON_CreateString(pooling_names[m->pooling]));
    return rc;
}

static int write_config(const struct model *m, const char *dir, struct err *err)
{
    char path[4096], *text = NULL;
    if (file_join(path, sizeof path, dir, "config.json", err))
        return -1;
    cJSON *o = cJSON_Duplicate(m->config.json, true);
    int rc = o ? edit_config(o, m) : -1;
    if (!rc)
        text = cJSON_Print(o);
    rc = text ? file_write(path, text, strlen(text), err)
              : err_set(err, ERR_NOMEM, "out of memory for '%s'", path);
    cJSON_free(text);
    cJSON_Delete(o);
    return rc;
}

int model_export(struct model *m, const char *dir, bool force, char weights_sha256[65],
                 struct err *err)
{
    char path[4096];
    if (m->pooling != POOLING_MODEL && !force)
        return err_set(
            err, ERR_UNSUPPORTED,
            "pooling '%s' cannot be expressed by %s; --force exports it with an sft_pooling "
            "key that only this program reads",
            pooling_names[m->pooling], m->family->architecture);
    if (file_make_directories(dir, err) || write_config(m, dir, err) ||
        file_join(path, sizeof path, dir, "model.safetensors", err))
        return -1;
    return model_save_weights(m, path, weights_sha256, err);
}
