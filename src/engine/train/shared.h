/* shared.h - memory that several processes see: a mapped file, and values in it as atomic words.
 *
 * What ring.c and control.c have in common. A value is copied word by word with release stores and
 * acquire loads. So whoever reads a word of a newer value, and then reads the number that guards
 * it, sees that the number has changed: that is all a sequence protocol needs, without a fence that
 * ThreadSanitizer could not follow. On x86 these are plain moves. */
#ifndef SHARED_H
#define SHARED_H
#include "engine/base/err.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t shared_word;
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "words shared between processes must be lock-free");

#define SHARED_WORDS(type) (sizeof(type) / sizeof(shared_word))

/* Values are structs whose size is a multiple of 8. */
void shared_store(shared_word *to, const void *value, size_t size_bytes);
void shared_load(void *value, const shared_word *from, size_t size_bytes);

struct shared_map {
    void *base;
    size_t size_bytes;
};

/* Give an open file exactly this size, its space allocated so that no later store can fail for a
 * full disk, and map it. `path` is for the error. */
int shared_map_make(struct shared_map *m, int fd, size_t size_bytes, const char *path,
                    struct err *err);
/* Map what an open file holds. */
int shared_map_open(struct shared_map *m, int fd, bool writable, const char *path, struct err *err);
void shared_map_close(struct shared_map *m); /* a zeroed struct is fine */

#endif
