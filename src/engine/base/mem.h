/* mem.h - memory that says so when there is none.
 *
 * Allocation in the engine is an error like any other (ERR_NOMEM), never an abort. Sizes are
 * products, so every allocator takes count and size and checks the overflow. */
#ifndef MEM_H
#define MEM_H
#include "engine/base/err.h"

#include <stdarg.h>
#include <stddef.h>

/* count*size zeroed bytes, to be freed with free(); count 0 gives a valid pointer. `what` is named
 * in the error: "out of memory for <what> (N bytes)". */
void *mem_alloc(size_t count, size_t size, const char *what, struct err *err);

/* Grow *array (of elements of `size` bytes) to hold at least `need` elements, at least doubling
 * *capacity. 0, or -1 with *array unchanged. New elements are not zeroed. */
int mem_grow(void *array, size_t *capacity, size_t need, size_t size, const char *what,
             struct err *err);

char *mem_strdup(const char *s, struct err *err);
char *mem_strndup(const char *s, size_t n, struct err *err);

/* One large block for parameters, moments or activations: zeroed, aligned to 2 MiB so that a huge
 * page can serve it, mapped privately so that untouched pages cost nothing. */
struct mem_block {
    void *base;
    size_t size_bytes;
};
int mem_block_init(struct mem_block *b, size_t size_bytes, const char *what, struct err *err);
/* A part of the block that is touched here and there, like the gradient of an embedding table: serve
 * it with small pages, so that what is never touched costs nothing. A wish, as huge pages are. */
void mem_block_sparse(struct mem_block *b, size_t from_bytes, size_t size_bytes);
void mem_block_clear(struct mem_block *b); /* unmaps; a zeroed struct is fine */

/* A growing string. Zero-initialise; text is NUL-terminated once anything was added. After a
 * failed append `failed` stays set and later appends do nothing, so a caller may check once. */
struct strbuf {
    char *text;
    size_t length, capacity;
    int failed;
};
void strbuf_add(struct strbuf *s, const char *bytes, size_t n);
void strbuf_puts(struct strbuf *s, const char *text);
void strbuf_printf(struct strbuf *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *s, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void strbuf_clear(struct strbuf *s); /* frees and zeroes */

#endif
