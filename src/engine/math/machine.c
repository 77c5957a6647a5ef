/* machine.c - the peak of arithmetic and of memory, a slice at a time. */
#include "engine/math/machine.h"

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/math/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- arithmetic ---- */

enum { PEAK_THREADS = 1024, SLICE_ROUNDS = 20000 };
static const double peak_seconds = 0.05, longest_wait = 0.01;

struct peak_job {
    machine_loop_fn *loop;
    int threads;
    _Atomic int started;
    double best[PEAK_THREADS]; /* GFLOP/s of each */
};

/* Threads of one core share its units: a slice counts only while all of them run. One that the
 * system does not let start is not waited for long. */
static void peak_item(void *arg, size_t item, int worker)
{
    (void)worker;
    struct peak_job *j = arg;
    double now = clock_monotonic();
    const double latest = now + longest_wait;
    atomic_fetch_add(&j->started, 1);
    while (atomic_load(&j->started) < j->threads && now < latest)
        now = clock_monotonic();
    for (const double end = now + peak_seconds; now < end;) {
        double done = j->loop(SLICE_ROUNDS), after = clock_monotonic();
        double gflops = done * 1e-9 / (after - now);
        if (after < end && gflops > j->best[item])
            j->best[item] = gflops;
        now = after;
    }
}

double machine_peak_of(struct pool *pool, int threads, machine_loop_fn *loop)
{
    int most = pool_threads(pool) < PEAK_THREADS ? pool_threads(pool) : PEAK_THREADS;
    struct peak_job j = {.loop = loop, .threads = threads < most ? threads : most};
    double sum = 0.0;
    pool_run(pool, (size_t)j.threads, peak_item, &j);
    for (int i = 0; i < j.threads; i++)
        sum += j.best[i];
    return sum;
}

double machine_peak(struct pool *pool, int threads)
{
    return machine_peak_of(pool, threads, cpu_find_ops(NULL)->multiply_adds);
}

/* ---- memory ---- */

struct machine_memory {
    struct pool *pool;
    struct mem_block small, huge;
    size_t floats; /* of each */
};

enum { PART_FLOATS = 1 << 18 }; /* 1 MiB: what a worker takes at a time */

static size_t affordable(size_t bytes)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t most = pages > 0 && page > 0 ? (size_t)pages * (size_t)page / 8 : bytes;
    return bytes < most ? bytes : most;
}

struct machine_memory *machine_memory_create(struct pool *pool, size_t bytes, struct err *err)
{
    struct machine_memory *m = mem_alloc(1, sizeof *m, "measuring the memory", err);
    if (!m)
        return NULL;
    size_t parts = affordable(bytes) / (PART_FLOATS * sizeof(float));
    m->pool = pool;
    m->floats = (parts ? parts : 1) * PART_FLOATS;
    if (mem_block_init(&m->small, m->floats * sizeof(float), "measuring the memory", err) ||
        mem_block_init(&m->huge, m->floats * sizeof(float), "measuring the memory", err)) {
        machine_memory_destroy(m);
        return NULL;
    }
    mem_block_sparse(&m->small, 0, m->small.size_bytes);
    machine_bandwidth(m, 1); /* the pages come with the first write */
    return m;
}

void machine_memory_destroy(struct machine_memory *m)
{
    if (!m)
        return;
    mem_block_clear(&m->small);
    mem_block_clear(&m->huge);
    free(m);
}

size_t machine_memory_bytes(const struct machine_memory *m)
{
    return m->floats * sizeof(float);
}

struct scale_job {
    const struct ops *ops;
    float *x;
};

static void scale_item(void *arg, size_t item, int worker)
{
    (void)worker;
    const struct scale_job *j = arg;
    j->ops->scale(j->x + item * PART_FLOATS, 1.0f, PART_FLOATS);
}

static double scale_rate(struct machine_memory *m, const struct mem_block *block)
{
    struct scale_job j = {cpu_find_ops(NULL), block->base};
    double start = clock_monotonic();
    pool_run(m->pool, m->floats / PART_FLOATS, scale_item, &j);
    return 2e-9 * (double)machine_memory_bytes(m) / (clock_monotonic() - start);
}

struct machine_bandwidth machine_bandwidth(struct machine_memory *m, int passes)
{
    struct machine_bandwidth best = {0};
    for (int i = 0; i < passes; i++) {
        double small = scale_rate(m, &m->small), huge = scale_rate(m, &m->huge);
        best.small_pages = small > best.small_pages ? small : best.small_pages;
        best.huge_pages = huge > best.huge_pages ? huge : best.huge_pages;
    }
    return best;
}
