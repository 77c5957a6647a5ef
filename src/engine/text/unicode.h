/* unicode.h - code points, as a tokenizer sees them.
 *
 * utf8proc knows Unicode. Hugging Face's `tokenizers`, whose ids we must reproduce, goes by several
 * editions of it at once: marks and punctuation as of Unicode 8, decomposition as of 9,
 * lower case and numbers as of 17, and control, space and CJK by lists of its own. Each function here answers
 * as `tokenizers` does: utf8proc's answer, corrected by the ranges of unicode_tables.h. */
#ifndef UNICODE_H
#define UNICODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_REPLACEMENT 0xfffdu
/* No code point decomposes, canonically and fully, into more. */
#define UNICODE_DECOMPOSED_MAX 8
/* Nor, for compatibility, into more than this. */
#define UNICODE_COMPATIBLE_MAX 18

/* The code point at s[0..n), n >= 1, into *code; returns its bytes, 1 to 4. What is not UTF-8 reads
 * as U+FFFD, one for each longest start of a sequence that could have become valid (Unicode
 * chapter 3, "maximal subpart"), which is what Python's errors="replace" does. */
size_t unicode_decode(const char *s, size_t n, uint32_t *code);
/* The last code point that ends at s[n), n >= 1. */
size_t unicode_decode_last(const char *s, size_t n, uint32_t *code);
/* Write a code point as UTF-8; returns its bytes. */
size_t unicode_encode(uint32_t code, char out[4]);
/* True when s[0..n) is UTF-8 throughout. */
bool unicode_valid(const char *s, size_t n);

bool unicode_is_control(uint32_t code);     /* what clean_text removes */
bool unicode_is_space(uint32_t code);       /* what separates words */
bool unicode_is_cjk(uint32_t code);         /* an ideograph, a word of its own */
bool unicode_is_mark(uint32_t code);        /* an accent, once decomposed */
bool unicode_is_punctuation(uint32_t code); /* a word of its own */
bool unicode_is_word(uint32_t code);        /* \w of a regular expression */
bool unicode_is_accent(uint32_t code);      /* a mark of any kind, Mn, Mc or Me */
bool unicode_is_number(uint32_t code);      /* Nd, Nl or No */

/* The canonical combining class: 0 for what stays in place. */
int unicode_combining_class(uint32_t code);
/* Full canonical decomposition, in the order of the standard; returns how many. */
size_t unicode_decompose(uint32_t code, uint32_t out[UNICODE_DECOMPOSED_MAX]);
/* The same with compatibility decomposition. */
size_t unicode_decompose_compatible(uint32_t code, uint32_t out[UNICODE_COMPATIBLE_MAX]);
/* The character that two others make by canonical composition, 0 when they make none. */
uint32_t unicode_compose(uint32_t first, uint32_t second);
/* Lower case of one code point, out of context; returns how many, 1 or 2. */
size_t unicode_lower(uint32_t code, uint32_t out[2]);

#endif
