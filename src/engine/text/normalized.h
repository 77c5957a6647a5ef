/* normalized.h - a text on its way to token ids, and where each of its bytes is from.
 *
 * Every step between the source text and the model (normalisers, pre-tokenizers) turns one of these
 * into another. The bytes are UTF-8 throughout; each has the range of the source text it stands
 * for, and all bytes of one character have the same. A range covers whole characters of the source.
 * A step that joins characters gives the result the range of all of them, one that inserts a
 * character gives it the range of a neighbour, so that tokens stay places of the source.
 *
 * A step is `int x_apply(const struct x *x, const struct normalized *in, struct normalized *out,
 * struct err *err)`: *out, never *in itself, is overwritten, with ranges that are in's. A model is
 * `int x_encode(const struct x *x, const struct normalized *n, size_t from, size_t to, struct
 * pieces *out, struct err *err)`: it appends the pieces of n->bytes[from..to). */
#ifndef NORMALIZED_H
#define NORMALIZED_H
#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct normalize_span {
    uint32_t start, end;
};

/* A character on its way to the text, and where it is from. */
struct normalize_mark {
    uint32_t code, order;
    struct normalize_span from;
};

/* Reused from call to call: zero-initialise, normalized_clear() at the end. */
struct normalized {
    char *bytes;
    struct normalize_span *span; /* one a byte */
    size_t length, bytes_capacity, span_capacity;
    struct normalize_mark *pending; /* combining characters whose order is not settled yet */
    size_t pending_count, pending_capacity;
};
void normalized_clear(struct normalized *n);

/* Room for `more` bytes after the ones that are there. */
int normalized_reserve(struct normalized *n, size_t more, struct err *err);
/* Append a code point (at most 4 bytes), or bytes that all come from one place. Both need room
 * reserved before. */
void normalized_put(struct normalized *n, uint32_t code, struct normalize_span from);
void normalized_put_bytes(struct normalized *n, const char *bytes, size_t count,
                          struct normalize_span from);

#endif
