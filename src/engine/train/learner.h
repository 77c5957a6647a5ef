/* learner.h - one optimiser step, all of whose memory is laid out before the first.
 *
 * A step is: zero the gradients, or mark them to be written over (optim.h); for each micro-batch
 * (order.h) forward, loss, backward; norm, clip, update. The loss is divided by the number of examples of the whole step
 * (with class weights: by the sum of their weights), so accumulation changes nothing but memory. A
 * loss or norm that is not finite stops the step before any weight moves.
 *
 * With features (tune=head) a micro-batch is gathered from the cache and only the head runs; with
 * freeze_layers it begins with what those layers made of it (prefix.h). */
#ifndef LEARNER_H
#define LEARNER_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/math/compute.h"
#include "engine/model/model.h"
#include "engine/train/checkpoint.h"
#include "engine/train/features.h"
#include "engine/train/order.h"
#include "engine/train/settings.h"
#include "engine/train/watch.h"

#include <stddef.h>
#include <stdint.h>

struct learner_spec {    /* all borrowed for the learner's life */
    struct model *model; /* prepared for training */
    struct compute *compute;
    const struct dataset *dataset;
    const struct encoded *encoded;
    struct features *features; /* NULL: the whole model runs */
    const struct settings *settings;
    const float *class_weight; /* (labels) or NULL */
    const struct order *order; /* to size a step by */
};

struct learner;
struct learner *learner_create(const struct learner_spec *spec, struct err *err);
void learner_destroy(struct learner *l); /* NULL is fine */

enum learner_outcome {
    LEARNER_DONE,
    LEARNER_INTERRUPTED, /* the watch said stop: nothing was updated */
    LEARNER_NOT_FINITE,  /* nothing was updated; `rows` are those that made it so */
};
struct learner_step {
    double loss_sum, weight_sum; /* their quotient is the step's loss */
    double grad_norm;            /* before clipping */
    uint32_t tokens, examples;
    bool norm_broke;      /* NOT_FINITE: the norm, not the loss */
    const uint32_t *rows; /* NOT_FINITE: the micro-batch (loss) or the step (norm) */
    size_t count;
};

/* Step number `step` (from 1) over those batches at this learning rate. Allocates nothing, takes no
 * lock. */
enum learner_outcome learner_step(struct learner *l, const struct order_step *batches, int64_t step,
                                  double learning_rate, const struct watch *watch,
                                  struct learner_step *out);

/* What learns and its moments, for a checkpoint. */
const struct checkpoint_tensors *learner_tensors(const struct learner *l);

#endif
