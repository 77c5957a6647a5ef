#include "engine/text/normal_form.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One call. out->pending holds a starter, when there is one, and what combines with it. */
struct former {
    struct normalized *out;
    bool compose, compatible;
};

static int compare_marks(const void *a, const void *b)
{
    const struct normalize_mark *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static struct normalize_span join(struct normalize_span a, struct normalize_span b)
{
    return (struct normalize_span){a.start < b.start ? a.start : b.start,
                                   a.end > b.end ? a.end : b.end};
}

/* Join to the starter, pending[0], every mark that composes with it and is not blocked: one of the
 * same class stands before it. Marks are sorted by class; returns how many characters remain. */
static size_t compose_marks(struct normalize_mark *m, size_t count)
{
    size_t kept = 1;
    uint32_t last = 0; /* the class of the last mark that was kept */
    for (size_t i = 1; i < count; i++) {
        uint32_t rank = m[i].order >> 24;
        uint32_t made = kept > 1 && rank <= last ? 0 : unicode_compose(m[0].code, m[i].code);
        if (made) {
            m[0].code = made;
            m[0].from = join(m[0].from, m[i].from);
        } else {
            last = rank;
            m[kept++] = m[i];
        }
    }
    return kept;
}

/* Sort what is pending, compose it, and write it out but for a lone starter that the next one might
 * still compose with (Hangul). */
static int settle(const struct former *f, bool last, struct err *err)
{
    struct normalized *out = f->out;
    struct normalize_mark *m = out->pending;
    if (out->pending_count > 2)
        qsort(m, out->pending_count, sizeof *m, compare_marks);
    else if (out->pending_count == 2 && m[0].order > m[1].order) {
        struct normalize_mark first = m[0];
        m[0] = m[1];
        m[1] = first;
    }
    if (f->compose && out->pending_count && m[0].order >> 24 == 0)
        out->pending_count = compose_marks(m, out->pending_count);
    if (!last && f->compose && out->pending_count == 1 && m[0].order >> 24 == 0)
        return 0;
    if (normalized_reserve(out, 4 * out->pending_count, err))
        return -1;
    for (size_t i = 0; i < out->pending_count; i++)
        normalized_put(out, m[i].code, m[i].from);
    out->pending_count = 0;
    return 0;
}

static int pend(struct normalized *out, uint32_t code, int rank, struct normalize_span from,
                struct err *err)
{
    if (mem_grow(&out->pending, &out->pending_capacity, out->pending_count + 1,
                 sizeof *out->pending, "a line of combining characters", err))
        return -1;
    /* The sort is stable by the position: beyond 16 M marks on one letter their order is free. */
    uint32_t position = (uint32_t)(out->pending_count & 0xffffff);
    out->pending[out->pending_count++] =
        (struct normalize_mark){code, (uint32_t)rank << 24 | position, from};
    return 0;
}

static int take(const struct former *f, uint32_t code, struct normalize_span from, struct err *err)
{
    struct normalized *out = f->out;
    int rank = unicode_combining_class(code);
    if (rank)
        return pend(out, code, rank, from, err);
    if (settle(f, false, err))
        return -1;
    if (out->pending_count) { /* a lone starter */
        uint32_t made = unicode_compose(out->pending[0].code, code);
        if (made) {
            out->pending[0].code = made;
            out->pending[0].from = join(out->pending[0].from, from);
            return 0;
        }
        if (settle(f, true, err))
            return -1;
    }
    return pend(out, code, 0, from, err);
}

/* ASCII after ASCII is itself in every form: a run of it goes through at once. */
static size_t ascii_run(const struct normalized *in, size_t at)
{
    size_t end = at;
    while (end < in->length && (unsigned char)in->bytes[end] < 0x80)
        end++;
    return end - at;
}

static int take_ascii(const struct former *f, const struct normalized *in, size_t at, size_t n,
                      struct err *err)
{
    struct normalized *out = f->out;
    if (settle(f, true, err) || normalized_reserve(out, n, err))
        return -1;
    memcpy(out->bytes + out->length, in->bytes + at, n);
    memcpy(out->span + out->length, in->span + at, n * sizeof *out->span);
    out->length += n;
    return 0;
}

int normal_form_apply(enum normal_form form, const struct normalized *in, struct normalized *out,
                      struct err *err)
{
    struct former f = {.out = out,
                       .compose = form == NORMAL_NFC || form == NORMAL_NFKC,
                       .compatible = form == NORMAL_NFKC || form == NORMAL_NFKD};
    out->length = out->pending_count = 0;
    for (size_t at = 0, n; at < in->length; at += n) {
        size_t run = ascii_run(in, at);
        if (run > 1) { /* its last character may yet combine */
            n = run - 1;
            if (take_ascii(&f, in, at, n, err))
                return -1;
            continue;
        }
        uint32_t code, parts[UNICODE_COMPATIBLE_MAX];
        n = unicode_decode(in->bytes + at, in->length - at, &code);
        size_t count = f.compatible ? unicode_decompose_compatible(code, parts)
                                    : unicode_decompose(code, parts);
        for (size_t i = 0; i < count; i++)
            if (take(&f, parts[i], in->span[at], err))
                return -1;
    }
    return settle(&f, true, err);
}
