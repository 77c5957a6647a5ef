/* decode_steps.h - the decoder of tokenizer.json: tokens' texts back to a text, step by step.
 *
 * A step turns a list of texts into a list of texts; the answer is the last list, joined. Without a
 * decoder tokens are joined by spaces. Sequences are flattened when they are read. */
#ifndef DECODE_STEPS_H
#define DECODE_STEPS_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/text/regex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum decode_kind {
    DECODE_BYTE_LEVEL, /* the bytes that characters stand for, all as one text */
    DECODE_WORDPIECE,  /* a space before each token that has no prefix */
    DECODE_METASPACE,  /* replacements to spaces */
    DECODE_BPE,        /* suffixes to spaces */
    DECODE_REPLACE,
    DECODE_BYTE_FALLBACK, /* runs of "<0x0A>" to what their bytes are */
    DECODE_FUSE,          /* all texts into one */
    DECODE_STRIP,         /* characters off the ends of each text */
};

struct decode_step {
    enum decode_kind kind;
    char *text;           /* WordPiece's prefix, BPE's suffix, Metaspace's replacement, Replace's
                             content, the character to strip */
    struct regex pattern; /* of Replace */
    bool cleanup;         /* WordPiece: no space before punctuation */
    bool drop_first;      /* Metaspace: the first token's replacements were never in the text */
    size_t left, right;   /* Strip: at most so many at each end */
};

#define DECODE_STEPS_MAX 32
struct decode_steps {
    struct decode_step step[DECODE_STEPS_MAX];
    size_t count;
    bool any; /* there is a decoder, though it may have no steps */
};

/* Texts back to back, with where each ends; zero-initialise. */
struct decode_list {
    struct strbuf bytes;
    size_t *end;
    size_t count, capacity;
};
int decode_list_add(struct decode_list *l, const char *text, size_t n, struct err *err);
void decode_list_clear(struct decode_list *l);

/* As for normal_steps_read(). */
int decode_steps_read(struct decode_steps *s, const cJSON *decoder, const char *where,
                      struct err *err);
void decode_steps_clear(struct decode_steps *s);

/* Append to *out what the tokens' texts decode to; *tokens is used up. */
int decode_steps_apply(const struct decode_steps *s, struct decode_list *tokens, struct strbuf *out,
                       struct err *err);

/* Take the spaces before punctuation and contractions away, in place, as Transformers' option
 * clean_up_tokenization_spaces does; with `not`, " do not" too becomes " don't", as the WordPiece
 * decoder has it. Returns the new length. */
size_t decode_clean_up(char *text, size_t n, bool not );

#endif
