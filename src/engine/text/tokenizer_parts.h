/* tokenizer_parts.h - what a tokenizer is made of; for tokenizer.c and tokenizer_load.c alone. */
#ifndef TOKENIZER_PARTS_H
#define TOKENIZER_PARTS_H
#include "engine/text/frame.h"
#include "engine/text/literal.h"
#include "engine/text/normalize.h"
#include "engine/text/tokenizer.h"
#include "engine/text/wordpiece.h"

struct tokenizer {
    char *dir;
    struct normalizer normalizer;
    struct wordpiece words;
    struct literals raw;        /* looked for in the text as it is */
    struct literals normalized; /* looked for after normalising, and themselves normalised */
    struct frame single, pair;
    char **token; /* by id; NULL where there is none */
    size_t vocabulary, token_capacity;
};

/* Fill a zeroed *t from t->dir; on failure the caller closes it. */
int tokenizer_load(struct tokenizer *t, struct err *err);

#endif
