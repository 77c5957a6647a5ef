#include "engine/text/charsmap.h"

#include "engine/base/mem.h"
#include "engine/text/grapheme.h"
#include "engine/text/unicode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Only clusters shorter than this are looked up as a whole. */
#define CLUSTER_BYTES 6

/* -- the double array ---------------------------------------------------------------------- */

/* A unit: bits 0..7 the label that leads to it, 8 whether a value follows, 10.. how far its children
 * are, in steps of 256 when bit 9 is set. A value has bit 31 set. */
#define UNIT_IS_VALUE  0x80000000u
#define UNIT_HAS_VALUE 0x100u

static uint32_t unit_offset(uint32_t unit)
{
    return unit & 0x200u ? unit >> 10 << 8 : unit >> 10;
}

/* The result of the shortest start of key[0..n) that has one. */
static bool look_up(const struct charsmap *m, const char *key, size_t n,
                    struct charsmap_result *result)
{
    uint32_t at = unit_offset(m->unit[0]);
    for (size_t i = 0; i < n && key[i]; i++) {
        unsigned char c = (unsigned char)key[i];
        at ^= c;
        uint32_t unit = m->unit[at];
        if ((unit & (UNIT_IS_VALUE | 0xff)) != c)
            return false;
        at ^= unit_offset(unit);
        if (!(unit & UNIT_HAS_VALUE))
            continue;
        uint32_t value = m->unit[at] & ~UNIT_IS_VALUE;
        *result = (struct charsmap_result){value, (uint32_t)strlen(m->results + value)};
        return true;
    }
    return false;
}

/* -- reading -------------------------------------------------------------------------------- */

static uint32_t read_word(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Whether a lookup that comes to unit i stays inside: its children are in one block of 256, which
 * must exist, and its value a result that begins with a whole character. */
static bool unit_is_sound(const struct charsmap *m, size_t i)
{
    uint32_t unit = m->unit[i];
    if (unit & UNIT_IS_VALUE)
        return i > 0; /* no lookup goes on from a value, but the first from unit 0 */
    size_t children = i ^ unit_offset(unit);
    if (children >= m->count)
        return false;
    if (!(unit & UNIT_HAS_VALUE))
        return true;
    uint32_t value = m->unit[children] & ~UNIT_IS_VALUE;
    return value < m->results_size && ((unsigned char)m->results[value] & 0xc0) != 0x80;
}

static int check(const struct charsmap *m, struct err *err)
{
    if (memchr(m->results, '\0', m->results_size) ? !unicode_valid(m->results, m->results_size)
                                                  : m->results_size > 0)
        return err_set(err, ERR_INPUT, "the precompiled charsmap's results are not UTF-8 text");
    for (size_t i = 0; i < m->count; i++)
        if (!unit_is_sound(m, i))
            return err_set(err, ERR_INPUT,
                           "the precompiled charsmap is broken: unit %zu leads outside it", i);
    return 0;
}

int charsmap_init(struct charsmap *m, const unsigned char *bytes, size_t n, struct err *err)
{
    memset(m, 0, sizeof *m);
    size_t size = n < 4 ? 0 : read_word(bytes);
    if (!size || size % (4 * 256) || size > n - 4) /* whole blocks, see unit_is_sound() */
        return err_set(err, ERR_INPUT,
                       "the precompiled charsmap of %zu bytes is cut short or not a charsmap", n);
    m->count = size / 4;
    m->results_size = n - 4 - size;
    m->unit = mem_alloc(m->count, sizeof *m->unit, "a charsmap", err);
    m->results = mem_alloc(m->results_size + 1, 1, "a charsmap", err);
    if (!m->unit || !m->results)
        return -1;
    for (size_t i = 0; i < m->count; i++)
        m->unit[i] = read_word(bytes + 4 + 4 * i);
    memcpy(m->results, bytes + 4 + size, m->results_size);
    if (check(m, err))
        return -1;
    for (unsigned c = 0; c < 128; c++) {
        char key = (char)c;
        m->ascii[c].at = CHARSMAP_NONE;
        look_up(m, &key, 1, &m->ascii[c]);
    }
    return 0;
}

void charsmap_clear(struct charsmap *m)
{
    free(m->unit);
    free(m->results);
    memset(m, 0, sizeof *m);
}

/* -- applying ------------------------------------------------------------------------------- */

/* The result in place of in[from..to), or without one (at: CHARSMAP_NONE) that text itself. */
static int put(const struct charsmap *m, struct charsmap_result result, const struct normalized *in,
               size_t from, size_t to, struct normalized *out, struct err *err)
{
    bool same = result.at == CHARSMAP_NONE;
    const char *bytes = same ? in->bytes + from : m->results + result.at;
    size_t n = same ? to - from : result.length;
    if (normalized_reserve(out, n, err))
        return -1;
    normalized_put_bytes(out, bytes, n,
                         (struct normalize_span){in->span[from].start, in->span[to - 1].end});
    return 0;
}

static int put_cluster(const struct charsmap *m, const struct normalized *in, size_t from,
                       size_t to, struct normalized *out, struct err *err)
{
    struct charsmap_result result;
    if (to - from < CLUSTER_BYTES && look_up(m, in->bytes + from, to - from, &result))
        return put(m, result, in, from, to, out, err);
    for (size_t at = from, n; at < to; at += n) {
        uint32_t code;
        n = unicode_decode(in->bytes + at, to - at, &code);
        result.at = CHARSMAP_NONE;
        look_up(m, in->bytes + at, n, &result);
        if (put(m, result, in, at, at + n, out, err))
            return -1;
    }
    return 0;
}

int charsmap_apply(const struct charsmap *m, const struct normalized *in, struct normalized *out,
                   struct err *err)
{
    out->length = 0;
    for (size_t at = 0, n; at < in->length; at += n) {
        unsigned char c = (unsigned char)in->bytes[at];
        n = grapheme_length(in->bytes + at, in->length - at);
        if (n == 1 ? put(m, m->ascii[c], in, at, at + 1, out, err)
                   : put_cluster(m, in, at, at + n, out, err))
            return -1;
    }
    return 0;
}
