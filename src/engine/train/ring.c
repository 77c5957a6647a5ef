/* The file is a struct header and then `capacity` slots. Record number n lives in slot
 * (n - 1) % capacity. The snapshot has two places, written in turn: a reader copies the one that
 * was published last, and a producer that dies in the middle of the other harms nobody. */
#include "engine/train/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/train/shared.h"

static_assert(sizeof(struct record) % sizeof(uint64_t) == 0, "records are copied as words");
static_assert(sizeof(struct trainer_view) % sizeof(uint64_t) == 0, "so is the snapshot");

static const char MAGIC[8] = "sftring";
enum { VERSION = 2 }; /* of the layout: a change of struct record or trainer_view is a new one */

struct slot {
    shared_word number; /* of the record that is whole here; 0 while it is being written */
    shared_word words[SHARED_WORDS(struct record)];
};

struct header {
    char magic[8];
    uint32_t version, record_size, view_size, reserved;
    uint64_t capacity, first; /* slots; the first record's number */
    shared_word newest;       /* number of the newest whole record; first - 1 when there is none */
    shared_word published;    /* snapshots so far; the newest is in view[published % 2] */
    shared_word view[2][SHARED_WORDS(struct trainer_view)];
};

struct ring {
    struct shared_map map;
    struct header *header;
    struct slot *slots;
};

const char *trainer_state_name(enum trainer_state s)
{
    static const char *const names[] = {"idle",       "preparing", "running", "paused",
                                        "evaluating", "finished",  "stopped", "failed"};
    return (size_t)s < sizeof names / sizeof names[0] ? names[s] : "unknown";
}

double eval_figure(const struct eval_sample *e, enum metric which)
{
    const double figures[METRIC_COUNT] = {
        [METRIC_LOSS] = e->loss,
        [METRIC_ACCURACY] = e->accuracy,
        [METRIC_MACRO_F1] = e->macro_f1,
        [METRIC_MCC] = e->mcc,
        [METRIC_MICRO_F1] = e->micro_f1,
        [METRIC_SUBSET_ACCURACY] = e->subset_accuracy,
        [METRIC_HAMMING_LOSS] = e->hamming_loss,
        [METRIC_MSE] = e->mse,
        [METRIC_MAE] = e->mae,
        [METRIC_PEARSON] = e->pearson,
        [METRIC_SPEARMAN] = e->spearman,
        [METRIC_R2] = e->r2,
    };
    return figures[which];
}

static size_t file_size(uint64_t capacity)
{
    return sizeof(struct header) + (size_t)capacity * sizeof(struct slot);
}

static struct ring *ring_of(struct shared_map *map, const char *path, struct err *err)
{
    struct ring *r = mem_alloc(1, sizeof *r, "the metrics ring", err);
    if (!r) {
        err_wrap(err, "'%s'", path);
        shared_map_close(map);
        return NULL;
    }
    r->map = *map;
    r->header = map->base;
    r->slots = (struct slot *)(r->header + 1);
    return r;
}

static int fill(int fd, struct shared_map *map, const char *path, size_t capacity, uint64_t first,
                struct err *err)
{
    if (shared_map_make(map, fd, file_size(capacity), path, err))
        return -1;
    struct header *h = map->base; /* a new file: zero where nothing is set */
    memcpy(h->magic, MAGIC, sizeof h->magic);
    h->version = VERSION;
    h->record_size = sizeof(struct record);
    h->view_size = sizeof(struct trainer_view);
    h->capacity = capacity;
    h->first = first;
    atomic_store(&h->newest, first - 1);
    return 0;
}

struct ring *ring_create(const char *path, size_t capacity, uint64_t first_seq, struct err *err)
{
    char aside[4096];
    struct shared_map map = {0};
    assert(capacity >= 1 && first_seq >= 1);
    if ((size_t)snprintf(aside, sizeof aside, "%s.new", path) >= sizeof aside) {
        err_set(err, ERR_IO, "the path '%.200s...' is too long", path);
        return NULL;
    }
    int fd = open(aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        err_errno(err, "cannot make '%s'", path);
        return NULL;
    }
    int bad = fill(fd, &map, path, capacity, first_seq, err);
    close(fd);
    if (!bad && rename(aside, path))
        bad = err_errno(err, "cannot make '%s'", path);
    if (bad) {
        unlink(aside);
        shared_map_close(&map);
        return NULL;
    }
    return ring_of(&map, path, err);
}

static int check(const struct shared_map *map, const char *path, struct err *err)
{
    const struct header *h = map->base;
    if (map->size_bytes < sizeof *h || memcmp(h->magic, MAGIC, sizeof h->magic))
        return err_set(err, ERR_INPUT, "'%s' is no metrics ring; name a run directory", path);
    if (h->version != VERSION || h->record_size != sizeof(struct record) ||
        h->view_size != sizeof(struct trainer_view))
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' was made by another version of sft (layout %u, records of %u bytes; "
                       "this one has %d and %zu); watch the run with that version",
                       path, h->version, h->record_size, (int)VERSION, sizeof(struct record));
    if (h->first == 0 || h->capacity == 0 || h->capacity > map->size_bytes ||
        file_size(h->capacity) != map->size_bytes)
        return err_set(err, ERR_INPUT, "'%s' is damaged: its size does not fit its header", path);
    return 0;
}

struct ring *ring_attach(const char *path, struct err *err)
{
    struct shared_map map = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            err_set(err, ERR_INPUT,
                    "there is no '%s'; name a run directory whose training has "
                    "begun",
                    path);
        else
            err_errno(err, "cannot open '%s'", path);
        return NULL;
    }
    int bad = shared_map_open(&map, fd, false, path, err) || check(&map, path, err);
    close(fd);
    if (bad) {
        shared_map_close(&map);
        return NULL;
    }
    return ring_of(&map, path, err);
}

void ring_close(struct ring *r)
{
    if (!r)
        return;
    shared_map_close(&r->map);
    free(r);
}

static struct slot *slot_of(const struct ring *r, uint64_t number)
{
    return &r->slots[(number - 1) % r->header->capacity];
}

void ring_push(struct ring *r, struct record *rec)
{
    uint64_t number = ring_newest(r) + 1;
    struct slot *s = slot_of(r, number);
    rec->seq = number;
    atomic_store_explicit(&s->number, 0, memory_order_relaxed);
    shared_store(s->words, rec, sizeof *rec);
    atomic_store_explicit(&s->number, number, memory_order_release);
    atomic_store_explicit(&r->header->newest, number, memory_order_release);
}

/* False when the slot holds another record by now, or did before the copy was whole. */
static bool read_slot(const struct slot *s, uint64_t number, struct record *out)
{
    if (atomic_load_explicit(&s->number, memory_order_acquire) != number)
        return false;
    shared_load(out, s->words, sizeof *out);
    return atomic_load_explicit(&s->number, memory_order_relaxed) == number;
}

size_t ring_read(struct ring *r, uint64_t *cursor, struct record *out, size_t max, uint64_t *lost)
{
    uint64_t newest = ring_newest(r), capacity = r->header->capacity, first = r->header->first;
    uint64_t oldest = newest - (first - 1) > capacity ? newest - capacity + 1 : first;
    size_t n = 0;
    if (*cursor < first) /* a reader that begins, or one of an earlier attempt's ring */
        *cursor = *cursor ? first : oldest;
    if (*cursor < oldest) {
        *lost += oldest - *cursor;
        *cursor = oldest;
    }
    for (; *cursor <= newest && n < max; ++*cursor) {
        if (read_slot(slot_of(r, *cursor), *cursor, &out[n]))
            n++;
        else
            ++*lost;
    }
    return n;
}

uint64_t ring_newest(const struct ring *r)
{
    return atomic_load_explicit(&r->header->newest, memory_order_acquire);
}

void ring_set_view(struct ring *r, const struct trainer_view *v)
{
    struct header *h = r->header;
    uint64_t next = atomic_load_explicit(&h->published, memory_order_relaxed) + 1;
    shared_store(h->view[next % 2], v, sizeof *v);
    atomic_store_explicit(&h->published, next, memory_order_release);
}

void ring_view(struct ring *r, struct trainer_view *out)
{
    struct header *h = r->header;
    uint64_t before, after;
    do {
        before = atomic_load_explicit(&h->published, memory_order_acquire);
        shared_load(out, h->view[before % 2], sizeof *out);
        after = atomic_load_explicit(&h->published, memory_order_relaxed);
    } while (before != after); /* a newer one is out: its place may have been this one */
}
