#define PCRE2_CODE_UNIT_WIDTH 8
#include "ui/search.h"

#include "engine/base/mem.h"
#include "engine/base/number.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum term_kind { TERM_TEXT, TERM_LABEL, TERM_LABEL_IS, TERM_SPLIT, TERM_TOKENS, TERM_VALUE };

struct term {
    enum term_kind kind;
    bool negated;
    pcre2_code *pattern; /* TERM_TEXT, TERM_LABEL */
    char name[256];      /* TERM_LABEL_IS, TERM_SPLIT */
    char compare;        /* TERM_TOKENS, TERM_VALUE: < > = */
    double number;
};

#define QUERY_TERMS 16

struct query {
    struct term term[QUERY_TERMS];
    size_t count;
    pcre2_match_data *match;
};

/* Data may hold bytes that are not UTF-8; they match nothing and break nothing. */
static pcre2_code *compile_pattern(const char *text, bool literal, struct err *err)
{
    int code;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_CASELESS | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
                       (literal ? PCRE2_LITERAL : PCRE2_UCP);
    pcre2_code *p =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
    if (!p) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof why);
        err_set(err, ERR_USAGE, "/%s/ column %zu: %s", text, (size_t)at + 1, (const char *)why);
        return NULL;
    }
    pcre2_jit_compile(p, PCRE2_JIT_COMPLETE);
    return p;
}

/* The next term without its quotes; false at the end. A pattern runs to its closing slash. */
static bool next_word(const char **at, char *out, size_t size)
{
    const char *p = *at;
    size_t n = 0;
    bool quoted = false, pattern;
    while (*p == ' ')
        p++;
    if (!*p)
        return false;
    pattern = *p == '/' || (*p == '-' && p[1] == '/');
    for (size_t slashes = 0; *p; p++) {
        slashes += *p == '/' && (n == 0 || out[n - 1] != '\\');
        if (*p == ' ' && !quoted && (!pattern || slashes >= 2))
            break;
        if (*p == '"' && !pattern)
            quoted = !quoted;
        else if (n + 1 < size)
            out[n++] = *p;
    }
    out[n] = '\0';
    *at = p;
    return true;
}

/* What follows "tokens" or "value". */
static int compile_number(struct term *t, enum term_kind kind, const char *word, struct err *err)
{
    t->kind = kind;
    t->compare = word[0];
    if (!number_parse(word + 1, &t->number))
        return kind == TERM_TOKENS
                   ? err_set(err, ERR_USAGE, "tokens%c needs a number, as in tokens%c20", word[0],
                             word[0])
                   : err_set(err, ERR_USAGE, "value%c needs a number, as in value%c2.5", word[0],
                             word[0]);
    return 0;
}

static int compile_split(struct term *t, const char *name, struct err *err)
{
    t->kind = TERM_SPLIT;
    snprintf(t->name, sizeof t->name, "%s", name);
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (*name && !strncmp(split_name((enum split)s), name, strlen(name)))
            return 0;
    return err_set(err, ERR_USAGE, "no split '%.40s'; train, validation or test", name);
}

static int compile_term(struct term *t, const char *word, struct err *err)
{
    size_t n = strlen(word);
    t->negated = word[0] == '-' && n > 1;
    word += t->negated;
    n -= t->negated;
    if (!strncmp(word, "label:=", 7)) {
        t->kind = TERM_LABEL_IS;
        snprintf(t->name, sizeof t->name, "%s", word + 7);
        return 0;
    }
    if (!strncmp(word, "label:", 6)) {
        t->kind = TERM_LABEL;
        return (t->pattern = compile_pattern(word + 6, true, err)) ? 0 : -1;
    }
    if (!strncmp(word, "split:", 6))
        return compile_split(t, word + 6, err);
    if (!strncmp(word, "tokens", 6) && word[6] && strchr("<>=", word[6]))
        return compile_number(t, TERM_TOKENS, word + 6, err);
    if (!strncmp(word, "value", 5) && word[5] && strchr("<>=", word[5]))
        return compile_number(t, TERM_VALUE, word + 5, err);
    char pattern[256];
    bool regex = n > 2 && word[0] == '/' && word[n - 1] == '/';
    snprintf(pattern, sizeof pattern, "%.*s", (int)(regex ? n - 2 : n), word + regex);
    t->kind = TERM_TEXT;
    return (t->pattern = compile_pattern(pattern, !regex, err)) ? 0 : -1;
}

struct query *query_compile(const char *text, struct err *err)
{
    char word[256];
    struct query *q = mem_alloc(1, sizeof *q, "a query", err);
    if (!q)
        return NULL;
    if (!(q->match = pcre2_match_data_create(1, NULL))) {
        err_set(err, ERR_NOMEM, "out of memory for a query");
        goto fail;
    }
    while (next_word(&text, word, sizeof word)) {
        if (q->count == QUERY_TERMS) {
            err_set(err, ERR_USAGE, "at most %d terms", QUERY_TERMS);
            goto fail;
        }
        if (compile_term(&q->term[q->count++], word, err))
            goto fail;
    }
    return q;
fail:
    query_destroy(q);
    return NULL;
}

void query_destroy(struct query *q)
{
    if (!q)
        return;
    for (size_t i = 0; i < q->count; i++)
        pcre2_code_free(q->term[i].pattern);
    pcre2_match_data_free(q->match);
    free(q);
}

static bool contains(const struct query *q, const struct term *t, const char *text, size_t n)
{
    return text && pcre2_match(t->pattern, (PCRE2_SPTR)text, n, 0, 0, q->match, NULL) >= 0;
}

static bool compare_number(const struct term *t, double n)
{
    return t->compare == '<' ? n < t->number : t->compare == '>' ? n > t->number : n == t->number;
}

static bool is_label(const struct query *q, const struct term *t, const char *label)
{
    return t->kind == TERM_LABEL ? contains(q, t, label, strlen(label)) : !strcmp(label, t->name);
}

/* The row's label, or one of its set. */
static bool has_label(const struct query *q, const struct term *t, const struct dataset *d,
                      const struct example *x)
{
    for (size_t i = 0; i < x->set_count; i++)
        if (is_label(q, t, dataset_label(d, x->set[i])))
            return true;
    return x->label != NO_LABEL && is_label(q, t, dataset_label(d, x->label));
}

static bool holds(const struct query *q, const struct term *t, const struct dataset *d,
                  const struct encoded *e, size_t row, const struct example *x)
{
    switch (t->kind) {
    case TERM_TEXT:
        return contains(q, t, x->text, x->text_length) || contains(q, t, x->pair, x->pair_length);
    case TERM_LABEL:
    case TERM_LABEL_IS:
        return has_label(q, t, d, x);
    case TERM_SPLIT:
        return !strncmp(split_name(x->split), t->name, strlen(t->name));
    case TERM_TOKENS:
        return e && compare_number(t, (double)e->full_length[row]);
    case TERM_VALUE:
        return x->given && dataset_problem(d) == PROBLEM_REGRESSION && compare_number(t, x->value);
    }
    return false;
}

static bool matches(const struct query *q, const struct dataset *d, const struct encoded *e,
                    size_t row)
{
    struct example x;
    dataset_get(d, row, &x);
    for (size_t i = 0; i < q->count; i++)
        if (holds(q, &q->term[i], d, e, row, &x) == q->term[i].negated)
            return false;
    return true;
}

int query_run(const struct query *q, const struct dataset *d, const struct encoded *e,
              const _Atomic int *cancel, uint32_t **rows, size_t *count, struct err *err)
{
    uint32_t *found = NULL;
    size_t n = 0, capacity = 0, total = dataset_rows(d);
    for (size_t row = 0; row < total; row++) {
        if (cancel && row % 256 == 0 && *cancel) {
            err_set(err, ERR_CANCELLED, "no longer wanted");
            goto fail;
        }
        if (!matches(q, d, e, row))
            continue;
        if (mem_grow(&found, &capacity, n + 1, sizeof *found, "a search result", err))
            goto fail;
        found[n++] = (uint32_t)row;
    }
    *rows = found;
    *count = n;
    return 0;
fail:
    free(found);
    return -1;
}
