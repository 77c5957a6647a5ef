/* unigram.h - the Unigram model of SentencePiece: the cheapest way to write a word in pieces.
 *
 * Every piece has a score, the logarithm of its probability; a word becomes the pieces whose scores
 * sum to the most. Viterbi: from left to right, for each place the best path that ends there, its
 * scores summed in double in that order; of equals the one that was found first, so the longest
 * last piece. A character that is no piece is unknown at the lowest score less 10; neighbouring
 * unknowns are one token, or with byte fallback the tokens "<0x0A>" of their bytes. Work and memory
 * grow with the length of the word times the longest piece that fits at a place.
 * Algorithm: Kudo 2018 (arXiv:1804.10959); ties and options as Hugging Face's Unigram has them. */
#ifndef UNIGRAM_H
#define UNIGRAM_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"
#include "engine/text/pieces.h"
#include "engine/text/trie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a piece at most: a hostile vocabulary must not make each place of a text costly. */
#define UNIGRAM_PIECE_MAX 4096

struct unigram {
    struct trie trie;
    double *score; /* by id */
    size_t count, capacity;
    double unknown_score;
    int32_t byte[256]; /* the token of "<0x0A>"; -1: none */
    int32_t unknown;   /* -1: a word that needs it cannot be encoded */
    bool byte_fallback;
};

/* `bytes` is about what all pieces take. */
int unigram_init(struct unigram *u, size_t bytes, struct err *err);
void unigram_clear(struct unigram *u); /* a zeroed struct is fine */
/* The next piece; ids count from 0. The last of equal pieces wins; an empty one is never found.
 * ERR_INPUT for a score that is not finite or a piece that is too long. */
int unigram_add(struct unigram *u, const char *piece, size_t n, double score, struct err *err);
/* After the last piece. `unknown` is an id, or -1 for none; ERR_INPUT when it is no piece. */
int unigram_finish(struct unigram *u, int32_t unknown, bool byte_fallback, struct err *err);
/* The id of a piece, -1 when there is none. */
int32_t unigram_find(const struct unigram *u, const char *piece, size_t n);

/* Append the pieces of one word, n->bytes[from..to). */
int unigram_encode(const struct unigram *u, const struct normalized *n, size_t from, size_t to,
                   struct pieces *out, struct err *err);

#endif
