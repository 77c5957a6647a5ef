/* bpe.h - byte-pair encoding: a word's characters, joined in the order the joins were learned.
 *
 * Each character is a token, or several bytes written "<0x0A>" (byte fallback), or unknown. Then,
 * as long as any two neighbours are a known pair, the pair learned first is joined, the leftmost of
 * equals. Short words look through their pairs for it; long ones keep them in a heap, so that a
 * word of a million letters costs n log n. Pairs stand in one open-addressed table.
 * Algorithm: Sennrich et al. 2016 (arXiv:1508.07909). Options as Hugging Face's BPE has them. */
#ifndef BPE_H
#define BPE_H
#include "engine/base/err.h"
#include "engine/text/normalized.h"
#include "engine/text/pieces.h"
#include "engine/text/trie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPE_AFFIX_MAX 16    /* bytes of a prefix or suffix, its NUL included */
#define BPE_DIRECT    0x200 /* code points whose token needs no search: all of a byte alphabet */

struct bpe_pair {
    uint64_t key; /* left id << 32 | right id; UINT64_MAX is a free slot */
    uint32_t rank;
    int32_t id; /* what the two become */
};

struct bpe {
    struct trie vocabulary;
    struct bpe_pair *pair;
    uint32_t shift; /* 64 - log2 of the slots */
    uint32_t merges;
    int32_t direct[BPE_DIRECT];                        /* -1: no token */
    int32_t byte[256];                                 /* the token of "<0x0A>"; -1: none */
    char prefix[BPE_AFFIX_MAX], suffix[BPE_AFFIX_MAX]; /* of all but the first, of the last */
    int32_t unknown;                                   /* -1: what is unknown is left out */
    bool fuse_unknown;                                 /* neighbours are one unknown token */
    bool byte_fallback;
    bool ignore_merges; /* a word that is a token is that token, however it is joined */
};

/* `bytes` is about what all tokens take, `merges` how many pairs will be added. Set the options
 * before encoding. */
int bpe_init(struct bpe *b, size_t bytes, size_t merges, struct err *err);
void bpe_clear(struct bpe *b); /* a zeroed struct is fine */
int bpe_add(struct bpe *b, const char *token, size_t n, int32_t id, struct err *err);
/* The next pair in order of learning, once prefix and all tokens are known. ERR_INPUT when one of
 * the two, or what they become, is no token. */
int bpe_add_merge(struct bpe *b, const char *left, size_t left_n, const char *right, size_t right_n,
                  struct err *err);
/* The id of a token, -1 when there is none. */
int32_t bpe_find(const struct bpe *b, const char *token, size_t n);
/* After the last token and merge. */
void bpe_finish(struct bpe *b);

/* Append the pieces of one word, n->bytes[from..to). */
int bpe_encode(const struct bpe *b, const struct normalized *n, size_t from, size_t to,
               struct pieces *out, struct err *err);

#endif
