#include "engine/text/trie.h"

#include "engine/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX   (1u << 24) /* what fits beside a byte in a key of 32 bits */
#define FIRST_SHIFT 24u        /* 256 slots to begin with, at least */
#define LEAST_SHIFT 8u         /* 16 M to begin with, at most */

int trie_init(struct trie *t, size_t bytes, struct err *err)
{
    memset(t, 0, sizeof *t);
    t->shift = FIRST_SHIFT;
    /* Words share beginnings: half as many edges as bytes is usual, and half the slots stay free.
     */
    while (t->shift > LEAST_SHIFT && (size_t)1 << (32 - t->shift) < bytes)
        t->shift--;
    t->slot = mem_alloc((size_t)1 << (32 - t->shift), sizeof *t->slot, "a trie", err);
    if (!t->slot)
        return -1;
    t->nodes = TRIE_ROOT + 1;
    return 0;
}

void trie_clear(struct trie *t)
{
    free(t->slot);
    memset(t, 0, sizeof *t);
}

uint32_t trie_add_root(struct trie *t)
{
    return t->nodes++;
}

/* Four times the slots, so that at most half of them are ever taken. */
static int grow(struct trie *t, struct err *err)
{
    struct trie larger = *t;
    size_t slots = (size_t)1 << (32 - t->shift);
    larger.shift -= 2;
    larger.slot = mem_alloc(slots * 4, sizeof *larger.slot, "a trie", err);
    if (!larger.slot)
        return -1;
    for (size_t i = 0; i < slots; i++)
        if (t->slot[i].key)
            larger.slot[trie_slot(&larger, t->slot[i].key)] = t->slot[i];
    free(t->slot);
    *t = larger;
    return 0;
}

int trie_add(struct trie *t, uint32_t root, const char *text, size_t n, int32_t value,
             struct err *err)
{
    uint32_t node = root;
    struct trie_edge *e = NULL;
    for (size_t i = 0; i < n; i++) {
        if (2 * (t->edges + 1) > (size_t)1 << (32 - t->shift) && grow(t, err))
            return -1;
        uint32_t key = node << 8 | (unsigned char)text[i];
        e = &t->slot[trie_slot(t, key)];
        if (!e->key) {
            if (t->nodes == NODES_MAX)
                return err_set(err, ERR_INPUT, "a vocabulary of more than 16 million letters");
            *e = (struct trie_edge){key, t->nodes++, TRIE_NONE};
            t->edges++;
        }
        node = e->node;
    }
    if (e)
        e->value = value;
    return 0;
}
