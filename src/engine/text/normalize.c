#include "engine/text/normalize.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <assert.h>
#include <stdlib.h>

void normalize_prepare(struct normalizer *n)
{
    for (uint32_t c = 0; c < 128; c++) {
        n->ascii[c] = (unsigned char)c;
        if (n->clean_text && unicode_is_control(c))
            n->ascii[c] = NORMALIZE_DROP;
        else if (n->clean_text && unicode_is_space(c))
            n->ascii[c] = ' ';
        else if (n->lowercase && c >= 'A' && c <= 'Z')
            n->ascii[c] = (unsigned char)(c - 'A' + 'a');
    }
}

/* The last step of every character. */
static void put_lowered(const struct normalizer *n, struct normalized *out, uint32_t code,
                        struct normalize_span from)
{
    uint32_t lower[2] = {code, 0};
    size_t count = n->lowercase ? unicode_lower(code, lower) : 1;
    for (size_t i = 0; i < count; i++)
        normalized_put(out, lower[i], from);
}

static int compare_marks(const void *a, const void *b)
{
    const struct normalize_mark *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* A character that stays in place has come: what combines with the one before is complete, and
 * sorted by combining class (Unicode's canonical ordering). The order key ends in the position, so
 * that the sort is stable; and it is a library sort, not insertion, because a hostile line may
 * consist of marks alone. */
static void flush_pending(const struct normalizer *n, struct normalized *out)
{
    if (out->pending_count > 1)
        qsort(out->pending, out->pending_count, sizeof *out->pending, compare_marks);
    for (size_t i = 0; i < out->pending_count; i++)
        put_lowered(n, out, out->pending[i].code, out->pending[i].from);
    out->pending_count = 0;
}

/* Decompose, and keep what is no accent. Accents are dropped before the ordering and not after it,
 * as the rules have it: a stable sort of what remains gives the same. */
static int strip_accents(const struct normalizer *n, struct normalized *out, uint32_t code,
                         struct normalize_span from, struct err *err)
{
    uint32_t parts[UNICODE_DECOMPOSED_MAX];
    size_t count = unicode_decompose(code, parts);
    for (size_t i = 0; i < count; i++) {
        int rank = unicode_combining_class(parts[i]);
        if (rank == 0)
            flush_pending(n, out);
        if (unicode_is_mark(parts[i]))
            continue;
        if (rank == 0) {
            put_lowered(n, out, parts[i], from);
            continue;
        }
        if (mem_grow(&out->pending, &out->pending_capacity, out->pending_count + 1,
                     sizeof *out->pending, "a line of combining characters", err))
            return -1;
        /* 8 bits of class, 24 of position: beyond 16 M marks on one letter their order is free. */
        uint32_t position = (uint32_t)(out->pending_count & 0xffffff);
        out->pending[out->pending_count++] =
            (struct normalize_mark){parts[i], (uint32_t)rank << 24 | position, from};
    }
    return 0;
}

static int accents_and_case(const struct normalizer *n, struct normalized *out, uint32_t code,
                            struct normalize_span from, struct err *err)
{
    if (n->strip_accents)
        return strip_accents(n, out, code, from, err);
    put_lowered(n, out, code, from);
    return 0;
}

static int add_character(const struct normalizer *n, struct normalized *out, uint32_t code,
                         struct normalize_span from, struct err *err)
{
    if (n->clean_text && unicode_is_control(code))
        return 0;
    if (n->clean_text && unicode_is_space(code))
        code = ' ';
    if (!n->handle_chinese_chars || !unicode_is_cjk(code))
        return accents_and_case(n, out, code, from, err);
    if (accents_and_case(n, out, ' ', from, err) || accents_and_case(n, out, code, from, err))
        return -1;
    return accents_and_case(n, out, ' ', from, err);
}

/* Room for the worst case, so that no byte needs a check: a character of 2 bytes may decompose into
 * 6, one of 4 into 12, a stray byte becomes the 3 of U+FFFD, an ideograph of 3 gets 2 spaces. */
static size_t worst_case(size_t source_bytes)
{
    return 3 * source_bytes + 16;
}

int normalize_text(const struct normalizer *n, const char *text, size_t from, size_t to,
                   struct normalized *out, struct err *err)
{
    assert(to <= UINT32_MAX);
    out->length = out->pending_count = 0;
    if (normalized_reserve(out, worst_case(to - from), err))
        return -1;
    for (size_t i = from; i < to;) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x80) {
            if (n->ascii[c] != NORMALIZE_DROP) {
                if (out->pending_count)
                    flush_pending(n, out);
                out->bytes[out->length] = (char)n->ascii[c];
                out->span[out->length++] = (struct normalize_span){(uint32_t)i, (uint32_t)i + 1};
            }
            i++;
            continue;
        }
        uint32_t code;
        size_t length = unicode_decode(text + i, to - i, &code);
        struct normalize_span span = {(uint32_t)i, (uint32_t)(i + length)};
        if (add_character(n, out, code, span, err))
            return -1;
        i += length;
    }
    flush_pending(n, out);
    return 0;
}
