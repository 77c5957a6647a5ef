/* weights.c - between the parameter table and files of tensors.
 *
 * A checkpoint may call a tensor "bert.X" or "X", and by the names of early releases (LayerNorm's
 * gamma and beta). The backbone must be complete; the head, and a pooler, may be absent and are
 * then new, initialised from the seed as Transformers initialises them. Whatever was made up or
 * left unread is said in the model's notice. */
#include "engine/model/parts.h"

#include "engine/base/rng.h"
#include "engine/model/safetensors.h"
#include "engine/model/weight_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tensor_entry *find_renamed(const struct weight_files *w, const char *name)
{
    static const char *const old[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                         {"LayerNorm.bias", "LayerNorm.beta"}};
    const struct tensor_entry *t = weight_files_find(w, name);
    for (size_t i = 0; !t && i < 2; i++) {
        const char *at = strstr(name, old[i][0]);
        char renamed[160];
        if (!at)
            continue;
        snprintf(renamed, sizeof renamed, "%.*s%s", (int)(at - name), name, old[i][1]);
        t = weight_files_find(w, renamed);
    }
    return t;
}

static const struct tensor_entry *find_tensor(const struct model *m, const struct weight_files *w,
                                              const char *name)
{
    size_t n = strlen(m->family->prefix);
    const struct tensor_entry *t = find_renamed(w, name);
    if (!t && !strncmp(name, m->family->prefix, n))
        t = find_renamed(w, name + n);
    return t;
}

static bool shape_fits(const struct param *p, const struct tensor_entry *t)
{
    return t->dims == p->dims && !memcmp(t->shape, p->shape, p->dims * sizeof *p->shape);
}

static void shape_text(char *out, size_t size, const size_t *shape, size_t dims)
{
    size_t n = (size_t)snprintf(out, size, "(");
    for (size_t i = 0; i < dims && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, i ? ", %zu" : "%zu", shape[i]);
    if (n < size)
        snprintf(out + n, size - n, ")");
}

/* to (cols, rows) = the transpose of from (rows, cols) */
static void transpose(float *to, const float *from, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            to[c * rows + r] = from[r * cols + c];
}

static int read_values(struct param *p, const struct tensor_entry *t, struct err *err)
{
    if (!p->in_out) {
        tensor_to_float(p->w, t);
        return 0;
    }
    float *stored = mem_alloc(t->count, sizeof *stored, t->name, err);
    if (!stored)
        return -1;
    tensor_to_float(stored, t);
    transpose(p->w, stored, p->cols, p->rows);
    free(stored);
    return 0;
}

/* A model that only answers reads its matrices where they lie in the file: of the word table, often
 * half of a model, a text needs a few rows, and of the rest the copy would take longer than a text
 * does. Not those whose neighbours must follow them (parts.h). */
static bool may_stay_mapped(const struct param *p, const struct tensor_entry *t)
{
    return p->alone && !p->in_out && t->dtype == DTYPE_F32 && tensor_is_packed(t) &&
           (uintptr_t)t->bytes % sizeof(float) == 0;
}

void weights_settle(struct model *m)
{
    for (size_t i = 0; i < m->param_count; i++) {
        struct param *p = &m->params[i];
        if (!p->home)
            continue;
        memcpy(p->home, p->w, p->rows * p->cols * sizeof *p->w);
        p->w = p->home;
        p->home = NULL;
    }
    weight_files_close(&m->mapped);
}

static int check_param(const struct param *p, const struct tensor_entry *t, struct err *err)
{
    if (!shape_fits(p, t)) {
        char got[128], expected[64];
        shape_text(got, sizeof got, t->shape, t->dims);
        shape_text(expected, sizeof expected, p->shape, p->dims);
        return err_set(err, ERR_INPUT,
                       "'%s': tensor '%s' has shape %s, but config.json asks for %s; the two files "
                       "are not of one model",
                       t->file, t->name, got, expected);
    }
    if (t->dtype == DTYPE_OTHER)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s': tensor '%s' is %s; supported are F32, F16, BF16 and F64", t->file,
                       t->name, t->dtype_name);
    return 0;
}

static int read_param(struct param *p, const struct tensor_entry *t, struct err *err)
{
    return check_param(p, t, err) ? -1 : read_values(p, t, err);
}

/* Names in a line, the first few of them. */
struct name_list {
    char text[256];
    size_t count;
};
static void list_add(struct name_list *l, const char *name)
{
    size_t n = strlen(l->text);
    if (l->count++ < 4)
        snprintf(l->text + n, sizeof l->text - n, "%s%.60s", n ? ", " : "", name);
}
static void list_tell(struct strbuf *out, const struct name_list *l, const char *what)
{
    if (!l->count)
        return;
    strbuf_printf(out, "%s: %s", what, l->text);
    if (l->count > 4)
        strbuf_printf(out, " and %zu more", l->count - 4);
    strbuf_puts(out, "\n");
}

/* ModernBERT draws its head with other deviations, and anew what is too far out. */
static double fresh_deviation(const struct model *m, const struct param *p)
{
    double range = m->config.initializer_range;
    if (!m->family->scaled_init)
        return range;
    return p == m->head[CLASSIFIER_W] ? 1.0 / sqrt((double)m->H) : range / sqrt(2.0 * (double)m->L);
}

static bool is_norm_weight(const struct model *m, const struct param *p)
{
    return p == m->head[HEAD_NORM_W];
}

/* Each tensor counts from a place of its own, so that the classifier does not depend on whether a
 * pooler is new too. */
static void init_fresh(struct model *m, struct param *p, uint64_t seed)
{
    p->fresh = true;
    bool classifier = p == m->head[CLASSIFIER_W] || p == m->head[CLASSIFIER_B];
    uint64_t base = classifier ? 0 : (uint64_t)1 << 40, redraws = (uint64_t)1 << 41;
    double deviation = fresh_deviation(m, p), cut = m->config.initializer_cutoff_factor;
    for (size_t i = 0; i < p->rows * p->cols; i++) {
        double x = p->rows == 1 ? 0.0 : rng_normal(seed, RNG_HEAD_INIT, base + i);
        while (p->rows > 1 && m->family->scaled_init && fabs(x) > cut)
            x = rng_normal(seed, RNG_HEAD_INIT, redraws++);
        p->w[i] = is_norm_weight(m, p) ? 1.0f : (float)(deviation * x);
    }
}

/* One reading of a directory's weights. */
struct loading {
    struct model *m;
    const struct weight_files *w;
    const struct head_spec *head;
    bool *used; /* (w->count) */
};

static bool is_of_head(const struct model *m, const struct param *p, int first, int last)
{
    for (int role = first; role <= last; role++)
        if (p == m->head[role])
            return true;
    return false;
}

/* A classifier of another label count than asked for is none; nor is half of one. */
static bool classifier_fits(const struct loading *l)
{
    for (int role = CLASSIFIER_W; role <= CLASSIFIER_B; role++) {
        const struct param *p = l->m->head[role];
        const struct tensor_entry *t = p ? find_tensor(l->m, l->w, p->name) : NULL;
        if (p && (!t || !shape_fits(p, t) || t->dtype == DTYPE_OTHER))
            return false;
    }
    return true;
}

static int load_params(struct loading *l, struct err *err)
{
    struct model *m = l->m;
    bool own_classifier = classifier_fits(l);
    struct name_list fresh = {0};
    for (size_t i = 0; i < m->param_count; i++) {
        struct param *p = &m->params[i];
        const struct tensor_entry *t = find_tensor(m, l->w, p->name);
        bool of_classifier = is_of_head(m, p, CLASSIFIER_W, CLASSIFIER_B);
        bool may_be_new = of_classifier || is_of_head(m, p, DENSE_W, HEAD_NORM_B);
        if (of_classifier ? own_classifier : t != NULL) {
            if (check_param(p, t, err))
                return -1;
            l->used[t - l->w->tensors] = true;
            if (l->head->keep_head && may_stay_mapped(p, t)) {
                p->home = p->w;
                p->w = (float *)t->bytes; /* not to be written before weights_settle */
            } else if (read_values(p, t, err)) {
                return -1;
            }
        } else if (may_be_new) {
            init_fresh(m, p, l->head->seed);
            list_add(&fresh, p->name);
        } else {
            return err_set(err, ERR_INPUT,
                           "'%s' has no tensor '%s', which config.json asks for; it is not a "
                           "complete %s checkpoint",
                           l->w->path, p->name, m->family->model_type);
        }
    }
    list_tell(&m->notice, &fresh, "new");
    const struct tensor_entry *old = find_tensor(m, l->w, m->head[CLASSIFIER_W]->name);
    if (!own_classifier && old && old->dims == 2 && old->shape[0] != m->K)
        strbuf_printf(&m->notice, "replaced: the checkpoint's head has %zu labels, the data %zu\n",
                      old->shape[0], m->K);
    return 0;
}

static bool is_buffer(const struct model *m, const char *name)
{
    size_t n = strlen(name);
    for (const char *const *end = m->family->buffers; end && *end; end++) {
        size_t k = strlen(*end);
        if (k <= n && !strcmp(name + n - k, *end))
            return true;
    }
    return false;
}

/* What is in the file and in no parameter. Buffers, some of other types, are no weights. */
static void note_unread(struct loading *l)
{
    struct name_list unread = {0};
    for (size_t i = 0; i < l->w->count; i++) {
        const struct tensor_entry *t = &l->w->tensors[i];
        if (t->dtype != DTYPE_OTHER && !l->used[i] && !is_buffer(l->m, t->name))
            list_add(&unread, t->name);
    }
    list_tell(&l->m->notice, &unread, "not used");
}

/* The model's K and dense layer follow from what the file has; then everything is read. */
static int load_open(struct model *m, const struct weight_files *w, const struct head_spec *head,
                     struct err *err)
{
    const struct family *f = m->family;
    const char *name = f->head[CLASSIFIER_W];
    const struct tensor_entry *classifier = weight_files_find(w, name);
    if (head->keep_head && (!classifier || classifier->dims != 2 || !classifier->shape[0]))
        return err_set(err, ERR_INPUT,
                       "'%s' has no classification head (%s); train the model first", w->path,
                       name);
    if (head->keep_head && !m->K)
        m->K = classifier->shape[0];
    if (head->keep_head && m->K != classifier->shape[0])
        return err_set(err, ERR_INPUT,
                       "'%s': the head has %zu labels, but config.json names %zu; the two files "
                       "are not of one model",
                       w->path, classifier->shape[0], m->K);
    char dense[160];
    snprintf(dense, sizeof dense, "%s%s", f->dense_in_base ? f->prefix : "",
             f->head[DENSE_W] ? f->head[DENSE_W] : "");
    bool has_dense = f->head[DENSE_W] && (m->pooling == POOLING_MODEL ||
                                          (f->dense_in_base && find_tensor(m, w, dense)));
    struct loading l = {m, w, head, NULL};
    if (params_create(m, has_dense, err))
        return -1;
    if (head->keep_head) /* few of its pages will be touched, here and there */
        mem_block_sparse(&m->weights, 0, m->weights.size_bytes);
    if (!(l.used = mem_alloc(w->count, sizeof *l.used, "tensor marks", err)))
        return -1;
    int rc = load_params(&l, err);
    if (!rc)
        note_unread(&l);
    free(l.used);
    return rc;
}

int weights_load(struct model *m, const char *dir, const struct head_spec *head, struct err *err)
{
    struct weight_files w;
    if (weight_files_open(&w, dir, err))
        return -1;
    int rc = load_open(m, &w, head, err);
    if (head->keep_head) /* what is left of it is read for as long as the model is open */
        m->mapped = w;
    else
        weight_files_close(&w);
    return rc;
}

/* Uniform of the configuration's deviation: the values do not matter, only that none is special. */
static void draw_uniform(float *w, size_t n, double deviation, uint64_t seed, uint64_t base)
{
    const double half = sqrt(3.0) * deviation;
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(half * (2.0 * rng_uniform(seed, RNG_HEAD_INIT, base + i) - 1.0));
}

int weights_random(struct model *m, uint64_t seed, struct err *err)
{
    if (params_create(m, m->family->head[DENSE_W] && m->pooling == POOLING_MODEL, err))
        return -1;
    for (size_t i = 0; i < m->param_count; i++) {
        struct param *p = &m->params[i];
        size_t n = strlen(p->name);
        p->fresh = true;
        if (p->rows > 1)
            draw_uniform(p->w, p->rows * p->cols, m->config.initializer_range, seed,
                         (uint64_t)i << 40);
        else if (n > 7 && !strcmp(p->name + n - 7, ".weight")) /* of a norm */
            for (size_t j = 0; j < p->cols; j++)
                p->w[j] = 1.0f;
    }
    return 0;
}

/* A tensor as the checkpoint has it: stored (in, out) means a transposed copy in *spare. */
static const float *stored_values(const struct param *p, float *spare)
{
    if (!p->in_out)
        return p->w;
    transpose(spare, p->w, p->rows, p->cols);
    return spare;
}

int model_save_weights(struct model *m, const char *path, char sha256[65], struct err *err)
{
    size_t spare = 0;
    for (size_t i = 0; i < m->param_count; i++)
        spare += m->params[i].in_out ? m->params[i].rows * m->params[i].cols : 0;
    struct tensor_out *out = mem_alloc(m->param_count, sizeof *out, "tensor list", err);
    float *copies = out ? mem_alloc(spare, sizeof *copies, "tensors to write", err) : NULL,
          *at = copies;
    for (size_t i = 0; copies && i < m->param_count; i++) {
        const struct param *p = &m->params[i];
        out[i] =
            (struct tensor_out){.name = p->name, .data = stored_values(p, at), .dims = p->dims};
        memcpy(out[i].shape, p->shape, sizeof p->shape);
        at += p->in_out ? p->rows * p->cols : 0;
    }
    int rc = copies ? safetensors_write(path, out, m->param_count, "pt", sha256, err) : -1;
    free(copies);
    free(out);
    return rc;
}

int model_load_weights(struct model *m, const char *path, struct err *err)
{
    struct safetensors s;
    if (safetensors_open(&s, path, err))
        return -1;
    int rc = 0;
    weights_settle(m);
    for (size_t i = 0; i < m->param_count && !rc; i++) {
        const struct tensor_entry *t = safetensors_find(&s, m->params[i].name);
        rc = t ? read_param(&m->params[i], t, err)
               : err_set(err, ERR_INPUT,
                         "'%s' has no tensor '%s'; it is no checkpoint of this model", path,
                         m->params[i].name);
    }
    safetensors_close(&s);
    return rc;
}
