/* weights.c - between the parameter table and files of tensors.
 *
 * A checkpoint may call a tensor "bert.X" or "X", and by the names of early releases (LayerNorm's
 * gamma and beta). The backbone must be complete; the head, and a pooler, may be absent and are
 * then new: N(0, initializer_range) from the seed, biases 0, as Transformers initialises them.
 * Whatever was made up or left unread is said in the model's notice. */
#include "engine/model/parts.h"

#include "engine/base/rng.h"
#include "engine/model/safetensors.h"
#include "engine/model/weight_files.h"

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

static const struct tensor_entry *find_tensor(const struct weight_files *w, const char *name)
{
    const struct tensor_entry *t = find_renamed(w, name);
    if (!t && !strncmp(name, "bert.", 5))
        t = find_renamed(w, name + 5);
    return t;
}

static bool shape_fits(const struct param *p, const struct tensor_entry *t)
{
    if (t->dims != p->dims)
        return false;
    return p->dims == 1 ? t->shape[0] == p->cols : t->shape[0] == p->rows && t->shape[1] == p->cols;
}

static void shape_text(char *out, size_t size, const size_t *shape, size_t dims)
{
    size_t n = (size_t)snprintf(out, size, "(");
    for (size_t i = 0; i < dims && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, i ? ", %zu" : "%zu", shape[i]);
    if (n < size)
        snprintf(out + n, size - n, ")");
}

static int read_param(struct param *p, const struct tensor_entry *t, struct err *err)
{
    if (!shape_fits(p, t)) {
        char got[128], expected[64];
        size_t shape[2] = {p->rows, p->cols};
        shape_text(got, sizeof got, t->shape, t->dims);
        shape_text(expected, sizeof expected, p->dims == 1 ? shape + 1 : shape, p->dims);
        return err_set(err, ERR_INPUT,
                       "'%s': tensor '%s' has shape %s, but config.json asks for %s; the two files "
                       "are not of one model",
                       t->file, t->name, got, expected);
    }
    if (t->dtype == DTYPE_OTHER)
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s': tensor '%s' is %s; supported are F32, F16, BF16 and F64", t->file,
                       t->name, t->dtype_name);
    tensor_to_float(p->w, t);
    return 0;
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

/* Each tensor counts from a place of its own, so that the classifier does not depend on whether a
 * pooler is new too. */
static void init_fresh(struct model *m, struct param *p, uint64_t seed)
{
    p->fresh = true;
    uint64_t base = p >= m->classifier ? 0 : (uint64_t)1 << 40;
    for (size_t i = 0; i < p->rows * p->cols; i++)
        p->w[i] =
            p->dims == 1
                ? 0.0f
                : (float)(m->config.initializer_range * rng_normal(seed, RNG_HEAD_INIT, base + i));
}

/* A head of another label count than asked for is no head; nor is half of one. */
static bool head_fits(const struct model *m, const struct weight_files *w)
{
    for (int i = 0; i < 2; i++) {
        const struct tensor_entry *t = find_tensor(w, m->classifier[i].name);
        if (!t || !shape_fits(&m->classifier[i], t) || t->dtype == DTYPE_OTHER)
            return false;
    }
    return true;
}

/* One reading of a directory's weights. */
struct loading {
    struct model *m;
    const struct weight_files *w;
    const struct head_spec *head;
    bool *used; /* (w->count) */
};

static int load_params(struct loading *l, struct err *err)
{
    struct model *m = l->m;
    bool own_head = head_fits(m, l->w);
    struct name_list fresh = {0};
    for (size_t i = 0; i < m->param_count; i++) {
        struct param *p = &m->params[i];
        const struct tensor_entry *t = find_tensor(l->w, p->name);
        bool in_head = p >= m->classifier, in_pooler = m->pooler && p >= m->pooler && !in_head;
        if (in_head ? own_head : t != NULL) {
            if (read_param(p, t, err))
                return -1;
            l->used[t - l->w->tensors] = true;
        } else if (in_head || in_pooler) {
            init_fresh(m, p, l->head->seed);
            list_add(&fresh, p->name);
        } else {
            return err_set(err, ERR_INPUT,
                           "'%s' has no tensor '%s', which config.json asks for; it is not a "
                           "complete BERT checkpoint",
                           l->w->path, p->name);
        }
    }
    list_tell(&m->notice, &fresh, "new");
    const struct tensor_entry *old = find_tensor(l->w, m->classifier->name);
    if (!own_head && old && old->dims == 2 && old->shape[0] != m->K)
        strbuf_printf(&m->notice, "replaced: the checkpoint's head has %zu labels, the data %zu\n",
                      old->shape[0], m->K);
    return 0;
}

/* What is in the file and in no parameter. Buffers of other types (position_ids) are no weights. */
static void note_unread(struct loading *l)
{
    struct name_list unread = {0};
    for (size_t i = 0; i < l->w->count; i++)
        if (l->w->tensors[i].dtype != DTYPE_OTHER && !l->used[i])
            list_add(&unread, l->w->tensors[i].name);
    list_tell(&l->m->notice, &unread, "not used");
}

/* The model's K and pooler follow from what the file has; then everything is read. */
static int load_open(struct model *m, const struct weight_files *w, const struct head_spec *head,
                     struct err *err)
{
    const struct tensor_entry *classifier = weight_files_find(w, "classifier.weight");
    if (head->keep_head && (!classifier || classifier->dims != 2 || !classifier->shape[0]))
        return err_set(err, ERR_INPUT,
                       "'%s' has no classification head (classifier.weight); train the model first",
                       w->path);
    if (head->keep_head && !m->K)
        m->K = classifier->shape[0];
    if (head->keep_head && m->K != classifier->shape[0])
        return err_set(err, ERR_INPUT,
                       "'%s': the head has %zu labels, but config.json names %zu; the two files "
                       "are not of one model",
                       w->path, classifier->shape[0], m->K);
    bool pooler = m->pooling == POOLING_MODEL || find_tensor(w, "bert.pooler.dense.weight");
    struct loading l = {m, w, head, NULL};
    if (params_create(m, pooler, err) ||
        !(l.used = mem_alloc(w->count, sizeof *l.used, "tensor marks", err)))
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
    weight_files_close(&w);
    return rc;
}

int model_save_weights(struct model *m, const char *path, char sha256[65], struct err *err)
{
    struct tensor_out *out = mem_alloc(m->param_count, sizeof *out, "tensor list", err);
    if (!out)
        return -1;
    for (size_t i = 0; i < m->param_count; i++) {
        const struct param *p = &m->params[i];
        out[i] = (struct tensor_out){.name = p->name, .data = p->w, .dims = p->dims};
        out[i].shape[0] = p->dims == 1 ? p->cols : p->rows;
        out[i].shape[1] = p->cols;
    }
    int rc = safetensors_write(path, out, m->param_count, "pt", sha256, err);
    free(out);
    return rc;
}

int model_load_weights(struct model *m, const char *path, struct err *err)
{
    struct safetensors s;
    if (safetensors_open(&s, path, err))
        return -1;
    int rc = 0;
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
