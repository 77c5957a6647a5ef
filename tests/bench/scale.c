/* scale [SEQUENCESxTOKENS] - what a training step of MiniLM-L6 would take on machines with more cores.
 *
 * The step is cut as for 1, 2, 16 and 64 cores and run on one, each item timed (pool.h). The schedule is
 * then worked out as the pool makes it: items in order, each to the core that is free first, all waiting
 * for the last. Added are what runs between jobs, on one core, and for each job what it takes to hand it
 * out and wait. Left out is what the sums do not know: cores that share memory bandwidth and a clock.
 *
 * Prints a Markdown table: `busy` is the cores' time spent in items; `idle jobs` the share of the time
 * that jobs with fewer items than cores take. */
#include "engine/base/clock.h"
#include "engine/math/cpu.h"
#include "engine/math/optim.h"
#include "engine/model/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CORES_MOST = 64, ROUNDS = 5 };
static const double handing_out = 5e-6, handing_to_one = 0.1e-6;

struct schedule {
    size_t cores, jobs, items, fewest;
    double work, span, few_span; /* seconds: of items; of jobs; of those with too few items */
};

static void schedule_job(void *arg, const double *seconds, size_t count)
{
    struct schedule *s = arg;
    double free_at[CORES_MOST] = {0}, end = 0;
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        for (size_t c = 1; c < s->cores; c++)
            first = free_at[c] < free_at[first] ? c : first;
        free_at[first] += seconds[i];
        end = free_at[first] > end ? free_at[first] : end;
        s->work += seconds[i];
    }
    if (s->cores > 1 && count > 1)
        end += handing_out + handing_to_one * (double)s->cores;
    s->jobs++;
    s->items += count;
    s->span += end;
    s->few_span += count < s->cores ? end : 0;
}

struct outcome {
    double seconds, busy, few;
    size_t jobs;
};

static int by_seconds(const void *a, const void *b)
{
    const struct outcome *x = a, *y = b;
    return x->seconds < y->seconds ? -1 : x->seconds > y->seconds;
}

static struct outcome one_step(struct bench *b, struct schedule *s)
{
    double part[BENCH_PARTS];
    *s = (struct schedule){.cores = s->cores};
    double wall = bench_step(b, part), between = wall - s->work;
    struct outcome o = {s->span + between, 0, 0, s->jobs};
    o.busy = s->work / (o.seconds * (double)s->cores);
    o.few = s->few_span / o.seconds;
    return o;
}

/* The median of the rounds. */
static int simulate(size_t cores, const struct bench_shape *shape, struct outcome *out,
                    struct err *err)
{
    struct schedule s = {.cores = cores};
    struct outcome rounds[ROUNDS];
    struct compute *c = compute_create(1, err);
    struct pool *pool = c ? pool_create_watched((int)cores, schedule_job, &s, err) : NULL;
    if (!pool)
        return -1;
    pool_destroy(c->pool);
    c->pool = pool; /* the compute's from now on; its scratch is for worker 0, who does it all */
    struct bench *b = bench_create(c, shape, err);
    if (!b)
        return -1;
    one_step(b, &s);
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = one_step(b, &s);
    qsort(rounds, ROUNDS, sizeof *rounds, by_seconds);
    *out = rounds[ROUNDS / 2];
    bench_destroy(b);
    compute_destroy(c);
    return 0;
}

int main(int argc, char **argv)
{
    static const size_t cores[] = {1, 2, 16, 64};
    struct bench_shape shape = {bench_size_find("minilm"), 32, 64, 0.1};
    struct err err;
    double one = 0;
    if (argc > 2 ||
        (argc == 2 && sscanf(argv[1], "%zux%zu", &shape.sequences, &shape.tokens) != 2)) {
        fprintf(stderr, "usage: scale [SEQUENCESxTOKENS]\n");
        return 2;
    }
    printf(
        "| %zu sequences of %zu tokens, cores | step, ms | times one core | busy | jobs with fewer "
        "items than cores |\n|---|---|---|---|---|\n",
        shape.sequences, shape.tokens);
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        struct outcome o;
        if (simulate(cores[i], &shape, &o, &err)) {
            fprintf(stderr, "scale: %s\n", err.text);
            return 1;
        }
        one = i ? one : o.seconds;
        printf("| %zu | %.1f | %.1f | %.0f %% | %.0f %% of the time |\n", cores[i], o.seconds * 1e3,
               one / o.seconds, o.busy * 100, o.few * 100);
    }
    return 0;
}
