/* bench.c - the model, its batch and its optimiser, and the clock between them. */
#include "engine/model/bench.h"

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/math/optim.h"
#include "engine/model/loss.h"
#include "engine/model/model.h"
#include "engine/model/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bench_size sizes[] = {
    {"minilm", "MiniLM-L6", 6, 384, 1536},
    {"base", "BERT-base", 12, 768, 3072},
};

/* Both have twelve heads and BERT's vocabulary. */
static const char config_format[] =
    "{\"model_type\": \"bert\", \"architectures\": [\"BertModel\"], \"hidden_act\": \"gelu\","
    " \"hidden_size\": %zu, \"intermediate_size\": %zu, \"num_attention_heads\": 12,"
    " \"num_hidden_layers\": %zu, \"vocab_size\": 30522, \"max_position_embeddings\": 512,"
    " \"type_vocab_size\": 2, \"pad_token_id\": 0, \"hidden_dropout_prob\": %.9g,"
    " \"attention_probs_dropout_prob\": %.9g}";

enum { LABELS = 8 };

struct bench {
    struct compute *compute;
    struct model *model;
    struct workspace *training, *answering;
    struct batch batch;
    struct optim_tensor *tensors, *dense; /* (count); dense: no row is left out */
    size_t count, parameters;
    struct mem_block moments;
    float *logits; /* (B, LABELS) */
    uint64_t step;
};

static int make_batch(struct batch *b, size_t B, size_t S, size_t vocabulary, struct err *err)
{
    if (batch_init(b, B, B * S, err))
        return -1;
    b->B = B, b->T = B * S, b->longest = S;
    for (size_t t = 0; t < b->T; t++) {
        b->position[t] = (int32_t)(t % S);
        b->token[t] = (int32_t)(rng_bits(1, RNG_TEST, t) % vocabulary);
    }
    for (size_t s = 0; s <= B; s++)
        b->start[s] = (uint32_t)(s * S);
    for (size_t s = 0; s < B; s++)
        b->label[s] = (int32_t)(s % LABELS);
    return 0;
}

static int make_optimiser(struct bench *b, struct err *err)
{
    size_t all;
    struct param *p = model_params(b->model, &all);
    for (size_t i = 0; i < all; i++)
        b->parameters += p[i].rows * p[i].cols;
    b->tensors = mem_alloc(all, sizeof *b->tensors, "the optimiser", err);
    b->dense = mem_alloc(all, sizeof *b->dense, "the optimiser", err);
    if (!b->tensors || !b->dense ||
        mem_block_init(&b->moments, 2 * b->parameters * sizeof(float), "the moments", err))
        return -1;
    float *next = b->moments.base;
    for (size_t i = 0; i < all; i++) {
        size_t n = p[i].rows * p[i].cols;
        b->tensors[i] =
            (struct optim_tensor){p[i].w,      p[i].dw,      next,
                                  next + n,    p[i].rows,    p[i].cols,
                                  p[i].decays, p[i].touched, p[i].by_product ? &p[i].stale : NULL};
        b->dense[i] = b->tensors[i];
        b->dense[i].touched = NULL;
        memset(p[i].dw, 0, n * sizeof *p[i].dw); /* pages of its own, not the system's zeros */
        next += 2 * n;
    }
    b->count = all;
    return 0;
}

const struct bench_size *bench_size_find(const char *name)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!strcmp(name, sizes[i].name))
            return &sizes[i];
    return NULL;
}

static struct model *make_model(struct compute *c, const struct bench_shape *shape, struct err *err)
{
    const struct head_spec head = {.labels = LABELS, .dropout = shape->dropout, .seed = 1};
    const struct bench_size *s = shape->size;
    char config[sizeof config_format + 128];
    snprintf(config, sizeof config, config_format, s->hidden, s->intermediate, s->layers,
             shape->dropout, shape->dropout);
    return model_create(config, &head, c, err);
}

struct bench *bench_create(struct compute *c, const struct bench_shape *shape, struct err *err)
{
    const size_t B = shape->sequences, S = shape->tokens;
    struct bench *b = mem_alloc(1, sizeof *b, "the measurement", err);
    if (!b)
        return NULL;
    b->compute = c;
    b->logits = mem_alloc(B * LABELS, sizeof *b->logits, "logits", err);
    if (b->logits && (b->model = make_model(c, shape, err)) &&
        !model_prepare_training(b->model, TUNE_FULL, 0, err) && !make_optimiser(b, err) &&
        !make_batch(&b->batch, B, S, model_config(b->model)->vocab_size, err) &&
        (b->training = workspace_create(b->model, B, B * S, S, true, err)) &&
        (b->answering = workspace_create(b->model, B, B * S, S, false, err)))
        return b;
    bench_destroy(b);
    return NULL;
}

void bench_destroy(struct bench *b)
{
    if (!b)
        return;
    workspace_destroy(b->training);
    workspace_destroy(b->answering);
    batch_clear(&b->batch);
    model_close(b->model);
    mem_block_clear(&b->moments);
    free(b->tensors);
    free(b->dense);
    free(b->logits);
    free(b);
}

const char *bench_part_name(enum bench_part part)
{
    static const char *const names[BENCH_PARTS] = {"zero gradients", "forward", "backward",
                                                   "clip and AdamW"};
    return names[part];
}

static struct optim_settings settings(void)
{
    return (struct optim_settings){.kind = OPTIM_ADAMW,
                                   .learning_rate = 2e-5,
                                   .beta1 = 0.9,
                                   .beta2 = 0.999,
                                   .epsilon = 1e-8,
                                   .max_grad_norm = 1.0};
}

double bench_step(struct bench *b, double part[BENCH_PARTS])
{
    const struct optim_settings o = settings();
    const struct pass pass = {.training = true, .seed = 1, .step = ++b->step};
    double at[BENCH_PARTS + 1];
    at[BENCH_ZERO] = clock_monotonic();
    optim_zero_grad(b->compute, b->tensors, b->count);
    at[BENCH_FORWARD] = clock_monotonic();
    model_forward(b->model, &b->batch, b->training, &pass, b->logits);
    at[BENCH_BACKWARD] = clock_monotonic();
    loss_cross_entropy(b->logits, b->logits, b->batch.label, b->batch.B, LABELS, NULL, 0,
                       (double)b->batch.B);
    model_backward(b->model, &b->batch, b->training, &pass, b->logits);
    at[BENCH_UPDATE] = clock_monotonic();
    optim_step(b->compute, b->tensors, b->count, &o, b->step,
               optim_grad_norm(b->compute, b->tensors, b->count));
    at[BENCH_PARTS] = clock_monotonic();
    for (int i = 0; i < BENCH_PARTS; i++)
        part[i] = at[i + 1] - at[i];
    return at[BENCH_PARTS] - at[0];
}

double bench_forward(struct bench *b)
{
    const struct pass off = {0};
    double start = clock_monotonic();
    model_forward(b->model, &b->batch, b->answering, &off, b->logits);
    return clock_monotonic() - start;
}

double bench_adamw(struct bench *b)
{
    const struct optim_settings o = settings();
    double start = clock_monotonic();
    optim_step(b->compute, b->dense, b->count, &o, b->step + 1, 1.0);
    return clock_monotonic() - start;
}

double bench_forward_gflop(const struct bench *b)
{
    const double B = (double)b->batch.B, T = (double)b->batch.T;
    const struct work_batch batch = {B, T, T * (double)b->batch.longest};
    struct work w = work_forward(b->model, 0, work_layers(b->model), &batch);
    return (w.products + w.attention) * 1e-9;
}

/* Each product has two gradients. */
double bench_step_gflop(const struct bench *b)
{
    return 3 * bench_forward_gflop(b);
}

/* Reads weight, gradient and both moments, writes all but the gradient. */
double bench_adamw_bytes(const struct bench *b)
{
    return 7.0 * sizeof(float) * (double)b->parameters;
}

size_t bench_adamw_footprint(const struct bench *b)
{
    return 4 * sizeof(float) * b->parameters;
}
