#include "engine/text/normal_steps.h"

#include "engine/base/base64.h"
#include "engine/base/mem.h"
#include "engine/text/frame.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

void normal_work_clear(struct normal_work *w)
{
    normalized_clear(&w->text[0]);
    normalized_clear(&w->text[1]);
    regex_work_clear(&w->regex);
}

void normal_steps_clear(struct normal_steps *s)
{
    for (size_t i = 0; i < s->count; i++) {
        regex_clear(&s->step[i].pattern);
        if (s->step[i].map)
            charsmap_clear(s->step[i].map);
        free(s->step[i].map);
        free(s->step[i].text);
    }
    memset(s, 0, sizeof *s);
}

/* -- steps -------------------------------------------------------------------------------- */

/* The normaliser of normalize.h counts from its own text; this makes it count from the source. */
static int apply_bert(const struct normal_step *step, const struct normalized *in,
                      struct normalized *out, struct err *err)
{
    if (normalize_text(&step->bert, in->bytes, 0, in->length, out, err))
        return -1;
    for (size_t i = 0; i < out->length; i++) {
        struct normalize_span s = out->span[i];
        out->span[i] = (struct normalize_span){in->span[s.start].start, in->span[s.end - 1].end};
    }
    return 0;
}

/* What becomes of one character: up to two, or none. */
static size_t lower_character(uint32_t code, uint32_t out[2])
{
    return unicode_lower(code, out);
}

static size_t strip_accent(uint32_t code, uint32_t out[2])
{
    out[0] = code;
    return !unicode_is_accent(code);
}

/* The normaliser of the NMT toolkit: control characters go, odd spaces become spaces. */
static size_t nmt_character(uint32_t code, uint32_t out[2])
{
    static const uint32_t gone[][2] = {{0x1, 0x8},   {0xb, 0xb},   {0xe, 0x1f},
                                       {0x7f, 0x7f}, {0x8f, 0x8f}, {0x9f, 0x9f}};
    static const uint32_t space[][2] = {{0x9, 0xa},       {0xc, 0xd},       {0x1680, 0x1680},
                                        {0x200b, 0x200f}, {0x2028, 0x2029}, {0x2581, 0x2581},
                                        {0xfeff, 0xfeff}, {0xfffd, 0xfffd}};
    out[0] = code;
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        if (code >= gone[i][0] && code <= gone[i][1])
            return 0;
    for (size_t i = 0; i < sizeof space / sizeof space[0]; i++)
        if (code >= space[i][0] && code <= space[i][1])
            out[0] = ' ';
    return 1;
}

static int apply_characters(size_t (*change)(uint32_t code, uint32_t out[2]),
                            const struct normalized *in, struct normalized *out, struct err *err)
{
    if (normalized_reserve(out, 4 * in->length + 4, err))
        return -1;
    for (size_t at = 0, n; at < in->length; at += n) {
        uint32_t code, made[2];
        n = unicode_decode(in->bytes + at, in->length - at, &code);
        size_t count = change(code, made);
        for (size_t i = 0; i < count; i++)
            normalized_put(out, made[i], in->span[at]);
    }
    return 0;
}

static int copy_range(const struct normalized *in, size_t from, size_t to, struct normalized *out,
                      struct err *err)
{
    if (normalized_reserve(out, to - from, err))
        return -1;
    if (from < to) {
        memcpy(out->bytes + out->length, in->bytes + from, to - from);
        memcpy(out->span + out->length, in->span + from, (to - from) * sizeof *out->span);
    }
    out->length += to - from;
    return 0;
}

static int apply_strip(const struct normal_step *step, const struct normalized *in,
                       struct normalized *out, struct err *err)
{
    size_t from = 0, to = in->length, n;
    uint32_t code;
    while (step->left && from < to &&
           (n = unicode_decode(in->bytes + from, to - from, &code), unicode_is_space(code)))
        from += n;
    while (step->right && from < to &&
           (n = unicode_decode_last(in->bytes, to, &code), unicode_is_space(code)))
        to -= n;
    return copy_range(in, from, to, out, err);
}

/* The replacement stands for all that it replaces; for an empty match, for the place before. */
static int put_replacement(const struct normal_step *step, const struct normalized *in, size_t from,
                           size_t to, struct normalized *out, struct err *err)
{
    size_t n = strlen(step->text);
    if (normalized_reserve(out, n, err))
        return -1;
    struct normalize_span span = {0, 0};
    if (from < to)
        span = (struct normalize_span){in->span[from].start, in->span[to - 1].end};
    else if (from)
        span = in->span[from - 1];
    normalized_put_bytes(out, step->text, n, span);
    return 0;
}

static int apply_replace(const struct normal_step *step, const struct normalized *in,
                         struct normal_work *w, struct normalized *out, struct err *err)
{
    struct regex_search s = {.text = in->bytes, .n = in->length};
    size_t done = 0;
    int found = 0;
    while (in->length && (found = regex_next(&step->pattern, &w->regex, &s, err)) > 0) {
        if (copy_range(in, done, s.start, out, err) ||
            put_replacement(step, in, s.start, s.end, out, err))
            return -1;
        done = s.end;
    }
    return found < 0 ? -1 : copy_range(in, done, in->length, out, err);
}

static int apply_prepend(const struct normal_step *step, const struct normalized *in,
                         struct normalized *out, struct err *err)
{
    size_t n = strlen(step->text);
    if (normalized_reserve(out, n, err))
        return -1;
    if (in->length)
        normalized_put_bytes(out, step->text, n, in->span[0]);
    return copy_range(in, 0, in->length, out, err);
}

static int apply_step(const struct normal_step *step, const struct normalized *in,
                      struct normal_work *w, struct normalized *out, struct err *err)
{
    out->length = 0;
    switch (step->kind) {
    case NORMAL_BERT:
        return apply_bert(step, in, out, err);
    case NORMAL_FORM:
        return normal_form_apply(step->form, in, out, err);
    case NORMAL_LOWERCASE:
        return apply_characters(lower_character, in, out, err);
    case NORMAL_STRIP_ACCENTS:
        return apply_characters(strip_accent, in, out, err);
    case NORMAL_STRIP:
        return apply_strip(step, in, out, err);
    case NORMAL_REPLACE:
        return apply_replace(step, in, w, out, err);
    case NORMAL_PREPEND:
        return apply_prepend(step, in, out, err);
    case NORMAL_NMT:
        return apply_characters(nmt_character, in, out, err);
    case NORMAL_CHARSMAP:
        return charsmap_apply(step->map, in, out, err);
    }
    return 0;
}

/* The source as it is, but for what is not UTF-8. */
static int take_source(const char *text, size_t from, size_t to, struct normalized *out,
                       struct err *err)
{
    out->length = 0;
    if (normalized_reserve(out, 3 * (to - from) + 4, err))
        return -1;
    for (size_t at = from, n; at < to; at += n) {
        uint32_t code = (unsigned char)text[at];
        n = code < 0x80 ? 1 : unicode_decode(text + at, to - at, &code);
        struct normalize_span span = {(uint32_t)at, (uint32_t)(at + n)};
        if (code < 0x80) {
            out->bytes[out->length] = (char)code;
            out->span[out->length++] = span;
        } else {
            normalized_put(out, code, span);
        }
    }
    return 0;
}

int normal_steps_apply(const struct normal_steps *s, const char *text, size_t from, size_t to,
                       struct normal_work *w, struct normalized **out, struct err *err)
{
    size_t now = 0, first = 0;
    if (s->count && s->step[0].kind == NORMAL_BERT) {
        if (normalize_text(&s->step[0].bert, text, from, to, &w->text[0], err))
            return -1;
        first = 1;
    } else if (take_source(text, from, to, &w->text[0], err)) {
        return -1;
    }
    for (size_t i = first; i < s->count; i++, now = !now)
        if (apply_step(&s->step[i], &w->text[now], w, &w->text[!now], err))
            return -1;
    *out = &w->text[now];
    return 0;
}

/* -- from tokenizer.json ------------------------------------------------------------------ */

static int read_bert(struct normal_step *step, const cJSON *o, const char *where, struct err *err)
{
    struct normalizer *n = &step->bert;
    const cJSON *strip = cJSON_GetObjectItemCaseSensitive(o, "strip_accents");
    if (json_bool_or(o, "clean_text", true, &n->clean_text, where, err) ||
        json_bool_or(o, "handle_chinese_chars", true, &n->handle_chinese_chars, where, err) ||
        json_bool_or(o, "lowercase", true, &n->lowercase, where, err) ||
        json_bool_or(o, "strip_accents", n->lowercase, &n->strip_accents, where, err))
        return -1;
    if (cJSON_IsNull(strip)) /* as lowercase says */
        n->strip_accents = n->lowercase;
    normalize_prepare(n);
    return 0;
}

static int read_strip(struct normal_step *step, const cJSON *o, const char *where, struct err *err)
{
    return json_bool_or(o, "strip_left", true, &step->left, where, err) ||
                   json_bool_or(o, "strip_right", true, &step->right, where, err)
               ? -1
               : 0;
}

static int read_text(struct normal_step *step, const cJSON *o, const char *key, const char *where,
                     struct err *err)
{
    const char *text;
    if (json_get_string(o, key, &text, where, err))
        return -1;
    step->text = mem_strdup(text, err);
    return step->text ? 0 : -1;
}

static int read_replace(struct normal_step *step, const cJSON *o, const char *where,
                        struct err *err)
{
    if (regex_read(&step->pattern, cJSON_GetObjectItemCaseSensitive(o, "pattern"), where, err))
        return -1;
    return read_text(step, o, "content", where, err);
}

static int read_prepend(struct normal_step *step, const cJSON *o, const char *where,
                        struct err *err)
{
    return read_text(step, o, "prepend", where, err);
}

static int read_charsmap(struct normal_step *step, const cJSON *o, const char *where,
                         struct err *err)
{
    const char *text;
    struct strbuf bytes = {0};
    if (json_get_string(o, "precompiled_charsmap", &text, where, err) ||
        !(step->map = mem_alloc(1, sizeof *step->map, "a charsmap", err)))
        return -1;
    int status = base64_decode(&bytes, text, strlen(text), "the precompiled charsmap", err);
    if (!status)
        status = charsmap_init(step->map, (const unsigned char *)bytes.text, bytes.length, err);
    strbuf_clear(&bytes);
    return status ? err_wrap(err, "%.300s", where) : 0;
}

static int read_nothing(struct normal_step *step, const cJSON *o, const char *where,
                        struct err *err)
{
    (void)step, (void)o, (void)where, (void)err;
    return 0;
}

static const struct {
    const char *type;
    enum normal_kind kind;
    enum normal_form form;
    int (*read)(struct normal_step *step, const cJSON *o, const char *where, struct err *err);
} kinds[] = {
    {"BertNormalizer", NORMAL_BERT, 0, read_bert},
    {"NFC", NORMAL_FORM, NORMAL_NFC, read_nothing},
    {"NFD", NORMAL_FORM, NORMAL_NFD, read_nothing},
    {"NFKC", NORMAL_FORM, NORMAL_NFKC, read_nothing},
    {"NFKD", NORMAL_FORM, NORMAL_NFKD, read_nothing},
    {"Lowercase", NORMAL_LOWERCASE, 0, read_nothing},
    {"StripAccents", NORMAL_STRIP_ACCENTS, 0, read_nothing},
    {"Strip", NORMAL_STRIP, 0, read_strip},
    {"Replace", NORMAL_REPLACE, 0, read_replace},
    {"Prepend", NORMAL_PREPEND, 0, read_prepend},
    {"Nmt", NORMAL_NMT, 0, read_nothing},
    {"Precompiled", NORMAL_CHARSMAP, 0, read_charsmap},
};

int normal_steps_read(struct normal_steps *s, const cJSON *o, const char *where, struct err *err)
{
    if (!o || cJSON_IsNull(o))
        return 0;
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "type"));
    if (type && !strcmp(type, "Sequence")) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "normalizers");
        for (const cJSON *i = list ? list->child : NULL; i; i = i->next)
            if (normal_steps_read(s, i, where, err))
                return -1;
        return 0;
    }
    for (size_t i = 0; type && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        if (s->count == NORMAL_STEPS_MAX)
            return err_set(err, ERR_UNSUPPORTED, "%.300s: more than %d normalizers", where,
                           NORMAL_STEPS_MAX);
        struct normal_step *step = &s->step[s->count++];
        step->kind = kinds[i].kind;
        step->form = kinds[i].form;
        return kinds[i].read(step, o, where, err);
    }
    return frame_unsupported(where, "the normalizer", type ? type : "", err);
}
