#include "engine/train/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void shared_store(shared_word *to, const void *value, size_t size_bytes)
{
    const char *bytes = value;
    assert(size_bytes % sizeof(uint64_t) == 0);
    for (size_t i = 0; i < size_bytes / sizeof(uint64_t); i++) {
        uint64_t word;
        memcpy(&word, bytes + i * sizeof word, sizeof word);
        atomic_store_explicit(to + i, word, memory_order_release);
    }
}

void shared_load(void *value, const shared_word *from, size_t size_bytes)
{
    char *bytes = value;
    assert(size_bytes % sizeof(uint64_t) == 0);
    for (size_t i = 0; i < size_bytes / sizeof(uint64_t); i++) {
        uint64_t word = atomic_load_explicit(from + i, memory_order_acquire);
        memcpy(bytes + i * sizeof word, &word, sizeof word);
    }
}

static int map(struct shared_map *m, int fd, size_t size_bytes, int protection, const char *path,
               struct err *err)
{
    void *base = mmap(NULL, size_bytes, protection, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return err_errno(err, "cannot map '%s'", path);
    *m = (struct shared_map){base, size_bytes};
    return 0;
}

int shared_map_make(struct shared_map *m, int fd, size_t size_bytes, const char *path,
                    struct err *err)
{
    if (ftruncate(fd, 0))
        return err_errno(err, "cannot empty '%s'", path);
    errno = posix_fallocate(fd, 0, (off_t)size_bytes);
    if (errno)
        return err_errno(err, "cannot make '%s' of %zu bytes", path, size_bytes);
    return map(m, fd, size_bytes, PROT_READ | PROT_WRITE, path, err);
}

int shared_map_open(struct shared_map *m, int fd, bool writable, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_errno(err, "cannot look at '%s'", path);
    if (st.st_size == 0)
        return err_set(err, ERR_INPUT, "'%s' is empty; it is no file of a run", path);
    return map(m, fd, (size_t)st.st_size, writable ? PROT_READ | PROT_WRITE : PROT_READ, path, err);
}

void shared_map_close(struct shared_map *m)
{
    if (m->base)
        munmap(m->base, m->size_bytes);
    *m = (struct shared_map){0};
}
