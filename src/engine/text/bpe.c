#include "engine/text/bpe.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_KEY  UINT64_MAX
#define NO_RANK UINT32_MAX
/* Up to this many symbols, looking through all pairs for each join is faster than a heap. */
#define SHORT 48u

int bpe_init(struct bpe *b, size_t bytes, size_t merges, struct err *err)
{
    memset(b, 0, sizeof *b);
    b->unknown = -1;
    size_t slots = 16;
    b->shift = 60;
    while (slots < 2 * merges) {
        slots *= 2;
        b->shift--;
    }
    b->pair = mem_alloc(slots, sizeof *b->pair, "the merges of a vocabulary", err);
    if (!b->pair)
        return -1;
    for (size_t i = 0; i < slots; i++)
        b->pair[i].key = NO_KEY;
    return trie_init(&b->vocabulary, bytes, err);
}

void bpe_clear(struct bpe *b)
{
    free(b->pair);
    trie_clear(&b->vocabulary);
    memset(b, 0, sizeof *b);
}

int bpe_add(struct bpe *b, const char *token, size_t n, int32_t id, struct err *err)
{
    return n ? trie_add(&b->vocabulary, TRIE_ROOT, token, n, id, err) : 0;
}

int32_t bpe_find(const struct bpe *b, const char *token, size_t n)
{
    return n ? trie_find(&b->vocabulary, TRIE_ROOT, token, n) : -1;
}

static inline struct bpe_pair *pair_slot(const struct bpe *b, uint64_t key)
{
    uint64_t mask = UINT64_MAX >> b->shift;
    uint64_t i = key * 0x9e3779b97f4a7c15u >> b->shift; /* 2^64 over the golden ratio */
    while (b->pair[i].key != key && b->pair[i].key != NO_KEY)
        i = (i + 1) & mask;
    return &b->pair[i];
}

static inline uint64_t pair_key(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

/* The learned pair of two ids, or NULL. */
static inline const struct bpe_pair *find_pair(const struct bpe *b, int32_t left, int32_t right)
{
    const struct bpe_pair *p = pair_slot(b, pair_key(left, right));
    return p->key == NO_KEY ? NULL : p;
}

int bpe_add_merge(struct bpe *b, const char *left, size_t left_n, const char *right, size_t right_n,
                  struct err *err)
{
    size_t skip = strlen(b->prefix);
    if (skip > right_n)
        skip = right_n;
    size_t n = left_n + right_n - skip;
    char *joined = mem_alloc(n + 1, 1, "a merge", err);
    if (!joined)
        return -1;
    memcpy(joined, left, left_n);
    memcpy(joined + left_n, right + skip, right_n - skip);
    int32_t l = bpe_find(b, left, left_n), r = bpe_find(b, right, right_n);
    int32_t id = bpe_find(b, joined, n);
    free(joined);
    if (l < 0 || r < 0 || id < 0)
        return err_set(err, ERR_INPUT,
                       "merge %u, '%.*s' with '%.*s': not all of the two and what they become are "
                       "in the vocabulary",
                       (unsigned)b->merges, (int)(left_n < 60 ? left_n : 60), left,
                       (int)(right_n < 60 ? right_n : 60), right);
    struct bpe_pair *p = pair_slot(b, pair_key(l, r));
    *p = (struct bpe_pair){pair_key(l, r), b->merges++, id}; /* the last of equal pairs stays */
    return 0;
}

void bpe_finish(struct bpe *b)
{
    for (uint32_t c = 0; c < BPE_DIRECT; c++) {
        char bytes[4];
        b->direct[c] = bpe_find(b, bytes, unicode_encode(c, bytes));
    }
    for (unsigned c = 0; c < 256; c++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", c);
        b->byte[c] = bpe_find(b, name, 6);
    }
}

/* -- a word's characters ------------------------------------------------------------------ */

struct symbol {
    int32_t id;
    uint32_t start, end; /* in n->bytes */
    uint32_t prev, next; /* of a long word: positions of the neighbours, or NO_RANK */
    uint32_t rank;       /* of a short word: of the pair with the next one */
};

/* A word on its way to pieces. */
struct word {
    struct symbol *symbol;
    size_t count;
    struct symbol unknown; /* an unknown run that is not among the symbols yet; id -1: none */
};

static void flush_unknown(struct word *w)
{
    if (w->unknown.id >= 0)
        w->symbol[w->count++] = w->unknown;
    w->unknown.id = -1;
}

/* The token of one character; the prefix and suffix of old vocabularies are part of its name. */
static int32_t character(const struct bpe *b, const char *s, size_t n, bool first, bool last)
{
    if (!b->prefix[0] && !b->suffix[0]) {
        uint32_t code;
        if (n <= 2 && unicode_decode(s, n, &code) == n && code < BPE_DIRECT)
            return b->direct[code];
        return bpe_find(b, s, n);
    }
    char name[2 * BPE_AFFIX_MAX + 4 + 1];
    int length = snprintf(name, sizeof name, "%s%.*s%s", first ? "" : b->prefix, (int)n, s,
                          last ? b->suffix : "");
    return bpe_find(b, name, (size_t)length);
}

/* True when all the character's bytes have tokens of their own, which then are the symbols. An
 * unknown run stays pending and comes after them, as in `tokenizers`. */
static bool fall_back(const struct bpe *b, const char *s, size_t at, size_t n, struct word *w)
{
    for (size_t i = 0; i < n; i++)
        if (b->byte[(unsigned char)s[at + i]] < 0)
            return false;
    for (size_t i = 0; i < n; i++)
        w->symbol[w->count++] = (struct symbol){.id = b->byte[(unsigned char)s[at + i]],
                                                .start = (uint32_t)(at + i),
                                                .end = (uint32_t)(at + i + 1)};
    return true;
}

static void take_unknown(const struct bpe *b, size_t at, size_t n, struct word *w)
{
    if (b->unknown < 0)
        return;
    if (w->unknown.id >= 0 && b->fuse_unknown) {
        w->unknown.end = (uint32_t)(at + n);
        return;
    }
    flush_unknown(w);
    w->unknown =
        (struct symbol){.id = b->unknown, .start = (uint32_t)at, .end = (uint32_t)(at + n)};
}

static void take_characters(const struct bpe *b, const char *s, size_t from, size_t to,
                            struct word *w)
{
    for (size_t at = from, n; at < to; at += n) {
        uint32_t code;
        n = unicode_decode(s + at, to - at, &code);
        int32_t id = character(b, s + at, n, at == from, at + n == to);
        if (id >= 0) {
            flush_unknown(w);
            w->symbol[w->count++] =
                (struct symbol){.id = id, .start = (uint32_t)at, .end = (uint32_t)(at + n)};
        } else if (!b->byte_fallback || !fall_back(b, s, at, n, w)) {
            take_unknown(b, at, n, w);
        }
    }
    flush_unknown(w);
}

/* -- joining ------------------------------------------------------------------------------ */

static uint32_t rank_at(const struct bpe *b, const struct symbol *s)
{
    const struct bpe_pair *p = find_pair(b, s[0].id, s[1].id);
    return p ? p->rank : NO_RANK;
}

static void join_short(const struct bpe *b, struct word *w)
{
    struct symbol *s = w->symbol;
    for (size_t i = 0; i + 1 < w->count; i++)
        s[i].rank = rank_at(b, s + i);
    while (w->count > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < w->count; i++)
            if (s[i].rank < s[best].rank)
                best = i;
        if (s[best].rank == NO_RANK)
            return;
        s[best].id = find_pair(b, s[best].id, s[best + 1].id)->id;
        s[best].end = s[best + 1].end;
        w->count--;
        memmove(s + best + 1, s + best + 2, (w->count - best - 1) * sizeof *s);
        if (best + 1 < w->count)
            s[best].rank = rank_at(b, s + best);
        if (best > 0)
            s[best - 1].rank = rank_at(b, s + best - 1);
    }
}

/* A pair that may be joined; stale when its symbols have changed since. The key orders by rank,
 * then by position. */
struct candidate {
    uint64_t key; /* rank << 32 | position of the left symbol */
    int32_t id;
};

struct heap {
    struct candidate *item;
    size_t count;
};

static void heap_push(struct heap *h, struct candidate c)
{
    size_t i = h->count++;
    while (i > 0 && h->item[(i - 1) / 2].key > c.key) {
        h->item[i] = h->item[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->item[i] = c;
}

static struct candidate heap_pop(struct heap *h)
{
    struct candidate top = h->item[0], last = h->item[--h->count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->item[child + 1].key < h->item[child].key)
            child++;
        if (h->item[child].key >= last.key)
            break;
        h->item[i] = h->item[child];
    }
    h->item[i] = last;
    return top;
}

static void push_pair(const struct bpe *b, const struct symbol *s, uint32_t at, struct heap *h)
{
    if (at == NO_RANK || s[at].next == NO_RANK)
        return;
    const struct bpe_pair *p = find_pair(b, s[at].id, s[s[at].next].id);
    if (p)
        heap_push(h, (struct candidate){(uint64_t)p->rank << 32 | at, p->id});
}

/* A symbol that was joined to its left neighbour has id -1. */
static void join_long(const struct bpe *b, struct word *w, struct heap *h)
{
    struct symbol *s = w->symbol;
    uint32_t count = (uint32_t)w->count;
    for (uint32_t i = 0; i < count; i++) {
        s[i].prev = i ? i - 1 : NO_RANK;
        s[i].next = i + 1 < count ? i + 1 : NO_RANK;
    }
    for (uint32_t i = 0; i < count; i++)
        push_pair(b, s, i, h);
    while (h->count) {
        struct candidate c = heap_pop(h);
        uint32_t at = (uint32_t)c.key, next = s[at].next;
        if (s[at].id < 0 || next == NO_RANK)
            continue;
        const struct bpe_pair *p = find_pair(b, s[at].id, s[next].id);
        if (!p || p->id != c.id)
            continue;
        s[at].id = c.id;
        s[at].end = s[next].end;
        s[at].next = s[next].next;
        s[next].id = -1;
        if (s[at].next != NO_RANK)
            s[s[at].next].prev = at;
        push_pair(b, s, s[at].prev, h);
        push_pair(b, s, at, h);
    }
    w->count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (s[i].id >= 0)
            s[w->count++] = s[i];
}

static void put_pieces(const struct word *w, const struct normalized *n, struct pieces *out)
{
    for (size_t i = 0; i < w->count; i++)
        pieces_add(out, w->symbol[i].id, n->span[w->symbol[i].start].start,
                   n->span[w->symbol[i].end - 1].end);
}

/* Symbols number at most the bytes; every join takes one away and offers two pairs at most. */
static int encode_long(const struct bpe *b, const struct normalized *n, size_t from, size_t to,
                       struct pieces *out, struct err *err)
{
    size_t most = to - from;
    struct word w = {.symbol = mem_alloc(most, sizeof *w.symbol, "a long word", err),
                     .unknown.id = -1};
    struct heap h = {.item = mem_alloc(3 * most, sizeof *h.item, "a long word", err)};
    int status = w.symbol && h.item ? 0 : -1;
    if (!status) {
        take_characters(b, n->bytes, from, to, &w);
        join_long(b, &w, &h);
        put_pieces(&w, n, out);
    }
    free(w.symbol);
    free(h.item);
    return status;
}

int bpe_encode(const struct bpe *b, const struct normalized *n, size_t from, size_t to,
               struct pieces *out, struct err *err)
{
    if (from == to)
        return 0;
    if (pieces_reserve(out, to - from, err))
        return -1;
    int32_t whole = b->ignore_merges ? bpe_find(b, n->bytes + from, to - from) : -1;
    if (whole >= 0) {
        pieces_add(out, whole, n->span[from].start, n->span[to - 1].end);
        return 0;
    }
    if (to - from > SHORT)
        return encode_long(b, n, from, to, out, err);
    struct symbol symbol[SHORT];
    struct word w = {.symbol = symbol, .unknown.id = -1};
    take_characters(b, n->bytes, from, to, &w);
    join_short(b, &w);
    put_pieces(&w, n, out);
    return 0;
}
