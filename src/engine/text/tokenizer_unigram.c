/* tokenizer_unigram.c - the pieces of a Unigram model, from tokenizer.json or a .model file. */
#include "engine/text/tokenizer_source.h"

#include <stdio.h>
#include <string.h>

static int add_piece(struct source *s, const char *text, size_t n, double score, struct err *err)
{
    struct unigram *u = &s->t->model.unigram;
    if (u->count > FRAME_ID_MAX)
        return err_set(err, ERR_INPUT, "%.300s: more than %d pieces", s->where, FRAME_ID_MAX + 1);
    if (source_name_token(s, text, n, (int32_t)u->count, err) ||
        unigram_add(u, text, n, score, err))
        return err_wrap(err, "%.300s", s->where);
    return 0;
}

/* [["<unk>", 0.0], ["a", -3.5], ...] */
static int read_json(struct source *s, struct err *err)
{
    const cJSON *vocabulary = source_member(source_member(s->json, "model"), "vocab");
    size_t bytes = 0;
    if (!cJSON_IsArray(vocabulary))
        return err_set(err, ERR_INPUT, "%.300s: model.vocab is not a list", s->where);
    for (const cJSON *p = vocabulary->child; p; p = p->next) {
        const char *text = cJSON_GetStringValue(p->child);
        bytes += text ? strlen(text) : 0;
    }
    if (unigram_init(&s->t->model.unigram, bytes, err))
        return -1;
    for (const cJSON *p = vocabulary->child; p; p = p->next) {
        const char *text = cJSON_GetStringValue(p->child);
        const cJSON *score = text ? p->child->next : NULL;
        if (!cJSON_IsArray(p) || !cJSON_IsNumber(score) || score->next)
            return err_set(err, ERR_INPUT, "%.300s: piece %zu is not a text and its score",
                           s->where, s->t->model.unigram.count);
        if (add_piece(s, text, strlen(text), score->valuedouble, err))
            return -1;
    }
    return 0;
}

static int add_special(struct source *s, enum special which, struct err *err)
{
    const char *text = s->special[which] ? s->special[which] : s->class->special[which];
    return add_piece(s, text, strlen(text), 0, err);
}

/* The pieces as they stand, but for fairseq's first and last, and T5's extra ids behind them. */
static int read_spm(struct source *s, struct err *err)
{
    static const enum special first[] = {SPECIAL_BOS, SPECIAL_PAD, SPECIAL_EOS, SPECIAL_UNK};
    bool fairseq = s->class->fairseq;
    size_t bytes = 0, extra = 0;
    for (size_t i = 0; i < s->spm.count; i++)
        bytes += s->spm.piece[i].length;
    if (unigram_init(&s->t->model.unigram, bytes, err) || spm_extra_ids(s, &extra, err))
        return -1;
    for (size_t i = 0; fairseq && i < sizeof first / sizeof first[0]; i++)
        if (add_special(s, first[i], err))
            return -1;
    for (size_t i = fairseq ? 3 : 0; i < s->spm.count; i++) {
        const struct sentencepiece_piece *p = &s->spm.piece[i];
        if (add_piece(s, p->text, p->length, (double)p->score, err))
            return -1;
    }
    while (extra--) {
        char name[40];
        int n = snprintf(name, sizeof name, "<extra_id_%zu>", extra);
        if (add_piece(s, name, (size_t)n, 0, err))
            return -1;
    }
    return fairseq ? add_special(s, SPECIAL_MASK, err) : 0;
}

int unigram_read(struct source *s, struct err *err)
{
    const cJSON *unknown = source_member(s->options, "unk_id");
    int32_t id = -1;
    bool bytes;
    s->t->model.kind = TOKEN_MODEL_UNIGRAM;
    if (s->spm.count ? read_spm(s, err) : read_json(s, err))
        return -1;
    if ((unknown && frame_read_id(unknown, "unk_id", s->where, &id, err)) ||
        json_bool_or(s->options, "byte_fallback", false, &bytes, s->where, err))
        return -1;
    if (unigram_finish(&s->t->model.unigram, id, bytes, err))
        return err_wrap(err, "%.300s", s->where);
    return 0;
}
