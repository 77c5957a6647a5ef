/* near.h - "did you mean": how far apart two names are.
 * Levenshtein distance, with - and _ taken as the same letter, as everywhere in this program. */
#ifndef NEAR_H
#define NEAR_H
#include <stddef.h>

/* A name this far off, or further, is no help. */
#define NEAR_LIMIT 4

/* Edits between a and b[0..bn); a name of 63 bytes or more is far from everything (64). */
size_t near_distance(const char *a, const char *b, size_t bn);

#endif
