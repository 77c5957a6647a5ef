/* metrics_internal.h - what the three kinds of metrics share. */
#ifndef METRICS_INTERNAL_H
#define METRICS_INTERNAL_H
#include "engine/eval/metrics.h"

static inline double metrics_ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0.0;
}

/* No figure known yet: all NaN. */
struct metrics metrics_blank(enum problem p, size_t labels);

#endif
