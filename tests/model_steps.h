/* model_steps.h - what programs that drive the model room step by step share: batches from a file
 * of tensors, and the parameters as the optimiser takes them. A failure ends the program. */
#ifndef MODEL_STEPS_H
#define MODEL_STEPS_H
#include "engine/math/optim.h"
#include "engine/model/model.h"
#include "engine/model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(1))

/* The values of one tensor; free() them. */
static inline float *steps_values(const struct safetensors *s, const char *name, size_t *count)
{
    const struct tensor_entry *t = safetensors_find(s, name);
    if (!t)
        DIE("there is no tensor '%s'", name);
    float *out = malloc((t->count + 1) * sizeof *out);
    tensor_to_float(out, t);
    *count = t->count;
    return out;
}

/* NAME.token, .segment, .start and .label, ids as floats. */
static inline void steps_batch(struct batch *b, const struct safetensors *s, const char *name)
{
    struct err err;
    static const char *const keys[] = {"token", "segment", "start", "label"};
    float *v[4];
    size_t n[4];
    for (int i = 0; i < 4; i++) {
        char full[64];
        snprintf(full, sizeof full, "%s.%s", name, keys[i]);
        v[i] = steps_values(s, full, &n[i]);
    }
    if (batch_init(b, n[3], n[0], &err))
        DIE("%s", err.text);
    b->B = n[3], b->T = n[0];
    for (size_t i = 0; i <= b->B; i++)
        b->start[i] = (uint32_t)v[2][i];
    for (size_t i = 0; i < b->B; i++) {
        size_t length = b->start[i + 1] - b->start[i];
        b->label[i] = (int32_t)v[3][i];
        b->row[i] = (uint32_t)i;
        b->longest = length > b->longest ? length : b->longest;
        for (size_t j = 0; j < length; j++)
            b->position[b->start[i] + j] = (int32_t)j;
    }
    for (size_t t = 0; t < b->T; t++) {
        b->token[t] = (int32_t)v[0][t];
        b->segment[t] = (int32_t)v[1][t];
    }
    for (int i = 0; i < 4; i++)
        free(v[i]);
}

/* All trainable parameters as the optimiser takes them, moments in one block; free both. */
static inline struct optim_tensor *steps_tensors(struct model *m, size_t *count, float **moments)
{
    size_t all, floats = 0;
    struct param *p = model_params(m, &all);
    struct optim_tensor *t = calloc(all, sizeof *t);
    for (size_t i = 0; i < all; i++)
        floats += p[i].rows * p[i].cols;
    *moments = calloc(2 * floats, sizeof **moments);
    float *next = *moments;
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        size_t n = p[i].rows * p[i].cols;
        if (!p[i].trainable)
            continue;
        t[(*count)++] =
            (struct optim_tensor){p[i].w,      p[i].dw,      next,
                                  next + n,    p[i].rows,    p[i].cols,
                                  p[i].decays, p[i].touched, p[i].by_product ? &p[i].stale : NULL};
        next += 2 * n;
    }
    return t;
}

#endif
