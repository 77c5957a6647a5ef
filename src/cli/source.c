#include "cli/source.h"

#include "cli/cli.h"

#include "engine/base/file.h"
#include "engine/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_LENGTH = 128 };

static int find_run(struct source *s, const char *path, struct err *err)
{
    s->is_run = true;
    s->run = mem_alloc(1, sizeof *s->run, "run.json", err);
    if (!s->run || run_info_read(s->run, path, err) ||
        file_join(s->model_dir, sizeof s->model_dir, path, "model", err))
        return -1;
    s->max_length = (size_t)s->run->settings.max_length;
    if (!file_is_directory(s->model_dir))
        return err_set(err, ERR_INPUT,
                       "the run '%.200s' has no model yet; finish it with sft train "
                       "--resume %.200s",
                       path, path);
    return 0;
}

int source_find(struct source *s, const char *path, struct err *err)
{
    char json[4096];
    memset(s, 0, sizeof *s);
    s->max_length = DEFAULT_MAX_LENGTH;
    if (!file_is_directory(path))
        return err_set(err, ERR_INPUT, "'%.200s' is no directory; give a run or a model directory",
                       path);
    if (file_join(json, sizeof json, path, "run.json", err))
        return -1;
    if (file_exists(json))
        return find_run(s, path, err);
    snprintf(s->model_dir, sizeof s->model_dir, "%s", path);
    return 0;
}

int source_load(struct source *s, int threads, struct err *err)
{
    const struct head_spec head = {.keep_head = true, .dropout = -1};
    s->compute = compute_create(threads, err);
    if (!s->compute)
        return -1;
    cli_tell_compute(s->compute);
    s->model = model_open(s->model_dir, &head, s->compute, err);
    if (!s->model)
        return -1;
    s->tokenizer = tokenizer_open(s->model_dir, err);
    s->labels = mem_alloc(model_labels(s->model), sizeof *s->labels, "labels", err);
    if (!s->tokenizer || !s->labels)
        return -1;
    for (size_t k = 0; k < model_labels(s->model); k++)
        s->labels[k] = model_label(s->model, k);
    if (s->max_length > model_max_length(s->model))
        s->max_length = model_max_length(s->model);
    return 0;
}

void source_clear(struct source *s)
{
    free(s->labels);
    free(s->run);
    tokenizer_close(s->tokenizer);
    model_close(s->model);
    compute_destroy(s->compute);
    memset(s, 0, sizeof *s);
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static const char *extension(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    return dot ? dot : "";
}

static bool same_extension(const char *a, const char *b)
{
    return a && !strcmp(extension(a), extension(b));
}

void source_fill_spec(const struct source *s, struct dataset_spec *spec)
{
    spec->labels = s->labels;
    spec->label_count = s->labels ? model_labels(s->model) : 0;
    spec->problem = model_problem(s->model);
    spec->split_lone_train = false;
    if (!s->run)
        return;
    if (!spec->text_column) {
        spec->text_column = or_null(s->run->text_column);
        spec->pair_column = or_null(s->run->pair_column);
    }
    if (!spec->label_column)
        spec->label_column = or_null(s->run->label_column);
    if (!spec->label_separator)
        spec->label_separator = or_null(s->run->label_separator);
    if (!same_extension(spec->files[SPLIT_TEST], s->run->files[SPLIT_TRAIN]))
        return; /* a file of another kind says itself what it is */
    if (spec->format == TABLE_AUTO)
        spec->format = s->run->format;
    if (spec->header == HEADER_AUTO)
        spec->header = s->run->header;
}

/* One sequence as a batch of its own: a handful of texts does not earn packing. */
static int run_one(struct source *s, const struct encoding *e, float *logits, struct err *err)
{
    const struct pass pass = {.training = false};
    struct batch b = {0};
    struct workspace *ws = workspace_create(s->model, 1, e->length, e->length, false, err);
    int rc = -1;
    if (ws && !batch_init(&b, 1, e->length, err)) {
        b.B = 1;
        b.T = b.longest = e->length;
        b.start[0] = 0;
        b.start[1] = (uint32_t)e->length;
        b.row[0] = 0;
        b.label[0] = NO_LABEL;
        for (size_t i = 0; i < e->length; i++) {
            b.token[i] = e->ids[i];
            b.segment[i] = tokenizer_gives_types(s->tokenizer) ? e->segments[i] : NO_SEGMENT;
            b.position[i] = (int32_t)i;
        }
        model_forward(s->model, &b, ws, &pass, logits);
        rc = 0;
    }
    batch_clear(&b);
    workspace_destroy(ws);
    return rc;
}

int source_texts(struct source *s, const char *const *texts, const char *const *pairs, size_t n,
                 float *logits, struct err *err)
{
    struct encoding e = {0};
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        const char *pair = pairs ? pairs[i] : NULL;
        rc = tokenizer_encode(s->tokenizer, texts[i], strlen(texts[i]), pair,
                              pair ? strlen(pair) : 0, s->max_length, &e, err);
        if (!rc)
            rc = run_one(s, &e, logits + i * model_labels(s->model), err);
    }
    encoding_clear(&e);
    return rc;
}

const char *source_label(const void *source, size_t id)
{
    return model_label(((const struct source *)source)->model, id);
}
