#include "engine/model/weight_files.h"

#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/model/safetensors.h"
#include "engine/model/torch_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weight_part {
    struct safetensors safetensors;
    struct torch_file torch;
    const struct tensor_entry *tensors; /* of the reader above that has the file */
    size_t count;
};

static int open_safetensors(struct weight_part *part, const char *path, struct err *err)
{
    if (safetensors_open(&part->safetensors, path, err))
        return -1;
    part->tensors = part->safetensors.tensors;
    part->count = part->safetensors.count;
    return 0;
}

static int open_torch(struct weight_part *part, const char *path, struct err *err)
{
    if (torch_file_open(&part->torch, path, err))
        return -1;
    part->tensors = part->torch.tensors;
    part->count = part->torch.count;
    return 0;
}

static const struct format {
    const char *file, *index;
    int (*open)(struct weight_part *part, const char *path, struct err *err);
} formats[] = {
    {"model.safetensors", "model.safetensors.index.json", open_safetensors},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", open_torch},
};

/* Where a directory's weights are. */
struct source {
    const char *dir;
    const struct format *format;
    const char *name; /* of the one file, or of the index */
    bool sharded;
    char path[4096]; /* of `name` */
};

static int find_source(struct source *s, const char *dir, struct err *err)
{
    for (size_t i = 0; i < 2 * (sizeof formats / sizeof *formats); i++) {
        *s = (struct source){.dir = dir, .format = &formats[i / 2], .sharded = i % 2};
        s->name = s->sharded ? s->format->index : s->format->file;
        if (file_join(s->path, sizeof s->path, dir, s->name, err))
            return -1;
        if (file_exists(s->path))
            return 0;
    }
    return err_set(err, ERR_INPUT,
                   "'%s' is no model directory: it has no weights; expected model.safetensors or "
                   "pytorch_model.bin, or the .index.json of either with its shards",
                   dir);
}

/* An index: which tensor is in which shard. */
struct index {
    cJSON *json; /* owns the texts */
    struct place {
        const char *tensor, *shard;
    } * places;
    size_t count;
    const char **shards; /* each once, by name */
    size_t shard_count;
};

static void index_close(struct index *x)
{
    free(x->places);
    free(x->shards);
    cJSON_Delete(x->json);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A shard outside the directory would make an index read whatever its author likes. */
static bool is_plain_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int read_places(struct index *x, const cJSON *map, const char *path, struct err *err)
{
    size_t n = (size_t)cJSON_GetArraySize(map);
    x->places = mem_alloc(n, sizeof *x->places, "weight map", err);
    x->shards = mem_alloc(n, sizeof *x->shards, "weight map", err);
    if (!x->places || !x->shards)
        return -1;
    for (const cJSON *m = map->child; m; m = m->next) {
        if (!cJSON_IsString(m) || !is_plain_name(m->valuestring))
            return err_set(err, ERR_INPUT,
                           "'%s': the file of tensor '%.80s' is not a plain file name; get the "
                           "index again",
                           path, m->string);
        x->shards[x->count] = m->valuestring;
        x->places[x->count++] = (struct place){m->string, m->valuestring};
    }
    qsort(x->shards, n, sizeof *x->shards, by_text);
    for (size_t i = 0; i < n; i++)
        if (!i || strcmp(x->shards[i], x->shards[x->shard_count - 1]))
            x->shards[x->shard_count++] = x->shards[i];
    qsort(x->places, n, sizeof *x->places, by_text); /* a place begins with its tensor's name */
    for (size_t i = 1; i < n; i++)
        if (!strcmp(x->places[i - 1].tensor, x->places[i].tensor))
            return err_set(err, ERR_INPUT,
                           "'%s': tensor '%.80s' stands there twice; get the index again", path,
                           x->places[i].tensor);
    return 0;
}

static int index_open(struct index *x, const char *path, struct err *err)
{
    *x = (struct index){0};
    if (!(x->json = json_read(path, err)))
        return -1;
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(x->json, "weight_map");
    int rc =
        cJSON_IsObject(map) && map->child
            ? read_places(x, map, path, err)
            : err_set(err, ERR_INPUT,
                      "'%s': no \"weight_map\" that names a tensor; get the index again", path);
    if (rc)
        index_close(x);
    return rc;
}

static int open_part(struct weight_files *w, const struct source *s, const char *name,
                     struct err *err)
{
    char path[4096];
    struct weight_part *part = &w->parts[w->part_count];
    if (file_join(path, sizeof path, s->dir, name, err))
        return -1;
    if (s->sharded && !file_exists(path))
        return err_set(err, ERR_INPUT, "'%s' is absent, but '%.200s' names it; get the file again",
                       path, s->path);
    if (s->format->open(part, path, err))
        return -1;
    w->part_count++;
    return 0;
}

/* One sorted list of what all parts hold. */
static int merge(struct weight_files *w, struct err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < w->part_count; i++)
        total += w->parts[i].count;
    if (!(w->tensors = mem_alloc(total, sizeof *w->tensors, "tensor list", err)))
        return -1;
    for (size_t i = 0; i < w->part_count; i++) {
        const struct weight_part *part = &w->parts[i];
        if (part->count)
            memcpy(w->tensors + w->count, part->tensors, part->count * sizeof *w->tensors);
        w->count += part->count;
    }
    tensors_sort(w->tensors, w->count);
    const struct tensor_entry *twin = tensors_twin(w->tensors, w->count);
    return twin ? err_set(err, ERR_INPUT,
                          "tensor '%.80s' is in two files, '%s' and '%s'; get the model again",
                          twin->name, twin[-1].file, twin->file)
                : 0;
}

static int check_places(const struct weight_files *w, const struct index *x, struct err *err)
{
    for (size_t i = 0; i < x->count; i++) {
        const struct place *p = &x->places[i];
        const struct tensor_entry *t = weight_files_find(w, p->tensor);
        const char *slash = t ? strrchr(t->file, '/') : NULL;
        if (!slash || strcmp(slash + 1, p->shard))
            return err_set(err, ERR_INPUT,
                           "'%s' says tensor '%.80s' is in '%.80s', but it is not; get the model "
                           "again",
                           w->path, p->tensor, p->shard);
    }
    return 0;
}

static int open_shards(struct weight_files *w, const struct source *s, struct err *err)
{
    struct index x;
    if (index_open(&x, s->path, err))
        return -1;
    int rc = -1;
    if ((w->parts = mem_alloc(x.shard_count, sizeof *w->parts, "shards", err))) {
        rc = 0;
        for (size_t i = 0; i < x.shard_count && !rc; i++)
            rc = open_part(w, s, x.shards[i], err);
        if (!rc)
            rc = merge(w, err);
        if (!rc)
            rc = check_places(w, &x, err);
    }
    index_close(&x);
    return rc;
}

static int open_single(struct weight_files *w, const struct source *s, struct err *err)
{
    if (!(w->parts = mem_alloc(1, sizeof *w->parts, "weights", err)))
        return -1;
    return open_part(w, s, s->name, err) || merge(w, err) ? -1 : 0;
}

int weight_files_open(struct weight_files *w, const char *dir, struct err *err)
{
    struct source s;
    *w = (struct weight_files){0};
    if (find_source(&s, dir, err))
        return -1;
    memcpy(w->path, s.path, sizeof w->path);
    if (!(s.sharded ? open_shards(w, &s, err) : open_single(w, &s, err)))
        return 0;
    weight_files_close(w);
    return -1;
}

void weight_files_close(struct weight_files *w)
{
    for (size_t i = 0; i < w->part_count; i++) {
        safetensors_close(&w->parts[i].safetensors);
        torch_file_close(&w->parts[i].torch);
    }
    free(w->parts);
    free(w->tensors);
    *w = (struct weight_files){0};
}

const struct tensor_entry *weight_files_find(const struct weight_files *w, const char *name)
{
    return tensors_find(w->tensors, w->count, name);
}

static int add_line(struct sha256 *h, const char *dir, const char *name, struct err *err)
{
    char path[4096], hex[65];
    if (file_join(path, sizeof path, dir, name, err) || sha256_file(path, hex, err))
        return -1;
    sha256_add(h, hex, 64);
    sha256_add(h, "  ", 2);
    sha256_add(h, name, strlen(name));
    sha256_add(h, "\n", 1);
    return 0;
}

int weight_files_sha256(const char *dir, char hex[65], struct err *err)
{
    struct source s;
    struct index x;
    if (find_source(&s, dir, err))
        return -1;
    if (!s.sharded)
        return sha256_file(s.path, hex, err);
    if (index_open(&x, s.path, err))
        return -1;
    struct sha256 h;
    sha256_init(&h);
    int rc = add_line(&h, dir, s.name, err);
    for (size_t i = 0; i < x.shard_count && !rc; i++)
        rc = add_line(&h, dir, x.shards[i], err);
    if (!rc)
        sha256_finish(&h, hex);
    index_close(&x);
    return rc;
}
