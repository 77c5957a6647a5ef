/* normalize.h - BERT's normaliser: clean, set ideographs apart, strip accents, lower case.
 *
 * One pass over the text gives UTF-8 with, for every byte, the range of the source it came from.
 * ASCII goes through a table of 128 entries; everything else through unicode.h, in the order of
 * Hugging Face's BertNormalizer. Accents are stripped from the canonical decomposition (NFD), which
 * stays decomposed afterwards: Hangul ends as jamo. */
#ifndef NORMALIZE_H
#define NORMALIZE_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct normalizer {
    bool clean_text;           /* control characters go, all white space becomes ' ' */
    bool handle_chinese_chars; /* spaces around every ideograph */
    bool strip_accents;
    bool lowercase;
    unsigned char ascii[128]; /* what becomes of it; NORMALIZE_DROP: nothing. normalize_prepare */
};
#define NORMALIZE_DROP 0xff

/* Fill the table from the options, before the first use. */
void normalize_prepare(struct normalizer *n);

/* Normalise text[from..to) into *out, which is overwritten; spans are offsets into text, which must
 * be shorter than 4 GiB. Cuts nothing in context outside the range. 0, or -1 with ERR_NOMEM. */
int normalize_text(const struct normalizer *n, const char *text, size_t from, size_t to,
                   struct normalized *out, struct err *err);

#endif
