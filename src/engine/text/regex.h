/* regex.h - the patterns of tokenizer.json, matched as Hugging Face's `tokenizers` matches them.
 *
 * `tokenizers` has Oniguruma, we have PCRE2. A pattern is therefore rewritten before it is compiled:
 * classes like \p{L} and \s are told with the members they have there (regex_tables.h), escapes
 * that mean something else are refused by name. A match that needs too many steps is an error, not
 * a hang. Compiled patterns are immutable; each thread brings a regex_work. */
#ifndef REGEX_H
#define REGEX_H
#include "engine/base/err.h"
#include "engine/base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct regex {
    void *code;    /* PCRE2's; NULL for a literal */
    char *literal; /* what is sought as it stands */
    size_t length;
};
/* What a thread needs for matching; zero-initialise. */
struct regex_work {
    void *match;
};

/* ERR_UNSUPPORTED for what has no sure counterpart, ERR_INPUT for what is no pattern. `where` is
 * the file's name for messages. */
int regex_compile(struct regex *r, const char *pattern, const char *where, struct err *err);
/* Find `text` itself; empty text is refused. */
int regex_literal(struct regex *r, const char *text, const char *where, struct err *err);
/* tokenizer.json's {"String": "x"} or {"Regex": "x"}. */
int regex_read(struct regex *r, const cJSON *pattern, const char *where, struct err *err);
void regex_clear(struct regex *r); /* a zeroed struct is fine */
void regex_work_clear(struct regex_work *w);

/* A walk over text[0..n), which must be UTF-8: zero-initialise but for text and n. */
struct regex_search {
    const char *text;
    size_t n;
    size_t start, end; /* of the match, which may be empty; never so right after the last one */
    size_t at;         /* where to look next */
    bool any;          /* there was a match before; it ended at `end` */
};
/* 1 and the next match, 0 when there is none, -1 with ERR_INPUT when it would take too long. */
int regex_next(const struct regex *r, struct regex_work *w, struct regex_search *s,
               struct err *err);

#endif
