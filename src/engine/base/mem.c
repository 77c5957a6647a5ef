#include "engine/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

static int out_of_memory(const char *what, size_t count, size_t size, struct err *err)
{
    double mb = (double)count * (double)size / 1e6;
    return err_set(err, ERR_NOMEM,
                   "out of memory for %s (%.1f MB); a smaller batch_size or max_length needs less",
                   what, mb);
}

void *mem_alloc(size_t count, size_t size, const char *what, struct err *err)
{
    void *p = NULL;
    if (!size || count <= PTRDIFF_MAX / size)
        p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory(what, count, size, err);
    return p;
}

int mem_grow(void *array, size_t *capacity, size_t need, size_t size, const char *what,
             struct err *err)
{
    if (need <= *capacity)
        return 0;
    size_t grown = *capacity < SIZE_MAX / 2 ? *capacity * 2 : need;
    if (grown < need)
        grown = need;
    if (grown < 16)
        grown = 16;
    void *old;
    memcpy(&old, array, sizeof old); /* array is a T **, of whatever T */
    void *p = grown <= PTRDIFF_MAX / size ? realloc(old, grown * size) : NULL;
    if (!p)
        return out_of_memory(what, grown, size, err);
    memcpy(array, &p, sizeof p);
    *capacity = grown;
    return 0;
}

char *mem_strndup(const char *s, size_t n, struct err *err)
{
    char *copy = mem_alloc(n + 1, 1, "a string", err);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

char *mem_strdup(const char *s, struct err *err)
{
    return mem_strndup(s, strlen(s), err);
}

int mem_block_init(struct mem_block *b, size_t size_bytes, const char *what, struct err *err)
{
    *b = (struct mem_block){0};
    if (size_bytes > SIZE_MAX - 2 * HUGE_PAGE)
        return out_of_memory(what, size_bytes, 1, err);
    size_t rounded = (size_bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (!rounded)
        rounded = HUGE_PAGE;
    /* One huge page more than asked for, so that an aligned start fits; the ends are given back. */
    char *raw = mmap(NULL, rounded + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    if (raw == MAP_FAILED)
        return out_of_memory(what, size_bytes, 1, err);
    size_t skip = (HUGE_PAGE - (uintptr_t)raw % HUGE_PAGE) % HUGE_PAGE;
    if (skip)
        munmap(raw, skip);
    if (HUGE_PAGE - skip)
        munmap(raw + skip + rounded, HUGE_PAGE - skip);
    b->base = raw + skip;
    b->size_bytes = rounded;
    madvise(b->base, rounded, MADV_HUGEPAGE); /* a wish: without it the block is only slower */
    return 0;
}

void mem_block_sparse(struct mem_block *b, size_t from_bytes, size_t size_bytes)
{
    /* Whole huge pages only, inwards: their neighbours stay as they are. */
    size_t first = (from_bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    size_t end = (from_bytes + size_bytes) / HUGE_PAGE * HUGE_PAGE;
    if (first < end)
        madvise((char *)b->base + first, end - first, MADV_NOHUGEPAGE);
}

void mem_block_clear(struct mem_block *b)
{
    if (b->base)
        munmap(b->base, b->size_bytes);
    *b = (struct mem_block){0};
}

/* Room for n more bytes and the NUL. */
static int strbuf_reserve(struct strbuf *s, size_t n)
{
    if (s->failed)
        return -1;
    if (n >= SIZE_MAX - s->length ||
        mem_grow(&s->text, &s->capacity, s->length + n + 1, 1, "text", NULL)) {
        s->failed = 1;
        return -1;
    }
    return 0;
}

void strbuf_add(struct strbuf *s, const char *bytes, size_t n)
{
    if (strbuf_reserve(s, n))
        return;
    if (n)
        memcpy(s->text + s->length, bytes, n);
    s->length += n;
    s->text[s->length] = '\0';
}

void strbuf_puts(struct strbuf *s, const char *text)
{
    strbuf_add(s, text, strlen(text));
}

void strbuf_vprintf(struct strbuf *s, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        s->failed = 1;
    else if (!strbuf_reserve(s, (size_t)n)) {
        vsnprintf(s->text + s->length, (size_t)n + 1, fmt, again);
        s->length += (size_t)n;
    }
    va_end(again);
}

void strbuf_printf(struct strbuf *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vprintf(s, fmt, ap);
    va_end(ap);
}

void strbuf_clear(struct strbuf *s)
{
    free(s->text);
    *s = (struct strbuf){0};
}
