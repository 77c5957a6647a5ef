/* token_model.h - the model of tokenizer.json: how a word becomes ids. One of those there are. */
#ifndef TOKEN_MODEL_H
#define TOKEN_MODEL_H
#include "engine/base/err.h"
#include "engine/text/bpe.h"
#include "engine/text/unigram.h"
#include "engine/text/wordpiece.h"

enum token_model_kind { TOKEN_MODEL_WORDPIECE, TOKEN_MODEL_BPE, TOKEN_MODEL_UNIGRAM };

struct token_model {
    enum token_model_kind kind;
    struct wordpiece wordpiece; /* the one that `kind` names is in use */
    struct bpe bpe;
    struct unigram unigram;
};
void token_model_clear(struct token_model *m); /* a zeroed struct is fine */

/* The id of a token of the vocabulary, -1 when there is none. */
int32_t token_model_find(const struct token_model *m, const char *token, size_t n);
/* Append the pieces of one word, n->bytes[from..to). */
int token_model_encode(const struct token_model *m, const struct normalized *n, size_t from,
                       size_t to, struct pieces *out, struct err *err);

#endif
