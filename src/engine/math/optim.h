/* optim.h - from gradients to new weights, on all workers, in one fixed order.
 *
 * The moments of AdamW are one block each, laid out like the parameters. Rows of an embedding table
 * that no batch has touched have zero moments and, without weight decay, do not move: they are
 * skipped, exactly. */
#ifndef OPTIM_H
#define OPTIM_H
#include "engine/base/err.h"
#include "engine/math/compute.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum optim_kind { OPTIM_ADAMW, OPTIM_SGD };

/* One trainable tensor as the optimiser sees it. */
struct optim_tensor {
    float *w, *dw;
    float *m, *v; /* moments; NULL for SGD */
    size_t rows, cols;
    bool decays; /* weight decay applies: not to biases and LayerNorm */
    uint8_t
        *touched; /* (rows) an embedding's rows that any step has touched; NULL: all rows count */
    bool *stale; /* set instead of zeroing dw, which the next backward writes over; NULL: zero it */
};

struct optim_settings {
    enum optim_kind kind;
    double learning_rate; /* of this step, the schedule applied */
    double beta1, beta2, epsilon, weight_decay;
    double max_grad_norm; /* 0: no clipping */
};

/* L2 norm of all gradients together, as torch's clip_grad_norm_ sees it. */
double optim_grad_norm(struct compute *c, const struct optim_tensor *t, size_t n);

/* One update; `step` counts from 1. `norm` is what optim_grad_norm returned; the clipping factor is
 * min(1, max/(norm + 1e-6)). */
void optim_step(struct compute *c, const struct optim_tensor *t, size_t n,
                const struct optim_settings *s, uint64_t step, double norm);

/* Zero all gradients (touched rows only, where a table has `touched`), or mark them stale. */
void optim_zero_grad(struct compute *c, const struct optim_tensor *t, size_t n);

#endif
