/* wordpiece.h - normalised text to pieces: split on space and punctuation, then longest match.
 * BERT's split is part of it, because it costs more as a step of its own; other words come one by
 * one.
 *
 * A word is cut from the left: the longest vocabulary entry that starts it, then the longest entry
 * that continues it (those written with the prefix "##"), and so on. A word that cannot be cut to
 * its end, or of more than max_word_chars characters, is one unknown token. Both sets live in one
 * trie under two roots. Algorithm: Wu et al. 2016 (arXiv:1609.08144), as BERT simplified it. */
#ifndef WORDPIECE_H
#define WORDPIECE_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"
#include "engine/text/pieces.h"
#include "engine/text/trie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wordpiece {
    struct trie trie;
    uint32_t inside; /* root of what continues a word; TRIE_ROOT has what starts one */
    char prefix[16]; /* "##" */
    size_t prefix_length;
    size_t max_word_chars;
    int32_t unknown;
    bool whole_words; /* words may begin with the prefix: they are not cut by BERT's rule */
};

/* prefix is shorter than 16 bytes; `bytes` is about what all tokens take. Set whole_words
 * before adding, unknown before encoding. */
int wordpiece_init(struct wordpiece *w, const char *prefix, size_t max_word_chars, size_t bytes,
                   struct err *err);
void wordpiece_clear(struct wordpiece *w); /* a zeroed struct is fine */
int wordpiece_add(struct wordpiece *w, const char *token, size_t n, int32_t id, struct err *err);
/* The id of a token that starts words, -1 when there is none. */
int32_t wordpiece_find(const struct wordpiece *w, const char *token, size_t n);

/* Append the pieces of one word, n->bytes[from..to), from < to. */
int wordpiece_encode_word(const struct wordpiece *w, const struct normalized *n, size_t from,
                          size_t to, struct pieces *out, struct err *err);
/* Cut n->bytes[from..to) by BERT's rule, at white space and around punctuation, and append the
 * pieces of every word. */
int wordpiece_encode(const struct wordpiece *w, const struct normalized *n, size_t from, size_t to,
                     struct pieces *out, struct err *err);

#endif
