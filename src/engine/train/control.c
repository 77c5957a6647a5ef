/* RUNDIR/control.ring is a struct header and SLOTS slots; command number n lives in slot
 * (n - 1) % SLOTS. The header counts what the trainer has taken; there is no counter of what was
 * posted. A command exists from the moment its slot carries its number, so a poster that dies at
 * any point has posted it or not, and the next poster finds its place by looking for the first slot
 * after `taken` that does not carry the number due there.
 *
 * Two locks on the file, of its first and its second byte, say who is who: SERVE is the trainer's,
 * HOLD the one poster's. They belong to the open file (like flock, but two in one file), so they
 * end with the process, however it ends, and also keep two handles of one process apart. The header
 * names the owners' process ids for messages; the locks alone decide. */
#include "engine/train/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/train/shared.h"

enum { VERSION = 1, SLOTS = 64 };
enum lock { SERVE, HOLD };
static const char MAGIC[8] = "sftctrl";

struct posted { /* struct command in a whole number of words */
    struct command command;
    char pad[(8 - sizeof(struct command) % 8) % 8 + 8];
};
static_assert(sizeof(struct posted) % sizeof(uint64_t) == 0, "commands are copied as words");

struct slot {
    shared_word number;
    shared_word words[SHARED_WORDS(struct posted)];
};

struct header {
    char magic[8];
    uint32_t version, slot_size;
    shared_word taken;        /* commands the trainer has taken: numbers 1 to taken */
    _Atomic int32_t owner[2]; /* process ids, by enum lock */
    _Atomic uint32_t bell;    /* futex: grows with every post */
    uint32_t reserved;
    struct slot slot[SLOTS];
};

struct control {
    int fd;
    enum control_mode mode;
    struct shared_map map;
    struct header *header;
    struct ring *ring;
    uint64_t next;   /* number of the next command */
    uint64_t cursor; /* of control_read */
    char rundir[4096];
};

struct control_queue {
    int fd;
    struct shared_map map;
    struct header *header;
};

/* ---- the file ---- */

static struct flock lock_of(enum lock which, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = which, .l_len = 1};
}

static bool take_lock(int fd, enum lock which)
{
    struct flock l = lock_of(which, F_WRLCK);
    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

/* True when another open file has it. */
static bool is_locked(int fd, enum lock which)
{
    struct flock l = lock_of(which, F_WRLCK);
    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool is_ours(const struct shared_map *map)
{
    const struct header *h = map->base;
    return map->size_bytes == sizeof *h && !memcmp(h->magic, MAGIC, sizeof h->magic) &&
           h->version == VERSION && h->slot_size == sizeof(struct slot);
}

static struct slot *slot_of(struct header *h, uint64_t number)
{
    return &h->slot[(number - 1) % SLOTS];
}

/* The number after the last command posted. */
static uint64_t find_next(struct header *h)
{
    uint64_t taken = atomic_load_explicit(&h->taken, memory_order_acquire), n = taken + 1;
    while (n <= taken + SLOTS &&
           atomic_load_explicit(&slot_of(h, n)->number, memory_order_acquire) == n)
        n++;
    return n;
}

static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout)
{
    /* Not FUTEX_PRIVATE: the other side may be another process. */
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

/* ---- the poster's side ---- */

static int busy(const struct header *h, enum lock which, const char *rundir, struct err *err)
{
    int pid = atomic_load(&((struct header *)(uintptr_t)h)->owner[which]);
    const char *does = which == HOLD ? "holds the controls of" : "trains";
    const char *remedy =
        which == HOLD ? "close it, or only watch" : "watch it, or wait for its end";
    if (pid > 0)
        return err_set(err, ERR_BUSY, "process %d%s %s '%s'; %s", pid,
                       pid == (int)getpid() ? " (this one)" : "", does, rundir, remedy);
    return err_set(err, ERR_BUSY, "another process %s '%s'; %s", does, rundir, remedy);
}

static int attach(struct control *c, struct err *err)
{
    char path[sizeof c->rundir];
    if (file_join(path, sizeof path, c->rundir, "metrics.ring", err))
        return -1;
    if (!(c->ring = ring_attach(path, err)))
        return -1;
    if (file_join(path, sizeof path, c->rundir, "control.ring", err))
        return -1;
    c->fd = open(path, (c->mode == CONTROL_HOLD ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (c->fd < 0 && c->mode == CONTROL_WATCH)
        return 0; /* the rings of a run that was copied without its controls can be watched */
    if (c->fd < 0)
        return err_errno(err, "cannot open '%s'", path);
    if (shared_map_open(&c->map, c->fd, c->mode == CONTROL_HOLD, path, err))
        return -1;
    if (!is_ours(&c->map))
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' was made by another version of sft; control the "
                       "run with that version",
                       path);
    c->header = c->map.base;
    return 0;
}

static int hold(struct control *c, struct err *err)
{
    if (!take_lock(c->fd, HOLD))
        return busy(c->header, HOLD, c->rundir, err);
    atomic_store(&c->header->owner[HOLD], (int32_t)getpid());
    c->next = find_next(c->header);
    return 0;
}

struct control *control_open(const char *rundir, enum control_mode mode, struct err *err)
{
    struct control *c = mem_alloc(1, sizeof *c, "the controls of a run", err);
    if (!c)
        return NULL;
    c->fd = -1;
    c->mode = mode;
    if (strlen(rundir) >= sizeof c->rundir) {
        err_set(err, ERR_IO, "the path '%.200s...' is too long", rundir);
        control_close(c);
        return NULL;
    }
    strcpy(c->rundir, rundir);
    if (attach(c, err) || (mode == CONTROL_HOLD && hold(c, err))) {
        control_close(c);
        return NULL;
    }
    return c;
}

void control_close(struct control *c)
{
    if (!c)
        return;
    ring_close(c->ring);
    shared_map_close(&c->map);
    if (c->fd >= 0)
        close(c->fd); /* and with it the lock */
    free(c);
}

bool control_is_served(const char *rundir)
{
    char path[4096];
    if (file_join(path, sizeof path, rundir, "control.ring", NULL))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool served = is_locked(fd, SERVE);
    close(fd);
    return served;
}

int control_post(struct control *c, const struct command *cmd, uint64_t *number, struct err *err)
{
    struct header *h = c->header;
    if (c->mode != CONTROL_HOLD)
        return err_set(err, ERR_BUSY, "'%s' is only watched here; the controls are elsewhere",
                       c->rundir);
    if (!is_locked(c->fd, SERVE))
        return err_set(err, ERR_UNSUPPORTED,
                       "no process trains '%s' any more; go on with "
                       "sft train --resume",
                       c->rundir);
    if (c->next - atomic_load_explicit(&h->taken, memory_order_acquire) > SLOTS)
        return err_set(err, ERR_BUSY,
                       "%d commands wait for the trainer of '%s'; try again when it "
                       "has finished its step",
                       (int)SLOTS, c->rundir);
    struct slot *s = slot_of(h, c->next);
    struct posted p;
    memset(&p, 0, sizeof p);
    p.command = *cmd;
    shared_store(s->words, &p, sizeof p);
    atomic_store_explicit(&s->number, c->next, memory_order_release);
    if (number)
        *number = c->next;
    c->next++;
    atomic_fetch_add(&h->bell, 1);
    futex(&h->bell, FUTEX_WAKE, INT_MAX, NULL);
    return 0;
}

void control_snapshot(struct control *c, struct trainer_view *out)
{
    ring_view(c->ring, out);
}

size_t control_read(struct control *c, struct record *out, size_t max, uint64_t *lost)
{
    return ring_read(c->ring, &c->cursor, out, max, lost);
}

const char *control_rundir(const struct control *c)
{
    return c->rundir;
}

/* ---- the trainer's side ---- */

/* With the lock held: keep the file when it is whole (its numbers go on, so no answer can be taken
 * for that to an older command), make it anew when it is not. */
static int prepare(struct control_queue *q, const char *path, struct err *err)
{
    struct shared_map old = {0};
    if (!shared_map_open(&old, q->fd, true, path, NULL) && is_ours(&old)) {
        q->map = old;
        q->header = old.base;
        atomic_store(&q->header->taken, find_next(q->header) - 1);
    } else {
        shared_map_close(&old);
        if (shared_map_make(&q->map, q->fd, sizeof(struct header), path, err))
            return -1;
        q->header = q->map.base;
        q->header->version = VERSION;
        q->header->slot_size = sizeof(struct slot);
        memcpy(q->header->magic, MAGIC, sizeof MAGIC);
    }
    atomic_store(&q->header->owner[SERVE], (int32_t)getpid());
    return 0;
}

static int refuse_second_trainer(struct control_queue *q, const char *rundir, struct err *err)
{
    static const struct header nobody;
    struct shared_map map = {0};
    bool known = !shared_map_open(&map, q->fd, false, rundir, NULL) && is_ours(&map);
    busy(known ? map.base : &nobody, SERVE, rundir, err);
    shared_map_close(&map);
    return -1;
}

struct control_queue *control_queue_create(const char *rundir, struct err *err)
{
    char path[4096];
    struct control_queue *q = mem_alloc(1, sizeof *q, "the control queue", err);
    if (!q)
        return NULL;
    q->fd = -1;
    if (file_join(path, sizeof path, rundir, "control.ring", err))
        goto fail;
    q->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (q->fd < 0) {
        err_errno(err, "cannot make '%s'", path);
        goto fail;
    }
    if (take_lock(q->fd, SERVE) ? prepare(q, path, err) : refuse_second_trainer(q, rundir, err))
        goto fail;
    return q;
fail:
    control_queue_close(q);
    return NULL;
}

void control_queue_close(struct control_queue *q)
{
    if (!q)
        return;
    shared_map_close(&q->map);
    if (q->fd >= 0)
        close(q->fd);
    free(q);
}

static bool is_waiting(struct control_queue *q, uint64_t *number)
{
    *number = atomic_load_explicit(&q->header->taken, memory_order_relaxed) + 1;
    struct slot *s = slot_of(q->header, *number);
    return atomic_load_explicit(&s->number, memory_order_acquire) == *number;
}

bool control_queue_take(struct control_queue *q, struct command *cmd, uint64_t *number)
{
    struct posted p;
    if (!is_waiting(q, number))
        return false;
    shared_load(&p, slot_of(q->header, *number)->words, sizeof p);
    atomic_store_explicit(&q->header->taken, *number, memory_order_release);
    *cmd = p.command;
    cmd->setting[sizeof cmd->setting - 1] = '\0'; /* another process wrote it */
    cmd->value[sizeof cmd->value - 1] = '\0';
    return true;
}

void control_queue_wait(struct control_queue *q, int wait_ms)
{
    /* A poster may die between its post and its ring: look again now and then. */
    static const double nap_s = 0.5;
    double end = clock_monotonic() + wait_ms / 1e3, left;
    uint64_t number;
    uint32_t heard = atomic_load(&q->header->bell);
    while (!is_waiting(q, &number) && (left = end - clock_monotonic()) > 0) {
        double nap = left < nap_s ? left : nap_s;
        struct timespec t = {0, (long)(nap * 1e9)};
        futex(&q->header->bell, FUTEX_WAIT, heard, &t);
        heard = atomic_load(&q->header->bell);
    }
}
