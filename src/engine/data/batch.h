/* batch.h - sequences back to back; padding is never stored, never computed.
 *
 * A batch holds B sequences of T real tokens in all; sequence b is [start[b], start[b+1]). Its
 * arrays are sized once (batch_init) for the largest batch a run can meet, then refilled. */
#ifndef BATCH_H
#define BATCH_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"

#include <stddef.h>
#include <stdint.h>

struct batch {
    size_t B, T;
    size_t longest;     /* tokens of the longest sequence */
    int32_t *token;     /* (T) */
    int32_t *segment;   /* (T) token_type_ids, or NO_SEGMENT throughout */
    int32_t *position;  /* (T) from 0 in each sequence */
    uint32_t *start;    /* (B+1) */
    uint32_t *row;      /* (B) dataset row of each sequence */
    int32_t *label;     /* (B) class id or NO_LABEL */
    size_t max_B, max_T;
};

int batch_init(struct batch *b, size_t max_B, size_t max_T, struct err *err);
void batch_clear(struct batch *b);

/* Fill with the given dataset rows, in this order. n <= max_B and their tokens <= max_T. */
void batch_fill(struct batch *b, const struct dataset *d, const struct encoded *e,
                const uint32_t *rows, size_t n);

/* Tokens of the longest possible batch of n rows out of rows[0..count): the sum of the n longest.
 * What activations are sized for. 0 with ERR_NOMEM when there is no memory to count in. */
size_t batch_largest(const struct encoded *e, const uint32_t *rows, size_t count, size_t n,
                     struct err *err);

#endif
