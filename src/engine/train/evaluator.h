/* evaluator.h - a pass over one split: logits for every row, then the metrics.
 *
 * With features the backbone is not run again: only the head, over the cache. The arrays of the
 * last pass stay readable, so that they can go to run.db row by row. One thread, the trainer's. */
#ifndef EVALUATOR_H
#define EVALUATOR_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/data/targets.h"
#include "engine/eval/metrics.h"
#include "engine/model/model.h"
#include "engine/train/features.h"
#include "engine/train/watch.h"

#include <stddef.h>
#include <stdint.h>

struct evaluator;

/* `features` may be NULL. All arguments are borrowed. */
struct evaluator *evaluator_create(struct model *m, const struct dataset *d,
                                   const struct encoded *e, struct features *features,
                                   struct err *err);
void evaluator_destroy(struct evaluator *v); /* NULL is fine */

/* The split must have rows. *m is filled; metrics_clear() it. ERR_CANCELLED when the watch says
 * stop. */
int evaluator_run(struct evaluator *v, enum split split, const struct watch *watch,
                  struct metrics *m, struct err *err);

/* Of the last pass: rows and, in the same order, targets and logits (n, truth->width). */
struct evaluated {
    const uint32_t *rows;
    const struct targets *truth;
    const float *logits;
    size_t n;
};
struct evaluated evaluator_last(const struct evaluator *v);

#endif
