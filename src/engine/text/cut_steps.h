/* cut_steps.h - the pre_tokenizer of tokenizer.json: a list of steps that cut a text into words.
 *
 * A word is a range of the text; the model never joins across words. Most steps only cut; ByteLevel
 * and Metaspace also rewrite the text, word by word. Sequences are flattened when they are read. */
#ifndef CUT_STEPS_H
#define CUT_STEPS_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/text/normalized.h"
#include "engine/text/regex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cut_kind {
    CUT_BERT, /* white space goes, punctuation is a word a character */
    CUT_BYTE_LEVEL,
    CUT_METASPACE,
    CUT_PATTERN,
    CUT_WHITESPACE, /* \w+ and [^\w\s]+ are words, the rest goes */
    CUT_WHITESPACE_SPLIT,
    CUT_PUNCTUATION,
    CUT_DIGITS,
};

/* What becomes of the places a step finds. */
enum cut_behavior {
    CUT_REMOVED,
    CUT_ISOLATED,   /* each is a word */
    CUT_CONTIGUOUS, /* a run of them is a word */
    CUT_WITH_PREVIOUS,
    CUT_WITH_NEXT,
};

enum cut_prepend { CUT_NEVER, CUT_FIRST, CUT_ALWAYS };

struct cut_step {
    enum cut_kind kind;
    enum cut_behavior behavior;
    struct regex pattern;     /* of a pattern, or GPT-2's for ByteLevel with use_regex */
    bool invert;              /* what the pattern does not match is what was found */
    bool add_prefix_space;    /* ByteLevel: a space before a word that has none */
    bool use_regex;           /* ByteLevel: cut by GPT-2's pattern first */
    char replacement[8];      /* Metaspace: what a space is written as */
    enum cut_prepend prepend; /* Metaspace: where one is put before a word that has none */
    bool split;               /* Metaspace: each replacement begins a word */
};

#define CUT_STEPS_MAX 32
struct cut_steps {
    struct cut_step step[CUT_STEPS_MAX];
    size_t count;
};

struct cut_range {
    uint32_t from, to;
    bool found; /* while a step works: one of the places it looks for */
};
struct cut_list {
    struct cut_range *list;
    size_t count, capacity;
};

/* A text and its words, and what a thread needs to make them; zero-initialise. */
struct cut_work {
    struct normalized text[2];
    struct cut_list words[2], found;
    struct regex_work regex;
};
void cut_work_clear(struct cut_work *w);

/* Add to a zeroed *s what tokenizer.json's `pre_tokenizer` says; NULL adds nothing. A failure
 * leaves steps that cut_steps_clear() frees. */
int cut_steps_read(struct cut_steps *s, const cJSON *pre_tokenizer, const char *where,
                   struct err *err);
void cut_steps_clear(struct cut_steps *s); /* a zeroed struct is fine */

/* Cut in->bytes[from..to). *text (in itself, or one of w's) and *words are good until the next call
 * with w. No word is empty. */
int cut_steps_apply(const struct cut_steps *s, const struct normalized *in, size_t from, size_t to,
                    struct cut_work *w, const struct normalized **text,
                    const struct cut_list **words, struct err *err);

#endif
