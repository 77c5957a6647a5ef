/* normal_steps.h - the normaliser of tokenizer.json: a list of steps, each a text into a text.
 *
 * Sequences are flattened when they are read. BERT's normaliser alone, the commonest, goes straight
 * from the source to the result. */
#ifndef NORMAL_STEPS_H
#define NORMAL_STEPS_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/text/charsmap.h"
#include "engine/text/normal_form.h"
#include "engine/text/normalize.h"
#include "engine/text/normalized.h"
#include "engine/text/regex.h"

#include <stdbool.h>
#include <stddef.h>

enum normal_kind {
    NORMAL_BERT,
    NORMAL_FORM,
    NORMAL_LOWERCASE,
    NORMAL_STRIP_ACCENTS,
    NORMAL_STRIP,
    NORMAL_REPLACE,
    NORMAL_PREPEND,
    NORMAL_NMT,
    NORMAL_CHARSMAP,
};

struct normal_step {
    enum normal_kind kind;
    struct normalizer bert;
    enum normal_form form;
    bool left, right;     /* of strip */
    struct regex pattern; /* of replace */
    struct charsmap *map; /* of charsmap */
    char *text;           /* of replace: what comes instead; of prepend: what comes before */
};

#define NORMAL_STEPS_MAX 32
struct normal_steps {
    struct normal_step step[NORMAL_STEPS_MAX];
    size_t count;
};

/* What a thread works in; zero-initialise. */
struct normal_work {
    struct normalized text[2];
    struct regex_work regex;
};
void normal_work_clear(struct normal_work *w);

/* Add to a zeroed or filled *s what tokenizer.json's `normalizer` says; NULL adds nothing. `where`
 * is the file's name for messages. A failure leaves steps that normal_steps_clear() frees. */
int normal_steps_read(struct normal_steps *s, const cJSON *normalizer, const char *where,
                      struct err *err);
void normal_steps_clear(struct normal_steps *s); /* a zeroed struct is fine */

/* Normalise text[from..to); *out is one of w's texts, good until the next call with w. Spans are
 * offsets into text. */
int normal_steps_apply(const struct normal_steps *s, const char *text, size_t from, size_t to,
                       struct normal_work *w, struct normalized **out, struct err *err);

#endif
