/* tokenizer_load.c - a model directory's files to a tokenizer.
 *
 * tokenizer.json says everything; without it vocab.txt gives the words and BERT's defaults the
 * rest. tokenizer_config.json comes on top, as AutoTokenizer has it: for BERT's own classes its
 * do_lower_case, strip_accents and tokenize_chinese_chars win over the normaliser of
 * tokenizer.json, and its special tokens are found in texts; for the class that is only a shell
 * around tokenizer.json they do not. One difference is wanted: where tokenizer_config.json is
 * silent, tokenizer.json decides, while Transformers takes BERT's default and lower-cases a cased
 * model. What a pipeline has that is not BERT's is refused by name, never approximated. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/text/unicode.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The special tokens that have names, in the order of tokenizer_config.json's usual keys. */
enum special { UNK, SEP, PAD, CLS, MASK, SPECIALS };
static const struct {
    const char *key, *text;
} specials[SPECIALS] = {
    [UNK] = {"unk_token", "[UNK]"},    [SEP] = {"sep_token", "[SEP]"},
    [PAD] = {"pad_token", "[PAD]"},    [CLS] = {"cls_token", "[CLS]"},
    [MASK] = {"mask_token", "[MASK]"},
};

/* The files while they are read. Absent ones are NULL. */
struct source {
    struct tokenizer *t;
    cJSON *json, *config, *map; /* tokenizer.json, tokenizer_config.json, special_tokens_map.json */
    const char *special[SPECIALS]; /* found in texts; NULL where nothing names one */
    const char *unknown;           /* the model's own, which need not be among them */
    bool bert;                     /* the class is BERT's own, or none is named */
    char where[4096 + 32];         /* the file being read, for messages */
};

static int unsupported(const struct source *s, const char *what, const char *name, struct err *err)
{
    return frame_unsupported(s->where, what, name, err);
}

/* Point `where` at a file of the directory. */
static int name_file(struct source *s, const char *name, struct err *err)
{
    return file_join(s->where, sizeof s->where, s->t->dir, name, err);
}

static int read_optional(struct source *s, const char *name, cJSON **out, struct err *err)
{
    if (name_file(s, name, err))
        return -1;
    if (!file_exists(s->where))
        return 0;
    *out = json_read(s->where, err);
    if (*out && !cJSON_IsObject(*out))
        return err_set(err, ERR_INPUT, "%.400s: not a JSON object", s->where);
    return *out ? 0 : -1;
}

/* The member, NULL when it is absent or null. cJSON_GetObjectItem would ignore case. */
static const cJSON *member(const cJSON *o, const char *key)
{
    const cJSON *m = o ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
    return cJSON_IsNull(m) ? NULL : m;
}

static const char *type_of(const cJSON *o)
{
    const char *type = cJSON_GetStringValue(member(o, "type"));
    return type ? type : "";
}

/* -- words ------------------------------------------------------------------------------- */

/* Remember the text of an id; the first one stays. */
static int name_token(struct source *s, const char *text, size_t n, int32_t id, struct err *err)
{
    struct tokenizer *t = s->t;
    size_t need = (size_t)id + 1;
    if (mem_grow(&t->token, &t->token_capacity, need, sizeof *t->token, "a vocabulary", err))
        return -1;
    while (t->vocabulary < need)
        t->token[t->vocabulary++] = NULL;
    if (!t->token[id])
        t->token[id] = mem_strndup(text, n, err);
    return t->token[id] ? 0 : -1;
}

static int add_word(struct source *s, const char *text, size_t n, int32_t id, struct err *err)
{
    if (name_token(s, text, n, id, err) || wordpiece_add(&s->t->words, text, n, id, err))
        return err_wrap(err, "%.300s", s->where);
    return 0;
}

static int read_id(const struct source *s, const cJSON *number, const char *token, int32_t *id,
                   struct err *err)
{
    return frame_read_id(number, token, s->where, id, err);
}

/* Files from before the key "type" are told by what else they have. */
static const char *model_type(const cJSON *model)
{
    if (*type_of(model) || !model)
        return type_of(model);
    if (member(model, "merges"))
        return "BPE";
    if (cJSON_IsArray(member(model, "vocab")))
        return "Unigram";
    return member(model, "continuing_subword_prefix") ? "WordPiece" : "";
}

static int read_model(struct source *s, struct err *err)
{
    const cJSON *model = member(s->json, "model"), *words = member(model, "vocab");
    if (strcmp(model_type(model), "WordPiece"))
        return unsupported(s, "the model type", model_type(model), err);
    if (!cJSON_IsObject(words))
        return err_set(err, ERR_INPUT, "%.300s: model.vocab is not an object", s->where);
    const char *prefix;
    double most;
    if (json_string_or(model, "continuing_subword_prefix", "##", &prefix, s->where, err) ||
        json_string_or(model, "unk_token", "[UNK]", &s->unknown, s->where, err) ||
        json_number_or(model, "max_input_chars_per_word", 100, &most, s->where, err))
        return -1;
    if (strlen(prefix) >= sizeof s->t->words.prefix)
        return unsupported(s, "the continuing_subword_prefix", prefix, err);
    if (!(most >= 0 && most <= UINT32_MAX))
        return err_set(err, ERR_INPUT, "%.300s: max_input_chars_per_word is not a count", s->where);
    size_t bytes = 0;
    for (const cJSON *w = words->child; w; w = w->next)
        bytes += strlen(w->string);
    if (wordpiece_init(&s->t->words, prefix, (size_t)most, bytes, err))
        return -1;
    for (const cJSON *w = words->child; w; w = w->next) {
        int32_t id;
        if (read_id(s, w, w->string, &id, err) ||
            add_word(s, w->string, strlen(w->string), id, err))
            return -1;
    }
    return 0;
}

/* One token a line, its id the line's number from 0. */
static int read_vocabulary(struct source *s, struct err *err)
{
    size_t size;
    char *text = file_read(s->where, &size, err);
    if (!text)
        return -1;
    int32_t id = 0;
    int status = wordpiece_init(&s->t->words, "##", 100, size, err);
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
            status = add_word(s, p, n, id, err);
        p = next;
    }
    free(text);
    return status;
}

/* -- options ----------------------------------------------------------------------------- */

/* Classes that Transformers builds from vocab.txt in BERT's way, "Fast" left out. */
static const char *const bert_classes[] = {"BertTokenizer", "DistilBertTokenizer",
                                           "ElectraTokenizer", "MobileBertTokenizer",
                                           "ConvBertTokenizer"};

static int read_class(struct source *s, struct err *err)
{
    const char *class = cJSON_GetStringValue(member(s->config, "tokenizer_class"));
    size_t n = class ? strlen(class) : 0;
    if (n > 4 && !strcmp(class + n - 4, "Fast"))
        n -= 4;
    s->bert = !class;
    for (size_t i = 0; i < sizeof bert_classes / sizeof bert_classes[0]; i++)
        if (class && strlen(bert_classes[i]) == n && !memcmp(bert_classes[i], class, n))
            s->bert = true;
    if (!s->bert && !s->json)
        return unsupported(s, "the tokenizer_class", class, err);
    return 0;
}

/* strip_accents has a third value, null: as lowercase says. */
static int read_tristate(const struct source *s, const cJSON *o, const char *key, int *value,
                         struct err *err)
{
    if (!o || !cJSON_GetObjectItemCaseSensitive(o, key))
        return 0;
    bool set;
    if (json_bool_or(o, key, false, &set, s->where, err))
        return -1;
    *value = member(o, key) ? set : -1;
    return 0;
}

static int read_normalizer(struct source *s, struct err *err)
{
    struct normalizer *n = &s->t->normalizer;
    const cJSON *o = member(s->json, "normalizer"), *config = s->bert ? s->config : NULL;
    const cJSON *pre = member(s->json, "pre_tokenizer");
    bool dflt = !s->json || o; /* "normalizer": null does nothing */
    int strip = dflt ? -1 : 0;
    if (o && strcmp(type_of(o), "BertNormalizer"))
        return unsupported(s, "the normalizer", type_of(o), err);
    if (s->json && strcmp(type_of(pre), "BertPreTokenizer"))
        return unsupported(s, "the pre_tokenizer", type_of(pre), err);
    if (json_bool_or(o, "clean_text", dflt, &n->clean_text, s->where, err) ||
        json_bool_or(o, "handle_chinese_chars", dflt, &n->handle_chinese_chars, s->where, err) ||
        json_bool_or(o, "lowercase", dflt, &n->lowercase, s->where, err) ||
        read_tristate(s, o, "strip_accents", &strip, err))
        return -1;
    if (name_file(s, "tokenizer_config.json", err) ||
        json_bool_or(config, "do_lower_case", n->lowercase, &n->lowercase, s->where, err) ||
        json_bool_or(config, "tokenize_chinese_chars", n->handle_chinese_chars,
                     &n->handle_chinese_chars, s->where, err) ||
        read_tristate(s, config, "strip_accents", &strip, err))
        return -1;
    n->strip_accents = strip < 0 ? n->lowercase : strip;
    normalize_prepare(n);
    return 0;
}

/* -- tokens found in texts as they stand --------------------------------------------------- */

static int add_named_literal(struct source *s, struct literals *to, const char *text, size_t n,
                             struct literal literal, struct err *err)
{
    return name_token(s, text, n, literal.id, err) || literals_add(to, text, n, literal, err) ? -1
                                                                                              : 0;
}

/* One that is normalised is also called by its normalised text, as `tokenizers` calls it. */
static int add_literal(struct source *s, const char *text, struct literal literal, bool normalized,
                       struct err *err)
{
    struct tokenizer *t = s->t;
    if (!normalized)
        return add_named_literal(s, &t->raw, text, strlen(text), literal, err);
    struct normalized n = {0};
    int status = normalize_text(&t->normalizer, text, 0, strlen(text), &n, err);
    if (!status)
        status = add_named_literal(s, &t->normalized, n.bytes, n.length, literal, err);
    normalized_clear(&n);
    return status;
}

/* An entry of added_tokens or added_tokens_decoder: {"content", "lstrip", ...}. */
static int read_added_token(struct source *s, const cJSON *o, int32_t id, struct err *err)
{
    const char *text;
    bool normalized, special;
    struct literal literal = {.id = id};
    if (json_get_string(o, "content", &text, s->where, err) ||
        json_bool_or(o, "special", false, &special, s->where, err) ||
        json_bool_or(o, "normalized", !special, &normalized, s->where, err) ||
        json_bool_or(o, "lstrip", false, &literal.left, s->where, err) ||
        json_bool_or(o, "rstrip", false, &literal.right, s->where, err) ||
        json_bool_or(o, "single_word", false, &literal.single_word, s->where, err))
        return -1;
    return add_literal(s, text, literal, normalized, err);
}

/* tokenizer.json's added_tokens, unless tokenizer_config.json has its own, which replace them. */
static int read_added_tokens(struct source *s, struct err *err)
{
    const cJSON *decoder = s->bert || !s->json ? member(s->config, "added_tokens_decoder") : NULL;
    const cJSON *list = decoder ? decoder : member(s->json, "added_tokens");
    if (name_file(s, decoder ? "tokenizer_config.json" : "tokenizer.json", err))
        return -1;
    for (const cJSON *o = list ? list->child : NULL; o; o = o->next) {
        int32_t id;
        cJSON key = {.type = cJSON_Number};
        const cJSON *number = decoder ? &key : member(o, "id");
        if (decoder) {
            key.valuedouble = o->string ? strtod(o->string, NULL) : -1;
            key.valueint =
                key.valuedouble >= 0 && key.valuedouble <= FRAME_ID_MAX ? (int)key.valuedouble : -1;
        }
        if (read_id(s, number, "an added token", &id, err) || read_added_token(s, o, id, err))
            return -1;
    }
    return 0;
}

/* A special token's text: a string, or an object with "content". */
static const char *special_text(const cJSON *o, const char *key)
{
    const cJSON *m = member(o, key);
    return cJSON_GetStringValue(cJSON_IsObject(m) ? member(m, "content") : m);
}

/* Names of the special tokens: special_tokens_map.json, which Transformers reads only where
 * tokenizer_config.json has no added_tokens_decoder, then tokenizer_config.json, then BERT's. */
static void name_specials(struct source *s)
{
    const cJSON *map = member(s->config, "added_tokens_decoder") ? NULL : s->map;
    for (int i = 0; i < SPECIALS; i++) {
        const char *text = special_text(map, specials[i].key);
        if (!text)
            text = special_text(s->config, specials[i].key);
        if (!text && s->bert)
            text = specials[i].text;
        s->special[i] = text;
    }
    if (!s->unknown)
        s->unknown = s->special[UNK];
}

static bool is_literal(const struct tokenizer *t, const char *text)
{
    int32_t index;
    size_t n = strlen(text);
    return trie_longest(&t->raw.trie, TRIE_ROOT, text, n, &index) == n;
}

/* Special tokens are found in texts even where no list of added tokens has them. Those that the
 * vocabulary lacks have no row in the model's embedding, and are left out. */
static int add_specials(struct source *s, struct err *err)
{
    for (int i = 0; i < SPECIALS; i++) {
        const char *text = s->special[i];
        int32_t id = text ? wordpiece_find(&s->t->words, text, strlen(text)) : -1;
        if (id >= 0 && !is_literal(s->t, text) &&
            add_literal(s, text, (struct literal){.id = id}, false, err))
            return -1;
    }
    return 0;
}

/* -- the frame --------------------------------------------------------------------------- */

static int require_token(const struct source *s, enum special which, const char *text, int32_t *id,
                         struct err *err)
{
    *id = wordpiece_find(&s->t->words, text, strlen(text));
    if (*id < 0)
        return err_set(err, ERR_INPUT, "%.300s: the vocabulary lacks the %s '%.60s'", s->where,
                       specials[which].key, text);
    return 0;
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

static int read_frame(struct source *s, struct err *err)
{
    const cJSON *post = member(s->json, "post_processor");
    if (!post && s->bert) {
        int32_t cls, sep;
        if (require_token(s, CLS, s->special[CLS], &cls, err) ||
            require_token(s, SEP, s->special[SEP], &sep, err))
            return -1;
        frame_make_bert(&s->t->single, &s->t->pair, cls, sep);
    } else if (frame_read(&s->t->single, &s->t->pair, post, s->where, err)) {
        return -1;
    }
    return check_frame(s, &s->t->single, err) || check_frame(s, &s->t->pair, err) ? -1 : 0;
}

static int read_all(struct source *s, struct err *err)
{
    if (read_optional(s, "special_tokens_map.json", &s->map, err) ||
        read_optional(s, "tokenizer.json", &s->json, err) ||
        read_optional(s, "tokenizer_config.json", &s->config, err) || read_class(s, err))
        return -1;
    const char *main_file = s->json ? "tokenizer.json" : "vocab.txt";
    if (name_file(s, main_file, err))
        return -1;
    if (!s->json && !file_exists(s->where))
        return err_set(err, ERR_INPUT,
                       "no tokenizer in '%.300s': it needs tokenizer.json or vocab.txt", s->t->dir);
    if (s->json ? read_model(s, err) : read_vocabulary(s, err))
        return -1;
    name_specials(s);
    if (require_token(s, UNK, s->unknown, &s->t->words.unknown, err) || read_normalizer(s, err) ||
        read_added_tokens(s, err) || add_specials(s, err) || name_file(s, main_file, err))
        return -1;
    return read_frame(s, err);
}

int tokenizer_load(struct tokenizer *t, struct err *err)
{
    struct source s = {.t = t};
    int status = literals_init(&t->raw, err);
    if (!status)
        status = literals_init(&t->normalized, err);
    if (!status)
        status = read_all(&s, err);
    cJSON_Delete(s.json);
    cJSON_Delete(s.config);
    cJSON_Delete(s.map);
    return status;
}
