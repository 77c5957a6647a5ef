/* family_fixture.h - the tiny models of tests/fixtures/families for C tests: a directory built from
 * the rule that make_families.py has, too, and its ten texts as a batch. */
#ifndef FAMILY_FIXTURE_H
#define FAMILY_FIXTURE_H
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "model_fixture.h"

#include <dirent.h>

#define FAMILIES "tests/fixtures/families"

/* Element i of what `name` names, in [0, 1). */
static inline double family_hashed(uint32_t seed, size_t i)
{
    uint32_t x = (uint32_t)i * UINT32_C(0x9E3779B9) + seed;
    x = (x ^ x >> 16) * UINT32_C(0x7FEB352D);
    x = (x ^ x >> 15) * UINT32_C(0x846CA68B);
    return (double)(x ^ x >> 16) / 4294967296.0;
}

static inline uint32_t family_seed(const char *name)
{
    uint32_t seed = UINT32_C(2166136261);
    for (; *name; name++)
        seed = (seed ^ (uint8_t)*name) * UINT32_C(16777619);
    return seed;
}

/* make_families.py's values(). */
static inline void family_values(float *out, const char *name, size_t dims, size_t count)
{
    size_t n = strlen(name);
    bool norm = dims == 1 && n > 7 && !strcmp(name + n - 7, ".weight");
    uint32_t seed = family_seed(name);
    for (size_t i = 0; i < count; i++) {
        double x = family_hashed(seed, i) - 0.5;
        out[i] = (float)(dims > 1 ? 0.7 * x : 0.4 * x + (norm ? 1.0 : 0.0));
    }
}

static inline cJSON *family_read(const char *name)
{
    char path[512];
    struct err err = {0};
    snprintf(path, sizeof path, FAMILIES "/%s.json", name);
    cJSON *o = json_read(path, &err);
    if (!o)
        fail_msg("%s", err.text);
    return o;
}

/* config.json and model.safetensors in `dir`; tensors whose name keep() refuses are left out. */
typedef bool family_keep(const char *name);
static inline void family_write(const cJSON *o, const char *dir, family_keep *keep)
{
    struct err err = {0};
    const cJSON *list = cJSON_GetObjectItem(o, "tensors"), *item;
    size_t n = (size_t)cJSON_GetArraySize(list), used = 0;
    struct tensor_out *out = calloc(n, sizeof *out);
    char path[512], *text = cJSON_Print(cJSON_GetObjectItem(o, "config"));
    assert_int_equal(file_make_directories(dir, &err), 0);
    fixture_write(dir, "config.json", text);
    cJSON_free(text);
    cJSON_ArrayForEach(item, list)
    {
        const char *name = cJSON_GetArrayItem(item, 0)->valuestring;
        struct tensor_out *t = &out[used];
        size_t count = 1;
        if (keep && !keep(name))
            continue;
        t->name = name;
        for (const cJSON *d = cJSON_GetArrayItem(item, 1); d; d = d->next)
            count *= t->shape[t->dims++] = (size_t)d->valuedouble;
        float *values = malloc(count * sizeof *values);
        family_values(values, name, t->dims, count);
        t->data = values;
        used++;
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    if (safetensors_write(path, out, used, "pt", NULL, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < used; i++)
        free((float *)out[i].data);
    free(out);
}

/* Texts [first, first + count) back to back. */
static inline void family_batch(struct batch *b, const cJSON *o, int first, int count)
{
    struct err err = {0};
    const cJSON *ids = cJSON_GetObjectItem(o, "ids"), *types = cJSON_GetObjectItem(o, "types");
    const cJSON *labels = cJSON_GetObjectItem(o, "labels");
    size_t T = 0;
    for (int i = 0; i < count; i++)
        T += (size_t)cJSON_GetArraySize(cJSON_GetArrayItem(ids, first + i));
    if (batch_init(b, (size_t)count, T, &err))
        fail_msg("%s", err.text);
    b->B = (size_t)count, b->T = T;
    size_t t = 0;
    for (int i = 0; i < count; i++) {
        const cJSON *id = cJSON_GetArrayItem(ids, first + i)->child;
        const cJSON *type = cJSON_GetArrayItem(types, first + i)->child;
        b->start[i] = (uint32_t)t;
        b->label[i] = cJSON_GetArrayItem(labels, first + i)->valueint;
        for (int at = 0; id; id = id->next, type = type->next, t++) {
            b->token[t] = id->valueint;
            b->segment[t] = type->valueint;
            b->position[t] = at++;
        }
        b->longest = t - b->start[i] > b->longest ? t - b->start[i] : b->longest;
    }
    b->start[count] = (uint32_t)t;
}

/* Call fn with the name of each fixture, in order. */
static inline void family_each(void (*fn)(const char *name))
{
    struct dirent **entries;
    int n = scandir(FAMILIES, &entries, NULL, alphasort);
    assert_true(n > 2);
    for (int i = 0; i < n; i++) {
        char *dot = strstr(entries[i]->d_name, ".json");
        if (dot) {
            *dot = '\0';
            fn(entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
}

#endif
