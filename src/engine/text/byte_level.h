/* byte_level.h - bytes written as characters, so that any text is made of 256 letters.
 *
 * GPT-2's alphabet: a printable byte of Latin-1 is the character of that number, any other the next
 * free character from U+0100 on. So the space is written U+0120. */
#ifndef BYTE_LEVEL_H
#define BYTE_LEVEL_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"

#include <stddef.h>
#include <stdint.h>

#define BYTE_LEVEL_SPACE 0x120u

/* Append in->bytes[from..to), each byte as its character with the byte's range. */
int byte_level_apply(const struct normalized *in, size_t from, size_t to, struct normalized *out,
                     struct err *err);
/* The byte that a character stands for, or -1. */
int byte_level_byte(uint32_t code);

#endif
