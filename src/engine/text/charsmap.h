/* charsmap.h - SentencePiece's precompiled normalisation: characters to what they become.
 *
 * The map is a file within a file: the size of a Darts double array in bytes (32 bits, the lowest
 * byte first), the array, then the results, each ended by a NUL, at the places that the array's
 * values name. SentencePiece looks up the longest match; Hugging Face's Precompiled, which we must
 * equal, does otherwise: it goes from grapheme cluster to grapheme cluster. One of under six bytes
 * whose start, the shortest that is in the map, has a result becomes that result as a whole, marks
 * and all; else each of its characters is looked up alone.
 * Double arrays: Aoe 1989 (doi:10.1109/32.31365); the packing is that of Darts-clone. */
#ifndef CHARSMAP_H
#define CHARSMAP_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"

#include <stddef.h>
#include <stdint.h>

/* A result: results[at..at + length). */
struct charsmap_result {
    uint32_t at, length;
};

struct charsmap {
    uint32_t *unit; /* the array; every place that it leads to is inside it */
    size_t count;
    char *results;
    size_t results_size;
    struct charsmap_result ascii[128]; /* of one character; at CHARSMAP_NONE: stays as it is */
};
#define CHARSMAP_NONE UINT32_MAX

/* Copies what it needs. ERR_INPUT for a map that is cut short or points outside itself. */
int charsmap_init(struct charsmap *m, const unsigned char *bytes, size_t n, struct err *err);
void charsmap_clear(struct charsmap *m); /* a zeroed struct is fine */

/* in->bytes must be UTF-8. */
int charsmap_apply(const struct charsmap *m, const struct normalized *in, struct normalized *out,
                   struct err *err);

#endif
