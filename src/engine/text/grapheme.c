#include "engine/text/grapheme.h"

#include "engine/text/grapheme_tables.h"
#include "engine/text/unicode.h"

#include <utf8proc.h>

/* utf8proc's rules with our tables: a code point that it knows by another class, or not at all, is
 * shown to it as one of the right class. */
static utf8proc_int32_t stand_in(uint32_t code)
{
    for (size_t i = 0; i < sizeof grapheme_classes / sizeof grapheme_classes[0]; i++)
        if (code >= grapheme_classes[i].first && code <= grapheme_classes[i].last)
            return (utf8proc_int32_t)grapheme_classes[i].like;
    return (utf8proc_int32_t)code;
}

size_t grapheme_length(const char *s, size_t n)
{
    unsigned char first = (unsigned char)s[0];
    if (first < 0x80 && first != '\r' && (n == 1 || (unsigned char)s[1] < 0x80))
        return 1; /* nothing in ASCII joins, but CR and LF */
    uint32_t code;
    size_t at = unicode_decode(s, n, &code);
    utf8proc_int32_t before = stand_in(code), state = 0;
    while (at < n) {
        size_t length = unicode_decode(s + at, n - at, &code);
        utf8proc_int32_t next = stand_in(code);
        if (utf8proc_grapheme_break_stateful(before, next, &state))
            break;
        before = next;
        at += length;
    }
    return at;
}
