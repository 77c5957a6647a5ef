/* tokenizer_spm.c - a SentencePiece .model in the place of a tokenizer.json.
 *
 * The class, not the file, says whether its pieces are those of a Unigram or of a BPE; the file
 * gives pieces, scores and the charsmap. A BPE needs merges, which the file does not have: every
 * way to write a piece as two others, in the order of the pieces. */
#include "engine/base/file.h"
#include "engine/text/tokenizer_source.h"
#include "engine/text/unicode.h"

#include <string.h>

/* Bytes of a piece that may be joined from others, and of extra ids: a hostile file must not make
 * the search for merges long. */
#define JOINED_MAX 512
#define EXTRA_MAX  65536

/* tokenizer.model, if it is there, comes before the class's own file, as in Transformers. */
int spm_open(struct source *s, struct err *err)
{
    if (s->json || !s->class || !s->class->file)
        return 0;
    const char *const names[] = {"tokenizer.model", s->class->file};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (source_name(s, names[i], err))
            return -1;
        if (file_exists(s->where))
            return sentencepiece_read(&s->spm, s->where, err);
    }
    return 0;
}

int spm_extra_ids(const struct source *s, size_t *count, struct err *err)
{
    double n = 100;
    *count = 0;
    if (!s->class || !s->class->extra_ids)
        return 0;
    if (json_number_or(s->config, "extra_ids", 100, &n, s->where, err))
        return -1;
    if (!(n >= 0 && n <= EXTRA_MAX) || n != (double)(size_t)n)
        return err_set(err, ERR_INPUT, "%.300s: extra_ids is not a whole number up to %d", s->where,
                       EXTRA_MAX);
    *count = (size_t)n;
    return 0;
}

/* The places where piece `i` is two pieces, counted, and added when `add`. */
static int split_piece(struct source *s, const struct trie *known, size_t i, bool add,
                       size_t *merges, struct err *err)
{
    const char *text = s->spm.piece[i].text;
    size_t n = s->spm.piece[i].length;
    uint32_t code;
    if (n > JOINED_MAX)
        return err_set(err, ERR_INPUT, "%.300s: piece %zu has %zu bytes; the most is %d", s->where,
                       i, n, JOINED_MAX);
    for (size_t at = unicode_decode(text, n, &code); at < n;
         at += unicode_decode(text + at, n - at, &code)) {
        if (trie_find(known, TRIE_ROOT, text, at) == TRIE_NONE ||
            trie_find(known, TRIE_ROOT, text + at, n - at) == TRIE_NONE)
            continue;
        ++*merges;
        if (add && bpe_add_merge(&s->t->model.bpe, text, at, text + at, n - at, err))
            return err_wrap(err, "%.300s", s->where);
    }
    return 0;
}

static int read_bpe(struct source *s, struct trie *known, size_t bytes, struct err *err)
{
    const struct sentencepiece *spm = &s->spm;
    size_t merges = 0, again = 0;
    for (size_t i = 0; i < spm->count; i++)
        if (trie_add(known, TRIE_ROOT, spm->piece[i].text, spm->piece[i].length, (int32_t)i, err))
            return -1;
    for (size_t i = 0; i < spm->count; i++)
        if (split_piece(s, known, i, false, &merges, err))
            return -1;
    if (model_init_bpe(s, bytes, merges, err))
        return -1;
    for (size_t i = 0; i < spm->count; i++)
        if (model_add_token(s, spm->piece[i].text, spm->piece[i].length, (int32_t)i, err))
            return -1;
    for (size_t i = 0; i < spm->count; i++)
        if (split_piece(s, known, i, true, &again, err))
            return -1;
    return model_finish_bpe(s, err);
}

int spm_read_bpe(struct source *s, struct err *err)
{
    struct trie known = {0};
    size_t bytes = 0;
    for (size_t i = 0; i < s->spm.count; i++)
        bytes += s->spm.piece[i].length;
    int status = trie_init(&known, bytes, err);
    if (!status)
        status = read_bpe(s, &known, bytes, err);
    trie_clear(&known);
    return status;
}
