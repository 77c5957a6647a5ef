#include "engine/text/token_model.h"

void token_model_clear(struct token_model *m)
{
    wordpiece_clear(&m->wordpiece);
    bpe_clear(&m->bpe);
    unigram_clear(&m->unigram);
}

int32_t token_model_find(const struct token_model *m, const char *token, size_t n)
{
    switch (m->kind) {
    case TOKEN_MODEL_WORDPIECE:
        return wordpiece_find(&m->wordpiece, token, n);
    case TOKEN_MODEL_BPE:
        return bpe_find(&m->bpe, token, n);
    case TOKEN_MODEL_UNIGRAM:
        return unigram_find(&m->unigram, token, n);
    }
    return -1;
}

int token_model_encode(const struct token_model *m, const struct normalized *n, size_t from,
                       size_t to, struct pieces *out, struct err *err)
{
    switch (m->kind) {
    case TOKEN_MODEL_WORDPIECE:
        return wordpiece_encode_word(&m->wordpiece, n, from, to, out, err);
    case TOKEN_MODEL_BPE:
        return bpe_encode(&m->bpe, n, from, to, out, err);
    case TOKEN_MODEL_UNIGRAM:
        return unigram_encode(&m->unigram, n, from, to, out, err);
    }
    return 0;
}
