#include "engine/text/tokenizer.h"

#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/text/byte_level.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* One text on its way to ids: reused, so that encoding allocates only when a text is longer than
 * all before it. */
struct tokenizer_scratch {
    struct normal_work normal;
    struct cut_work cuts;
    struct pieces text, pair;
};

/* One side of an encoding: its text, its pieces, and which of them stay. */
struct side {
    const char *text;
    const struct pieces *pieces;
    size_t first, count;
};

void encoding_clear(struct encoding *e)
{
    if (e->scratch) {
        normal_work_clear(&e->scratch->normal);
        cut_work_clear(&e->scratch->cuts);
        pieces_clear(&e->scratch->text);
        pieces_clear(&e->scratch->pair);
        free(e->scratch);
    }
    free(e->ids);
    free(e->segments);
    free(e->offsets);
    memset(e, 0, sizeof *e);
}

static struct tokenizer *make(const char *dir, const char *text, size_t n, struct err *err)
{
    struct tokenizer *t = mem_alloc(1, sizeof *t, "a tokenizer", err);
    if (!t)
        return NULL;
    t->dir = mem_strdup(dir, err);
    if (!t->dir || tokenizer_load(t, text, n, err)) {
        tokenizer_close(t);
        return NULL;
    }
    return t;
}

struct tokenizer *tokenizer_open(const char *dir, struct err *err)
{
    return make(dir, NULL, 0, err);
}

struct tokenizer *tokenizer_parse(const char *text, size_t n, const char *name, struct err *err)
{
    return make(name, text, n, err);
}

void tokenizer_close(struct tokenizer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->vocabulary; i++)
        free(t->token[i].text);
    free(t->token);
    literals_clear(&t->raw);
    literals_clear(&t->normalized);
    normal_steps_clear(&t->normal);
    cut_steps_clear(&t->cuts);
    token_model_clear(&t->model);
    decode_steps_clear(&t->decoder);
    free(t->dir);
    free(t);
}

/* A stretch of normalised text that holds no literal. */
static int encode_stretch(const struct tokenizer *t, const struct normalized *n, size_t from,
                          size_t to, struct tokenizer_scratch *s, struct pieces *out,
                          struct err *err)
{
    const struct normalized *text;
    const struct cut_list *words;
    if (t->bert_cuts)
        return wordpiece_encode(&t->model.wordpiece, n, from, to, out, err);
    if (cut_steps_apply(&t->cuts, n, from, to, &s->cuts, &text, &words, err))
        return -1;
    for (size_t i = 0; i < words->count; i++)
        if (token_model_encode(&t->model, text, words->list[i].from, words->list[i].to, out, err))
            return -1;
    return 0;
}

/* Ordinary text[from..to): normalise it, then look for the literals that are sought there. */
static int encode_text(const struct tokenizer *t, const char *text, size_t from, size_t to,
                       struct tokenizer_scratch *scratch, struct pieces *out, struct err *err)
{
    struct normalized *n;
    if (normal_steps_apply(&t->normal, text, from, to, &scratch->normal, &n, err))
        return -1;
    struct literal_search s = {.text = n->bytes, .n = n->length};
    while (literals_next(&t->normalized, &s)) {
        if (s.gap < s.start && encode_stretch(t, n, s.gap, s.start, scratch, out, err))
            return -1;
        if (pieces_reserve(out, 1, err))
            return -1;
        pieces_add(out, s.id, n->span[s.start].start, n->span[s.end - 1].end);
    }
    return s.gap < n->length ? encode_stretch(t, n, s.gap, n->length, scratch, out, err) : 0;
}

static int encode_pieces(const struct tokenizer *t, const char *text, size_t length,
                         struct tokenizer_scratch *scratch, struct pieces *out, struct err *err)
{
    if (length > UINT32_MAX / 4)
        return err_set(err, ERR_INPUT, "a text of %zu bytes is too long; the most is 1 GiB",
                       length);
    out->count = 0;
    struct literal_search s = {.text = text, .n = length};
    while (literals_next(&t->raw, &s)) {
        if (s.gap < s.start && encode_text(t, text, s.gap, s.start, scratch, out, err))
            return -1;
        if (pieces_reserve(out, 1, err))
            return -1;
        pieces_add(out, s.id, (uint32_t)s.start, (uint32_t)s.end);
    }
    return s.gap < length ? encode_text(t, text, s.gap, length, scratch, out, err) : 0;
}

bool tokenizer_gives_types(const struct tokenizer *t)
{
    return t->gives_types;
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

/* Characters of white space at an end of text[from..to). */
static uint32_t count_spaces(const char *text, size_t from, size_t to, bool left)
{
    uint32_t count = 0, code;
    for (size_t n; from < to; count++) {
        n = left ? unicode_decode(text + from, to - from, &code)
                 : unicode_decode_last(text + from, to - from, &code);
        if (!unicode_is_space(code) && code != BYTE_LEVEL_SPACE)
            break;
        from += left ? n : 0;
        to -= left ? 0 : n;
    }
    return count;
}

/* The place of a token without the spaces at its ends, which the token's text says; where a literal
 * took more of them, the text it was found in. One space alone at the start is the prefix space. */
static struct normalize_span trim(const struct tokenizer *t, const char *text, int32_t id,
                                  struct normalize_span span, bool first)
{
    const struct token *token = &t->token[id];
    uint32_t left = token->left, right = token->right, code;
    if (token->takes_left)
        left = count_spaces(text, span.start, span.end, true);
    if (token->takes_right)
        right = count_spaces(text, span.start, span.end, false);
    if (left == 1 && t->frames.trim.prefix_space && (first || !span.start))
        left = 0;
    for (; left && span.start < span.end; left--)
        span.start += (uint32_t)unicode_decode(text + span.start, span.end - span.start, &code);
    for (; right && span.start < span.end; right--)
        span.end -= (uint32_t)unicode_decode_last(text + span.start, span.end - span.start, &code);
    return span;
}

/* The special tokens around what stays of the texts. */
static void assemble(const struct tokenizer *t, const struct frame *f, const struct side side[2],
                     struct encoding *e)
{
    e->length = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct frame_item *item = &f->item[i];
        if (item->kind == FRAME_SPECIAL) {
            put_token(e, item->id, item->segment, (struct normalize_span){0, 0});
            continue;
        }
        const struct side *from = &side[item->kind == FRAME_PAIR];
        for (size_t k = from->first; k < from->first + from->count; k++) {
            int32_t id = from->pieces->id[k];
            struct normalize_span span = from->pieces->span[k];
            if (t->frames.trim.spaces)
                span = trim(t, from->text, id, span, k == from->first);
            put_token(e, id, item->segment, span);
        }
    }
}

int tokenizer_encode(const struct tokenizer *t, const char *text, size_t text_len, const char *pair,
                     size_t pair_len, size_t max_length, struct encoding *out, struct err *err)
{
    if (!out->scratch &&
        !(out->scratch = mem_alloc(1, sizeof *out->scratch, "a text's tokens", err)))
        return -1;
    struct tokenizer_scratch *s = out->scratch;
    const struct frame *f = pair ? &t->frames.pair : &t->frames.single;
    s->pair.count = 0;
    if (encode_pieces(t, text, text_len, s, &s->text, err) ||
        (pair && encode_pieces(t, pair, pair_len, s, &s->pair, err)))
        return -1;
    struct side side[2] = {{text, &s->text, 0, s->text.count}, {pair, &s->pair, 0, s->pair.count}};
    size_t full = f->specials + s->text.count + s->pair.count;
    if (max_length && full > max_length)
        truncate_longest(&side[0].count, &side[1].count,
                         max_length > f->specials ? max_length - f->specials : 0);
    for (int i = 0; t->cut_left && i < 2; i++)
        side[i].first = side[i].pieces->count - side[i].count;
    if (reserve_encoding(out, f->specials + side[0].count + side[1].count, err))
        return -1;
    assemble(t, f, side, out);
    out->full_length = full;
    return 0;
}

int tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t count, bool skip_special,
                     struct strbuf *out, struct err *err)
{
    struct decode_list tokens = {0};
    size_t begun = out->length;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        const char *text = tokenizer_token(t, ids[i]);
        if (text && !(skip_special && t->token[ids[i]].special))
            status = decode_list_add(&tokens, text, strlen(text), err);
    }
    if (!status)
        status = decode_steps_apply(&t->decoder, &tokens, out, err);
    /* Transformers leaves BPE alone here: its spaces are the text's own. */
    if (!status && t->clean_up && t->model.kind != TOKEN_MODEL_BPE && out->length > begun)
        out->length = begun + decode_clean_up(out->text + begun, out->length - begun, false);
    decode_list_clear(&tokens);
    return status;
}

const char *tokenizer_token(const struct tokenizer *t, int32_t id)
{
    return id >= 0 && (size_t)id < t->vocabulary ? t->token[id].text : NULL;
}

size_t tokenizer_vocabulary(const struct tokenizer *t)
{
    return t->vocabulary;
}

int tokenizer_export(const struct tokenizer *t, const char *dir, struct err *err)
{
    static const char *const names[] = {
        "tokenizer.json",  "tokenizer_config.json",   "vocab.txt",         "vocab.json",
        "merges.txt",      "special_tokens_map.json", "added_tokens.json", "spiece.model",
        "tokenizer.model", "sentencepiece.bpe.model"};
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
