/* model_fixture.h - the tiny BERT of tests/fixtures for C tests: its expected numbers, its batches,
 * and altered copies of its directory. */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>

#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/model/model.h"
#include "engine/model/safetensors.h"
#include "model_steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TINY          "tests/fixtures/tiny_bert"
#define TINY_EXPECTED "tests/fixtures/tiny_bert_expected.safetensors"
#define TINY_LABELS   3
#define TINY_BATCHES  4

static inline void fixture_batch(struct batch *b, const struct safetensors *s, int which)
{
    char name[32];
    snprintf(name, sizeof name, "batch.%d", which);
    steps_batch(b, s, name);
}

static inline struct compute *fixture_compute(int threads)
{
    struct err err = {0};
    struct compute *c = compute_create(threads, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}

static inline struct model *fixture_model(const char *dir, struct head_spec head, struct compute *c)
{
    struct err err = {0};
    if (!head.labels && !head.keep_head)
        head.labels = TINY_LABELS;
    struct model *m = model_open(dir, &head, c, &err);
    if (!m)
        fail_msg("%s", err.text);
    return m;
}

static inline struct workspace *fixture_workspace(const struct model *m, const struct batch *b,
                                                  bool training)
{
    struct err err = {0};
    struct workspace *ws = workspace_create(m, b->max_B, b->max_T, b->longest, training, &err);
    if (!ws)
        fail_msg("%s", err.text);
    return ws;
}

/* A place of this test's own under the build directory's temporary files. */
static inline const char *fixture_place(char *out, size_t size, const char *name)
{
    const char *tmp = getenv("TMPDIR");
    struct err err;
    snprintf(out, size, "%s/sft-test-%ld-%s", tmp ? tmp : "/tmp", (long)getpid(), name);
    file_remove_tree(out, &err);
    return out;
}

static inline void fixture_write(const char *dir, const char *name, const char *text)
{
    char path[4096];
    struct err err = {0};
    assert_int_equal(file_join(path, sizeof path, dir, name, &err), 0);
    if (file_write(path, text, strlen(text), &err))
        fail_msg("%s", err.text);
}

/* A copy of the tiny model in `dir` whose tensors `keep` has renamed (into name[128]), or dropped
 * by returning false. keep NULL: all as they are. */
typedef bool fixture_keep(char *name);
static inline void fixture_copy(const char *dir, fixture_keep *keep)
{
    struct safetensors s;
    struct err err = {0};
    char path[4096];
    assert_int_equal(file_make_directories(dir, &err), 0);
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(file_copy(TINY "/config.json", path, &err), 0);
    assert_int_equal(safetensors_open(&s, TINY "/model.safetensors", &err), 0);
    struct tensor_out *out = calloc(s.count, sizeof *out);
    char(*names)[128] = calloc(s.count, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < s.count; i++) {
        const struct tensor_entry *t = &s.tensors[i];
        snprintf(names[count], sizeof names[count], "%s", t->name);
        if (keep && !keep(names[count]))
            continue;
        float *data = malloc(t->size_bytes);
        tensor_to_float(data, t);
        out[count] = (struct tensor_out){.name = names[count], .data = data, .dims = t->dims};
        memcpy(out[count++].shape, t->shape, sizeof t->shape);
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(safetensors_write(path, out, count, "pt", NULL, &err), 0);
    for (size_t i = 0; i < count; i++)
        free((float *)out[i].data);
    free(out);
    free(names);
    safetensors_close(&s);
}

#endif
