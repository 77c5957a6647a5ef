#include "engine/train/order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

int64_t order_steps_per_epoch(size_t count, const struct settings *s)
{
    size_t batches = divide_up(count, (size_t)s->batch_size);
    return (int64_t)divide_up(batches, (size_t)s->gradient_accumulation_steps);
}

int64_t order_total_steps(size_t count, const struct settings *s)
{
    if (s->max_steps > 0)
        return s->max_steps;
    return (int64_t)ceil(s->epochs * (double)order_steps_per_epoch(count, s));
}

int order_init(struct order *o, const uint32_t *rows, size_t count, const struct settings *s,
               struct err *err)
{
    assert(count > 0);
    *o = (struct order){.rows = rows,
                        .count = count,
                        .batch = (size_t)s->batch_size,
                        .accumulation = (size_t)s->gradient_accumulation_steps,
                        .seed = (uint64_t)s->seed,
                        .steps_per_epoch = order_steps_per_epoch(count, s),
                        .total_steps = order_total_steps(count, s),
                        .epoch = -1};
    o->shuffled = mem_alloc(count, sizeof *o->shuffled, "the order of examples", err);
    return o->shuffled ? 0 : -1;
}

void order_clear(struct order *o)
{
    free(o->shuffled);
    memset(o, 0, sizeof *o);
}

const uint32_t *order_step(struct order *o, int64_t step, size_t *n)
{
    int64_t epoch = step / o->steps_per_epoch;
    if (epoch != o->epoch) {
        memcpy(o->shuffled, o->rows, o->count * sizeof *o->shuffled);
        rng_shuffle(o->shuffled, o->count, o->seed, RNG_SHUFFLE, (uint64_t)epoch);
        o->epoch = epoch;
    }
    size_t width = o->batch * o->accumulation;
    size_t first = (size_t)(step % o->steps_per_epoch) * width;
    *n = o->count - first < width ? o->count - first : width;
    return o->shuffled + first;
}

double order_epochs_done(const struct order *o, int64_t steps)
{
    size_t batches = divide_up(o->count, o->batch);
    size_t done = (size_t)(steps % o->steps_per_epoch) * o->accumulation;
    return (double)(steps / o->steps_per_epoch) + (double)done / (double)batches;
}
