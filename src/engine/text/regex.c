#include "engine/text/regex.h"

#include "engine/base/mem.h"
#include "engine/text/regex_tables.h"
#include "engine/text/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Steps of one match, and the interpreter's memory in KiB: more than any sane pattern takes. */
#define LIMITS "(*LIMIT_MATCH=10000000)(*LIMIT_HEAP=65536)"

/* Escapes that mean the same to both, in a class and outside. */
static const char same_escapes[] = "rntfae\\/.*+?()[]{}|^$-\"'#&,:;<=>!%@~` ";

/* A pattern on its way from one dialect to the other. */
struct rewrite {
    const char *p; /* the rest */
    struct strbuf out;
    const char *pattern, *where;
};

static int refuse(const struct rewrite *w, const char *what, size_t n, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "%.300s: the pattern '%.80s' uses '%.*s', which is not supported", w->where,
                   w->pattern, (int)n, what);
}

static const char *class_members(const char *name, size_t n)
{
    for (size_t i = 0; i < COUNT(regex_classes); i++)
        if (strlen(regex_classes[i].name) == n && !memcmp(regex_classes[i].name, name, n))
            return regex_classes[i].members;
    return NULL;
}

/* \p{L}, \p{^L}, \P{L}, \s, \S: the class's name, its sense and its length with the backslash. */
static bool class_escape(const char *p, const char **name, size_t *n, bool *negated, size_t *length)
{
    if (p[1] && strchr("sdwSDW", p[1])) {
        static const char lower[] = "sdw";
        *negated = p[1] < 'a';
        *name = strchr(lower, p[1] | 0x20);
        *n = 1;
        *length = 2;
        return true;
    }
    if ((p[1] != 'p' && p[1] != 'P') || p[2] != '{')
        return false;
    const char *end = strchr(p, '}');
    if (!end)
        return false;
    *negated = (p[1] == 'P') != (p[3] == '^');
    *name = p + 3 + (p[3] == '^');
    *n = (size_t)(end - *name);
    *length = (size_t)(end + 1 - p);
    return true;
}

static int rewrite_class_escape(struct rewrite *w, bool in_class, const char *name, size_t n,
                                bool negated, size_t length, struct err *err)
{
    const char *members = class_members(name, n);
    if (negated && in_class) /* what a class lacks cannot be listed; of white space it is */
        members = n == 1 && *name == 's' ? class_members("^s", 2) : NULL;
    if (!members)
        return refuse(w, w->p, length, err);
    if (in_class)
        strbuf_puts(&w->out, members);
    else
        strbuf_printf(&w->out, negated ? "[^%s]" : "[%s]", members);
    w->p += length;
    return 0;
}

/* \uHHHH is PCRE2's \x{HHHH}; \xHH and \x{H...} are the same to both. */
static int rewrite_code_point(struct rewrite *w, struct err *err)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    const char *digits = w->p + 2 + (w->p[1] == 'x' && w->p[2] == '{');
    size_t n = strspn(digits, hex);
    bool braces = digits[-1] == '{';
    if (braces ? !n || n > 6 || digits[n] != '}' : n < (w->p[1] == 'x' ? 2u : 4u))
        return refuse(w, w->p, 2, err);
    if (!braces)
        n = w->p[1] == 'x' ? 2 : 4;
    strbuf_printf(&w->out, "\\x{%.*s}", (int)n, digits);
    w->p = digits + n + braces;
    return 0;
}

static int rewrite_escape(struct rewrite *w, bool in_class, struct err *err)
{
    const char *name;
    size_t n, length;
    bool negated;
    if (class_escape(w->p, &name, &n, &negated, &length))
        return rewrite_class_escape(w, in_class, name, n, negated, length, err);
    if (w->p[1] == 'x' || w->p[1] == 'u')
        return rewrite_code_point(w, err);
    if (!w->p[1] || (!strchr(same_escapes, w->p[1]) && !((unsigned char)w->p[1] & 0x80)))
        return refuse(w, w->p, w->p[1] ? 2 : 1, err);
    strbuf_add(&w->out, w->p, 2);
    w->p += 2;
    return 0;
}

/* A bracketed class. Oniguruma knows classes in classes and their intersection, PCRE2 does not. */
static int rewrite_class(struct rewrite *w, struct err *err)
{
    strbuf_add(&w->out, "[", 1);
    w->p++;
    if (*w->p == '^')
        strbuf_add(&w->out, w->p++, 1);
    for (bool first = true; *w->p != ']' || first; first = false) {
        if (!*w->p)
            return err_set(err, ERR_INPUT, "%.300s: the pattern '%.80s' lacks a ']'", w->where,
                           w->pattern);
        if (*w->p == '[' || !strncmp(w->p, "&&", 2) || *w->p == ']')
            return refuse(w, w->p, 2, err);
        if (*w->p != '\\')
            strbuf_add(&w->out, w->p++, 1);
        else if (rewrite_escape(w, true, err))
            return -1;
    }
    strbuf_add(&w->out, w->p++, 1);
    return 0;
}

/* Groups that mean the same to both. */
static int check_group(const struct rewrite *w, struct err *err)
{
    static const char *const known[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)"};
    if (w->p[1] == '*')
        return refuse(w, w->p, 2, err);
    if (w->p[1] != '?')
        return 0;
    for (size_t i = 0; i < COUNT(known); i++)
        if (!strncmp(w->p, known[i], strlen(known[i])))
            return 0;
    return refuse(w, w->p, 3, err);
}

static int rewrite_pattern(struct rewrite *w, struct err *err)
{
    while (*w->p) {
        int status = 0;
        if (*w->p == '\\') {
            status = rewrite_escape(w, false, err);
        } else if (*w->p == '[') {
            status = rewrite_class(w, err);
        } else {
            status = *w->p == '(' ? check_group(w, err) : 0;
            strbuf_add(&w->out, w->p++, 1);
        }
        if (status)
            return -1;
    }
    return w->out.failed ? err_set(err, ERR_NOMEM, "out of memory for a pattern") : 0;
}

int regex_compile(struct regex *r, const char *pattern, const char *where, struct err *err)
{
    memset(r, 0, sizeof *r);
    struct rewrite w = {.p = pattern, .pattern = pattern, .where = where};
    strbuf_puts(&w.out, LIMITS);
    int status = rewrite_pattern(&w, err);
    if (!status) {
        int number;
        PCRE2_SIZE at;
        /* Multi-line is how Oniguruma takes ^ and $. */
        r->code = pcre2_compile((PCRE2_SPTR)w.out.text, w.out.length,
                                PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                &number, &at, NULL);
        if (!r->code) {
            PCRE2_UCHAR message[128];
            pcre2_get_error_message(number, message, sizeof message);
            status = err_set(err, ERR_INPUT, "%.200s: the pattern '%.80s' is wrong: %s", where,
                             pattern, (const char *)message);
        } else {
            pcre2_jit_compile(r->code,
                              PCRE2_JIT_COMPLETE); /* without it, matching is only slower */
        }
    }
    strbuf_clear(&w.out);
    return status;
}

int regex_literal(struct regex *r, const char *text, const char *where, struct err *err)
{
    memset(r, 0, sizeof *r);
    if (!*text)
        return err_set(err, ERR_INPUT, "%.300s: a pattern is empty", where);
    r->length = strlen(text);
    r->literal = mem_strdup(text, err);
    return r->literal ? 0 : -1;
}

int regex_read(struct regex *r, const cJSON *pattern, const char *where, struct err *err)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(pattern, "String"));
    if (text)
        return regex_literal(r, text, where, err);
    text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(pattern, "Regex"));
    if (text)
        return regex_compile(r, text, where, err);
    return err_set(err, ERR_INPUT, "%.300s: a pattern is neither {\"String\"} nor {\"Regex\"}",
                   where);
}

void regex_clear(struct regex *r)
{
    pcre2_code_free(r->code);
    free(r->literal);
    memset(r, 0, sizeof *r);
}

void regex_work_clear(struct regex_work *w)
{
    pcre2_match_data_free(w->match);
    w->match = NULL;
}

static int next_literal(const struct regex *r, struct regex_search *s)
{
    const char *found =
        s->n > s->at ? memmem(s->text + s->at, s->n - s->at, r->literal, r->length) : NULL;
    if (!found)
        return 0;
    s->start = (size_t)(found - s->text);
    s->at = s->end = s->start + r->length;
    s->any = true;
    return 1;
}

/* One attempt from s->at. The interpreter takes over where the compiled code's stack is too small.
 */
static int match_at(const struct regex *r, struct regex_work *w, const struct regex_search *s,
                    struct err *err)
{
    int found =
        pcre2_match(r->code, (PCRE2_SPTR)s->text, s->n, s->at, PCRE2_NO_UTF_CHECK, w->match, NULL);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(r->code, (PCRE2_SPTR)s->text, s->n, s->at,
                            PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->match, NULL);
    if (found >= 0)
        return 1;
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    return err_set(err, found == PCRE2_ERROR_NOMEMORY ? ERR_NOMEM : ERR_INPUT,
                   "a text of %zu bytes is too hard for the tokenizer's pattern; split it", s->n);
}

int regex_next(const struct regex *r, struct regex_work *w, struct regex_search *s, struct err *err)
{
    if (r->literal)
        return next_literal(r, s);
    if (!w->match && !(w->match = pcre2_match_data_create(1, NULL)))
        return err_set(err, ERR_NOMEM, "out of memory for matching a pattern");
    while (s->at <= s->n) {
        int found = match_at(r, w, s, err);
        if (found <= 0)
            return found;
        const PCRE2_SIZE *pair = pcre2_get_ovector_pointer(w->match);
        size_t start = pair[0], end = pair[1];
        bool again = start == end && s->any && start == s->end; /* empty, and right after a match */
        s->at = end;
        if (start == end) {
            uint32_t code;
            s->at += end < s->n ? unicode_decode(s->text + end, s->n - end, &code) : 1;
        }
        if (again)
            continue;
        s->start = start;
        s->end = end;
        s->any = true;
        return 1;
    }
    return 0;
}
