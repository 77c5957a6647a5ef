/* tokenizer_class.c - which of the files decides what, as AutoTokenizer of Transformers 5.23 has it.
 *
 * A tokenizer class of Transformers takes from tokenizer.json only the vocabulary, the added tokens
 * and, some of them, the post_processor; the rest of the pipeline it builds itself, from
 * tokenizer_config.json. These classes are the rows of tokenizer_classes.c. Any other class is a shell around tokenizer.json. config.json's model_type stands
 * in where no class is named, and overrules a few that are known to be named wrongly. One
 * difference is wanted: where tokenizer_config.json is silent on BERT's options, tokenizer.json
 * decides, while Transformers takes a default that lower-cases a cased model. */
#include "engine/base/base64.h"
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/text/tokenizer_source.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char qwen_pattern[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static const char *const special_keys[SPECIALS] = {
    [SPECIAL_UNK] = "unk_token", [SPECIAL_SEP] = "sep_token",   [SPECIAL_PAD] = "pad_token",
    [SPECIAL_CLS] = "cls_token", [SPECIAL_MASK] = "mask_token", [SPECIAL_BOS] = "bos_token",
    [SPECIAL_EOS] = "eos_token"};

/* -- the class ---------------------------------------------------------------------------- */

/* True when any "type" in the tree has this value. */
static bool has_type(const cJSON *o, const char *type)
{
    for (const cJSON *i = o ? o->child : NULL; i; i = i->next)
        if ((i->string && !strcmp(i->string, "type") && cJSON_IsString(i) &&
             !strcmp(i->valuestring, type)) ||
            ((cJSON_IsObject(i) || cJSON_IsArray(i)) && has_type(i, type)))
            return true;
    return false;
}

/* The directory names no class and no type of model: the files must show it. */
static const char *guess(const struct source *s)
{
    const cJSON *normalizer = source_member(s->json, "normalizer");
    bool bert = (!normalizer || !strcmp(source_type(normalizer), "BertNormalizer")) &&
                !strcmp(source_type(source_member(s->json, "pre_tokenizer")), "BertPreTokenizer");
    char vocabulary[4096];
    if (s->json)
        return bert ? "BertTokenizer" : "";
    if (file_join(vocabulary, sizeof vocabulary, s->t->dir, "vocab.json", NULL))
        return "BertTokenizer";
    return file_exists(vocabulary) ? "GPT2Tokenizer" : "BertTokenizer";
}

/* A LlamaTokenizer whose tokenizer.json is byte-level is Llama 3's, which has no class. */
static bool is_byte_level(const struct source *s)
{
    return has_type(source_member(s->json, "pre_tokenizer"), "ByteLevel") ||
           has_type(source_member(s->json, "decoder"), "ByteLevel");
}

static const char *class_name(const struct source *s)
{
    const char *named = cJSON_GetStringValue(source_member(s->config, "tokenizer_class"));
    const char *type = cJSON_GetStringValue(source_member(s->model, "model_type"));
    if (!named)
        named = cJSON_GetStringValue(source_member(s->model, "tokenizer_class"));
    if (named && class_is_called(named, "LlamaTokenizer") && is_byte_level(s))
        return "";
    const char *stands = class_of_type(type, named != NULL);
    if (stands)
        return stands;
    return named ? named : type && s->json ? "" : guess(s);
}

/* A special token's text: a string, or an object with "content". */
static const char *special_text(const cJSON *o, const char *key, const cJSON **object)
{
    const cJSON *m = source_member(o, key);
    *object = cJSON_IsObject(m) ? m : NULL;
    return cJSON_GetStringValue(*object ? source_member(m, "content") : m);
}

/* Names of the special tokens: special_tokens_map.json, which Transformers reads only where
 * tokenizer_config.json has no added_tokens_decoder, then tokenizer_config.json, then the class's.
 */
static void name_specials(struct source *s)
{
    const cJSON *map = source_member(s->config, "added_tokens_decoder") ? NULL : s->map;
    for (int i = 0; i < SPECIALS; i++) {
        const char *text = special_text(map, special_keys[i], &s->special_object[i]);
        if (!text)
            text = special_text(s->config, special_keys[i], &s->special_object[i]);
        bool said =
            s->config && cJSON_HasObjectItem(s->config, special_keys[i]); /* null, perhaps */
        if (!text && !said && s->class)
            text = s->class->special[i];
        s->special[i] = text;
    }
}

/* tokenizer_config.json may list what a model is given. */
static int choose_inputs(struct source *s, const char *name, struct err *err)
{
    const cJSON *inputs = source_member(s->config, "model_input_names"), *input;
    s->t->gives_types = !inputs && class_gives_types(name);
    if (inputs && !cJSON_IsArray(inputs))
        return err_set(err, ERR_INPUT,
                       "%.300s/tokenizer_config.json: \"model_input_names\" is not a list",
                       s->t->dir);
    cJSON_ArrayForEach(input, inputs)
    {
        if (!cJSON_IsString(input))
            return err_set(
                err, ERR_INPUT,
                "%.300s/tokenizer_config.json: \"model_input_names\" has an element that "
                "is no string",
                s->t->dir);
        s->t->gives_types |= !strcmp(input->valuestring, "token_type_ids");
    }
    return 0;
}

int class_choose(struct source *s, struct err *err)
{
    const char *name = class_name(s);
    s->class = class_find(name);
    if (choose_inputs(s, name, err))
        return -1;
    const char *type = model_type(source_member(s->json, "model"));
    if (s->class && s->json && *type && strcmp(s->class->model, type)) {
        name_specials(s);
        return source_unsupported(s, "for its class the model type", type, err);
    }
    if (!s->class && (!s->json || class_is_foreign(name))) {
        char known[512];
        class_list(known, sizeof known);
        return err_set(
            err, ERR_UNSUPPORTED,
            "%.300s: %s the tokenizer_class '%.60s' is not supported; those that are: %s",
            s->t->dir, s->json ? "even with a tokenizer.json" : "without a tokenizer.json", name,
            known);
    }
    name_specials(s);
    return 0;
}

/* -- its pipeline ------------------------------------------------------------------------- */

/* An option that is true or false: its default, and BERT's name for it in tokenizer.json. */
static const struct {
    const char *name, *dflt, *in_file;
} options[] = {
    {"clean_text", "true", "clean_text"},
    {"tokenize_chinese_chars", "true", "handle_chinese_chars"},
    {"strip_accents", "null", "strip_accents"},
    {"do_lower_case", "true", "lowercase"},
    {"add_prefix_space", "false", NULL},
    {"trim_offsets", "true", NULL},
};

/* A truth value, or null, as JSON writes it; NULL when it is absent, "" when it is something else.
 */
static const char *truth(const cJSON *o, const char *key)
{
    const cJSON *m = o && key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
    if (!m)
        return NULL;
    return cJSON_IsNull(m) ? "null" : cJSON_IsBool(m) ? (cJSON_IsTrue(m) ? "true" : "false") : "";
}

static int put_option(const struct source *s, size_t i, struct strbuf *out, struct err *err)
{
    const char *value = i ? truth(s->config, options[i].name) : NULL;
    const cJSON *file = source_member(s->json, "normalizer");
    if (value && !strcmp(value, "null") && strcmp(options[i].dflt, "null"))
        value = NULL;
    if (value && !*value)
        return err_set(err, ERR_INPUT, "%.300s: \"%s\" is neither true nor false", s->where,
                       options[i].name);
    if (!value && !strcmp(source_type(file), "BertNormalizer"))
        value = truth(file, options[i].in_file);
    else if (!value && s->json && !file && options[i].in_file)
        value = "false"; /* "normalizer": null does nothing */
    if (value && !*value)
        return err_set(err, ERR_INPUT, "%.300s: the normalizer's \"%s\" is neither true nor false",
                       s->where, options[i].in_file);
    strbuf_puts(out, value ? value : options[i].dflt);
    return 0;
}

static void put_string(const char *text, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_string(&w, text);
}

/* Llama: the option's absence is true, and `legacy` says where the space is put. */
static void put_llama(const struct source *s, const char *name, struct strbuf *out)
{
    const char *value = truth(s->config, "add_prefix_space");
    const char *legacy = truth(s->config, "legacy");
    bool add = !value || strcmp(value, "false"), old = legacy && !strcmp(legacy, "true");
    if (!strcmp(name, "llama_prepend"))
        put_string(!add ? "never" : old ? "always" : "first", out);
    else if (add)
        strbuf_puts(out, ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}");
}

/* A further element of a list of steps. */
static void put_step(const char *step, struct strbuf *out)
{
    if (out->length && out->text[out->length - 1] != '[')
        strbuf_puts(out, ",");
    strbuf_puts(out, step);
}

/* The charsmap of the .model, or the first of tokenizer.json: alone or in a flat sequence. */
static int put_charsmap(const struct source *s, struct strbuf *out, struct err *err)
{
    const cJSON *normalizer = source_member(s->json, "normalizer");
    const cJSON *step = normalizer, *text = NULL;
    struct strbuf bytes = {0};
    if (!strcmp(source_type(normalizer), "Sequence")) {
        const cJSON *list = source_member(normalizer, "normalizers");
        step = list ? list->child : NULL;
    }
    for (; step && !text; step = step == normalizer ? NULL : step->next)
        if (!strcmp(source_type(step), "Precompiled"))
            text = source_member(step, "precompiled_charsmap");
    if (s->spm.charsmap_size)
        base64_encode(&bytes, s->spm.charsmap, s->spm.charsmap_size);
    else if (cJSON_IsString(text))
        strbuf_puts(&bytes, text->valuestring);
    if (bytes.length) {
        put_step("{\"type\":\"Precompiled\",\"precompiled_charsmap\":", out);
        put_string(bytes.text, out);
        strbuf_puts(out, "}");
    }
    int status =
        bytes.failed ? err_set(err, ERR_NOMEM, "out of memory for a tokenizer's charsmap") : 0;
    strbuf_clear(&bytes);
    return status;
}

/* An option of tokenizer_config.json that adds or changes a step. */
static int put_choice(const struct source *s, const char *name, struct strbuf *out, struct err *err)
{
    static const char lower[] = "{\"type\":\"Lowercase\"}";
    static const struct {
        const char *name, *key;
        bool dflt;
        const char *step[2]; /* when the option is false, and true */
    } choices[] = {
        {"accents", "keep_accents", false, {"{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}", ""}},
        {"lower_if", "do_lower_case", false, {"", lower}},
        {"lower_unless", "do_lower_case", true, {"", lower}},
        {"spm_prepend", "add_prefix_space", true, {"\"never\"", "\"always\""}},
    };
    for (size_t i = 0; i < COUNT(choices); i++) {
        bool on;
        if (strcmp(choices[i].name, name))
            continue;
        if (json_bool_or(s->config, choices[i].key, choices[i].dflt, &on, "tokenizer_config.json",
                         err))
            return -1;
        const char *step = choices[i].step[on];
        if (*step == '{')
            put_step(step, out);
        else
            strbuf_puts(out, step);
        return 0;
    }
    return 1;
}

/* XLNet's unknown piece: the .model's own, else what tokenizer_config.json says, else 0. */
static int put_unknown(const struct source *s, struct strbuf *out, struct err *err)
{
    double id = s->spm.id[SENTENCEPIECE_UNK];
    if (!s->spm.count && json_number_or(s->config, "unk_id", 0, &id, "tokenizer_config.json", err))
        return -1;
    if (id < 0)
        strbuf_puts(out, "null");
    else
        json_double(&(struct json_writer){.out = out}, id);
    return 0;
}

static int put_special(const struct source *s, const char *name, struct strbuf *out,
                       struct err *err)
{
    static const struct {
        const char *name;
        enum special which;
    } names[] = {
        {"cls", SPECIAL_CLS}, {"sep", SPECIAL_SEP}, {"bos", SPECIAL_BOS}, {"eos", SPECIAL_EOS}};
    enum special which = SPECIAL_UNK;
    for (size_t i = 0; i < COUNT(names); i++)
        if (!strncmp(names[i].name, name, 3))
            which = names[i].which;
    const char *text = s->special[which] ? s->special[which] : "";
    if (!name[3]) {
        put_string(text, out);
        return 0;
    }
    int32_t id = token_model_find(&s->t->model, text, strlen(text));
    if (id < 0)
        return err_set(err, ERR_INPUT, "%.300s: the vocabulary lacks the %s '%.60s'", s->where,
                       special_keys[which], text);
    strbuf_printf(out, "%d", (int)id);
    return 0;
}

static int put_frame_part(const struct source *s, const char *name, bool wanted, const char *type,
                          struct strbuf *out, struct err *err)
{
    char id[8];
    if (!wanted)
        return 0;
    put_step("{\"SpecialToken\":{\"id\":", out);
    snprintf(id, sizeof id, "%s", name);
    if (put_special(s, id, out, err))
        return -1;
    strbuf_printf(out, ",\"type_id\":%s}}", type);
    return 0;
}

/* Llama from a .model: beginning and end are put around each text where add_bos_token and
 * add_eos_token want them. With a tokenizer.json that has no post_processor nothing is. */
static int put_llama_post(const struct source *s, struct strbuf *out, struct err *err)
{
    bool add[2] = {false, false};
    static const char *const keys[] = {"add_bos_token", "add_eos_token"};
    static const char *const names[] = {"bos", "eos"};
    static const char *const lists[] = {"\"single\":[", "],\"pair\":["};
    for (int i = 0; i < 2 && s->spm.count; i++) {
        if (json_bool_or(s->config, keys[i], false, &add[i], "tokenizer_config.json", err))
            return -1;
        add[i] = add[i] && s->special[i ? SPECIAL_EOS : SPECIAL_BOS];
    }
    if (!add[0] && !add[1]) {
        strbuf_puts(out, "null");
        return 0;
    }
    strbuf_puts(out, "{\"type\":\"TemplateProcessing\",");
    for (int pair = 0; pair < 2; pair++) {
        strbuf_puts(out, lists[pair]);
        for (int text = 0; text <= pair; text++) {
            const char *type = text ? "1" : "0";
            if (put_frame_part(s, "bos", add[0], type, out, err))
                return -1;
            put_step("{\"Sequence\":{\"id\":", out);
            strbuf_printf(out, "\"%s\",\"type_id\":%s}}", text ? "B" : "A", type);
            if (put_frame_part(s, "eos", add[1], type, out, err))
                return -1;
        }
    }
    strbuf_puts(out, "],\"special_tokens\":{");
    for (int i = 0, many = 0; i < 2; i++) {
        char id[8];
        if (!add[i])
            continue;
        strbuf_puts(out, many++ ? "," : "");
        snprintf(id, sizeof id, "%s_id", names[i]);
        if (put_special(s, names[i], out, err))
            return -1;
        strbuf_puts(out, ":{\"ids\":[");
        if (put_special(s, id, out, err))
            return -1;
        strbuf_puts(out, "]}");
    }
    strbuf_puts(out, "}}");
    return 0;
}

static int put_name(const struct source *s, const char *name, struct strbuf *out, struct err *err)
{
    for (size_t i = 0; i < COUNT(options); i++)
        if (!strcmp(options[i].name, name))
            return put_option(s, i, out, err);
    int status = put_choice(s, name, out, err);
    if (status <= 0)
        return status;
    if (!strcmp(name, "charsmap"))
        return put_charsmap(s, out, err);
    if (!strcmp(name, "unknown"))
        return put_unknown(s, out, err);
    if (!strcmp(name, "llama_post"))
        return put_llama_post(s, out, err);
    if (!strcmp(name, "qwen_pattern"))
        put_string(qwen_pattern, out);
    else if (!strncmp(name, "llama", 5))
        put_llama(s, name, out);
    else
        return put_special(s, name, out, err);
    return 0;
}

/* A row's text with its names filled in, as JSON. */
static int fill_in(const struct source *s, const char *text, cJSON **out, struct err *err)
{
    struct strbuf b = {0};
    int status = 0;
    while (*text && !status) {
        if (*text == '$') {
            char name[32];
            size_t n = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");
            snprintf(name, sizeof name, "%.*s", (int)n, text + 1);
            status = put_name(s, name, &b, err);
            text += n + 1;
        } else {
            strbuf_add(&b, *text == '\'' ? "\"" : text, 1);
            text++;
        }
    }
    if (!status && b.failed)
        status = err_set(err, ERR_NOMEM, "out of memory for a tokenizer");
    if (!status && !(*out = json_parse(b.text, b.length, s->where, 1, err)))
        status = -1;
    strbuf_clear(&b);
    return status;
}

int class_build_options(struct source *s, struct err *err)
{
    s->options = source_member(s->json, "model");
    if (!s->class || !s->class->options)
        return 0;
    s->options = NULL;
    if (fill_in(s, s->class->options, &s->built[0], err))
        return -1;
    s->options = s->built[0];
    return 0;
}

int class_build(struct source *s, struct err *err)
{
    const struct tokenizer_class *c = s->class;
    const cJSON *post = source_member(s->json, "post_processor");
    struct {
        const char *text;
        const cJSON **part;
        const char *key;
        bool file; /* without a text, the file's part holds */
    } parts[] = {
        {c ? c->normalizer : NULL, &s->normalizer, "normalizer", !c},
        {c ? c->pre_tokenizer : NULL, &s->pre_tokenizer, "pre_tokenizer", !c},
        {c ? c->decoder : NULL, &s->decoder, "decoder", !c},
        {c && (c->own_post || !post) ? c->post_processor : NULL, &s->post_processor,
         "post_processor", true},
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (parts[i].text && fill_in(s, parts[i].text, &s->built[i + 1], err))
            return -1;
        *parts[i].part = parts[i].text   ? s->built[i + 1]
                         : parts[i].file ? source_member(s->json, parts[i].key)
                                         : NULL;
    }
    return 0;
}
