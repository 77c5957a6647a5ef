#include "engine/text/unigram.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an unknown character costs beside the rarest piece. */
#define UNKNOWN_PENALTY 10.0

int unigram_init(struct unigram *u, size_t bytes, struct err *err)
{
    memset(u, 0, sizeof *u);
    u->unknown = -1;
    return trie_init(&u->trie, bytes, err);
}

void unigram_clear(struct unigram *u)
{
    trie_clear(&u->trie);
    free(u->score);
    memset(u, 0, sizeof *u);
}

int unigram_add(struct unigram *u, const char *piece, size_t n, double score, struct err *err)
{
    if (!isfinite(score))
        return err_set(err, ERR_INPUT, "the score of piece %zu is not a number", u->count);
    if (n > UNIGRAM_PIECE_MAX)
        return err_set(err, ERR_INPUT, "piece %zu has %zu bytes; the most is %d", u->count, n,
                       UNIGRAM_PIECE_MAX);
    if (u->count == INT32_MAX)
        return err_set(err, ERR_INPUT, "a vocabulary of more than 2147483647 pieces");
    if (mem_grow(&u->score, &u->capacity, u->count + 1, sizeof *u->score, "a vocabulary", err) ||
        (n && trie_add(&u->trie, TRIE_ROOT, piece, n, (int32_t)u->count, err)))
        return -1;
    u->score[u->count++] = score;
    return 0;
}

int32_t unigram_find(const struct unigram *u, const char *piece, size_t n)
{
    int32_t id = -1;
    return n && trie_longest(&u->trie, TRIE_ROOT, piece, n, &id) == n ? id : -1;
}

int unigram_finish(struct unigram *u, int32_t unknown, bool byte_fallback, struct err *err)
{
    if (unknown < -1 || (unknown >= 0 && (size_t)unknown >= u->count))
        return err_set(err, ERR_INPUT, "the unknown token %d is none of the %zu pieces",
                       (int)unknown, u->count);
    double lowest = INFINITY;
    for (size_t i = 0; i < u->count; i++)
        lowest = fmin(lowest, u->score[i]);
    u->unknown_score = lowest - UNKNOWN_PENALTY;
    u->unknown = unknown;
    u->byte_fallback = byte_fallback;
    for (int i = 0; i < 256; i++) {
        char name[8];
        int length = snprintf(name, sizeof name, "<0x%02X>", i);
        u->byte[i] = unigram_find(u, name, (size_t)length);
    }
    return 0;
}

/* The best path to a place: where its last piece starts, and which that is. Later, on the way back,
 * `link` becomes the end of the piece that follows. */
struct step {
    double score;
    uint32_t link;
    int32_t id; /* NOWHERE: no path comes here */
};
#define NOWHERE (-1)

static void offer(struct step *to, double score, size_t start, int32_t id)
{
    if (to->id == NOWHERE || score > to->score)
        *to = (struct step){score, (uint32_t)start, id};
}

/* Fill step[0..n] for text[0..n). ERR_INPUT for a text that needs an unknown token. */
static int find_paths(const struct unigram *u, const char *text, size_t n, struct step *step,
                      struct err *err)
{
    step[0] = (struct step){0, 0, 0};
    for (size_t i = 1; i <= n; i++)
        step[i] = (struct step){0, 0, NOWHERE};
    for (size_t start = 0, length; start < n; start += length) {
        uint32_t code, node = TRIE_ROOT;
        length = unicode_decode(text + start, n - start, &code);
        double score = step[start].score;
        bool single = false; /* some piece is just this character */
        for (size_t i = start; i < n; i++) {
            const struct trie_edge *e =
                &u->trie.slot[trie_slot(&u->trie, node << 8 | (unsigned char)text[i])];
            if (!e->key)
                break;
            node = e->node;
            if (e->value == TRIE_NONE)
                continue;
            offer(&step[i + 1], u->score[e->value] + score, start, e->value);
            single |= i + 1 - start == length;
        }
        if (single)
            continue;
        if (u->unknown < 0)
            return err_set(err, ERR_INPUT,
                           "the vocabulary has no U+%04X and no unknown token: a text with it "
                           "cannot be encoded",
                           (unsigned)code);
        offer(&step[start + length], u->unknown_score + score, start, u->unknown);
    }
    return 0;
}

/* Turn the links from the end around; returns where the first piece ends. */
static uint32_t turn_around(struct step *step, size_t n)
{
    uint32_t next = 0;
    for (uint32_t at = (uint32_t)n; at;) {
        uint32_t start = step[at].link;
        step[at].link = next;
        next = at;
        at = start;
    }
    return next;
}

/* A run of unknown pieces. The run as a whole may be a piece after all: "<unk>" itself is. */
static void put_unknown(const struct unigram *u, const struct normalized *n, size_t from, size_t to,
                        struct pieces *out)
{
    uint32_t start = n->span[from].start, end = n->span[to - 1].end;
    int32_t id = unigram_find(u, n->bytes + from, to - from);
    bool bytes = id < 0 && u->byte_fallback;
    for (size_t i = from; bytes && i < to; i++)
        bytes = u->byte[(unsigned char)n->bytes[i]] >= 0;
    for (size_t i = from; bytes && i < to; i++)
        pieces_add(out, u->byte[(unsigned char)n->bytes[i]], start, end);
    if (!bytes)
        pieces_add(out, id >= 0 ? id : u->unknown, start, end);
}

static void put_pieces(const struct unigram *u, const struct normalized *n, size_t from,
                       struct step *step, size_t length, struct pieces *out)
{
    size_t run = from, at = from; /* unknown pieces stand in [run..at) */
    for (uint32_t end = turn_around(step, length); end; end = step[end].link) {
        size_t start = at;
        at = from + end;
        if (step[end].id == u->unknown)
            continue;
        if (run < start)
            put_unknown(u, n, run, start, out);
        pieces_add(out, step[end].id, n->span[start].start, n->span[at - 1].end);
        run = at;
    }
    if (run < at)
        put_unknown(u, n, run, at, out);
}

int unigram_encode(const struct unigram *u, const struct normalized *n, size_t from, size_t to,
                   struct pieces *out, struct err *err)
{
    struct step few[256], *step = few; /* most words are short: no allocation */
    size_t length = to - from;
    if (!length)
        return 0;
    assert(length <= UINT32_MAX);
    if (pieces_reserve(out, length, err)) /* a piece is at least a byte */
        return -1;
    if (length >= sizeof few / sizeof *few &&
        !(step = mem_alloc(length + 1, sizeof *step, "the pieces of a word", err)))
        return -1;
    int status = find_paths(u, n->bytes + from, length, step, err);
    if (!status)
        put_pieces(u, n, from, step, length, out);
    if (step != few)
        free(step);
    return status;
}
