/* test_pool.c - every item runs exactly once, jobs do not leak into one another, and workers that
 * fell asleep wake up. Run under ThreadSanitizer too. */
#include "engine/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { MOST = 3000 };

struct tally {
    int runs[MOST]; /* plain on purpose: an item that ran twice at once is a race TSan sees */
    uint32_t round;
    uint32_t seen[MOST];
    atomic_int workers_out_of_range;
    int threads;
};

static void count_item(void *arg, size_t item, int worker)
{
    struct tally *t = arg;
    t->runs[item]++;
    t->seen[item] = t->round;
    if (worker < 0 || worker >= t->threads)
        atomic_fetch_add(&t->workers_out_of_range, 1);
}

static void run_rounds(int threads, uint32_t rounds, long sleep_every)
{
    static struct tally t;
    memset(&t, 0, sizeof t);
    struct err err;
    struct pool *p = pool_create(threads, &err);
    assert_non_null(p);
    assert_int_equal(pool_threads(p), threads);
    t.threads = threads;
    for (t.round = 1; t.round <= rounds; t.round++) {
        size_t count = t.round * 7919u % 61; /* also 0 and 1 */
        memset(t.runs, 0, sizeof t.runs);
        pool_run(p, count, count_item, &t);
        for (size_t i = 0; i < MOST; i++)
            assert_int_equal(t.runs[i], i < count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(t.seen[i], t.round);
        if (sleep_every && t.round % (uint32_t)sleep_every == 0)
            nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL); /* till all sleep */
    }
    assert_int_equal(atomic_load(&t.workers_out_of_range), 0);
    pool_destroy(p);
}

static void test_every_item_runs_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++)
        run_rounds(threads, 400, 0);
}

static void test_sleeping_workers_wake(void **state)
{
    (void)state;
    run_rounds(2, 200, 1);
    run_rounds(4, 200, 3);
}

struct slow_job {
    atomic_int begun, done[2];
};

/* The caller's own item ends when the worker has begun with the other, which lasts until the caller has long
 * fallen asleep. */
static void slow_item(void *arg, size_t item, int worker)
{
    struct slow_job *job = arg;
    if (worker != 0) {
        atomic_store(&job->begun, 1);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    while (!atomic_load(&job->begun))
        sched_yield();
    atomic_fetch_add(&job->done[item], 1);
}

static void test_a_sleeping_caller_wakes(void **state)
{
    (void)state;
    struct pool *p = pool_create(2, NULL);
    assert_non_null(p);
    for (int round = 1; round <= 50; round++) {
        struct slow_job job = {0};
        pool_run(p, 2, slow_item, &job);
        assert_int_equal(atomic_load(&job.done[0]), 1);
        assert_int_equal(atomic_load(&job.done[1]), 1);
    }
    pool_destroy(p);
}

static void test_many_items(void **state)
{
    (void)state;
    static struct tally t;
    memset(&t, 0, sizeof t);
    t.threads = 3;
    struct pool *p = pool_create(3, NULL);
    assert_non_null(p);
    for (int round = 1; round <= 20; round++) {
        pool_run(p, MOST, count_item, &t);
        for (size_t i = 0; i < MOST; i++)
            assert_int_equal(t.runs[i], round);
    }
    pool_destroy(p);
}

/* Items write plain memory; the caller reads it after pool_run, without any other fence. */
static void write_item(void *arg, size_t item, int worker)
{
    (void)worker;
    ((size_t *)arg)[item] = item * item;
}

static void test_results_are_visible_to_the_caller(void **state)
{
    (void)state;
    struct pool *p = pool_create(4, NULL);
    assert_non_null(p);
    for (int round = 0; round < 300; round++) {
        size_t square[16] = {0}, sum = 0;
        pool_run(p, 16, write_item, square);
        for (size_t i = 0; i < 16; i++)
            sum += square[i];
        assert_int_equal(sum, 1240);
    }
    pool_destroy(p);
}

static void test_create_and_destroy_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        pool_destroy(pool_create(4, NULL));
    pool_destroy(NULL);
    assert_true(pool_cores() >= 1);
}

struct watched {
    size_t jobs, items;
    double seconds;
};

static void watch(void *arg, const double *seconds, size_t count)
{
    struct watched *w = arg;
    w->jobs++;
    w->items += count;
    for (size_t i = 0; i < count; i++)
        w->seconds += seconds[i];
}

static void in_order(void *arg, size_t item, int worker)
{
    size_t *next = arg;
    assert_int_equal(item, *next);
    assert_int_equal(worker, 0);
    ++*next;
}

/* It says it has sixty-four threads, and runs all on the caller's. */
static void test_a_watched_pool_tells_of_every_item(void **state)
{
    (void)state;
    struct watched w = {0};
    struct pool *p = pool_create_watched(64, watch, &w, NULL);
    assert_non_null(p);
    assert_int_equal(pool_threads(p), 64);
    for (size_t count = 0; count < 200; count += 50) {
        size_t next = 0;
        pool_run(p, count, in_order, &next);
        assert_int_equal(next, count);
    }
    assert_int_equal(w.jobs, 4);
    assert_int_equal(w.items, 300);
    assert_true(w.seconds > 0);
    pool_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_runs_once),
        cmocka_unit_test(test_sleeping_workers_wake),
        cmocka_unit_test(test_a_sleeping_caller_wakes),
        cmocka_unit_test(test_many_items),
        cmocka_unit_test(test_results_are_visible_to_the_caller),
        cmocka_unit_test(test_create_and_destroy_at_once),
        cmocka_unit_test(test_a_watched_pool_tells_of_every_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
