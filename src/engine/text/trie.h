/* trie.h - strings to numbers, asked for the longest prefix.
 *
 * The edges of all nodes stand in one open-addressed table, keyed by (node, byte): a step is one
 * probe, the value of the node it leads to included, and building is one insertion a byte.
 * Immutable once built; any thread may ask. */
#ifndef TRIE_H
#define TRIE_H
#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define TRIE_ROOT 1u
#define TRIE_NONE (-1)

struct trie_edge {
    uint32_t key;  /* node << 8 | byte; 0 is a free slot */
    uint32_t node; /* where it leads */
    int32_t value; /* of the string that ends there, or TRIE_NONE */
};

struct trie {
    struct trie_edge *slot;
    uint32_t shift; /* 32 - log2 of the slots */
    uint32_t nodes; /* TRIE_ROOT..nodes-1 are taken */
    size_t edges;
};

/* `bytes` of text are expected, or 0: the table then starts large enough for them. */
int trie_init(struct trie *t, size_t bytes, struct err *err);
void trie_clear(struct trie *t); /* a zeroed struct is fine */

/* A further root, for a second set of strings in the same table. */
uint32_t trie_add_root(struct trie *t);
/* Give text[0..n), n >= 1, the value; the last of equal texts wins. ERR_NOMEM, ERR_INPUT above
 * 2^24 nodes. */
int trie_add(struct trie *t, uint32_t root, const char *text, size_t n, int32_t value,
             struct err *err);

/* The slot where the edge of `key` is, or would be. Fibonacci hashing: the multiplier is 2^32 over
 * the golden ratio. */
static inline uint32_t trie_slot(const struct trie *t, uint32_t key)
{
    uint32_t mask = 0xffffffffu >> t->shift;
    uint32_t i = key * 0x9e3779b1u >> t->shift;
    while (t->slot[i].key && t->slot[i].key != key)
        i = (i + 1) & mask;
    return i;
}

/* The value of text[0..n), n >= 1, or TRIE_NONE. */
static inline int32_t trie_find(const struct trie *t, uint32_t root, const char *text, size_t n)
{
    const struct trie_edge *e = NULL;
    uint32_t node = root;
    for (size_t i = 0; i < n; i++, node = e->node) {
        e = &t->slot[trie_slot(t, node << 8 | (unsigned char)text[i])];
        if (!e->key)
            return TRIE_NONE;
    }
    return e->value;
}

/* Bytes of the longest prefix of text[0..n) that has a value, and the value; 0 when none has. */
static inline size_t trie_longest(const struct trie *t, uint32_t root, const char *text, size_t n,
                                  int32_t *value)
{
    size_t longest = 0;
    uint32_t node = root;
    for (size_t i = 0; i < n; i++) {
        const struct trie_edge *e = &t->slot[trie_slot(t, node << 8 | (unsigned char)text[i])];
        if (!e->key)
            break;
        if (e->value != TRIE_NONE) {
            longest = i + 1;
            *value = e->value;
        }
        node = e->node;
    }
    return longest;
}

#endif
