/* best.h - which evaluation was the best, and whether it is time to give up.
 *
 * As Transformers' Trainer and EarlyStoppingCallback (threshold 0) do it: a metric counts as a gain
 * only when strictly better than the best so far (metric_falls says which way); every
 * evaluation without one is counted, a gain sets the count back. NaN never gains. */
#ifndef BEST_H
#define BEST_H
#include "engine/eval/metrics.h"
#include "engine/train/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct best {
    enum metric metric;
    int64_t patience; /* 0: never give up */
    double value;     /* NaN: none yet */
    int64_t step;     /* 0: none yet */
    int64_t without_gain;
};

void best_init(struct best *b, const struct settings *s);
/* Count an evaluation; true when it is the best so far. */
bool best_count(struct best *b, const struct metrics *m, int64_t step);
bool best_gives_up(const struct best *b);

#endif
