/* pieces.h - what a model makes of a text: token ids, each with the source range it stands for. */
#ifndef PIECES_H
#define PIECES_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"

#include <stddef.h>
#include <stdint.h>

/* Reused from call to call. */
struct pieces {
    int32_t *id;
    struct normalize_span *span;
    size_t count, id_capacity, span_capacity;
};
int pieces_reserve(struct pieces *p, size_t more, struct err *err);
void pieces_clear(struct pieces *p); /* a zeroed struct is fine */
/* Needs room reserved before. */
static inline void pieces_add(struct pieces *p, int32_t id, uint32_t start, uint32_t end)
{
    p->id[p->count] = id;
    p->span[p->count++] = (struct normalize_span){start, end};
}

#endif
