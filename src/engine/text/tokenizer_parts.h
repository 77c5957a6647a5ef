/* tokenizer_parts.h - what a tokenizer is made of; for the files tokenizer*.c alone.
 *
 * A text passes through the parts in this order: raw literals, normaliser, normalised literals,
 * pre-tokenizer, model, truncation, frame. Each is data, read from the files when it is opened. */
#ifndef TOKENIZER_PARTS_H
#define TOKENIZER_PARTS_H
#include "engine/text/cut_steps.h"
#include "engine/text/decode_steps.h"
#include "engine/text/frame.h"
#include "engine/text/literal.h"
#include "engine/text/normal_steps.h"
#include "engine/text/token_model.h"
#include "engine/text/tokenizer.h"

/* What is known of an id. */
struct token {
    char *text;           /* NULL where there is no token */
    bool takes_left, takes_right; /* a literal that takes white space of the text on that side */
    bool special;         /* and may be left out when decoding */
    uint32_t left, right; /* spaces at its ends, as the byte alphabet writes them */
};

struct tokenizer {
    char *dir;
    struct literals raw; /* looked for in the text as it is */
    struct normal_steps normal;
    struct literals normalized; /* looked for after normalising, and themselves normalised */
    struct cut_steps cuts;
    bool gives_types; /* token_type_ids go to the model */
    bool bert_cuts; /* the pre-tokenizer is the one that is part of wordpiece.h */
    struct token_model model;
    bool cut_left; /* truncation takes from the beginning */
    struct frames frames;
    struct decode_steps decoder;
    bool clean_up;       /* clean_up_tokenization_spaces */
    struct token *token; /* by id */
    size_t vocabulary, token_capacity;
};

/* Fill a zeroed *t from the text of a tokenizer.json, or with text NULL from the files of t->dir; on
 * failure the caller closes it. */
int tokenizer_load(struct tokenizer *t, const char *text, size_t n, struct err *err);

#endif
