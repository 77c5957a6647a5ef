#include "engine/train/order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/data/batch.h"

static const uint64_t dealing = UINT64_MAX; /* the shuffle that no epoch has */

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static void *numbers(size_t count, struct err *err)
{
    return mem_alloc(count, sizeof(uint32_t), "the order of examples", err);
}

/* Rows to batches of up to `budget` tokens. */
static int deal(struct order *o, const struct encoded *e, size_t budget, struct err *err)
{
    size_t tokens = 0;
    if (!(o->dealt = numbers(o->count, err)) || !(o->cut = numbers(o->count + 1, err)))
        return -1;
    memcpy(o->dealt, o->rows, o->count * sizeof *o->dealt);
    rng_shuffle(o->dealt, o->count, o->seed, RNG_SHUFFLE, dealing);
    for (size_t i = 0; i < o->count; i++) {
        size_t length = encoded_length(e, o->dealt[i]);
        if (i && tokens + length > budget) {
            o->cut[++o->batches] = (uint32_t)i;
            tokens = 0;
        }
        tokens += length;
    }
    o->cut[++o->batches] = (uint32_t)o->count;
    o->turn = numbers(o->batches, err);
    return o->turn ? 0 : -1;
}

int order_init(struct order *o, const uint32_t *rows, size_t count, const struct encoded *e,
               const struct settings *s, struct err *err)
{
    const size_t batch = (size_t)s->batch_size, budget = (size_t)s->max_tokens_per_batch;
    assert(count > 0 && (e || !budget));
    *o = (struct order){.rows = rows,
                        .count = count,
                        .accumulation = (size_t)s->gradient_accumulation_steps,
                        .seed = (uint64_t)s->seed,
                        .epoch = -1};
    if (budget && deal(o, e, budget, err))
        goto fail;
    if (!budget)
        o->batches = divide_up(count, batch);
    if (!(o->shuffled = numbers(count, err)) || !(o->start = numbers(o->batches + 1, err)))
        goto fail;
    for (size_t i = 0; !budget && i <= o->batches; i++)
        o->start[i] = (uint32_t)(i * batch < count ? i * batch : count);
    o->steps_per_epoch = (int64_t)divide_up(o->batches, o->accumulation);
    o->total_steps =
        s->max_steps > 0 ? s->max_steps : (int64_t)ceil(s->epochs * (double)o->steps_per_epoch);
    return 0;
fail:
    order_clear(o);
    return -1;
}

void order_clear(struct order *o)
{
    free(o->shuffled);
    free(o->start);
    free(o->dealt);
    free(o->cut);
    free(o->turn);
    memset(o, 0, sizeof *o);
}

int order_largest(const struct order *o, const struct encoded *e, size_t *rows, size_t *tokens,
                  struct err *err)
{
    *rows = *tokens = 0;
    if (!o->dealt) {
        *rows = o->start[1];
        *tokens = batch_largest(e, o->rows, o->count, *rows, err);
        return *tokens ? 0 : -1;
    }
    for (size_t b = 0; b < o->batches; b++) {
        size_t sum = 0, n = o->cut[b + 1] - o->cut[b];
        for (size_t i = o->cut[b]; i < o->cut[b + 1]; i++)
            sum += encoded_length(e, o->dealt[i]);
        *rows = n > *rows ? n : *rows;
        *tokens = sum > *tokens ? sum : *tokens;
    }
    return 0;
}

static void shuffle_rows(struct order *o, int64_t epoch)
{
    memcpy(o->shuffled, o->rows, o->count * sizeof *o->shuffled);
    rng_shuffle(o->shuffled, o->count, o->seed, RNG_SHUFFLE, (uint64_t)epoch);
}

static void shuffle_batches(struct order *o, int64_t epoch)
{
    for (size_t b = 0; b < o->batches; b++)
        o->turn[b] = (uint32_t)b;
    rng_shuffle(o->turn, o->batches, o->seed, RNG_SHUFFLE, (uint64_t)epoch);
    for (size_t b = 0; b < o->batches; b++) {
        uint32_t from = o->cut[o->turn[b]], n = o->cut[o->turn[b] + 1] - from;
        memcpy(o->shuffled + o->start[b], o->dealt + from, n * sizeof *o->shuffled);
        o->start[b + 1] = o->start[b] + n;
    }
}

struct order_step order_step(struct order *o, int64_t step)
{
    int64_t epoch = step / o->steps_per_epoch;
    if (epoch != o->epoch)
        (o->dealt ? shuffle_batches : shuffle_rows)(o, epoch);
    o->epoch = epoch;
    size_t first = (size_t)(step % o->steps_per_epoch) * o->accumulation;
    size_t batches = o->batches - first < o->accumulation ? o->batches - first : o->accumulation;
    const uint32_t *start = o->start + first;
    return (struct order_step){o->shuffled + start[0], start, start[batches] - start[0], batches};
}

double order_epochs_done(const struct order *o, int64_t steps)
{
    size_t done = (size_t)(steps % o->steps_per_epoch) * o->accumulation;
    return (double)(steps / o->steps_per_epoch) + (double)done / (double)o->batches;
}
