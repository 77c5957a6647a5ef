/* encode.h - a dataset as token ids: the tokenizer run once over every row.
 *
 * Immutable after encode_dataset, one block of ids for all rows. Threads: encode_dataset spreads
 * rows over the pool; the result does not depend on how many there are. */
#ifndef ENCODE_H
#define ENCODE_H
#include "engine/base/err.h"
#include "engine/base/pool.h"
#include "engine/data/dataset.h"
#include "engine/text/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

enum { NO_SEGMENT = -1 };

struct encoded {
    size_t rows, max_length; /* max_length 0: nothing is cut */
    uint64_t *start;        /* rows+1: row r is token[start[r] .. start[r+1]) */
    int32_t *token;
    int8_t *segment;        /* token_type_ids; NO_SEGMENT throughout where a model is told none */
    uint32_t *full_length;  /* per row, before truncation */
    size_t truncated;       /* rows with full_length > max_length */
    size_t longest;         /* longest row after truncation */
};

/* `pool` may be NULL: the calling thread does it all. `cancel` may be NULL; when it becomes true
 * the call ends with ERR_CANCELLED. */
struct encoded *encode_dataset(const struct dataset *d, const struct tokenizer *t,
                               size_t max_length, struct pool *pool, const _Atomic int *cancel,
                               struct err *err);
void encoded_destroy(struct encoded *e); /* NULL is fine */

static inline size_t encoded_length(const struct encoded *e, size_t row)
{
    return (size_t)(e->start[row + 1] - e->start[row]);
}

#endif
