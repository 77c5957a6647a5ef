#include "engine/text/normalized.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void normalized_clear(struct normalized *n)
{
    free(n->bytes);
    free(n->span);
    free(n->pending);
    memset(n, 0, sizeof *n);
}

int normalized_reserve(struct normalized *n, size_t more, struct err *err)
{
    size_t need = n->length + more;
    if (need < more || need > UINT32_MAX) /* places in it are 32 bits */
        return err_set(err, ERR_INPUT, "a text becomes longer than 4 GiB when it is normalised");
    if (mem_grow(&n->bytes, &n->bytes_capacity, need, 1, "a normalised text", err))
        return -1;
    return mem_grow(&n->span, &n->span_capacity, need, sizeof *n->span, "a normalised text", err);
}

void normalized_put(struct normalized *n, uint32_t code, struct normalize_span from)
{
    assert(n->length + 4 <= n->bytes_capacity && n->length + 4 <= n->span_capacity);
    size_t count = unicode_encode(code, n->bytes + n->length);
    for (size_t i = 0; i < count; i++)
        n->span[n->length + i] = from;
    n->length += count;
}

void normalized_put_bytes(struct normalized *n, const char *bytes, size_t count,
                          struct normalize_span from)
{
    assert(count <= n->bytes_capacity - n->length && count <= n->span_capacity - n->length);
    memcpy(n->bytes + n->length, bytes, count);
    for (size_t i = 0; i < count; i++)
        n->span[n->length + i] = from;
    n->length += count;
}
