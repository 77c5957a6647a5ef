/* order.h - which examples make step k: a pure function of the rows, the settings and the seed.
 *
 * An epoch visits every row once, in an order shuffled by (seed, epoch), batch_size rows a forward
 * pass. A step takes the next gradient_accumulation_steps batches, the last step of an epoch what is
 * left, as Transformers' Trainer does: steps an epoch = ceil(ceil(rows / batch) / accumulation), steps
 * in all = ceil(epochs * steps an epoch), or max_steps. Nothing of this needs a place in a checkpoint.
 *
 * With max_tokens_per_batch a batch is as many rows as have so many tokens in all, at least one. Rows
 * are dealt to batches once, in an order shuffled by the seed, and epochs shuffle the batches, as
 * fairseq does (--max-tokens): so all epochs have the same number of steps. */
#ifndef ORDER_H
#define ORDER_H
#include "engine/base/err.h"
#include "engine/data/encode.h"
#include "engine/train/settings.h"

#include <stddef.h>
#include <stdint.h>

struct order {
    const uint32_t *rows; /* borrowed: the split's rows in file order */
    size_t count, batches, accumulation;
    uint64_t seed;
    int64_t steps_per_epoch, total_steps;
    uint32_t *shuffled,
        *start;    /* (count) of epoch `epoch`; (batches+1) where each batch begins there */
    int64_t epoch; /* -1: none yet */
    /* max_tokens_per_batch: the rows as they were dealt, where batches begin there, their order. */
    uint32_t *dealt, *cut, *turn;
};

/* count >= 1. `e` gives the rows' tokens; it may be NULL without max_tokens_per_batch. */
int order_init(struct order *o, const uint32_t *rows, size_t count, const struct encoded *e,
               const struct settings *s, struct err *err);
void order_clear(struct order *o); /* a zeroed struct is fine */

/* What its largest batch needs: rows, and tokens. 0, or ERR_NOMEM. */
int order_largest(const struct order *o, const struct encoded *e, size_t *rows, size_t *tokens,
                  struct err *err);

struct order_step {
    const uint32_t *rows; /* of all its batches */
    const uint32_t
        *start; /* (batches+1) batch i is rows[start[i] - start[0] .. start[i+1] - start[0]) */
    size_t count, batches;
};
/* Step `step` (from 0), valid until the next call with another epoch. */
struct order_step order_step(struct order *o, int64_t step);

/* Epochs done after `steps` steps, a fraction of batches within an epoch as the Trainer logs it. */
double order_epochs_done(const struct order *o, int64_t steps);

#endif
