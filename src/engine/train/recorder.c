/* The caller's side appends items to `queue` under the lock; the thread swaps the whole queue for
 * its empty `batch`, adds the steps the ring has, and writes all of it in one transaction outside
 * the lock. So a caller waits for a copy, never for the disk, unless it asked to.
 *
 * When a transaction fails it is rolled back. Items somebody waits for are taken out and answered
 * with the error (the edit is then refused, and must not appear later); all others stay in the
 * batch and are tried again, so a disk that was full for a while costs nothing but memory. */
#include "engine/train/recorder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/base/thread.h"
#include "engine/train/record_writer.h"

enum { ROOM = 1024, CHUNK = 256 };
enum { BATCH_MS = 200, RETRY_MS = 1000 };

/* What a caller of recorder_put_and_wait sleeps on. */
struct waiter {
    bool done;
    int status;
    struct err err;
};

/* The rows of one evaluation; the arrays stand behind it. */
struct rows {
    size_t n;
    uint32_t *row;
    struct targets truth;
    float *logits; /* (n, truth.width) */
    float *answer; /* (truth.width) room to work in */
};

struct item {
    struct record rec;
    struct rows *rows;               /* of an evaluation, or NULL */
    const struct run_result *result; /* instead of a record, or NULL; the waiter's */
    struct waiter *waiter;           /* or NULL */
};

struct recorder {
    /* The thread's own. */
    struct record_writer writer;
    struct ring *ring; /* or NULL: there was none */
    uint64_t cursor;   /* of the ring */
    struct item *batch;
    size_t batch_count, batch_capacity;

    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake, done;
    struct item *queue;
    size_t count, capacity, dropped;
    int64_t next_id;
    bool urgent, stop;
    struct err error; /* what keeps the batch from the disk; ERR_NONE: nothing */
};

/* ---- the thread ---- */

static int write_item(struct recorder *r, const struct item *i, struct err *err)
{
    if (i->result)
        return record_writer_put_result(&r->writer, i->result, err);
    const struct rows *x = i->rows;
    int rc = record_writer_put(&r->writer, &i->rec, err);
    for (size_t k = 0; x && !rc && k < x->n; k++)
        rc = record_writer_put_prediction(&r->writer, i->rec.as.eval.id, x->row[k], &x->truth, k,
                                          x->logits + k * x->truth.width, x->answer, err);
    return rc;
}

/* One transaction; synced when somebody waits for it. */
static int write_batch(struct recorder *r, bool sync, struct err *err)
{
    int rc = record_writer_begin(&r->writer, sync, err);
    for (size_t i = 0; !rc && i < r->batch_count; i++)
        rc = write_item(r, &r->batch[i], err);
    if (!rc)
        rc = record_writer_commit(&r->writer, err);
    if (rc)
        record_writer_rollback(&r->writer);
    return rc;
}

static void add_warning_of_loss(struct recorder *r, uint64_t lost)
{
    struct item i;
    memset(&i, 0, sizeof i);
    i.rec.kind = RECORD_WARNING;
    i.rec.time_us = clock_wall_us();
    i.rec.seq = r->cursor;
    snprintf(i.rec.as.warning.text, sizeof i.rec.as.warning.text,
             "%llu records were overwritten before the disk took them: steps are missing here",
             (unsigned long long)lost);
    r->batch[r->batch_count++] = i;
}

/* Every step the ring has; what does not fit into memory stays there. */
static void drain_ring(struct recorder *r)
{
    struct record chunk[CHUNK];
    size_t n;
    while (r->ring && !mem_grow(&r->batch, &r->batch_capacity, r->batch_count + CHUNK + 1,
                                sizeof *r->batch, "records", NULL)) {
        uint64_t lost = 0;
        n = ring_read(r->ring, &r->cursor, chunk, CHUNK, &lost);
        for (size_t i = 0; i < n; i++)
            if (chunk[i].kind == RECORD_STEP)
                r->batch[r->batch_count++] = (struct item){.rec = chunk[i]};
        if (lost)
            add_warning_of_loss(r, lost);
        if (n < CHUNK)
            break;
    }
}

static struct timespec in_ms(int ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += (long)ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* Until the next batch is due: its time, or someone in a hurry. */
static void sleep_locked(struct recorder *r)
{
    struct timespec due = in_ms(r->error.code ? RETRY_MS : BATCH_MS);
    while (!r->urgent && !r->stop && pthread_cond_timedwait(&r->wake, &r->lock, &due) == 0)
        ;
    r->urgent = false;
}

/* The queue into the batch. Behind a batch that failed it is appended; without memory for that it
 * waits its turn. */
static void take_queue_locked(struct recorder *r)
{
    if (r->batch_count == 0) {
        struct item *items = r->batch;
        size_t capacity = r->batch_capacity;
        r->batch = r->queue, r->batch_capacity = r->capacity, r->batch_count = r->count;
        r->queue = items, r->capacity = capacity, r->count = 0;
    } else if (!mem_grow(&r->batch, &r->batch_capacity, r->batch_count + r->count, sizeof *r->batch,
                         "records", NULL)) {
        memcpy(r->batch + r->batch_count, r->queue, r->count * sizeof *r->queue);
        r->batch_count += r->count;
        r->count = 0;
    }
}

/* Answer and remove the items somebody waits for. */
static void answer_locked(struct item *items, size_t *count, int status, const struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        struct waiter *w = items[i].waiter;
        if (!w) {
            items[kept++] = items[i];
            continue;
        }
        if (status)
            w->err = *err;
        w->status = status;
        w->done = true;
    }
    *count = kept;
}

static void finish_batch_locked(struct recorder *r, int status, const struct err *err)
{
    answer_locked(r->batch, &r->batch_count, status, err);
    if (status) {
        answer_locked(r->queue, &r->count, status, err); /* they would fail the same way */
        r->error = *err;
    } else {
        for (size_t i = 0; i < r->batch_count; i++)
            free(r->batch[i].rows);
        r->batch_count = 0;
        r->error.code = ERR_NONE;
    }
    pthread_cond_broadcast(&r->done);
}

static bool has_waiter(const struct recorder *r)
{
    for (size_t i = 0; i < r->batch_count; i++)
        if (r->batch[i].waiter)
            return true;
    return false;
}

static void *record(void *arg)
{
    struct recorder *r = arg;
    bool last = false;
    pthread_setname_np(pthread_self(), "recorder"); /* for top and /proc */
    pthread_mutex_lock(&r->lock);
    while (!last) {
        sleep_locked(r);
        last = r->stop;
        take_queue_locked(r);
        pthread_mutex_unlock(&r->lock);

        struct err err = {0};
        int status = 0;
        drain_ring(r);
        if (r->batch_count)
            status = write_batch(r, last || has_waiter(r), &err);

        pthread_mutex_lock(&r->lock);
        finish_batch_locked(r, status, &err);
        if (last && !status && r->count) /* there was no memory to take it with the rest */
            last = false;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- starting ---- */

static void clear(struct recorder *r)
{
    record_writer_close(&r->writer, r->error.code == ERR_NONE);
    ring_close(r->ring);
    for (size_t i = 0; i < r->batch_count; i++)
        free(r->batch[i].rows);
    free(r->batch);
    for (size_t i = 0; i < r->count; i++)
        free(r->queue[i].rows);
    free(r->queue);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wake);
    pthread_cond_destroy(&r->done);
    free(r);
}

static int attach_ring(struct recorder *r, const char *rundir, struct err *err)
{
    char path[4096];
    if (file_join(path, sizeof path, rundir, "metrics.ring", err))
        return -1;
    if (!file_exists(path))
        return 0;
    r->ring = ring_attach(path, err);
    return r->ring ? 0 : -1;
}

static int start(struct recorder *r, const char *rundir, int64_t resume_step, struct err *err)
{
    if (mem_grow(&r->queue, &r->capacity, ROOM, sizeof *r->queue, "records", err) ||
        mem_grow(&r->batch, &r->batch_capacity, ROOM, sizeof *r->batch, "records", err) ||
        attach_ring(r, rundir, err) ||
        record_writer_open(&r->writer, rundir, resume_step, &r->next_id, err))
        return -1;
    if (thread_start(&r->thread, record, r))
        return err_set(err, ERR_NOMEM, "cannot start the recorder's thread for '%s'", rundir);
    return 0;
}

struct recorder *recorder_start(const char *rundir, int64_t resume_step, struct err *err)
{
    struct recorder *r = mem_alloc(1, sizeof *r, "the recorder", err);
    if (!r)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &monotonic);
    pthread_cond_init(&r->done, NULL);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&r->lock, NULL);
    if (start(r, rundir, resume_step, err)) {
        clear(r);
        return NULL;
    }
    return r;
}

/* ---- the caller's side ---- */

/* Without memory: wait until the thread has emptied the queue; only when that fails as well, for
 * the disk takes nothing either, is a record dropped, and counted. */
static bool add_locked(struct recorder *r, const struct item *i)
{
    while (mem_grow(&r->queue, &r->capacity, r->count + 1, sizeof *r->queue, "records", NULL)) {
        if (r->error.code) {
            r->dropped++;
            return false;
        }
        r->urgent = true;
        pthread_cond_signal(&r->wake);
        pthread_cond_wait(&r->done, &r->lock);
    }
    r->queue[r->count++] = *i;
    return true;
}

void recorder_put(struct recorder *r, const struct record *rec)
{
    struct item i = {.rec = *rec};
    pthread_mutex_lock(&r->lock);
    add_locked(r, &i);
    pthread_mutex_unlock(&r->lock);
}

static int add_and_wait(struct recorder *r, struct item i, struct err *err)
{
    struct waiter w = {0};
    i.waiter = &w;
    pthread_mutex_lock(&r->lock);
    bool added = add_locked(r, &i);
    r->urgent = true;
    pthread_cond_signal(&r->wake);
    while (added && !w.done)
        pthread_cond_wait(&r->done, &r->lock);
    if (!added)
        w.status = -1, w.err = r->error;
    pthread_mutex_unlock(&r->lock);
    if (w.status && err)
        *err = w.err;
    return w.status;
}

int recorder_put_and_wait(struct recorder *r, const struct record *rec, struct err *err)
{
    return add_and_wait(r, (struct item){.rec = *rec}, err);
}

int recorder_put_result(struct recorder *r, const struct run_result *result, struct err *err)
{
    return add_and_wait(r, (struct item){.result = result}, err);
}

/* One block: the struct, then its arrays. Targets are ids, or as wide as logits. */
static struct rows *copy_rows(const uint32_t *row, const struct targets *truth, const float *logits,
                              size_t n, struct err *err)
{
    size_t floats = (n + 1) * truth->width, targets = truth->label ? n : n * truth->width;
    struct rows *x = mem_alloc(sizeof *x + n * sizeof *row + (targets + floats) * sizeof *logits, 1,
                               "the predictions of an evaluation", err);
    if (!x)
        return NULL;
    x->n = n;
    x->truth = *truth;
    x->row = (uint32_t *)(x + 1);
    x->truth.label = truth->label ? (int32_t *)(x->row + n) : NULL;
    x->truth.value = truth->label ? NULL : (float *)(x->row + n);
    x->logits = (float *)(x->row + n + targets);
    x->answer = x->logits + n * truth->width;
    if (n) {
        const void *from = truth->label ? (const void *)truth->label : (const void *)truth->value;
        memcpy(x->row, row, n * sizeof *row);
        memcpy(x->row + n, from, targets * sizeof *logits);
        memcpy(x->logits, logits, n * truth->width * sizeof *logits);
    }
    return x;
}

int64_t recorder_put_evaluation(struct recorder *r, const struct record *rec, const uint32_t *rows,
                                const struct targets *truth, const float *logits, size_t n,
                                struct err *err)
{
    struct item i = {.rec = *rec};
    i.rows = copy_rows(rows, truth, logits, n, err);
    if (!i.rows)
        return -1;
    pthread_mutex_lock(&r->lock);
    int64_t id = i.rec.as.eval.id = r->next_id++;
    bool added = add_locked(r, &i);
    if (!added && err)
        *err = r->error;
    pthread_mutex_unlock(&r->lock);
    if (added)
        return id;
    free(i.rows);
    return -1;
}

int recorder_check(struct recorder *r, struct err *err)
{
    pthread_mutex_lock(&r->lock);
    bool bad = r->error.code != ERR_NONE;
    if (bad && err)
        *err = r->error;
    pthread_mutex_unlock(&r->lock);
    return bad ? -1 : 0;
}

int recorder_finish(struct recorder *r, struct err *err)
{
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    struct err first = r->error;
    size_t unwritten = r->batch_count + r->count + r->dropped;
    clear(r);
    if (first.code && err) {
        *err = first;
        err_wrap(err, "%zu records are lost", unwritten);
    }
    return first.code ? -1 : 0;
}
