/* optim.c - all tensors as one list of chunks that workers take.
 *
 * A chunk is a range of one tensor's elements, or of whole rows of a table that counts touched
 * rows. Where chunks begin depends on the tensors' shapes alone, so the norm, a tree over the
 * chunks' sums, is the same for any number of workers. Rows nobody touched hold zero gradients and
 * moments: leaving them out adds nothing to a sum and changes no weight, unless weight decay
 * would. */
#include "engine/math/optim.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Large enough that finding its tensor costs nothing, small enough to share out. */
static const size_t chunk_floats = 32768;

/* Chunks of a tensor at `floats` a chunk: whole rows where rows may be skipped. */
static size_t chunk_length(const struct optim_tensor *t, size_t floats)
{
    if (!t->touched)
        return floats;
    return t->cols >= floats ? t->cols : floats / t->cols * t->cols;
}

static size_t chunk_count(const struct optim_tensor *t, size_t floats)
{
    size_t length = chunk_length(t, floats);
    return (t->rows * t->cols + length - 1) / length;
}

struct optim_job {
    const struct ops *ops;
    const struct optim_tensor *t;
    size_t floats; /* of a chunk */
    enum optim_kind kind;
    struct adamw_step adamw[2]; /* without and with weight decay */
    float learning_rate, weight_decay, gradient_scale;
    double *sums;
};

/* What a chunk's work is, over elements [first, first + n) of *t; `sum` is the chunk's own. */
typedef void optim_range_fn(const struct optim_job *j, const struct optim_tensor *t, size_t first,
                            size_t n, double *sum);

/* Call fn for the chunk, row by row where rows may be skipped. Row by row, not in runs of touched
 * rows: a row that is marked but zero must not change the order of a sum. `decay`: visit untouched
 * rows too, if their tensor decays. */
static void visit_chunk(const struct optim_job *j, size_t item, bool decay, optim_range_fn *fn,
                        double *sum)
{
    const struct optim_tensor *t = j->t;
    for (size_t count; item >= (count = chunk_count(t, j->floats)); t++)
        item -= count;
    size_t length = chunk_length(t, j->floats), size = t->rows * t->cols, first = item * length;
    size_t end = first + length < size ? first + length : size;
    if (!t->touched) {
        fn(j, t, first, end - first, sum);
        return;
    }
    for (; first < end; first += t->cols)
        if ((decay && t->decays) || t->touched[first / t->cols])
            fn(j, t, first, t->cols, sum);
}

/* The number of chunks, with the chunk's size grown until they are at most `most`. */
static size_t plan_chunks(struct optim_job *j, size_t n, size_t most)
{
    for (j->floats = chunk_floats;; j->floats *= 2) {
        size_t total = 0;
        for (size_t i = 0; i < n; i++)
            total += chunk_count(&j->t[i], j->floats);
        if (total <= most || total <= n)
            return total;
    }
}

static void square_range(const struct optim_job *j, const struct optim_tensor *t, size_t first,
                         size_t n, double *sum)
{
    *sum += j->ops->sum_squares(t->dw + first, n);
}

static void norm_item(void *arg, size_t item, int worker)
{
    (void)worker;
    const struct optim_job *j = arg;
    j->sums[item] = 0.0;
    visit_chunk(j, item, false, square_range, &j->sums[item]);
}

double optim_grad_norm(struct compute *c, const struct optim_tensor *t, size_t n)
{
    struct optim_job j = {.ops = c->ops, .t = t, .sums = c->chunk_sums};
    size_t count = plan_chunks(&j, n, COMPUTE_CHUNKS);
    assert(count <= COMPUTE_CHUNKS);
    pool_run(c->pool, count, norm_item, &j);
    return sqrt(compute_add_tree(c->chunk_sums, count));
}

static void update_range(const struct optim_job *j, const struct optim_tensor *t, size_t first,
                         size_t n, double *sum)
{
    (void)sum;
    if (j->kind == OPTIM_SGD)
        j->ops->sgd(t->w + first, t->dw + first, n, j->learning_rate,
                    t->decays ? j->weight_decay : 0.0f, j->gradient_scale);
    else
        j->ops->adamw(t->w + first, t->m + first, t->v + first, t->dw + first, n,
                      &j->adamw[t->decays]);
}

static void update_item(void *arg, size_t item, int worker)
{
    (void)worker;
    visit_chunk(arg, item, ((const struct optim_job *)arg)->weight_decay != 0.0f, update_range,
                NULL);
}

static struct adamw_step adamw_numbers(const struct optim_settings *s, double decay, uint64_t step,
                                       float gradient_scale)
{
    double bias1 = 1.0 - pow(s->beta1, (double)step), bias2 = 1.0 - pow(s->beta2, (double)step);
    return (struct adamw_step){
        .decay = (float)(1.0 - s->learning_rate * decay),
        .step_size = (float)(s->learning_rate / bias1),
        .one_minus_beta1 = (float)(1.0 - s->beta1),
        .beta2 = (float)s->beta2,
        .one_minus_beta2 = (float)(1.0 - s->beta2),
        .inverse_root_bias2 = (float)(1.0 / sqrt(bias2)),
        .epsilon = (float)s->epsilon,
        .gradient_scale = gradient_scale,
    };
}

void optim_step(struct compute *c, const struct optim_tensor *t, size_t n,
                const struct optim_settings *s, uint64_t step, double norm)
{
    assert(step >= 1);
    double factor = 1.0;
    if (s->max_grad_norm > 0.0)
        factor = s->max_grad_norm / (norm + 1e-6);
    /* Not fmin: a norm that is no number must reach the weights, as it does in torch. */
    float scale = factor > 1.0 ? 1.0f : (float)factor;
    struct optim_job j = {
        .ops = c->ops,
        .t = t,
        .kind = s->kind,
        .adamw = {adamw_numbers(s, 0.0, step, scale),
                  adamw_numbers(s, s->weight_decay, step, scale)},
        .learning_rate = (float)s->learning_rate,
        .weight_decay = (float)s->weight_decay,
        .gradient_scale = scale,
    };
    pool_run(c->pool, plan_chunks(&j, n, UINT32_MAX), update_item, &j);
}

static void zero_range(const struct optim_job *j, const struct optim_tensor *t, size_t first,
                       size_t n, double *sum)
{
    (void)j;
    (void)sum;
    if (t->stale)
        return;
    memset(t->dw + first, 0, n * sizeof *t->dw);
}

static void zero_item(void *arg, size_t item, int worker)
{
    (void)worker;
    visit_chunk(arg, item, false, zero_range, NULL);
}

void optim_zero_grad(struct compute *c, const struct optim_tensor *t, size_t n)
{
    struct optim_job j = {.ops = c->ops, .t = t};
    for (size_t i = 0; i < n; i++)
        if (t[i].stale)
            *t[i].stale = true;
    pool_run(c->pool, plan_chunks(&j, n, UINT32_MAX), zero_item, &j);
}
