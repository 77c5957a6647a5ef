/* base64.h - bytes as text and back: RFC 4648, section 4, with its padding. */
#ifndef BASE64_H
#define BASE64_H
#include "engine/base/err.h"
#include "engine/base/mem.h"

#include <stddef.h>

void base64_encode(struct strbuf *out, const unsigned char *bytes, size_t n);
/* Append the bytes of text[0..n). ERR_INPUT, as `what`, for what is not base64 throughout, white
 * space and missing padding included. */
int base64_decode(struct strbuf *out, const char *text, size_t n, const char *what,
                  struct err *err);

#endif
