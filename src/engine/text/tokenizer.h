/* tokenizer.h - text to token ids and back, as Hugging Face's `tokenizers` does it.
 *
 * A tokenizer is opened from a model directory and is immutable afterwards: any number of threads
 * may encode with one, each with an encoding of its own. A text passes through a pipeline whose
 * steps are data, each kind in a file of its own: literal.h (tokens written out in the text),
 * normal_steps.h (the normaliser), cut_steps.h (the pre-tokenizer, which cuts it into words),
 * token_model.h (a word to ids), frame.h (special tokens around it); decode_steps.h is the way
 * back. tokenizer_load.c reads the files, tokenizer_class.c says which of them decides what. */
#ifndef TOKENIZER_H
#define TOKENIZER_H
#include "engine/base/err.h"
#include "engine/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;
struct tokenizer_scratch;

/* One encoded text, reused from call to call: zero-initialise, encoding_clear() at the end. */
struct encoding {
    int32_t *ids;           /* special tokens in */
    int32_t *segments;      /* token_type_ids, as the tokenizer's template has them */
    uint32_t (*offsets)[2]; /* byte ranges into the text, or the pair; [0,0] for special tokens */
    size_t length, capacity;
    size_t full_length;                /* what length would be without truncation */
    struct tokenizer_scratch *scratch; /* the tokenizer's own: what it works in, kept for reuse */
};
void encoding_clear(struct encoding *e);

/* The directory's tokenizer. ERR_INPUT names the file that is broken, ERR_UNSUPPORTED a kind of
 * tokenizer this program does not have. */
struct tokenizer *tokenizer_open(const char *dir, struct err *err);
/* What the text of a tokenizer.json describes by itself; `name` is for messages. It has no files to
 * export. */
struct tokenizer *tokenizer_parse(const char *text, size_t n, const char *name, struct err *err);
void tokenizer_close(struct tokenizer *t); /* NULL is fine */

/* Encode text (and pair, when not NULL). max_length 0: never cut; otherwise the longest-first
 * truncation of Transformers keeps at most that many ids, special tokens counted (they always
 * stay), on the side that the tokenizer's files say. Bytes that are not UTF-8 are read as U+FFFD. 0, or -1 with ERR_NOMEM, or ERR_INPUT for a
 * text of 1 GiB and more, or one that is too hard for the tokenizer's patterns. */
int tokenizer_encode(const struct tokenizer *t, const char *text, size_t text_len, const char *pair,
                     size_t pair_len, size_t max_length, struct encoding *out, struct err *err);

/* Whether a model is told the segments. Transformers' tokenizer(text, pair) gives token_type_ids only
 * for some classes, or where tokenizer_config.json's model_input_names has them; a model that is not
 * told does what it does without. */
bool tokenizer_gives_types(const struct tokenizer *t);

/* Append to *out the text that ids stand for, as Transformers' decode() has it; with skip_special
 * the special tokens are left out. Ids that no token has are passed over. 0, or -1 with ERR_NOMEM
 * or ERR_INPUT. */
int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t count, bool skip_special,
                     struct strbuf *out, struct err *err);

/* The token's text, "##" included; borrowed until close. NULL for an id outside the vocabulary. */
const char *tokenizer_token(const struct tokenizer *t, int32_t id);
/* One more than the largest id. */
size_t tokenizer_vocabulary(const struct tokenizer *t);

/* The files an exported model needs so that AutoTokenizer loads the same tokenizer, copied from
 * the directory it was opened from into `dir`. */
int tokenizer_export(const struct tokenizer *t, const char *dir, struct err *err);

#endif
