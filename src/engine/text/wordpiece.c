#include "engine/text/wordpiece.h"

#include "engine/text/unicode.h"

#include <assert.h>
#include <string.h>

enum kind { LETTER, SPACE, MARK };

/* ASCII, so that most text is split without a search: white space and, by BERT's rule, everything
 * printable that is neither letter nor digit. */
#define L LETTER
#define S SPACE
#define M MARK
static const unsigned char ascii_class[128] = {
    L, L, L, L, L, L, L, L, L, S, S, S, S, S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    S, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, L, L, L, L, L, L, L, L, L, L, M, M, M, M, M, M,
    M, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, M, M, M, M, M,
    M, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, M, M, M, M, L,
};
#undef L
#undef S
#undef M

int wordpiece_init(struct wordpiece *w, const char *prefix, size_t max_word_chars, size_t bytes,
                   struct err *err)
{
    memset(w, 0, sizeof *w);
    w->prefix_length = strlen(prefix);
    assert(w->prefix_length < sizeof w->prefix);
    memcpy(w->prefix, prefix, w->prefix_length);
    w->max_word_chars = max_word_chars;
    if (trie_init(&w->trie, bytes, err))
        return -1;
    /* Without a prefix every entry may start a word and continue one. */
    w->inside = w->prefix_length ? trie_add_root(&w->trie) : TRIE_ROOT;
    return 0;
}

void wordpiece_clear(struct wordpiece *w)
{
    trie_clear(&w->trie);
}

/* An entry "##ing" continues words. It would also start one in a text that holds "##ing", but that
 * is split at '#' before it comes here; only a prefix that may begin a word asks for both. */
int wordpiece_add(struct wordpiece *w, const char *token, size_t n, int32_t id, struct err *err)
{
    size_t p = w->prefix_length;
    unsigned char first = (unsigned char)w->prefix[0];
    if (p && n > p && !memcmp(token, w->prefix, p)) {
        if (trie_add(&w->trie, w->inside, token + p, n - p, id, err))
            return -1;
        if (!w->whole_words && first < 0x80 && ascii_class[first] == MARK)
            return 0;
    }
    return trie_add(&w->trie, TRIE_ROOT, token, n, id, err);
}

int32_t wordpiece_find(const struct wordpiece *w, const char *token, size_t n)
{
    int32_t id = -1;
    return n && trie_longest(&w->trie, TRIE_ROOT, token, n, &id) == n ? id : -1;
}

/* The kind and the bytes of the character at s[0..n). */
static enum kind classify(const char *s, size_t n, size_t *length)
{
    unsigned char c = (unsigned char)*s;
    if (c < 0x80) {
        *length = 1;
        return (enum kind)ascii_class[c];
    }
    uint32_t code;
    *length = unicode_decode(s, n, &code);
    if (unicode_is_space(code))
        return SPACE;
    return unicode_is_punctuation(code) ? MARK : LETTER;
}

/* One word of `chars` characters, n->bytes[from..to), from < to. */
static void encode_word(const struct wordpiece *w, const struct normalized *n, size_t from,
                        size_t to, size_t chars, struct pieces *out)
{
    size_t before = out->count;
    uint32_t root = TRIE_ROOT;
    for (size_t at = from; chars <= w->max_word_chars && at < to; root = w->inside) {
        int32_t id;
        size_t length = trie_longest(&w->trie, root, n->bytes + at, to - at, &id);
        if (!length)
            goto unknown;
        pieces_add(out, id, n->span[at].start, n->span[at + length - 1].end);
        at += length;
    }
    if (chars <= w->max_word_chars)
        return;
unknown:
    out->count = before;
    pieces_add(out, w->unknown, n->span[from].start, n->span[to - 1].end);
}

int wordpiece_encode_word(const struct wordpiece *w, const struct normalized *n, size_t from,
                          size_t to, struct pieces *out, struct err *err)
{
    if (pieces_reserve(out, to - from, err))
        return -1;
    size_t chars = 0;
    for (size_t i = from; i < to; i++)
        chars += ((unsigned char)n->bytes[i] & 0xc0) != 0x80;
    encode_word(w, n, from, to, chars, out);
    return 0;
}

int wordpiece_encode(const struct wordpiece *w, const struct normalized *n, size_t from, size_t to,
                     struct pieces *out, struct err *err)
{
    if (pieces_reserve(out, to - from, err)) /* a piece is at least a byte */
        return -1;
    size_t word = from, chars = 0, length;
    for (size_t at = from; at < to; at += length) {
        enum kind kind = classify(n->bytes + at, to - at, &length);
        if (kind == LETTER) {
            chars++;
            continue;
        }
        if (chars)
            encode_word(w, n, word, at, chars, out);
        if (kind == MARK)
            encode_word(w, n, at, at + length, 1, out);
        word = at + length;
        chars = 0;
    }
    if (chars)
        encode_word(w, n, word, to, chars, out);
    return 0;
}
