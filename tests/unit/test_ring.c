/* The metrics ring: numbers, overwriting, resuming, attaching from outside, foreign files, and one
 * producer against readers in this and in another process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/train/ring.h"

static char directory[64], path[128];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/sft-ring-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/metrics.ring", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return file_remove_tree(directory, NULL);
}

static struct ring *create(size_t capacity, uint64_t first)
{
    struct err err = {0};
    struct ring *r = ring_create(path, capacity, first, &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

/* Every field follows from `step`, so that a torn record shows. */
static struct record sample(int64_t step)
{
    struct record rec = {.kind = RECORD_STEP, .time_us = step * 3, .step = step};
    rec.as.step_sample = (struct step_sample){(double)step,     (double)step * 2,  (double)step * 4,
                                              (double)step * 8, (double)step * 16, (uint32_t)step,
                                              ~(uint32_t)step};
    return rec;
}

static bool is_whole(const struct record *rec)
{
    struct record want = sample(rec->step);
    want.seq = rec->seq;
    return !memcmp(rec, &want, sizeof want);
}

static void push(struct ring *r, int64_t step)
{
    struct record rec = sample(step);
    ring_push(r, &rec);
}

static void test_reads_what_was_pushed(void **state)
{
    (void)state;
    struct ring *r = create(8, 1);
    struct record out[16];
    uint64_t cursor = 0, lost = 0;
    assert_int_equal(ring_newest(r), 0);
    assert_int_equal(ring_read(r, &cursor, out, 16, &lost), 0);
    for (int64_t i = 1; i <= 5; i++)
        push(r, i);
    assert_int_equal(ring_read(r, &cursor, out, 3, &lost), 3);
    assert_int_equal(ring_read(r, &cursor, out + 3, 13, &lost), 2);
    for (int64_t i = 0; i < 5; i++)
        assert_true(is_whole(&out[i]) && out[i].step == i + 1 && out[i].seq == (uint64_t)i + 1);
    assert_int_equal(lost, 0);
    assert_int_equal(cursor, 6);
    assert_int_equal(ring_newest(r), 5);
    ring_close(r);
}

static void test_overwritten_records_are_counted(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        size_t capacity = 1 + (size_t)(rng_uniform(round, RNG_TEST, 0) * 9);
        uint64_t first = 1 + rng_bits(round, RNG_TEST, 1) % 1000, cursor = first, lost = 0,
                 read = 0;
        struct ring *r = create(capacity, first);
        struct record out[4];
        int64_t pushed = 0;
        for (uint64_t i = 2; i < 40; i++) {
            for (uint64_t k = rng_bits(round, RNG_TEST, i) % 12; k > 0; k--)
                push(r, (int64_t)first + pushed++);
            size_t n = ring_read(r, &cursor, out, rng_bits(round, RNG_TEST, 100 + i) % 5, &lost);
            for (size_t k = 0; k < n; k++)
                assert_true(is_whole(&out[k]) && (uint64_t)out[k].step == out[k].seq);
            read += n;
        }
        for (size_t n; (n = ring_read(r, &cursor, out, 4, &lost)) > 0;)
            read += n;
        assert_int_equal(read + lost, pushed);
        assert_int_equal(cursor, first + (uint64_t)pushed);
        ring_close(r);
    }
}

static void test_a_late_reader_begins_with_the_oldest(void **state)
{
    (void)state;
    struct ring *r = create(4, 11);
    struct record out[8];
    assert_int_equal(ring_newest(r), 10);
    for (int64_t i = 11; i < 21; i++)
        push(r, i);
    struct err err;
    struct ring *other = ring_attach(path, &err);
    assert_non_null(other);
    uint64_t cursor = 0, lost = 0;
    assert_int_equal(ring_read(other, &cursor, out, 8, &lost), 4);
    assert_int_equal(out[0].seq, 17);
    assert_int_equal(lost, 0);
    ring_close(other);
    ring_close(r);
}

static void test_a_resume_replaces_the_ring(void **state)
{
    (void)state;
    struct ring *old = create(4, 1), *reader = ring_attach(path, NULL);
    push(old, 1);
    struct ring *r = create(4, 2);
    push(r, 2);
    struct record out[4];
    uint64_t cursor = 0, lost = 0;
    assert_int_equal(ring_read(reader, &cursor, out, 4, &lost), 1); /* its file still stands */
    struct ring *again = ring_attach(path, NULL);
    assert_int_equal(ring_read(again, &cursor, out, 4, &lost), 1);
    assert_int_equal(out[0].seq, 2);
    assert_int_equal(lost, 0);
    ring_close(old);
    ring_close(reader);
    ring_close(r);
    ring_close(again);
}

static void fill_view(struct trainer_view *v, int64_t x)
{
    memset(v, 0, sizeof *v);
    v->step = v->total_steps = v->best_step = x;
    v->settings.seed = v->settings.threads = x;
    snprintf(v->run_name, sizeof v->run_name, "%lld", (long long)x);
    v->last_error.code = (enum err_code)(x % 3);
    snprintf(v->last_error.text, sizeof v->last_error.text, "%0300lld", (long long)x);
}

static bool view_is_whole(const struct trainer_view *v)
{
    struct trainer_view want;
    fill_view(&want, v->step);
    return !memcmp(v, &want, sizeof want);
}

static void test_snapshot(void **state)
{
    (void)state;
    struct ring *r = create(4, 1);
    struct trainer_view v, out;
    ring_view(r, &out);
    assert_int_equal(out.state, TRAINER_IDLE); /* before the first: zeroes */
    for (int64_t x = 1; x < 4; x++) {
        fill_view(&v, x);
        ring_set_view(r, &v);
        ring_view(r, &out);
        assert_memory_equal(&v, &out, sizeof v);
    }
    ring_close(r);
}

static void refuse_attach(const char *what, enum err_code code)
{
    struct err err = {0};
    struct ring *r = ring_attach(path, &err);
    if (r)
        fail_msg("attached to %s", what);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, path));
    assert_null(strchr(err.text, '\n'));
}

static void test_foreign_files_are_refused(void **state)
{
    (void)state;
    refuse_attach("nothing", ERR_INPUT);
    assert_int_equal(file_write(path, "", 0, NULL), 0);
    refuse_attach("an empty file", ERR_INPUT);
    assert_int_equal(file_write(path, "hello", 5, NULL), 0);
    refuse_attach("a text", ERR_INPUT);

    ring_close(create(4, 1));
    size_t n;
    char *good = file_read(path, &n, NULL);
    assert_non_null(good);
    for (size_t keep = 1; keep < n; keep = keep * 2 + 1) {
        assert_int_equal(file_write(path, good, keep, NULL), 0);
        refuse_attach("a part", ERR_INPUT);
    }
    for (size_t at = 8; at < 20; at += 4) { /* version, record size, view size */
        good[at]++;
        assert_int_equal(file_write(path, good, n, NULL), 0);
        refuse_attach("another layout", ERR_UNSUPPORTED);
        good[at]--;
    }
    for (size_t at = 24; at < 32; at++) { /* capacity */
        good[at] = (char)(good[at] + 1);
        assert_int_equal(file_write(path, good, n, NULL), 0);
        refuse_attach("another capacity", ERR_INPUT);
        good[at] = (char)(good[at] - 1);
    }
    free(good);
}

static void test_what_cannot_be_made_leaves_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    char nowhere[256];
    snprintf(nowhere, sizeof nowhere, "%s/absent/metrics.ring", directory);
    assert_null(ring_create(nowhere, 4, 1, &err));
    assert_int_equal(err.code, ERR_IO);

    struct rlimit old, small = {4096, 4096};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct ring *r = ring_create(path, 4096, 1, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_null(r);
    assert_int_equal(rmdir(directory), 0); /* nothing is left in it */
}

enum { MANY = 20000 };

static void *produce(void *arg)
{
    struct ring *r = arg;
    struct trainer_view v;
    for (int64_t i = 1; i <= MANY; i++) {
        push(r, i);
        if (i % 16 == 0) {
            fill_view(&v, i);
            ring_set_view(r, &v);
        }
    }
    return NULL;
}

/* Reads to the end; true when every record and snapshot was whole and the count is exact. */
static bool consume(struct ring *r)
{
    struct record out[32];
    struct trainer_view v;
    uint64_t cursor = 1, lost = 0, read = 0, last = 0;
    while (cursor <= MANY) {
        size_t n = ring_read(r, &cursor, out, 32, &lost);
        for (size_t i = 0; i < n; last = out[i++].seq)
            if (!is_whole(&out[i]) || out[i].seq <= last)
                return false;
        read += n;
        ring_view(r, &v);
        if (v.step && !view_is_whole(&v))
            return false;
    }
    return read + lost == MANY;
}

static void test_producer_and_reader_in_threads(void **state)
{
    (void)state;
    struct ring *r = create(64, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, produce, r);
    assert_true(consume(r));
    pthread_join(thread, NULL);
    ring_close(r);
}

static void test_reader_in_another_process(void **state)
{
    (void)state;
    struct ring *r = create(64, 1);
    pid_t child = fork();
    if (child == 0) {
        struct ring *mine = ring_attach(path, NULL);
        _exit(mine && consume(mine) ? 0 : 1);
    }
    produce(r);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ring_close(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_what_was_pushed),
        TEST(test_overwritten_records_are_counted),
        TEST(test_a_late_reader_begins_with_the_oldest),
        TEST(test_a_resume_replaces_the_ring),
        TEST(test_snapshot),
        TEST(test_foreign_files_are_refused),
        TEST(test_what_cannot_be_made_leaves_nothing),
        TEST(test_producer_and_reader_in_threads),
        TEST(test_reader_in_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
