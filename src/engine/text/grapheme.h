/* grapheme.h - grapheme clusters: what a reader takes for one character.
 *
 * "e" and the accent that follows it are one cluster, and so are CR and LF. Boundaries are those of
 * Unicode's standard annex 29, extended clusters, as of Unicode 17, which `tokenizers` has;
 * utf8proc's, of an older edition, are corrected by grapheme_tables.h. */
#ifndef GRAPHEME_H
#define GRAPHEME_H
#include <stddef.h>

/* The bytes of the cluster at s[0..n), n >= 1, which is UTF-8. */
size_t grapheme_length(const char *s, size_t n);

#endif
