/* bench_text.h - a WordPiece tokenizer and English-like text for it, made up in memory: what a
 * tokenizer's speed is measured on where no model is given. */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H
#include "engine/base/err.h"
#include "engine/base/mem.h"
#include "engine/text/tokenizer.h"

#include <stddef.h>

/* The size and pipeline of bert-base-uncased's; the tokens are made of syllables. */
struct tokenizer *bench_tokenizer(struct err *err);

/* Lines of about a dozen words, at least `bytes` in all: frequent words are drawn most, some are
 * not in the vocabulary, some begin with a capital or have an accent, some are followed by
 * punctuation. */
void bench_text(struct strbuf *out, size_t bytes);

#endif
