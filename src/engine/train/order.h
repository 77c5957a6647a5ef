/* order.h - which examples make step k: a pure function of the rows, the settings and the seed.
 *
 * An epoch visits every row once, in an order shuffled by (seed, epoch). A step takes the next
 * batch_size * gradient_accumulation_steps rows of it, the last step of an epoch what is left, as
 * Transformers' Trainer does: steps an epoch = ceil(ceil(rows / batch) / accumulation), steps in all
 * = ceil(epochs * steps an epoch), or max_steps. Nothing of this needs a place in a checkpoint. */
#ifndef ORDER_H
#define ORDER_H
#include "engine/base/err.h"
#include "engine/train/settings.h"

#include <stddef.h>
#include <stdint.h>

struct order {
    const uint32_t *rows; /* borrowed: the split's rows in file order */
    size_t count;
    size_t batch, accumulation;
    uint64_t seed;
    int64_t steps_per_epoch, total_steps;
    uint32_t *shuffled; /* (count) of epoch `epoch` */
    int64_t epoch;      /* -1: none yet */
};

/* count >= 1. */
int order_init(struct order *o, const uint32_t *rows, size_t count, const struct settings *s,
               struct err *err);
void order_clear(struct order *o); /* a zeroed struct is fine */

/* Steps of an epoch and in all, for a preamble that has no rows at hand. */
int64_t order_steps_per_epoch(size_t count, const struct settings *s);
int64_t order_total_steps(size_t count, const struct settings *s);

/* Step `step` (from 0): its rows, *n of them, valid until the next call with another epoch. */
const uint32_t *order_step(struct order *o, int64_t step, size_t *n);

/* Epochs done after `steps` steps, a fraction of batches within an epoch as the Trainer logs it. */
double order_epochs_done(const struct order *o, int64_t steps);

#endif
