/* ring_stress [SECONDS] - one producer and three readers of the metrics ring, as fast as they can.
 *
 * Two readers share the producer's mapping, so that ThreadSanitizer sees both sides; one reads all
 * it can, one dawdles and is overwritten. The third attaches to the file as another process would.
 * Every record must be whole, in order, and read + lost == pushed for each reader; every snapshot
 * must be whole. Exit status 1 when not. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/train/ring.h"

enum { CAPACITY = 8192, BATCH = 256 };

static struct ring *ring;
static double seconds = 10;
static _Atomic uint64_t pushed_in_all; /* set when the producer has ended */

struct reader {
    const char *name;
    struct ring *ring;
    uint64_t dawdle; /* reads are this many yields apart */
    uint64_t read, lost, torn, views;
};

/* Every word of a record follows from its number. */
static void make_record(struct record *rec, uint64_t n)
{
    memset(rec, 0, sizeof *rec);
    rec->kind = RECORD_WARNING;
    rec->step = (int64_t)n;
    rec->time_us = (int64_t)(n * 7);
    for (size_t i = 0; i < sizeof rec->as.warning.text / sizeof n; i++)
        memcpy(rec->as.warning.text + i * sizeof n, &(uint64_t){n * (i + 1)}, sizeof n);
}

static bool is_whole(const struct record *rec, uint64_t after)
{
    struct record want;
    make_record(&want, rec->seq);
    want.seq = rec->seq;
    return rec->seq > after && !memcmp(rec, &want, sizeof want);
}

static void make_view(struct trainer_view *v, int64_t n)
{
    memset(v, 0, sizeof *v);
    v->step = v->total_steps = v->best_step = v->settings.seed = v->settings.threads = n;
    memset(v->last_error.text, 'a' + (char)(n % 26), sizeof v->last_error.text);
}

static void *produce(void *arg)
{
    struct record rec;
    struct trainer_view view;
    uint64_t n = 0;
    (void)arg;
    for (double end = clock_monotonic() + seconds; n % 1024 || clock_monotonic() < end;) {
        make_record(&rec, ++n);
        ring_push(ring, &rec);
        if (n % 64 == 0) {
            make_view(&view, (int64_t)n);
            ring_set_view(ring, &view);
        }
        if (n % 4096 == 0)
            sched_yield(); /* few cores: let the readers come near the end of the ring */
    }
    atomic_store(&pushed_in_all, n);
    return NULL;
}

static void read_view(struct reader *r)
{
    struct trainer_view view, want;
    ring_view(r->ring, &view);
    if (view.step == 0)
        return;
    make_view(&want, view.step);
    r->torn += memcmp(&view, &want, sizeof want) != 0;
    r->views++;
}

static void *consume(void *arg)
{
    static _Thread_local struct record out[BATCH];
    struct reader *r = arg;
    uint64_t cursor = 1, last = 0, end = 0;
    while (!end || cursor <= end) {
        end = atomic_load(&pushed_in_all);
        size_t n = ring_read(r->ring, &cursor, out, BATCH, &r->lost);
        for (size_t i = 0; i < n; last = out[i++].seq)
            r->torn += !is_whole(&out[i], last);
        r->read += n;
        read_view(r);
        for (uint64_t i = 0; i < r->dawdle && !end; i++)
            sched_yield();
    }
    return NULL;
}

static bool report(const struct reader *r, uint64_t pushed)
{
    bool exact = r->read + r->lost == pushed && r->torn == 0;
    printf("%-9s read %" PRIu64 " lost %" PRIu64 " sum %" PRIu64 " torn %" PRIu64
           " snapshots %" PRIu64 "%s\n",
           r->name, r->read, r->lost, r->read + r->lost, r->torn, r->views, exact ? "" : "  WRONG");
    return exact;
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/sft-stress-XXXXXX", path[64];
    struct err err;
    if (argc > 1)
        seconds = atof(argv[1]);
    if (!mkdtemp(directory))
        return 1;
    snprintf(path, sizeof path, "%s/metrics.ring", directory);
    if (!(ring = ring_create(path, CAPACITY, 1, &err))) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct reader readers[] = {{.name = "eager", .ring = ring},
                               {.name = "dawdling", .ring = ring, .dawdle = 200},
                               {.name = "attached", .ring = ring_attach(path, &err)}};
    enum { READERS = sizeof readers / sizeof readers[0] };
    pthread_t producer, consumer[READERS];
    for (int i = 0; i < READERS; i++)
        pthread_create(&consumer[i], NULL, consume, &readers[i]);
    pthread_create(&producer, NULL, produce, NULL);
    pthread_join(producer, NULL);
    uint64_t pushed = atomic_load(&pushed_in_all);
    bool good = true;
    printf("pushed %" PRIu64 " records of %zu bytes in %g s through %d slots\n", pushed,
           sizeof(struct record), seconds, (int)CAPACITY);
    for (int i = 0; i < READERS; i++) {
        pthread_join(consumer[i], NULL);
        good &= report(&readers[i], pushed);
    }
    ring_close(readers[2].ring);
    ring_close(ring);
    unlink(path);
    rmdir(directory);
    return good ? 0 : 1;
}
