#include "engine/text/unicode.h"

#include "engine/text/unicode_tables.h"

#include <assert.h>
#include <string.h>
#include <utf8proc.h>

#define COUNT(table)    (sizeof(table) / sizeof((table)[0]))
#define IN(table, code) in_ranges(table, COUNT(table), code)

static bool in_ranges(const struct unicode_range *table, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (code > table[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && code >= table[low].first;
}

/* The smallest and largest second byte that a lead byte allows (Unicode table 3-7). */
static void second_byte_range(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
}

size_t unicode_decode(const char *s, size_t n, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)s;
    *code = p[0];
    if (p[0] < 0x80)
        return 1;
    *code = UNICODE_REPLACEMENT;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t value = p[0] & (0x7fu >> length);
    unsigned char low, high;
    second_byte_range(p[0], &low, &high);
    for (size_t i = 1; i < length; i++) {
        if (i >= n || p[i] < low || p[i] > high)
            return i;
        value = value << 6 | (p[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *code = value;
    return length;
}

size_t unicode_decode_last(const char *s, size_t n, uint32_t *code)
{
    for (size_t back = n < 4 ? n : 4; back > 1; back--)
        if (unicode_decode(s + n - back, back, code) == back)
            return back;
    return unicode_decode(s + n - 1, 1, code);
}

size_t unicode_encode(uint32_t code, char out[4])
{
    unsigned char *p = (unsigned char *)out;
    if (code < 0x80) {
        p[0] = (unsigned char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; code >>= 6)
        p[i] = (unsigned char)(0x80 | (code & 0x3f));
    p[0] = (unsigned char)(0xf00u >> length | code);
    return length;
}

bool unicode_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t code;
        size_t length = unicode_decode(s + i, n - i, &code);
        if (code == UNICODE_REPLACEMENT && (n - i < 3 || memcmp(s + i, "\xef\xbf\xbd", 3)))
            return false; /* not the character itself, written out */
        i += length;
    }
    return true;
}

bool unicode_is_control(uint32_t code)
{
    return IN(unicode_control, code);
}

bool unicode_is_space(uint32_t code)
{
    return IN(unicode_space, code);
}

bool unicode_is_cjk(uint32_t code)
{
    return code >= unicode_cjk[0].first && IN(unicode_cjk, code);
}

bool unicode_is_mark(uint32_t code)
{
    if (utf8proc_category((utf8proc_int32_t)code) == UTF8PROC_CATEGORY_MN)
        return !IN(unicode_no_mark, code);
    return IN(unicode_mark_too, code);
}

static bool is_punctuation_category(utf8proc_category_t category)
{
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool unicode_is_punctuation(uint32_t code)
{
    if (is_punctuation_category(utf8proc_category((utf8proc_int32_t)code)))
        return !IN(unicode_no_punctuation, code);
    return IN(unicode_punctuation_too, code);
}

/* By category, corrected both ways. */
static bool in_category(uint32_t code, utf8proc_category_t first, utf8proc_category_t last)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category >= first && category <= last;
}

bool unicode_is_accent(uint32_t code)
{
    return in_category(code, UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME)
               ? !IN(unicode_no_accent, code)
               : IN(unicode_accent_too, code);
}

bool unicode_is_number(uint32_t code)
{
    return in_category(code, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO)
               ? !IN(unicode_no_number, code)
               : IN(unicode_number_too, code);
}

/* Letters, marks, decimal digits and letter numbers, connectors; and what else is alphabetic. */
bool unicode_is_word(uint32_t code)
{
    return in_category(code, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_NL) ||
                   in_category(code, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PC)
               ? !IN(unicode_no_word, code)
               : IN(unicode_word_too, code);
}

int unicode_combining_class(uint32_t code)
{
    int class = utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
    return class && IN(unicode_no_order, code) ? 0 : class;
}

size_t unicode_decompose(uint32_t code, uint32_t out[UNICODE_DECOMPOSED_MAX])
{
    utf8proc_int32_t parts[UNICODE_DECOMPOSED_MAX];
    int boundary = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)code, parts, UNICODE_DECOMPOSED_MAX,
                                UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
    assert(n >= 1 && n <= UNICODE_DECOMPOSED_MAX);
    out[0] = code;
    if ((n == 1 && (uint32_t)parts[0] == code) || IN(unicode_no_decomposition, code))
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)parts[i];
    return (size_t)n;
}

size_t unicode_decompose_compatible(uint32_t code, uint32_t out[UNICODE_COMPATIBLE_MAX])
{
    utf8proc_int32_t parts[UNICODE_COMPATIBLE_MAX];
    int boundary = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)code, parts, UNICODE_COMPATIBLE_MAX,
                                UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE, &boundary);
    assert(n >= 1 && n <= UNICODE_COMPATIBLE_MAX);
    out[0] = code;
    if ((n == 1 && (uint32_t)parts[0] == code) || IN(unicode_no_compatibility, code))
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)parts[i];
    return (size_t)n;
}

/* utf8proc composes whole strings: of two characters it makes one, or leaves both. */
uint32_t unicode_compose(uint32_t first, uint32_t second)
{
    bool jamo = second >= 0x1161 && second <= 0x11c2; /* Hangul is computed, not looked up */
    if (!jamo && utf8proc_get_property((utf8proc_int32_t)second)->comb_index == UINT16_MAX)
        return 0;
    utf8proc_int32_t pair[2] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    uint32_t made = n == 1 ? (uint32_t)pair[0] : 0;
    bool hangul = made >= 0xac00 && made <= 0xd7a3;
    return made && !hangul && IN(unicode_no_decomposition, made) ? 0 : made;
}

size_t unicode_lower(uint32_t code, uint32_t out[2])
{
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    if (code == 0x130) { /* the only one that grows: a dotted capital I keeps its dot */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    if (out[0] == code && code >= unicode_newer_lower[0].first)
        for (size_t i = 0; i < COUNT(unicode_newer_lower); i++)
            if (code >= unicode_newer_lower[i].first && code <= unicode_newer_lower[i].last)
                out[0] = (uint32_t)((int64_t)code + unicode_newer_lower[i].add);
    return 1;
}
