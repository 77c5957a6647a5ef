#include "engine/base/json.h"

#include "engine/base/file.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at p (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF),
 * or 0 when the bytes are not one. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

static int fail_at(const char *text, size_t at, const char *name, size_t first_line,
                   const char *what, struct err *err)
{
    size_t line = first_line, start = 0;
    for (size_t i = 0; i < at; i++)
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    return err_set(err, ERR_INPUT, "%s:%zu:%zu: %s", name, line, at - start + 1, what);
}

/* The fault of the escape at p ("\\..."), or NULL. */
static const char *find_escape_fault(const char *p, size_t n)
{
    if (n < 2 || !strchr("\"\\/bfnrtu", p[1]) || !p[1])
        return "not an escape that JSON has";
    if (p[1] != 'u')
        return NULL;
    for (size_t i = 2; i < 6; i++)
        if (i >= n || !isxdigit((unsigned char)p[i]))
            return "\\u needs four hexadecimal digits";
    return memcmp(p + 2, "0000", 4) ? NULL : "\\u0000 is not text";
}

/* The fault of the number at p, or NULL and its length. */
static const char *find_number_fault(const char *p, size_t n, size_t *length)
{
    size_t i = *p == '-', digits = i;
    while (i < n && p[i] && strchr("0123456789+-.eE", p[i]))
        i++;
    *length = i;
    if (digits == i || !isdigit((unsigned char)p[digits]))
        return "a number needs a digit";
    if (p[digits] == '0' && digits + 1 < i && isdigit((unsigned char)p[digits + 1]))
        return "a number starts with 0";
    if (!isdigit((unsigned char)p[i - 1]))
        return "a number does not end with a digit";
    const char *dot = memchr(p, '.', i);
    return dot && !isdigit((unsigned char)dot[1]) ? "a number needs a digit after its point" : NULL;
}

/* What cJSON lets through and RFC 8259 does not: bad UTF-8, control characters in strings, numbers
 * such as 01, 1. and +1, broken escapes; and escapes of a NUL, which C strings would end at. */
static const char *find_fault(const char *text, size_t n, size_t *at)
{
    bool in_string = false;
    for (size_t i = 0; i < n;) {
        const unsigned char *p = (const unsigned char *)text + i;
        size_t length = utf8_length(p, n - i);
        *at = i;
        if (!length)
            return "not UTF-8; convert the file (iconv -t UTF-8)";
        bool space = *p == '\n' || *p == '\t' || *p == '\r';
        if (*p < 0x20 && (in_string || !space))
            return "a control character stands unescaped in JSON";
        const char *fault = NULL;
        if (in_string && *p == '\\') {
            fault = find_escape_fault(text + i, n - i);
            length = 2;
        } else if (*p == '"') {
            in_string = !in_string;
        } else if (!in_string && (*p == '-' || isdigit(*p))) {
            fault = find_number_fault(text + i, n - i, &length);
        }
        if (fault)
            return fault;
        i += length;
    }
    return NULL;
}

cJSON *json_parse(const char *text, size_t n, const char *name, size_t first_line, struct err *err)
{
    size_t at = 0;
    const char *fault = find_fault(text, n, &at), *end = NULL;
    if (fault) {
        fail_at(text, at, name, first_line, fault, err);
        return NULL;
    }
    cJSON *value = cJSON_ParseWithLengthOpts(text, n, &end, false);
    if (!value) {
        at = end && end >= text && end <= text + n ? (size_t)(end - text) : 0;
        fail_at(text, at, name, first_line, "not valid JSON here", err);
        return NULL;
    }
    while (end < text + n && strchr(" \t\r\n", *end) && *end)
        end++;
    if (end < text + n) {
        fail_at(text, (size_t)(end - text), name, first_line, "text after the JSON value", err);
        cJSON_Delete(value);
        return NULL;
    }
    return value;
}

cJSON *json_read(const char *path, struct err *err)
{
    size_t n;
    char *text = file_read(path, &n, err);
    if (!text)
        return NULL;
    size_t skip = n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
    cJSON *value = json_parse(text + skip, n - skip, path, 1, err);
    free(text);
    return value;
}

/* The next number of a JSON text, which is known to be sound; *at moves behind it. */
static const char *next_number(const char **at, size_t *n)
{
    const char *p = *at;
    while (*p && *p != '-' && !(*p >= '0' && *p <= '9')) {
        if (*p == '"')
            for (p++; *p && *p != '"'; p++)
                p += *p == '\\' && p[1];
        p += *p != '\0';
    }
    *n = strspn(p, "+-.0123456789eE");
    *at = p + *n;
    return p;
}

static int keep_spelling(cJSON *value, const char **at)
{
    int rc = 0;
    for (cJSON *item = value->child; item && !rc; item = item->next)
        rc = keep_spelling(item, at);
    if (!cJSON_IsNumber(value))
        return rc;
    size_t n;
    const char *number = next_number(at, &n);
    if (!(value->valuestring = cJSON_malloc(n + 1)))
        return -1;
    memcpy(value->valuestring, number, n);
    value->valuestring[n] = '\0';
    value->type = (value->type & ~0xff) | cJSON_Raw;
    return 0;
}

int json_keep_spelling(cJSON *value, const char *text, struct err *err)
{
    return keep_spelling(value, &text) ? err_set(err, ERR_NOMEM, "out of memory for JSON") : 0;
}

/* The member, or NULL when absent or null: the two mean the same here. */
static const cJSON *member(const cJSON *o, const char *key)
{
    const cJSON *found = NULL, *item;
    cJSON_ArrayForEach(item, o) if (item->string && !strcmp(item->string, key)) found = item;
    return cJSON_IsNull(found) ? NULL : found;
}

static int wrong(const char *where, const char *key, const char *kind, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s: \"%s\" is not %s", where, key, kind);
}

static int missing(const char *where, const char *key, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s: no \"%s\" key", where, key);
}

int json_get_string(const cJSON *o, const char *key, const char **out, const char *where,
                    struct err *err)
{
    return member(o, key) ? json_string_or(o, key, NULL, out, where, err)
                          : missing(where, key, err);
}

int json_get_number(const cJSON *o, const char *key, double *out, const char *where,
                    struct err *err)
{
    return member(o, key) ? json_number_or(o, key, 0, out, where, err) : missing(where, key, err);
}

int json_get_size(const cJSON *o, const char *key, size_t *out, const char *where, struct err *err)
{
    double x;
    if (json_get_number(o, key, &x, where, err))
        return -1;
    if (!(x >= 0 && x <= 0x1p53 && x == floor(x)))
        return wrong(where, key, "a whole number, 0 or more", err);
    *out = (size_t)x;
    return 0;
}

int json_number_or(const cJSON *o, const char *key, double dflt, double *out, const char *where,
                   struct err *err)
{
    const cJSON *m = member(o, key);
    if (m && !cJSON_IsNumber(m))
        return wrong(where, key, "a number", err);
    *out = m ? m->valuedouble : dflt;
    return 0;
}

int json_string_or(const cJSON *o, const char *key, const char *dflt, const char **out,
                   const char *where, struct err *err)
{
    const cJSON *m = member(o, key);
    if (m && !cJSON_IsString(m))
        return wrong(where, key, "a string", err);
    *out = m ? m->valuestring : dflt;
    return 0;
}

int json_bool_or(const cJSON *o, const char *key, bool dflt, bool *out, const char *where,
                 struct err *err)
{
    const cJSON *m = member(o, key);
    if (m && !cJSON_IsBool(m))
        return wrong(where, key, "true or false", err);
    *out = m ? cJSON_IsTrue(m) : dflt;
    return 0;
}

void json_writer_init(struct json_writer *w, struct strbuf *out, int indent)
{
    *w = (struct json_writer){.out = out, .indent = indent};
}

static void new_line(struct json_writer *w)
{
    if (w->indent)
        strbuf_printf(w->out, "\n%*s", w->indent * w->depth, "");
}

/* What stands between a value or key and what came before it. */
static void before_value(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->comma)
        strbuf_puts(w->out, w->indent ? "," : ", ");
    if (w->depth)
        new_line(w);
}

void json_open(struct json_writer *w, char bracket)
{
    before_value(w);
    strbuf_add(w->out, &bracket, 1);
    w->depth++;
    w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
    w->depth--;
    if (w->comma)
        new_line(w);
    strbuf_add(w->out, &bracket, 1);
    w->comma = true;
}

static void quoted(struct json_writer *w, const char *s, size_t n)
{
    strbuf_puts(w->out, "\"");
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t length = utf8_length((const unsigned char *)s + i, n - i);
        if (c == '"' || c == '\\')
            strbuf_printf(w->out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            strbuf_puts(w->out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        else if (c < 0x20 || c == 0x7f)
            strbuf_printf(w->out, "\\u%04x", c);
        else if (!length)
            strbuf_puts(w->out, "\xef\xbf\xbd");
        else
            strbuf_add(w->out, s + i, length);
        i += length ? length : 1;
    }
    strbuf_puts(w->out, "\"");
}

void json_key(struct json_writer *w, const char *key)
{
    before_value(w);
    quoted(w, key, strlen(key));
    strbuf_puts(w->out, ": ");
    w->after_key = true;
}

void json_string_n(struct json_writer *w, const char *s, size_t n)
{
    before_value(w);
    quoted(w, s, n);
    w->comma = true;
}

void json_string(struct json_writer *w, const char *s)
{
    json_string_n(w, s, strlen(s));
}

static void plain(struct json_writer *w, const char *text)
{
    before_value(w);
    strbuf_puts(w->out, text);
    w->comma = true;
}

void json_double(struct json_writer *w, double x)
{
    char text[40] = "null";
    for (int digits = 15; isfinite(x) && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    plain(w, text);
}

void json_float(struct json_writer *w, float x)
{
    char text[40] = "null";
    for (int digits = 6; isfinite(x) && digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            break;
    }
    plain(w, text);
}

void json_int(struct json_writer *w, int64_t x)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)x);
    plain(w, text);
}

void json_bool(struct json_writer *w, bool x)
{
    plain(w, x ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    plain(w, "null");
}
