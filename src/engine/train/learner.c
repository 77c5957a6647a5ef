#include "engine/train/learner.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/model/loss.h"
#include "engine/train/prefix.h"

struct learner {
    struct learner_spec spec;
    const struct param **params; /* those that learn */
    struct optim_tensor *tensors;
    struct checkpoint_tensors view; /* of the two above */
    struct mem_block moments;
    struct workspace *workspace;
    struct batch batch;    /* without features */
    struct prefix *prefix; /* with freeze_layers */
    float *gathered;       /* (batch, width) with features */
    struct targets target; /* of a micro-batch */
    float *logits;         /* (batch, labels), then their gradient */
};

static size_t param_floats(const struct param *p)
{
    return (p->rows * p->cols + 15) & ~(size_t)15; /* each tensor starts on a cache line */
}

/* What learns, as the optimiser wants it; moments for AdamW in one block. */
static int make_tensors(struct learner *l, struct err *err)
{
    size_t count, n = 0, floats = 0;
    struct param *params = model_params(l->spec.model, &count);
    l->params = mem_alloc(count, sizeof *l->params, "the optimiser", err);
    l->tensors = mem_alloc(count, sizeof *l->tensors, "the optimiser", err);
    if (!l->params || !l->tensors)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!params[i].trainable)
            continue;
        l->params[n] = &params[i];
        l->tensors[n++] =
            (struct optim_tensor){.w = params[i].w,
                                  .dw = params[i].dw,
                                  .rows = params[i].rows,
                                  .cols = params[i].cols,
                                  .decays = params[i].decays,
                                  .touched = params[i].touched,
                                  .stale = params[i].by_product ? &params[i].stale : NULL};
        floats += param_floats(&params[i]);
    }
    l->view = (struct checkpoint_tensors){l->params, l->tensors, n};
    if (l->spec.settings->optim != OPTIM_ADAMW)
        return 0;
    if (mem_block_init(&l->moments, 2 * floats * sizeof(float), "the optimiser's moments", err))
        return -1;
    float *m = l->moments.base, *v = m + floats;
    for (size_t i = 0; i < n; i++) {
        size_t bytes = l->params[i]->rows * l->params[i]->cols * sizeof *m;
        l->tensors[i].m = m;
        l->tensors[i].v = v;
        if (l->tensors[i].touched) {
            mem_block_sparse(&l->moments, (size_t)((char *)m - (char *)l->moments.base), bytes);
            mem_block_sparse(&l->moments, (size_t)((char *)v - (char *)l->moments.base), bytes);
        }
        m += param_floats(l->params[i]);
        v += param_floats(l->params[i]);
    }
    return 0;
}

static int make_step_memory(struct learner *l, struct err *err)
{
    const struct learner_spec *s = &l->spec;
    size_t B, T, labels = model_labels(s->model);
    if (order_largest(s->order, s->encoded, &B, &T, err))
        return -1;
    l->logits = mem_alloc(B * labels, sizeof *l->logits, "logits", err);
    if (!l->logits || targets_init(&l->target, s->dataset, B, err))
        return -1;
    if (s->features) {
        l->gathered =
            mem_alloc(B * features_width(s->features), sizeof *l->gathered, "a batch", err);
        l->workspace = workspace_create(s->model, B, B, 1, true, err);
        return l->gathered && l->workspace ? 0 : -1;
    }
    if (batch_init(&l->batch, B, T, err))
        return -1;
    if (s->settings->freeze_layers && !(l->prefix = prefix_create(s->model, s->encoded, B, T, err)))
        return -1;
    l->workspace = workspace_create(s->model, B, T, s->encoded->longest, true, err);
    return l->workspace ? 0 : err_wrap(err, "a batch of %zu rows, %zu tokens", B, T);
}

struct learner *learner_create(const struct learner_spec *spec, struct err *err)
{
    struct learner *l = mem_alloc(1, sizeof *l, "the trainer", err);
    if (!l)
        return NULL;
    l->spec = *spec;
    if (make_tensors(l, err) || make_step_memory(l, err)) {
        learner_destroy(l);
        return NULL;
    }
    return l;
}

void learner_destroy(struct learner *l)
{
    if (!l)
        return;
    workspace_destroy(l->workspace);
    batch_clear(&l->batch);
    prefix_destroy(l->prefix);
    mem_block_clear(&l->moments);
    free(l->params);
    free(l->tensors);
    free(l->gathered);
    targets_clear(&l->target);
    free(l->logits);
    free(l);
}

const struct checkpoint_tensors *learner_tensors(const struct learner *l)
{
    return &l->view;
}

static uint32_t count_tokens(const struct learner *l, const uint32_t *rows, size_t n)
{
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++)
        tokens += encoded_length(l->spec.encoded, rows[i]);
    return (uint32_t)tokens;
}

/* What the step's loss is divided by. */
static double weight_of(const struct learner *l, const uint32_t *rows, size_t n)
{
    if (!l->spec.class_weight)
        return (double)n;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        struct example x;
        dataset_get(l->spec.dataset, rows[i], &x);
        sum += (double)l->spec.class_weight[x.label];
    }
    return sum;
}

/* The sum of a micro-batch's losses; logits become their gradient. */
static double measure_loss(struct learner *l, const uint32_t *rows, size_t n, double divisor)
{
    const struct learner_spec *s = &l->spec;
    targets_fill(&l->target, s->dataset, rows, n);
    return loss_of_targets(l->logits, l->logits, &l->target, n, s->class_weight,
                           s->settings->label_smoothing_factor, divisor);
}

/* Forward, loss, backward over one micro-batch; the sum of its losses. */
static double run_whole(struct learner *l, const uint32_t *rows, size_t n, const struct pass *pass,
                        double divisor)
{
    const struct learner_spec *s = &l->spec;
    batch_fill(&l->batch, s->dataset, s->encoded, rows, n);
    if (l->prefix)
        model_forward_from(s->model, &l->batch, l->workspace, pass, prefix_of(l->prefix, &l->batch),
                           l->logits);
    else
        model_forward(s->model, &l->batch, l->workspace, pass, l->logits);
    double loss = measure_loss(l, rows, n, divisor);
    if (isfinite(loss))
        model_backward(s->model, &l->batch, l->workspace, pass, l->logits);
    return loss;
}

static double run_head(struct learner *l, const uint32_t *rows, size_t n, const struct pass *pass,
                       double divisor)
{
    const struct learner_spec *s = &l->spec;
    features_gather(s->features, rows, n, l->gathered);
    model_head_forward(s->model, l->gathered, n, l->workspace, pass, l->logits);
    double loss = measure_loss(l, rows, n, divisor);
    if (isfinite(loss))
        model_head_backward(s->model, n, l->workspace, pass, l->logits);
    return loss;
}

static void update(struct learner *l, int64_t step, double learning_rate, double norm)
{
    const struct settings *s = l->spec.settings;
    const struct optim_settings o = {.kind = s->optim,
                                     .learning_rate = learning_rate,
                                     .beta1 = s->adam_beta1,
                                     .beta2 = s->adam_beta2,
                                     .epsilon = s->adam_epsilon,
                                     .weight_decay = s->weight_decay,
                                     .max_grad_norm = s->max_grad_norm};
    optim_step(l->spec.compute, l->tensors, l->view.count, &o, (uint64_t)step, norm);
}

enum learner_outcome learner_step(struct learner *l, const struct order_step *batches, int64_t step,
                                  double learning_rate, const struct watch *watch,
                                  struct learner_step *out)
{
    const struct learner_spec *s = &l->spec;
    const uint32_t *rows = batches->rows, *start = batches->start;
    const size_t n = batches->count;
    struct pass pass = {
        .training = true, .seed = (uint64_t)s->settings->seed, .step = (uint64_t)step};
    *out = (struct learner_step){.weight_sum = weight_of(l, rows, n),
                                 .tokens = count_tokens(l, rows, n),
                                 .examples = (uint32_t)n};
    double divisor = out->weight_sum > 0 ? out->weight_sum : 1; /* all labels may weigh nothing */
    optim_zero_grad(s->compute, l->tensors, l->view.count);
    for (size_t i = 0; i < batches->batches; i++, pass.micro++) {
        size_t first = start[i] - start[0], count = start[i + 1] - start[i];
        if (first && watch_poll(watch, first, n))
            return LEARNER_INTERRUPTED;
        double loss = (s->features ? run_head : run_whole)(l, rows + first, count, &pass, divisor);
        out->loss_sum += loss;
        if (!isfinite(loss)) {
            out->rows = rows + first;
            out->count = count;
            return LEARNER_NOT_FINITE;
        }
    }
    out->grad_norm = optim_grad_norm(s->compute, l->tensors, l->view.count);
    if (!isfinite(out->grad_norm)) {
        out->norm_broke = true;
        out->rows = rows;
        out->count = n;
        return LEARNER_NOT_FINITE;
    }
    update(l, step, learning_rate, out->grad_norm);
    return LEARNER_DONE;
}
