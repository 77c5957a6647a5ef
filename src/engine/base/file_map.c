/* file_map.c - mappings, and a list of them for the one who must say whose end was passed. The list is
 * read in a signal handler, so it has a fixed size and no lock: a place is free, being written or
 * whole, and its mark says which. What finds no place is mapped all the same, without a name. */
#include "engine/base/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum mark { FREE, WRITTEN, WHOLE };
enum { PLACES = 64 };

static struct place {
    atomic_int mark;
    const unsigned char *data;
    size_t size_bytes;
    char path[512];
} places[PLACES];

static void remember(struct file_map *m, const char *path)
{
    for (int i = 0; i < PLACES; i++) {
        struct place *p = &places[i];
        int expected = FREE;
        if (!atomic_compare_exchange_strong(&p->mark, &expected, WRITTEN))
            continue;
        p->data = m->data;
        p->size_bytes = m->size_bytes;
        strncpy(p->path, path, sizeof p->path - 1);
        atomic_store(&p->mark, WHOLE);
        m->place = i + 1;
        return;
    }
}

const char *file_map_path_at(const void *at)
{
    for (const struct place *p = places; p < places + PLACES; p++)
        if (atomic_load(&p->mark) == WHOLE && (uintptr_t)at - (uintptr_t)p->data < p->size_bytes)
            return p->path;
    return NULL;
}

int file_map_open(struct file_map *m, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        err_errno(err, "cannot read '%s'", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_IO, "cannot read '%s': it is not a regular file", path);
    }
    *m = (struct file_map){.data = (const unsigned char *)"", .size_bytes = (size_t)st.st_size};
    void *p = m->size_bytes ? mmap(NULL, m->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int failed = p == MAP_FAILED;
    if (failed) {
        err_errno(err, "cannot map '%s'", path);
    } else if (p) {
        m->data = p;
        remember(m, path);
    }
    close(fd);
    return failed ? -1 : 0;
}

void file_map_close(struct file_map *m)
{
    if (m->place)
        atomic_store(&places[m->place - 1].mark, FREE);
    if (m->size_bytes)
        munmap((void *)m->data, m->size_bytes);
    *m = (struct file_map){0};
}
