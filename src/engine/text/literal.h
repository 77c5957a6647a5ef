/* literal.h - tokens that are found as they stand in the text, before any splitting.
 *
 * "[MASK]" in a text is the mask token, and so is whatever tokenizer.json lists under added_tokens.
 * A search goes from left to right and takes the longest literal at a place. A literal may ask to
 * be a whole word, and may swallow the white space on either side. */
#ifndef LITERAL_H
#define LITERAL_H
#include "engine/base/err.h"
#include "engine/text/trie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct literal {
    int32_t id;
    bool left, right; /* take white space on that side too: lstrip, rstrip */
    bool single_word;
};

struct literals {
    struct literal *list;
    size_t count, capacity;
    struct trie trie; /* text to index in list */
    bool first[256];  /* some literal begins with this byte */
};
int literals_init(struct literals *l, struct err *err);
void literals_clear(struct literals *l); /* a zeroed struct is fine */
/* An empty text is never found. The last of equal texts wins. */
int literals_add(struct literals *l, const char *text, size_t n, struct literal literal,
                 struct err *err);

/* A walk over text[0..n): zero-initialised but for text and n. */
struct literal_search {
    const char *text;
    size_t n;
    size_t looked, covered; /* where to look next; the end of the last match, space included */
    size_t start, end;      /* of the match; before it, from `gap` on, is ordinary text */
    size_t gap;
    int32_t id;
};
/* The next match; false when there is none, with text[gap..n) left over. */
bool literals_next(const struct literals *l, struct literal_search *s);

#endif
