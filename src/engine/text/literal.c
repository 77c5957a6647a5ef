#include "engine/text/literal.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

int literals_init(struct literals *l, struct err *err)
{
    memset(l, 0, sizeof *l);
    return trie_init(&l->trie, 0, err);
}

void literals_clear(struct literals *l)
{
    free(l->list);
    trie_clear(&l->trie);
    memset(l, 0, sizeof *l);
}

int literals_add(struct literals *l, const char *text, size_t n, struct literal literal,
                 struct err *err)
{
    if (!n)
        return 0;
    if (mem_grow(&l->list, &l->capacity, l->count + 1, sizeof *l->list, "added tokens", err) ||
        trie_add(&l->trie, TRIE_ROOT, text, n, (int32_t)l->count, err))
        return -1;
    l->list[l->count++] = literal;
    l->first[(unsigned char)text[0]] = true;
    return 0;
}

static bool word_ends_at(const char *text, size_t at)
{
    uint32_t code;
    if (!at)
        return false;
    unicode_decode_last(text, at, &code);
    return unicode_is_word(code);
}

static bool word_starts_at(const char *text, size_t at, size_t n)
{
    uint32_t code;
    if (at == n)
        return false;
    unicode_decode(text + at, n - at, &code);
    return unicode_is_word(code);
}

static size_t skip_space_left(const char *text, size_t at, size_t not_before)
{
    while (at > not_before) {
        uint32_t code;
        size_t length = unicode_decode_last(text, at, &code);
        if (!unicode_is_space(code) || at - length < not_before)
            break;
        at -= length;
    }
    return at;
}

static size_t skip_space_right(const char *text, size_t at, size_t n)
{
    while (at < n) {
        uint32_t code;
        size_t length = unicode_decode(text + at, n - at, &code);
        if (!unicode_is_space(code))
            break;
        at += length;
    }
    return at;
}

bool literals_next(const struct literals *l, struct literal_search *s)
{
    s->gap = s->covered;
    while (l->count && s->looked < s->n) {
        size_t at = s->looked;
        int32_t index;
        size_t length = 0;
        if (l->first[(unsigned char)s->text[at]])
            length = trie_longest(&l->trie, TRIE_ROOT, s->text + at, s->n - at, &index);
        s->looked += length ? length : 1;
        if (!length)
            continue;
        const struct literal *found = &l->list[index];
        size_t end = at + length;
        if (found->single_word && (word_ends_at(s->text, at) || word_starts_at(s->text, end, s->n)))
            continue;
        s->start = found->left ? skip_space_left(s->text, at, s->covered) : at;
        s->end = found->right ? skip_space_right(s->text, end, s->n) : end;
        s->covered = s->end;
        s->id = found->id;
        return true;
    }
    return false;
}
