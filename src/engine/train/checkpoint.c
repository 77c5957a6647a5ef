#include "engine/train/checkpoint.h"

#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/model/safetensors.h"

#define PATH_SIZE 4096

static int checkpoint_path(char *out, const char *rundir, int64_t step, const char *file,
                           struct err *err)
{
    int n = snprintf(out, PATH_SIZE, "%s/checkpoints/step-%06lld%s%s", rundir, (long long)step,
                     *file ? "/" : "", file);
    return n < PATH_SIZE ? 0 : err_set(err, ERR_IO, "'%.200s': the path is too long", rundir);
}

/* The state as JSON: one table for both ways. */
enum field_type { FIELD_INT, FIELD_UINT, FIELD_REAL };
static const struct field {
    const char *name;
    enum field_type type;
    size_t offset;
} fields[] = {
    {"step", FIELD_INT, offsetof(struct checkpoint_state, step)},
    {"tokens", FIELD_UINT, offsetof(struct checkpoint_state, tokens)},
    {"seconds", FIELD_REAL, offsetof(struct checkpoint_state, seconds)},
    {"loss_sum", FIELD_REAL, offsetof(struct checkpoint_state, loss_sum)},
    {"loss_weight", FIELD_REAL, offsetof(struct checkpoint_state, loss_weight)},
    {"learning_rate", FIELD_REAL, offsetof(struct checkpoint_state, learning_rate)},
    {"evaluated_step", FIELD_INT, offsetof(struct checkpoint_state, evaluated_step)},
    {"best_metric", FIELD_REAL, offsetof(struct checkpoint_state, best_metric)},
    {"best_step", FIELD_INT, offsetof(struct checkpoint_state, best_step)},
    {"evaluations_without_gain", FIELD_INT,
     offsetof(struct checkpoint_state, evaluations_without_gain)},
    {"last_seq", FIELD_UINT, offsetof(struct checkpoint_state, last_seq)},
};
#define FIELDS (sizeof fields / sizeof fields[0])

static void put_field(struct json_writer *w, const struct field *f,
                      const struct checkpoint_state *s)
{
    const char *at = (const char *)s + f->offset;
    json_key(w, f->name);
    switch (f->type) {
    case FIELD_INT:
        json_int(w, *(const int64_t *)at);
        break;
    case FIELD_UINT:
        json_int(w, (int64_t) * (const uint64_t *)at);
        break;
    case FIELD_REAL:
        json_double(w, *(const double *)at);
        break; /* NaN is null */
    }
}

static int get_field(const cJSON *o, const struct field *f, struct checkpoint_state *s,
                     const char *where, struct err *err)
{
    char *at = (char *)s + f->offset;
    double x;
    if (json_number_or(o, f->name, NAN, &x, where, err))
        return -1;
    if (f->type != FIELD_REAL && !(x >= 0 && x < 9e15))
        return err_set(err, ERR_INPUT,
                       "'%.200s': \"%s\" is no count; remove that checkpoint to use "
                       "the one before",
                       where, f->name);
    switch (f->type) {
    case FIELD_INT:
        *(int64_t *)at = (int64_t)x;
        break;
    case FIELD_UINT:
        *(uint64_t *)at = (uint64_t)x;
        break;
    case FIELD_REAL:
        *(double *)at = x;
        break;
    }
    return 0;
}

static int write_state(const char *directory, const struct checkpoint_state *s, struct err *err)
{
    char path[PATH_SIZE];
    struct strbuf json = {0};
    struct json_writer w;
    json_writer_init(&w, &json, 2);
    json_open(&w, '{');
    for (size_t i = 0; i < FIELDS; i++)
        put_field(&w, &fields[i], s);
    json_close(&w, '}');
    int rc = -1;
    if (json.failed)
        err_set(err, ERR_NOMEM, "out of memory for a checkpoint's state");
    else if (!file_join(path, sizeof path, directory, "state.json", err))
        rc = file_write(path, json.text, json.length, err);
    strbuf_clear(&json);
    return rc;
}

int checkpoint_read_state(const char *rundir, int64_t step, struct checkpoint_state *s,
                          struct err *err)
{
    char path[PATH_SIZE];
    if (checkpoint_path(path, rundir, step, "state.json", err))
        return -1;
    cJSON *root = json_read(path, err);
    if (!root)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < FIELDS && !rc; i++)
        rc = get_field(root, &fields[i], s, path, err);
    cJSON_Delete(root);
    return rc;
}

static struct tensor_out describe(const struct param *p, const char *name, const float *data)
{
    struct tensor_out t = {.name = name, .data = data, .dims = p->rows == 1 ? 1 : 2};
    t.shape[0] = p->rows == 1 ? p->cols : p->rows;
    t.shape[1] = p->rows == 1 ? 0 : p->cols;
    return t;
}

static int write_weights(const char *directory, const struct checkpoint_tensors *t, struct err *err)
{
    char path[PATH_SIZE];
    struct tensor_out *out = mem_alloc(t->count, sizeof *out, "a checkpoint", err);
    int rc = -1;
    if (!out || file_join(path, sizeof path, directory, "model.safetensors", err))
        goto out;
    for (size_t i = 0; i < t->count; i++)
        out[i] = describe(t->params[i], t->params[i]->name, t->params[i]->w);
    rc = safetensors_write(path, out, t->count, "pt", NULL, err);
out:
    free(out);
    return rc;
}

/* "<parameter>.m" or ".v". */
static void moment_name(char *out, size_t size, const struct param *p, char moment)
{
    snprintf(out, size, "%s.%c", p->name, moment);
}

#define MOMENT_NAME_SIZE 256

static int write_moments(const char *directory, const struct checkpoint_tensors *t, struct err *err)
{
    char path[PATH_SIZE];
    int rc = -1;
    struct tensor_out *out = mem_alloc(2 * t->count, sizeof *out, "a checkpoint", err);
    char(*names)[MOMENT_NAME_SIZE] = mem_alloc(2 * t->count, sizeof *names, "a checkpoint", err);
    if (!out || !names || file_join(path, sizeof path, directory, "optimizer.safetensors", err))
        goto out;
    for (size_t i = 0; i < 2 * t->count; i++) {
        const struct optim_tensor *o = &t->tensors[i / 2];
        moment_name(names[i], sizeof names[i], t->params[i / 2], i % 2 ? 'v' : 'm');
        out[i] = describe(t->params[i / 2], names[i], i % 2 ? o->v : o->m);
    }
    rc = safetensors_write(path, out, 2 * t->count, "pt", NULL, err);
out:
    free(out);
    free(names);
    return rc;
}

static bool has_moments(const struct checkpoint_tensors *t)
{
    return t->count > 0 && t->tensors[0].m;
}

static uint64_t directory_size(const char *rundir, int64_t step)
{
    static const char *const files[] = {"model.safetensors", "optimizer.safetensors", "state.json"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[PATH_SIZE];
        struct stat st;
        if (!checkpoint_path(path, rundir, step, files[i], NULL) && !stat(path, &st))
            sum += (uint64_t)st.st_size;
    }
    return sum;
}

int checkpoint_write(const char *rundir, const struct checkpoint_tensors *t,
                     const struct checkpoint_state *s, uint64_t *size_bytes, struct err *err)
{
    char path[PATH_SIZE], aside[PATH_SIZE];
    if (checkpoint_path(path, rundir, s->step, "", err))
        return -1;
    if (file_exists(path)) {
        /* The weights of a step are always the same; what an evaluation found since may differ. */
        if (write_state(path, s, err))
            return -1;
    } else {
        if (file_directory_begin(path, aside, sizeof aside, err))
            return -1;
        if (write_weights(aside, t, err) || (has_moments(t) && write_moments(aside, t, err)) ||
            write_state(aside, s, err) || file_directory_commit(path, aside, err)) {
            file_remove_tree(aside, NULL);
            return err_wrap(err, "checkpoint of step %lld", (long long)s->step);
        }
    }
    if (size_bytes)
        *size_bytes = directory_size(rundir, s->step);
    return 0;
}

static int read_tensor(const struct safetensors *f, const char *path, const char *name,
                       const struct param *p, float *out, struct err *err)
{
    const struct tensor_entry *e = safetensors_find(f, name);
    if (!e || e->dtype != DTYPE_F32 || e->count != p->rows * p->cols)
        return err_set(err, ERR_INPUT,
                       "'%.200s': no tensor '%s' of %zu x %zu float32; the "
                       "checkpoint is of another model, remove it to use the one before",
                       path, name, p->rows, p->cols);
    tensor_to_float(out, e);
    return 0;
}

static int read_weights(const char *rundir, int64_t step, const struct checkpoint_tensors *t,
                        struct err *err)
{
    char path[PATH_SIZE];
    struct safetensors f;
    if (checkpoint_path(path, rundir, step, "model.safetensors", err) ||
        safetensors_open(&f, path, err))
        return -1;
    int rc = 0;
    for (size_t i = 0; i < t->count && !rc; i++)
        rc = read_tensor(&f, path, t->params[i]->name, t->params[i], t->params[i]->w, err);
    safetensors_close(&f);
    return rc;
}

/* A row of an embedding is touched when it has moments: what has none does not move. */
static void restore_touched(const struct optim_tensor *o)
{
    for (size_t r = 0; o->touched && r < o->rows; r++) {
        const float *m = o->m + r * o->cols, *v = o->v + r * o->cols;
        bool any = false;
        for (size_t c = 0; c < o->cols && !any; c++)
            any = m[c] != 0.0f || v[c] != 0.0f;
        o->touched[r] = any;
    }
}

static int read_moments(const char *rundir, int64_t step, const struct checkpoint_tensors *t,
                        struct err *err)
{
    char path[PATH_SIZE], name[MOMENT_NAME_SIZE];
    struct safetensors f;
    if (checkpoint_path(path, rundir, step, "optimizer.safetensors", err) ||
        safetensors_open(&f, path, err))
        return -1;
    int rc = 0;
    for (size_t i = 0; i < t->count && !rc; i++) {
        const struct optim_tensor *o = &t->tensors[i];
        moment_name(name, sizeof name, t->params[i], 'm');
        rc = read_tensor(&f, path, name, t->params[i], o->m, err);
        moment_name(name, sizeof name, t->params[i], 'v');
        if (!rc)
            rc = read_tensor(&f, path, name, t->params[i], o->v, err);
        if (!rc)
            restore_touched(o);
    }
    safetensors_close(&f);
    return rc;
}

int checkpoint_read(const char *rundir, int64_t step, const struct checkpoint_tensors *t,
                    bool moments, struct err *err)
{
    if (read_weights(rundir, step, t, err))
        return -1;
    return moments && has_moments(t) ? read_moments(rundir, step, t, err) : 0;
}

/* The step in "step-000400", -1 for any other name. */
static int64_t parse_name(const char *name)
{
    if (strncmp(name, "step-", 5) || strlen(name) < 11)
        return -1;
    char *end;
    long long step = strtoll(name + 5, &end, 10);
    return *end || step < 0 ? -1 : step;
}

/* Call fn for each entry of RUNDIR/checkpoints with its step, -1 for what is none. */
static void each_entry(const char *rundir, void (*fn)(void *, const char *, int64_t), void *arg)
{
    char directory[PATH_SIZE];
    if (file_join(directory, sizeof directory, rundir, "checkpoints", NULL))
        return;
    DIR *dir = opendir(directory);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[PATH_SIZE];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (!file_join(path, sizeof path, directory, e->d_name, NULL))
            fn(arg, path, parse_name(e->d_name));
    }
    closedir(dir);
}

struct newest {
    int64_t first, second; /* the two newest steps */
    int64_t best;
};

static void find_newest(void *arg, const char *path, int64_t step)
{
    struct newest *n = arg;
    (void)path;
    if (step > n->first) {
        n->second = n->first;
        n->first = step;
    } else if (step > n->second) {
        n->second = step;
    }
}

int64_t checkpoint_newest(const char *rundir)
{
    struct newest n = {-1, -1, 0};
    each_entry(rundir, find_newest, &n);
    return n.first;
}

static void remove_old(void *arg, const char *path, int64_t step)
{
    const struct newest *n = arg;
    bool keep =
        step >= 0 && (step == n->first || step == n->second || (n->best && step == n->best));
    if (!keep)
        file_remove_tree(path, NULL); /* what cannot be removed only takes space */
}

void checkpoint_prune(const char *rundir, int64_t best)
{
    struct newest n = {-1, -1, best};
    each_entry(rundir, find_newest, &n);
    each_entry(rundir, remove_old, &n);
}
