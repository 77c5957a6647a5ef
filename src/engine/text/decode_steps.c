#include "engine/text/decode_steps.h"

#include "engine/text/byte_level.h"
#include "engine/text/frame.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

int decode_list_add(struct decode_list *l, const char *text, size_t n, struct err *err)
{
    strbuf_add(&l->bytes, text, n);
    if (l->bytes.failed)
        return err_set(err, ERR_NOMEM, "out of memory for a decoded text");
    if (mem_grow(&l->end, &l->capacity, l->count + 1, sizeof *l->end, "a decoded text", err))
        return -1;
    l->end[l->count++] = l->bytes.length;
    return 0;
}

/* More of the last text; of a first one when there is none. */
static int extend(struct decode_list *l, const char *text, size_t n, struct err *err)
{
    if (!l->count)
        return decode_list_add(l, text, n, err);
    strbuf_add(&l->bytes, text, n);
    if (l->bytes.failed)
        return err_set(err, ERR_NOMEM, "out of memory for a decoded text");
    l->end[l->count - 1] = l->bytes.length;
    return 0;
}

static void empty(struct decode_list *l)
{
    l->bytes.length = l->count = 0;
}

void decode_list_clear(struct decode_list *l)
{
    strbuf_clear(&l->bytes);
    free(l->end);
    memset(l, 0, sizeof *l);
}

static const char *item(const struct decode_list *l, size_t i, size_t *n)
{
    size_t from = i ? l->end[i - 1] : 0;
    *n = l->end[i] - from;
    return l->bytes.text + from;
}

/* -- cleaning up --------------------------------------------------------------------------- */

/* Every occurrence of `what`, which is longer than `with`, from left to right. */
static size_t replace_all(char *text, size_t n, const char *what, const char *with)
{
    size_t what_n = strlen(what), with_n = strlen(with), kept = 0, at = 0;
    while (at < n) {
        const char *found = memmem(text + at, n - at, what, what_n);
        size_t before = found ? (size_t)(found - (text + at)) : n - at;
        memmove(text + kept, text + at, before);
        kept += before;
        at += before;
        if (found) {
            memcpy(text + kept, with, with_n);
            kept += with_n;
            at += what_n;
        }
    }
    return kept;
}

size_t decode_clean_up(char *text, size_t n, bool not )
{
    static const char *const pairs[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (size_t i = 0; n && i < sizeof pairs / sizeof pairs[0]; i++)
        if (not || pairs[i][1][0] != ' ')
            n = replace_all(text, n, pairs[i][0], pairs[i][1]);
    return n;
}

/* -- steps -------------------------------------------------------------------------------- */

/* Bytes as UTF-8, with U+FFFD for what is none. */
static int extend_lossy(struct decode_list *to, const char *bytes, size_t n, struct err *err)
{
    for (size_t at = 0, length; at < n; at += length) {
        uint32_t code;
        char utf8[4];
        length = unicode_decode(bytes + at, n - at, &code);
        if (extend(to, utf8, unicode_encode(code, utf8), err))
            return -1;
    }
    return 0;
}

/* The bytes of a token that is written in the byte alphabet throughout; false: it is not. */
static bool alphabet_bytes(const char *text, size_t n, struct strbuf *out)
{
    size_t before = out->length;
    for (size_t at = 0, length; at < n; at += length) {
        uint32_t code;
        length = unicode_decode(text + at, n - at, &code);
        int byte = byte_level_byte(code);
        if (byte < 0) {
            out->length = before;
            return false;
        }
        strbuf_add(out, &(char){(char)byte}, 1);
    }
    return true;
}

static int decode_byte_level(const struct decode_step *step, const struct decode_list *in,
                             struct decode_list *to, struct err *err)
{
    (void)step;
    struct strbuf bytes = {0};
    for (size_t i = 0; i < in->count; i++) {
        size_t n;
        const char *text = item(in, i, &n);
        if (!alphabet_bytes(text, n, &bytes))
            strbuf_add(&bytes, text, n);
    }
    int status = bytes.failed ? err_set(err, ERR_NOMEM, "out of memory for a decoded text")
                              : decode_list_add(to, "", 0, err);
    if (!status)
        status = extend_lossy(to, bytes.text, bytes.length, err);
    strbuf_clear(&bytes);
    return status;
}

static int decode_wordpiece(const struct decode_step *step, const struct decode_list *in,
                            struct decode_list *to, struct err *err)
{
    size_t prefix = strlen(step->text);
    for (size_t i = 0; i < in->count; i++) {
        size_t n, begun = to->bytes.length;
        const char *text = item(in, i, &n);
        bool continues = i && n >= prefix && !memcmp(text, step->text, prefix);
        if (continues) {
            text += prefix;
            n -= prefix;
        }
        if (decode_list_add(to, " ", i && !continues, err) || extend(to, text, n, err))
            return -1;
        if (step->cleanup) {
            n = decode_clean_up(to->bytes.text + begun, to->bytes.length - begun, true);
            to->end[to->count - 1] = to->bytes.length = begun + n;
        }
    }
    return 0;
}

/* Every occurrence of step->text in a token becomes `with`. */
static int put_replaced(const struct decode_step *step, const char *text, size_t n,
                        const char *with, struct decode_list *to, struct err *err)
{
    size_t length = strlen(step->text);
    if (decode_list_add(to, "", 0, err))
        return -1;
    while (n) {
        const char *found = length ? memmem(text, n, step->text, length) : NULL;
        size_t before = found ? (size_t)(found - text) : n;
        if (extend(to, text, before, err) || (found && extend(to, with, strlen(with), err)))
            return -1;
        text += before + (found ? length : 0);
        n -= before + (found ? length : 0);
    }
    return 0;
}

static int decode_metaspace(const struct decode_step *step, const struct decode_list *in,
                            struct decode_list *to, struct err *err)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t n;
        const char *text = item(in, i, &n);
        if (put_replaced(step, text, n, i == 0 && step->drop_first ? "" : " ", to, err))
            return -1;
    }
    return 0;
}

static int decode_bpe(const struct decode_step *step, const struct decode_list *in,
                      struct decode_list *to, struct err *err)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t n;
        const char *text = item(in, i, &n);
        if (put_replaced(step, text, n, i + 1 == in->count ? "" : " ", to, err))
            return -1;
    }
    return 0;
}

static int decode_replace(const struct decode_step *step, const struct decode_list *in,
                          struct decode_list *to, struct err *err)
{
    struct regex_work w = {0};
    int status = 0;
    for (size_t i = 0; i < in->count && !status; i++) {
        size_t n, done = 0;
        const char *text = item(in, i, &n);
        struct regex_search s = {.text = text, .n = n};
        int found = 0;
        status = decode_list_add(to, "", 0, err);
        while (!status && n && (found = regex_next(&step->pattern, &w, &s, err)) > 0) {
            status = extend(to, text + done, s.start - done, err) ||
                             extend(to, step->text, strlen(step->text), err)
                         ? -1
                         : 0;
            done = s.end;
        }
        if (!status)
            status = found < 0 ? -1 : extend(to, text + done, n - done, err);
    }
    regex_work_clear(&w);
    return status;
}

/* "<0x0A>" is 10, anything else -1. */
static int fallback_byte(const char *text, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    if (n != 6 || memcmp(text, "<0x", 3) || text[5] != '>')
        return -1;
    int value = 0;
    for (int i = 3; i < 5; i++) {
        int lower = text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i];
        const char *digit = lower ? strchr(digits, lower) : NULL;
        if (!digit)
            return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

/* A run of bytes: what they are as UTF-8, or a U+FFFD for each. */
static int put_bytes(struct strbuf *bytes, struct decode_list *to, struct err *err)
{
    int status = 0;
    if (bytes->length && unicode_valid(bytes->text, bytes->length))
        status = decode_list_add(to, bytes->text, bytes->length, err);
    else
        for (size_t i = 0; i < bytes->length && !status; i++)
            status = decode_list_add(to, "\xef\xbf\xbd", 3, err);
    bytes->length = 0;
    return status;
}

static int decode_byte_fallback(const struct decode_step *step, const struct decode_list *in,
                                struct decode_list *to, struct err *err)
{
    (void)step;
    struct strbuf bytes = {0};
    int status = 0;
    for (size_t i = 0; i < in->count && !status; i++) {
        size_t n;
        const char *text = item(in, i, &n);
        int byte = fallback_byte(text, n);
        if (byte >= 0)
            strbuf_add(&bytes, &(char){(char)byte}, 1);
        else
            status = put_bytes(&bytes, to, err) || decode_list_add(to, text, n, err) ? -1 : 0;
    }
    if (!status)
        status = bytes.failed ? err_set(err, ERR_NOMEM, "out of memory for a decoded text")
                              : put_bytes(&bytes, to, err);
    strbuf_clear(&bytes);
    return status;
}

static int decode_fuse(const struct decode_step *step, const struct decode_list *in,
                       struct decode_list *to, struct err *err)
{
    (void)step;
    return decode_list_add(to, in->bytes.length ? in->bytes.text : "", in->bytes.length, err);
}

static int decode_strip(const struct decode_step *step, const struct decode_list *in,
                        struct decode_list *to, struct err *err)
{
    size_t length = strlen(step->text);
    for (size_t i = 0; i < in->count; i++) {
        size_t n;
        const char *text = item(in, i, &n);
        for (size_t k = 0; k < step->left && n >= length && !memcmp(text, step->text, length);
             k++) {
            text += length;
            n -= length;
        }
        for (size_t k = 0;
             k < step->right && n >= length && !memcmp(text + n - length, step->text, length); k++)
            n -= length;
        if (decode_list_add(to, text, n, err))
            return -1;
    }
    return 0;
}

static int (*const functions[])(const struct decode_step *step, const struct decode_list *in,
                                struct decode_list *to, struct err *err) = {
    [DECODE_BYTE_LEVEL] = decode_byte_level,
    [DECODE_WORDPIECE] = decode_wordpiece,
    [DECODE_METASPACE] = decode_metaspace,
    [DECODE_BPE] = decode_bpe,
    [DECODE_REPLACE] = decode_replace,
    [DECODE_BYTE_FALLBACK] = decode_byte_fallback,
    [DECODE_FUSE] = decode_fuse,
    [DECODE_STRIP] = decode_strip,
};

int decode_steps_apply(const struct decode_steps *s, struct decode_list *tokens, struct strbuf *out,
                       struct err *err)
{
    struct decode_list other = {0}, *now = tokens, *next = &other;
    int status = 0;
    for (size_t i = 0; i < s->count && !status; i++) {
        empty(next);
        status = functions[s->step[i].kind](&s->step[i], now, next, err);
        struct decode_list *last = now;
        now = next;
        next = last;
    }
    for (size_t i = 0; i < now->count && !status; i++) {
        size_t n;
        const char *text = item(now, i, &n);
        if (i && !s->any)
            strbuf_puts(out, " ");
        strbuf_add(out, text, n);
    }
    decode_list_clear(&other);
    return out->failed && !status ? err_set(err, ERR_NOMEM, "out of memory for a decoded text")
                                  : status;
}

void decode_steps_clear(struct decode_steps *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->step[i].text);
        regex_clear(&s->step[i].pattern);
    }
    memset(s, 0, sizeof *s);
}

/* -- from tokenizer.json ------------------------------------------------------------------ */

static int read_text(struct decode_step *step, const cJSON *o, const char *key, const char *dflt,
                     const char *where, struct err *err)
{
    const char *text;
    if (json_string_or(o, key, dflt, &text, where, err))
        return -1;
    step->text = mem_strdup(text, err);
    return step->text ? 0 : -1;
}

static int read_nothing(struct decode_step *step, const cJSON *o, const char *where,
                        struct err *err)
{
    (void)step, (void)o, (void)where, (void)err;
    return 0;
}

static int read_wordpiece(struct decode_step *step, const cJSON *o, const char *where,
                          struct err *err)
{
    return read_text(step, o, "prefix", "##", where, err) ||
                   json_bool_or(o, "cleanup", true, &step->cleanup, where, err)
               ? -1
               : 0;
}

static int read_metaspace(struct decode_step *step, const cJSON *o, const char *where,
                          struct err *err)
{
    const char *prepend;
    bool add;
    if (json_bool_or(o, "add_prefix_space", true, &add, where, err) ||
        json_string_or(o, "prepend_scheme", add ? "always" : "never", &prepend, where, err))
        return -1;
    step->drop_first = strcmp(prepend, "never");
    return read_text(step, o, "replacement", "\xe2\x96\x81", where, err);
}

static int read_bpe(struct decode_step *step, const cJSON *o, const char *where, struct err *err)
{
    return read_text(step, o, "suffix", "</w>", where, err);
}

static int read_replace(struct decode_step *step, const cJSON *o, const char *where,
                        struct err *err)
{
    if (regex_read(&step->pattern, cJSON_GetObjectItemCaseSensitive(o, "pattern"), where, err))
        return -1;
    return read_text(step, o, "content", "", where, err);
}

static int read_strip(struct decode_step *step, const cJSON *o, const char *where, struct err *err)
{
    double left, right;
    if (json_number_or(o, "start", 0, &left, where, err) ||
        json_number_or(o, "stop", 0, &right, where, err) ||
        read_text(step, o, "content", " ", where, err))
        return -1;
    if (!(left >= 0 && left <= UINT32_MAX && right >= 0 && right <= UINT32_MAX) || !*step->text)
        return err_set(err, ERR_INPUT, "%.300s: the decoder Strip lacks a character or a count",
                       where);
    step->left = (size_t)left;
    step->right = (size_t)right;
    return 0;
}

static const struct {
    const char *type;
    enum decode_kind kind;
    int (*read)(struct decode_step *step, const cJSON *o, const char *where, struct err *err);
} kinds[] = {
    {"ByteLevel", DECODE_BYTE_LEVEL, read_nothing},
    {"WordPiece", DECODE_WORDPIECE, read_wordpiece},
    {"Metaspace", DECODE_METASPACE, read_metaspace},
    {"BPEDecoder", DECODE_BPE, read_bpe},
    {"Replace", DECODE_REPLACE, read_replace},
    {"ByteFallback", DECODE_BYTE_FALLBACK, read_nothing},
    {"Fuse", DECODE_FUSE, read_nothing},
    {"Strip", DECODE_STRIP, read_strip},
};

int decode_steps_read(struct decode_steps *s, const cJSON *o, const char *where, struct err *err)
{
    if (!o || cJSON_IsNull(o))
        return 0;
    s->any = true;
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "type"));
    if (type && !strcmp(type, "Sequence")) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "decoders");
        for (const cJSON *i = list ? list->child : NULL; i; i = i->next)
            if (decode_steps_read(s, i, where, err))
                return -1;
        return 0;
    }
    for (size_t i = 0; type && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        if (s->count == DECODE_STEPS_MAX)
            return err_set(err, ERR_UNSUPPORTED, "%.300s: more than %d decoders", where,
                           DECODE_STEPS_MAX);
        struct decode_step *step = &s->step[s->count++];
        step->kind = kinds[i].kind;
        return kinds[i].read(step, o, where, err);
    }
    return frame_unsupported(where, "the decoder", type ? type : "", err);
}
