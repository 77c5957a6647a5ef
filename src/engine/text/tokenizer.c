#include "engine/text/tokenizer.h"

#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

/* One text on its way to ids: reused, so that encoding allocates only when a text is longer than
 * all before it. */
struct tokenizer_scratch {
    struct normalized normalized;
    struct pieces text, pair;
};

void encoding_clear(struct encoding *e)
{
    if (e->scratch) {
        normalized_clear(&e->scratch->normalized);
        pieces_clear(&e->scratch->text);
        pieces_clear(&e->scratch->pair);
        free(e->scratch);
    }
    free(e->ids);
    free(e->segments);
    free(e->offsets);
    memset(e, 0, sizeof *e);
}

struct tokenizer *tokenizer_open(const char *dir, struct err *err)
{
    struct tokenizer *t = mem_alloc(1, sizeof *t, "a tokenizer", err);
    if (!t)
        return NULL;
    t->dir = mem_strdup(dir, err);
    if (!t->dir || tokenizer_load(t, err)) {
        tokenizer_close(t);
        return NULL;
    }
    return t;
}

void tokenizer_close(struct tokenizer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->vocabulary; i++)
        free(t->token[i]);
    free(t->token);
    literals_clear(&t->raw);
    literals_clear(&t->normalized);
    wordpiece_clear(&t->words);
    free(t->dir);
    free(t);
}

/* Ordinary text[from..to): normalise it, then look for the literals that are sought there. */
static int encode_text(const struct tokenizer *t, const char *text, size_t from, size_t to,
                       struct normalized *n, struct pieces *out, struct err *err)
{
    if (normalize_text(&t->normalizer, text, from, to, n, err))
        return -1;
    struct literal_search s = {.text = n->bytes, .n = n->length};
    while (literals_next(&t->normalized, &s)) {
        if (s.gap < s.start && wordpiece_encode(&t->words, n, s.gap, s.start, out, err))
            return -1;
        if (pieces_reserve(out, 1, err))
            return -1;
        pieces_add(out, s.id, n->span[s.start].start, n->span[s.end - 1].end);
    }
    return wordpiece_encode(&t->words, n, s.gap, n->length, out, err);
}

static int encode_pieces(const struct tokenizer *t, const char *text, size_t length,
                         struct normalized *n, struct pieces *out, struct err *err)
{
    if (length > UINT32_MAX / 4)
        return err_set(err, ERR_INPUT, "a text of %zu bytes is too long; the most is 1 GiB",
                       length);
    out->count = 0;
    struct literal_search s = {.text = text, .n = length};
    while (literals_next(&t->raw, &s)) {
        if (s.gap < s.start && encode_text(t, text, s.gap, s.start, n, out, err))
            return -1;
        if (pieces_reserve(out, 1, err))
            return -1;
        pieces_add(out, s.id, (uint32_t)s.start, (uint32_t)s.end);
    }
    return encode_text(t, text, s.gap, length, n, out, err);
}

/* Longest first, as Transformers cuts: the longer text gives way until both are equally long, then
 * both do; of an odd number of places the longer one gets the last (the pair, of equals). */
static void truncate_longest(size_t *text, size_t *pair, size_t room)
{
    size_t *shorter = *text > *pair ? pair : text, *longer = *text > *pair ? text : pair;
    if (*text + *pair <= room)
        return;
    if (*shorter > room / 2)
        *shorter = room / 2;
    *longer = room - *shorter;
}

static int reserve_encoding(struct encoding *e, size_t need, struct err *err)
{
    size_t segments = e->capacity, offsets = e->capacity, ids = e->capacity;
    if (mem_grow(&e->segments, &segments, need, sizeof *e->segments, "token types", err) ||
        mem_grow(&e->offsets, &offsets, need, sizeof *e->offsets, "token offsets", err) ||
        mem_grow(&e->ids, &ids, need, sizeof *e->ids, "token ids", err))
        return -1;
    e->capacity = ids;
    return 0;
}

static void put_token(struct encoding *e, int32_t id, int32_t segment, struct normalize_span span)
{
    e->ids[e->length] = id;
    e->segments[e->length] = segment;
    e->offsets[e->length][0] = span.start;
    e->offsets[e->length++][1] = span.end;
}

/* The special tokens around the first text_count and pair_count pieces. */
static void assemble(const struct frame *f, size_t text_count, size_t pair_count,
                     struct encoding *e)
{
    e->length = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct frame_item *item = &f->item[i];
        if (item->kind == FRAME_SPECIAL) {
            put_token(e, item->id, item->segment, (struct normalize_span){0, 0});
            continue;
        }
        const struct pieces *p = item->kind == FRAME_TEXT ? &e->scratch->text : &e->scratch->pair;
        size_t count = item->kind == FRAME_TEXT ? text_count : pair_count;
        for (size_t k = 0; k < count; k++)
            put_token(e, p->id[k], item->segment, p->span[k]);
    }
}

int tokenizer_encode(const struct tokenizer *t, const char *text, size_t text_len, const char *pair,
                     size_t pair_len, size_t max_length, struct encoding *out, struct err *err)
{
    if (!out->scratch &&
        !(out->scratch = mem_alloc(1, sizeof *out->scratch, "a text's tokens", err)))
        return -1;
    struct tokenizer_scratch *s = out->scratch;
    const struct frame *f = pair ? &t->pair : &t->single;
    s->pair.count = 0;
    if (encode_pieces(t, text, text_len, &s->normalized, &s->text, err) ||
        (pair && encode_pieces(t, pair, pair_len, &s->normalized, &s->pair, err)))
        return -1;
    size_t text_count = s->text.count, pair_count = s->pair.count;
    size_t full = f->specials + text_count + pair_count;
    if (max_length && full > max_length)
        truncate_longest(&text_count, &pair_count,
                         max_length > f->specials ? max_length - f->specials : 0);
    if (reserve_encoding(out, f->specials + text_count + pair_count, err))
        return -1;
    assemble(f, text_count, pair_count, out);
    out->full_length = full;
    return 0;
}

const char *tokenizer_token(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->vocabulary ? t->token[id] : NULL;
}

size_t tokenizer_vocabulary(const struct tokenizer *t)
{
    return t->vocabulary;
}

int tokenizer_export(const struct tokenizer *t, const char *dir, struct err *err)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "vocab.txt",
                                        "special_tokens_map.json", "added_tokens.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char from[4096], to[4096];
        if (file_join(from, sizeof from, t->dir, names[i], err) ||
            file_join(to, sizeof to, dir, names[i], err))
            return -1;
        if (file_exists(from) && file_copy(from, to, err))
            return err_wrap(err, "cannot export the tokenizer");
    }
    return 0;
}
