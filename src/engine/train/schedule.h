/* schedule.h - the learning rate of a step, as Transformers' get_scheduler gives it.
 *
 * The factor of update number `step` (from 0) under warm-up over `warmup` steps and `total` steps:
 * step/warmup while step < warmup (so the first update has rate 0 when there is a warm-up), then
 *   linear      (total - step) / (total - warmup), not below 0
 *   cosine      (1 + cos(pi * progress)) / 2
 *   polynomial  power 1 to an end rate of 1e-7
 *   constant    1; plain `constant` has no warm-up either */
#ifndef SCHEDULE_H
#define SCHEDULE_H
#include "engine/train/settings.h"

#include <stdint.h>

/* The rate of update `step` (from 0): base times the factor. The polynomial's end rate stands for
 * itself, so a base edited live still ends there. */
double schedule_rate(enum schedule_kind kind, double base, int64_t step, int64_t warmup,
                     int64_t total);
/* warmup_steps as a number of steps: below 1 a share of total, rounded up. */
int64_t schedule_warmup(double warmup_steps, int64_t total);

#endif
