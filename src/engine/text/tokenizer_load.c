/* tokenizer_load.c - a model directory's files to a tokenizer.
 *
 * tokenizer.json says everything, unless the class is one that Transformers builds by itself
 * (tokenizer_class.c); without it there is vocab.txt (WordPiece), vocab.json and merges.txt (BPE),
 * or a SentencePiece .model (tokenizer_spm.c). What a pipeline has that this program does not know is refused by name, never
 * approximated. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/text/byte_level.h"
#include "engine/text/tokenizer_source.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

const cJSON *source_member(const cJSON *o, const char *key)
{
    const cJSON *m = o ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
    return cJSON_IsNull(m) ? NULL : m;
}

const char *source_type(const cJSON *o)
{
    const char *type = cJSON_GetStringValue(source_member(o, "type"));
    return type ? type : "";
}

int source_name(struct source *s, const char *name, struct err *err)
{
    return file_join(s->where, sizeof s->where, s->t->dir, name, err);
}

int source_unsupported(const struct source *s, const char *what, const char *name, struct err *err)
{
    return frame_unsupported(s->where, what, name, err);
}

int source_name_token(struct source *s, const char *text, size_t n, int32_t id, struct err *err)
{
    struct tokenizer *t = s->t;
    size_t need = (size_t)id + 1;
    if (mem_grow(&t->token, &t->token_capacity, need, sizeof *t->token, "a vocabulary", err))
        return -1;
    while (t->vocabulary < need)
        t->token[t->vocabulary++] = (struct token){0};
    if (!t->token[id].text)
        t->token[id].text = mem_strndup(text, n, err);
    return t->token[id].text ? 0 : -1;
}

static int read_optional(struct source *s, const char *name, cJSON **out, struct err *err)
{
    if (source_name(s, name, err))
        return -1;
    if (!file_exists(s->where))
        return 0;
    *out = json_read(s->where, err);
    if (*out && !cJSON_IsObject(*out))
        return err_set(err, ERR_INPUT, "%.400s: not a JSON object", s->where);
    return *out ? 0 : -1;
}

/* A frame of ids that have no text would print as nothing: the file contradicts itself. */
static int check_frame(const struct source *s, const struct frame *f, struct err *err)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->item[i].kind == FRAME_SPECIAL && !tokenizer_token(s->t, f->item[i].id))
            return err_set(err, ERR_INPUT, "%.300s: post_processor uses id %d, which no token has",
                           s->where, (int)f->item[i].id);
    return 0;
}

static int read_pipeline(struct source *s, struct err *err)
{
    struct tokenizer *t = s->t;
    if (normal_steps_read(&t->normal, s->normalizer, s->where, err) ||
        cut_steps_read(&t->cuts, s->pre_tokenizer, s->where, err) ||
        decode_steps_read(&t->decoder, s->decoder, s->where, err) || added_read(s, err) ||
        source_name(s, s->json ? "tokenizer.json" : "the vocabulary", err) ||
        frames_read(&t->frames, s->post_processor, s->where, err) ||
        check_frame(s, &t->frames.single, err) || check_frame(s, &t->frames.pair, err))
        return -1;
    t->bert_cuts = t->model.kind == TOKEN_MODEL_WORDPIECE && t->cuts.count == 1 &&
                   t->cuts.step[0].kind == CUT_BERT;
    return 0;
}

/* tokenizer_config.json's truncation_side, else tokenizer.json's. */
static int read_options(struct source *s, struct err *err)
{
    const char *side, *direction;
    const cJSON *truncation = source_member(s->json, "truncation");
    if (json_string_or(truncation, "direction", "Right", &direction, s->where, err) ||
        source_name(s, "tokenizer_config.json", err) ||
        json_string_or(s->config, "truncation_side", strcmp(direction, "Left") ? "right" : "left",
                       &side, s->where, err) ||
        json_bool_or(s->config, "clean_up_tokenization_spaces", false, &s->t->clean_up, s->where,
                     err))
        return -1;
    s->t->cut_left = !strcmp(side, "left");
    if (!s->t->cut_left && strcmp(side, "right"))
        return source_unsupported(s, "the truncation_side", side, err);
    return 0;
}

/* Spaces at the ends of tokens, as the byte alphabet writes them. */
static void count_spaces(struct token *token)
{
    size_t n = token->text ? strlen(token->text) : 0;
    uint32_t code;
    for (size_t at = 0, k; at < n; at += k, token->left++) {
        k = unicode_decode(token->text + at, n - at, &code);
        if (code != BYTE_LEVEL_SPACE && !unicode_is_space(code))
            break;
    }
    for (size_t k; n; n -= k, token->right++) {
        k = unicode_decode_last(token->text, n, &code);
        if (code != BYTE_LEVEL_SPACE && !unicode_is_space(code))
            break;
    }
}

static int read_files(struct source *s, struct err *err)
{
    return read_optional(s, "special_tokens_map.json", &s->map, err) ||
           read_optional(s, "added_tokens.json", &s->added, err) ||
           read_optional(s, "config.json", &s->model, err) ||
           read_optional(s, "tokenizer_config.json", &s->config, err) ||
           read_optional(s, "tokenizer.json", &s->json, err) || class_choose(s, err);
}

static int read_all(struct source *s, const char *text, size_t n, struct err *err)
{
    if (text ? !(s->json = json_parse(text, n, s->t->dir, 1, err)) : read_files(s, err))
        return -1;
    if (spm_open(s, err) || class_build_options(s, err) || model_read(s, err) ||
        class_build(s, err) || read_pipeline(s, err))
        return -1;
    for (size_t i = 0; i < s->t->vocabulary; i++)
        count_spaces(&s->t->token[i]);
    return read_options(s, err);
}

int tokenizer_load(struct tokenizer *t, const char *text, size_t n, struct err *err)
{
    struct source s = {.t = t};
    int status = literals_init(&t->raw, err);
    if (!status)
        status = literals_init(&t->normalized, err);
    if (!status)
        status = read_all(&s, text, n, err);
    cJSON_Delete(s.json);
    cJSON_Delete(s.config);
    cJSON_Delete(s.map);
    cJSON_Delete(s.added);
    cJSON_Delete(s.model);
    sentencepiece_clear(&s.spm);
    for (size_t i = 0; i < sizeof s.built / sizeof s.built[0]; i++)
        cJSON_Delete(s.built[i]);
    return status;
}
