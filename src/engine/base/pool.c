/* pool.c - a job is one 64-bit word that workers take items from.
 *
 * `ticket` holds (generation, items left). A worker takes an item by lowering the word with
 * compare-and-swap; while it owns one, the job cannot end, so it may read fn, arg and count, which
 * were written before the ticket was published. A worker that comes late finds nothing left, or a
 * newer generation, and has touched nothing: pool_run never waits for a thread that took no item.
 *
 * Waiting is a short spin, then yielding, then a futex: between two products of a step the next job arrives
 * within microseconds, or as soon as the other worker has done its share; between two steps of a
 * paused run it does not arrive at all. Sleep costs more than it seems: being woken takes a while, and the
 * system may then put two workers on one core. A step of 16 x 10 tokens takes a tenth longer where
 * workers sleep after 50 us. Who yields lets those run who wait for this core, another worker or another program. */
#include "engine/base/pool.h"

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/thread.h"

#include <assert.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CACHE_LINE 64
static const double spin_seconds = 50e-6, yield_seconds = 1e-3;

struct pool {
    _Alignas(CACHE_LINE) _Atomic uint64_t ticket;  /* generation << 32 | items left */
    _Alignas(CACHE_LINE) _Atomic uint32_t running; /* items of this job not yet done */
    _Alignas(CACHE_LINE) _Atomic uint32_t epoch;   /* workers sleep on it; moves with every job */
    _Atomic uint32_t sleepers;
    _Atomic uint32_t caller_sleeps;
    _Atomic bool stopping;
    /* The job; stable while any of its items is not done. */
    pool_item_fn *fn;
    void *arg;
    uint32_t count;
    int threads;
    pool_watch_fn *watch; /* NULL: an ordinary pool */
    void *watch_arg;
    double *seconds; /* (seconds_capacity) of the items of a watched job */
    size_t seconds_capacity;
    struct worker {
        struct pool *pool;
        int index;
        pthread_t thread;
    } * workers; /* threads - 1 */
};

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int threads)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

/* Run items until none is left. */
static void work(struct pool *p, int worker)
{
    uint64_t ticket = atomic_load_explicit(&p->ticket, memory_order_acquire);
    while ((uint32_t)ticket > 0) {
        if (!atomic_compare_exchange_weak_explicit(&p->ticket, &ticket, ticket - 1,
                                                   memory_order_acq_rel, memory_order_acquire))
            continue;
        size_t item = p->count - (uint32_t)ticket;
        p->fn(p->arg, item, worker);
        if (atomic_fetch_sub(&p->running, 1) == 1 && atomic_load(&p->caller_sleeps))
            futex_wake(&p->running, 1);
        ticket = atomic_load_explicit(&p->ticket, memory_order_acquire);
    }
}

static bool worker_has_news(struct pool *p)
{
    return (uint32_t)atomic_load_explicit(&p->ticket, memory_order_acquire) > 0 ||
           atomic_load_explicit(&p->stopping, memory_order_acquire);
}

static bool caller_has_news(struct pool *p)
{
    return atomic_load_explicit(&p->running, memory_order_acquire) == 0;
}

/* Awake until news or until the time for it is over; the clock is read now and then only. */
static bool stay_awake(struct pool *p, bool (*has_news)(struct pool *))
{
    double begin = 0.0;
    for (;;) {
        for (int i = 0; i < 64; i++) {
            if (has_news(p))
                return true;
            pause_cpu();
        }
        double now = clock_monotonic();
        if (begin == 0.0)
            begin = now;
        while (now > begin + spin_seconds) {
            if (has_news(p))
                return true;
            if (now > begin + spin_seconds + yield_seconds)
                return false;
            sched_yield();
            now = clock_monotonic();
        }
    }
}

static void worker_wait(struct pool *p)
{
    if (stay_awake(p, worker_has_news))
        return;
    /* Either pool_run sees this sleeper and wakes it, or the epoch has moved and the futex returns
     * at once: both sides write one word and then read the other, sequentially consistent. */
    uint32_t seen = atomic_load(&p->epoch);
    atomic_fetch_add(&p->sleepers, 1);
    if (!worker_has_news(p))
        futex_wait(&p->epoch, seen);
    atomic_fetch_sub(&p->sleepers, 1);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    pthread_setname_np(pthread_self(), "worker"); /* for top and /proc */
    while (!atomic_load_explicit(&w->pool->stopping, memory_order_acquire)) {
        work(w->pool, w->index);
        worker_wait(w->pool);
    }
    return NULL;
}

static struct pool *make_pool(struct err *err)
{
    struct pool *p = aligned_alloc(CACHE_LINE, sizeof *p);
    if (!p) {
        err_set(err, ERR_NOMEM, "out of memory for the thread pool");
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->threads = 1;
    return p;
}

struct pool *pool_create_watched(int threads, pool_watch_fn *watch, void *arg, struct err *err)
{
    struct pool *p = make_pool(err);
    if (!p)
        return NULL;
    p->threads = threads;
    p->watch = watch;
    p->watch_arg = arg;
    return p;
}

struct pool *pool_create(int threads, struct err *err)
{
    assert(threads >= 1);
    struct pool *p = make_pool(err);
    if (!p)
        return NULL;
    p->workers = mem_alloc((size_t)threads - 1, sizeof *p->workers, "the thread pool", err);
    if (!p->workers) {
        pool_destroy(p);
        return NULL;
    }
    for (; p->threads < threads; p->threads++) {
        struct worker *w = &p->workers[p->threads - 1];
        *w = (struct worker){.pool = p, .index = p->threads};
        if (thread_start(&w->thread, worker_main, w)) {
            err_set(err, ERR_IO, "cannot start worker %d of %d: %s; use fewer --threads",
                    p->threads, threads - 1, "the system refuses another thread");
            pool_destroy(p);
            return NULL;
        }
    }
    return p;
}

static void wake_workers(struct pool *p, int wanted)
{
    atomic_fetch_add(&p->epoch, 1);
    if (atomic_load(&p->sleepers))
        futex_wake(&p->epoch, wanted);
}

void pool_destroy(struct pool *p)
{
    if (!p)
        return;
    atomic_store(&p->stopping, true);
    wake_workers(p, p->threads);
    for (int i = 0; !p->watch && i + 1 < p->threads; i++)
        pthread_join(p->workers[i].thread, NULL);
    free(p->workers);
    free(p->seconds);
    free(p);
}

int pool_threads(const struct pool *p)
{
    return p->threads;
}

/* Out of memory, it runs them untimed. */
static void run_watched(struct pool *p, size_t count, pool_item_fn *fn, void *arg)
{
    bool timed =
        !mem_grow(&p->seconds, &p->seconds_capacity, count, sizeof *p->seconds, "item times", NULL);
    for (size_t i = 0; i < count; i++) {
        double start = clock_monotonic();
        fn(arg, i, 0);
        if (timed)
            p->seconds[i] = clock_monotonic() - start;
    }
    if (timed)
        p->watch(p->watch_arg, p->seconds, count);
}

void pool_run(struct pool *p, size_t count, pool_item_fn *fn, void *arg)
{
    assert(count <= UINT32_MAX && (uint32_t)atomic_load(&p->ticket) == 0);
    if (p->watch) {
        run_watched(p, count, fn, arg);
        return;
    }
    if (count <= 1 || p->threads == 1) {
        for (size_t i = 0; i < count; i++)
            fn(arg, i, 0);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->count = (uint32_t)count;
    atomic_store_explicit(&p->running, (uint32_t)count, memory_order_relaxed);
    uint64_t generation = (atomic_load(&p->ticket) >> 32) + 1;
    atomic_store(&p->ticket, generation << 32 | count);
    wake_workers(p, count - 1 < (size_t)p->threads ? (int)count - 1 : p->threads - 1);
    work(p, 0);
    if (stay_awake(p, caller_has_news))
        return;
    atomic_store(&p->caller_sleeps, 1);
    for (uint32_t left; (left = atomic_load(&p->running)) > 0;)
        futex_wait(&p->running, left);
    atomic_store(&p->caller_sleeps, 0);
}

int pool_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int cores = CPU_COUNT(&set);
    return cores > 0 ? cores : 1;
}
