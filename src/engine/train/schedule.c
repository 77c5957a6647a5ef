/* Written so that each kind divides and multiplies in the order Transformers does: the rates agree
 * to the last bit but for cos(). */
#include "engine/train/schedule.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double POLYNOMIAL_END = 1e-7;

static double at_least_one(int64_t n)
{
    return n > 1 ? (double)n : 1.0;
}

/* Done share of what follows the warm-up; above 1 past the end. */
static double progress(int64_t step, int64_t warmup, int64_t total)
{
    return (double)(step - warmup) / at_least_one(total - warmup);
}

static double polynomial_factor(double base, int64_t step, int64_t warmup, int64_t total)
{
    double end = fmin(POLYNOMIAL_END, base);
    if (base <= 0)
        return 0;
    if (step > total || total <= warmup)
        return end / base;
    double left = 1 - (double)(step - warmup) / (double)(total - warmup);
    return ((base - end) * left + end) / base;
}

double schedule_rate(enum schedule_kind kind, double base, int64_t step, int64_t warmup,
                     int64_t total)
{
    if (kind == SCHEDULE_CONSTANT)
        return base;
    if (step < warmup)
        return base * ((double)step / at_least_one(warmup));
    switch (kind) {
    case SCHEDULE_LINEAR:
        return base * fmax(0, (double)(total - step) / at_least_one(total - warmup));
    case SCHEDULE_COSINE:
        return base * fmax(0, 0.5 * (1 + cos(PI * progress(step, warmup, total))));
    case SCHEDULE_POLYNOMIAL:
        return base * polynomial_factor(base, step, warmup, total);
    case SCHEDULE_CONSTANT:
    case SCHEDULE_CONSTANT_WITH_WARMUP:
        break;
    }
    return base;
}

int64_t schedule_warmup(double warmup_steps, int64_t total)
{
    if (warmup_steps >= 1)
        return (int64_t)warmup_steps;
    return (int64_t)ceil((double)total * warmup_steps);
}
