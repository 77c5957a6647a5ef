/* tokenizer_model.c - a vocabulary, from tokenizer.json or from vocab.txt or vocab.json and
 * merges.txt, into the model that uses it; Unigram and .model files have files of their own. */
#include "engine/base/file.h"
#include "engine/text/tokenizer_source.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* Files from before the key "type" are told by what else they have. */
const char *model_type(const cJSON *model)
{
    if (*source_type(model) || !model)
        return source_type(model);
    if (source_member(model, "merges"))
        return "BPE";
    if (cJSON_IsArray(source_member(model, "vocab")))
        return "Unigram";
    return source_member(model, "continuing_subword_prefix") ? "WordPiece" : "";
}

int model_add_token(struct source *s, const char *text, size_t n, int32_t id, struct err *err)
{
    struct token_model *m = &s->t->model;
    if (source_name_token(s, text, n, id, err) ||
        (m->kind == TOKEN_MODEL_BPE ? bpe_add(&m->bpe, text, n, id, err)
                                    : wordpiece_add(&m->wordpiece, text, n, id, err)))
        return err_wrap(err, "%.300s", s->where);
    return 0;
}

/* {"hello": 31373, ...} */
static int add_object(struct source *s, const cJSON *words, struct err *err)
{
    for (const cJSON *w = words->child; w; w = w->next) {
        int32_t id;
        if (frame_read_id(w, w->string, s->where, &id, err) ||
            model_add_token(s, w->string, strlen(w->string), id, err))
            return -1;
    }
    return 0;
}

static int check_object(const struct source *s, const cJSON *words, size_t *bytes, struct err *err)
{
    if (!cJSON_IsObject(words))
        return err_set(err, ERR_INPUT, "%.300s: model.vocab is not an object", s->where);
    *bytes = 0;
    for (const cJSON *w = words->child; w; w = w->next)
        *bytes += strlen(w->string);
    return 0;
}

/* -- WordPiece ----------------------------------------------------------------------------- */

static int init_wordpiece(struct source *s, size_t bytes, struct err *err)
{
    const cJSON *o = s->json ? source_member(s->json, "model") : NULL;
    const char *prefix;
    double most;
    if (json_string_or(o, "continuing_subword_prefix", "##", &prefix, s->where, err) ||
        json_number_or(o, "max_input_chars_per_word", 100, &most, s->where, err))
        return -1;
    if (strlen(prefix) >= sizeof s->t->model.wordpiece.prefix)
        return source_unsupported(s, "the continuing_subword_prefix", prefix, err);
    if (!(most >= 0 && most <= UINT32_MAX))
        return err_set(err, ERR_INPUT, "%.300s: max_input_chars_per_word is not a count", s->where);
    if (wordpiece_init(&s->t->model.wordpiece, prefix, (size_t)most, bytes, err))
        return -1;
    const cJSON *pre = s->json && !s->class ? source_member(s->json, "pre_tokenizer") : NULL;
    s->t->model.wordpiece.whole_words = !s->class && strcmp(source_type(pre), "BertPreTokenizer");
    return 0;
}

static int find_unknown(struct source *s, struct err *err)
{
    const char *text;
    const cJSON *o = s->json ? source_member(s->json, "model") : NULL;
    const char *dflt = s->json || !s->special[SPECIAL_UNK] ? "[UNK]" : s->special[SPECIAL_UNK];
    if (json_string_or(o, "unk_token", dflt, &text, s->where, err))
        return -1;
    s->t->model.wordpiece.unknown = wordpiece_find(&s->t->model.wordpiece, text, strlen(text));
    if (s->t->model.wordpiece.unknown < 0)
        return err_set(err, ERR_INPUT, "%.300s: the vocabulary lacks the unk_token '%.60s'",
                       s->where, text);
    return 0;
}

/* One token a line, its id the line's number from 0. */
static int read_lines(struct source *s, struct err *err)
{
    size_t size;
    char *text = file_read(s->where, &size, err);
    if (!text)
        return -1;
    int32_t id = 0;
    int status = init_wordpiece(s, size, err);
    for (char *p = text, *end = text + size; p < end && !status; id++) {
        char *line_end = memchr(p, '\n', (size_t)(end - p));
        char *next = line_end ? line_end + 1 : end;
        size_t n = (size_t)((line_end ? line_end : end) - p);
        if (n && p[n - 1] == '\r')
            n--;
        if (id == FRAME_ID_MAX || memchr(p, '\0', n) || !unicode_valid(p, n))
            status =
                err_set(err, ERR_INPUT, "%.300s:%d: not a line of UTF-8 text", s->where, id + 1);
        else
            status = model_add_token(s, p, n, id, err);
        p = next;
    }
    free(text);
    return status;
}

static int read_wordpiece(struct source *s, struct err *err)
{
    size_t bytes;
    s->t->model.kind = TOKEN_MODEL_WORDPIECE;
    if (!s->json)
        return read_lines(s, err) || find_unknown(s, err) ? -1 : 0;
    const cJSON *words = source_member(source_member(s->json, "model"), "vocab");
    if (check_object(s, words, &bytes, err) || init_wordpiece(s, bytes, err) ||
        add_object(s, words, err))
        return -1;
    return find_unknown(s, err);
}

/* -- BPE ----------------------------------------------------------------------------------- */

/* "left right" */
static int add_merge(struct source *s, const char *text, size_t n, struct err *err)
{
    const char *space = memchr(text, ' ', n);
    size_t left = space ? (size_t)(space - text) : 0;
    if (!space || memchr(space + 1, ' ', n - left - 1))
        return err_set(err, ERR_INPUT, "%.300s: merge %u is not two tokens: '%.*s'", s->where,
                       (unsigned)s->t->model.bpe.merges, (int)(n < 60 ? n : 60), text);
    if (bpe_add_merge(&s->t->model.bpe, text, left, space + 1, n - left - 1, err))
        return err_wrap(err, "%.300s", s->where);
    return 0;
}

/* ["left right", ...] or [["left", "right"], ...] */
static int add_merges(struct source *s, const cJSON *merges, struct err *err)
{
    for (const cJSON *m = merges ? merges->child : NULL; m; m = m->next) {
        const char *text = cJSON_GetStringValue(m);
        if (text && add_merge(s, text, strlen(text), err))
            return -1;
        if (text)
            continue;
        const char *left = cJSON_GetStringValue(cJSON_GetArrayItem(m, 0));
        const char *right = cJSON_GetStringValue(cJSON_GetArrayItem(m, 1));
        if (!left || !right || cJSON_GetArraySize(m) != 2)
            return err_set(err, ERR_INPUT, "%.300s: merge %u is not two tokens", s->where,
                           (unsigned)s->t->model.bpe.merges);
        if (bpe_add_merge(&s->t->model.bpe, left, strlen(left), right, strlen(right), err))
            return err_wrap(err, "%.300s", s->where);
    }
    return 0;
}

/* One a line, in order; a line "#version: ..." is none. */
static int read_merge_lines(struct source *s, const char *text, size_t size, struct err *err)
{
    for (const char *p = text, *end = text + size, *next; p < end; p = next) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        next = line_end ? line_end + 1 : end;
        size_t n = (size_t)((line_end ? line_end : end) - p);
        n -= n && p[n - 1] == '\r';
        if ((n < 8 || memcmp(p, "#version", 8)) && add_merge(s, p, n, err))
            return -1;
    }
    return 0;
}

static int read_affix(const struct source *s, const char *key, char *out, struct err *err)
{
    const char *text;
    if (json_string_or(s->options, key, "", &text, s->where, err))
        return -1;
    if (strlen(text) >= BPE_AFFIX_MAX)
        return source_unsupported(s, key, text, err);
    strcpy(out, text);
    return 0;
}

int model_init_bpe(struct source *s, size_t bytes, size_t merges, struct err *err)
{
    struct bpe *b = &s->t->model.bpe;
    double dropout;
    if (json_number_or(s->options, "dropout", 0, &dropout, s->where, err))
        return -1;
    if (dropout != 0)
        return source_unsupported(s, "a model with", "dropout", err);
    if (bpe_init(b, bytes, merges, err) ||
        read_affix(s, "continuing_subword_prefix", b->prefix, err) ||
        read_affix(s, "end_of_word_suffix", b->suffix, err) ||
        json_bool_or(s->options, "fuse_unk", false, &b->fuse_unknown, s->where, err) ||
        json_bool_or(s->options, "byte_fallback", false, &b->byte_fallback, s->where, err))
        return -1;
    return json_bool_or(s->options, "ignore_merges", false, &b->ignore_merges, s->where, err);
}

int model_finish_bpe(struct source *s, struct err *err)
{
    const char *text;
    struct bpe *b = &s->t->model.bpe;
    if (json_string_or(s->options, "unk_token", "", &text, s->where, err))
        return -1;
    b->unknown = bpe_find(b, text, strlen(text));
    if (*text && b->unknown < 0)
        return err_set(err, ERR_INPUT, "%.300s: the vocabulary lacks the unk_token '%.60s'",
                       s->where, text);
    bpe_finish(b);
    return 0;
}

/* vocab.json and merges.txt. */
static int read_bpe_files(struct source *s, struct err *err)
{
    size_t bytes, size, lines = 1;
    cJSON *words = json_read(s->where, err);
    if (!words || check_object(s, words, &bytes, err)) {
        cJSON_Delete(words);
        return -1;
    }
    int status = source_name(s, "merges.txt", err);
    char *text = status ? NULL : file_read(s->where, &size, err);
    for (size_t i = 0; text && i < size; i++)
        lines += text[i] == '\n';
    if (!text || source_name(s, "vocab.json", err) || model_init_bpe(s, bytes, lines, err) ||
        add_object(s, words, err) || source_name(s, "merges.txt", err) ||
        read_merge_lines(s, text, size, err) || source_name(s, "vocab.json", err))
        status = -1;
    free(text);
    cJSON_Delete(words);
    return status ? -1 : model_finish_bpe(s, err);
}

static int read_bpe(struct source *s, struct err *err)
{
    s->t->model.kind = TOKEN_MODEL_BPE;
    if (s->spm.count)
        return spm_read_bpe(s, err);
    if (!s->json)
        return read_bpe_files(s, err);
    const cJSON *model = source_member(s->json, "model"), *words = source_member(model, "vocab");
    const cJSON *merges = source_member(model, "merges");
    size_t bytes;
    if (check_object(s, words, &bytes, err) ||
        model_init_bpe(s, bytes, (size_t)cJSON_GetArraySize(merges), err) ||
        add_object(s, words, err) || add_merges(s, merges, err))
        return -1;
    return model_finish_bpe(s, err);
}

/* Nothing to read. A SentencePiece model may be there, of which only a class says what it is. */
static int miss_tokenizer(struct source *s, const char *file, struct err *err)
{
    static const char *const models[] = {"tokenizer.model", "spiece.model",
                                         "sentencepiece.bpe.model"};
    for (size_t i = 0; i < sizeof models / sizeof models[0] && !s->class->file; i++) {
        if (!source_name(s, models[i], NULL) && file_exists(s->where))
            return err_set(err, ERR_INPUT,
                           "%.300s: what %s is for is not said; name its tokenizer_class in "
                           "tokenizer_config.json, or add a tokenizer.json",
                           s->t->dir, models[i]);
    }
    return err_set(err, ERR_INPUT, "no tokenizer in '%.300s': it needs tokenizer.json or %s",
                   s->t->dir, file);
}

int model_read(struct source *s, struct err *err)
{
    static const struct {
        const char *type, *file;
        int (*read)(struct source *s, struct err *err);
    } kinds[] = {{"WordPiece", "vocab.txt", read_wordpiece},
                 {"BPE", "vocab.json", read_bpe},
                 {"Unigram", NULL, unigram_read}};
    const char *type = s->json ? model_type(source_member(s->json, "model")) : s->class->model;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        if (s->spm.count) /* s->where is the .model */
            return kinds[i].read(s, err);
        const char *file = s->class && s->class->file ? s->class->file : kinds[i].file;
        if (source_name(s, s->json ? "tokenizer.json" : file, err))
            return -1;
        if (!s->json && !file_exists(s->where))
            return miss_tokenizer(s, file, err);
        return kinds[i].read(s, err);
    }
    return source_unsupported(s, "the model type", type, err);
}
