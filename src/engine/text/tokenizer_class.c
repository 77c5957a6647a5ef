/* tokenizer_class.c - which of the files decides what, as AutoTokenizer of Transformers 5.23 has it.
 *
 * A tokenizer class of Transformers takes from tokenizer.json only the vocabulary, the added tokens
 * and, some of them, the post_processor; the rest of the pipeline it builds itself, from
 * tokenizer_config.json. These classes are rows of a table here, their pipelines in the language of
 * tokenizer.json. Any other class is a shell around tokenizer.json. config.json's model_type stands
 * in where no class is named, and overrules a few that are known to be named wrongly. One
 * difference is wanted: where tokenizer_config.json is silent on BERT's options, tokenizer.json
 * decides, while Transformers takes a default that lower-cases a cased model. */
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/text/tokenizer_source.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define BERT_NORMALIZER                                                                            \
    "{'type':'BertNormalizer','clean_text':$clean_text,"                                           \
    "'handle_chinese_chars':$tokenize_chinese_chars,'strip_accents':$strip_accents,"               \
    "'lowercase':$do_lower_case}"
#define BERT_PRE      "{'type':'BertPreTokenizer'}"
#define BERT_DECODER  "{'type':'WordPiece','prefix':'##','cleanup':true}"
#define BERT_POST     "{'type':'BertProcessing','cls':[$cls,$cls_id],'sep':[$sep,$sep_id]}"
#define BYTES         "{'type':'ByteLevel','add_prefix_space':$add_prefix_space,'use_regex':true}"
#define BYTES_DECODER "{'type':'ByteLevel'}"
#define ROBERTA_POST(trim, space)                                                                  \
    "{'type':'RobertaProcessing','cls':[$cls,$cls_id],'sep':[$sep,$sep_id],'trim_offsets':" trim   \
    ",'add_prefix_space':" space "}"
#define QWEN_PRE                                                                                   \
    "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':$qwen_pattern},"       \
    "'behavior':'Isolated'},{'type':'ByteLevel','add_prefix_space':$add_prefix_space,"             \
    "'use_regex':false}]}"
#define LLAMA_PRE                                                                                  \
    "{'type':'Metaspace','replacement':'\xe2\x96\x81','prepend_scheme':$llama_prepend,"            \
    "'split':false}"
#define LLAMA_DECODER                                                                              \
    "{'type':'Sequence','decoders':[{'type':'Replace','pattern':{'String':'\xe2\x96\x81'},"        \
    "'content':' '},{'type':'ByteFallback'},{'type':'Fuse'}$llama_strip]}"
#define BERT_SPECIALS                                                                              \
    {                                                                                              \
        "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]", NULL, NULL                                   \
    }
#define ROBERTA_SPECIALS                                                                           \
    {                                                                                              \
        "<unk>", "</s>", "<pad>", "<s>", "<mask>", "<s>", "</s>"                                   \
    }
#define END "<|endoftext|>"

static const struct tokenizer_class classes[] = {
    {"BertTokenizer", "WordPiece", NULL, BERT_NORMALIZER, BERT_PRE, BERT_DECODER, BERT_POST,
     BERT_SPECIALS, false, false},
    {"MPNetTokenizer",
     "WordPiece",
     NULL,
     BERT_NORMALIZER,
     BERT_PRE,
     BERT_DECODER,
     ROBERTA_POST("true", "false"),
     {"[UNK]", "</s>", "<pad>", "<s>", "<mask>", "<s>", "</s>"},
     true,
     true},
    {"RobertaTokenizer", "BPE", "{}", NULL, BYTES, BYTES_DECODER,
     ROBERTA_POST("$trim_offsets", "$add_prefix_space"), ROBERTA_SPECIALS, true, false},
    {"GPT2Tokenizer",
     "BPE",
     "{}",
     NULL,
     BYTES,
     BYTES_DECODER,
     NULL,
     {END, NULL, NULL, NULL, NULL, END, END},
     false,
     false},
    {"Qwen2Tokenizer",
     "BPE",
     "{}",
     "{'type':'NFC'}",
     QWEN_PRE,
     BYTES_DECODER,
     NULL,
     {END, NULL, END, NULL, NULL, NULL, END},
     false,
     false},
    {"LlamaTokenizer",
     "BPE",
     "{'fuse_unk':true,'byte_fallback':true}",
     NULL,
     LLAMA_PRE,
     LLAMA_DECODER,
     NULL,
     {"<unk>", NULL, NULL, NULL, NULL, "<s>", "</s>"},
     false,
     false},
};

/* Other names of these classes, "Fast" left out. */
static const char *const aliases[][2] = {
    {"DistilBertTokenizer", "BertTokenizer"}, {"ElectraTokenizer", "BertTokenizer"},
    {"MobileBertTokenizer", "BertTokenizer"}, {"ConvBertTokenizer", "BertTokenizer"},
    {"BartTokenizer", "RobertaTokenizer"},
};

/* What config.json's model_type stands for; `only`: whatever class is named. "" is the shell. */
static const struct {
    const char *model, *class;
    bool only;
} model_types[] = {
    {"bert", "BertTokenizer", false},
    {"distilbert", "BertTokenizer", false},
    {"electra", "BertTokenizer", false},
    {"mpnet", "MPNetTokenizer", false},
    {"roberta", "RobertaTokenizer", false},
    {"gpt2", "GPT2Tokenizer", false},
    {"qwen2", "Qwen2Tokenizer", true},
    {"qwen3", "Qwen2Tokenizer", false},
    {"modernbert", "", true},
};

static const char qwen_pattern[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static const char *const special_keys[SPECIALS] = {
    [SPECIAL_UNK] = "unk_token", [SPECIAL_SEP] = "sep_token",   [SPECIAL_PAD] = "pad_token",
    [SPECIAL_CLS] = "cls_token", [SPECIAL_MASK] = "mask_token", [SPECIAL_BOS] = "bos_token",
    [SPECIAL_EOS] = "eos_token"};

/* -- the class ---------------------------------------------------------------------------- */

/* Bytes of a class's name without "Fast". */
static size_t bare(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, "Fast") ? n - 4 : n;
}

static bool is_called(const char *name, const char *other)
{
    size_t n = bare(name);
    return strlen(other) == n && !memcmp(name, other, n);
}

static const struct tokenizer_class *find_class(const char *name)
{
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (is_called(name, aliases[i][0]))
            name = aliases[i][1];
    for (size_t i = 0; i < COUNT(classes); i++)
        if (is_called(name, classes[i].name))
            return &classes[i];
    return NULL;
}

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
    if (named && is_called(named, "LlamaTokenizer") && is_byte_level(s))
        return "";
    for (size_t i = 0; type && i < COUNT(model_types); i++)
        if (!strcmp(model_types[i].model, type) && (!named || model_types[i].only))
            return model_types[i].class;
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

int class_choose(struct source *s, struct err *err)
{
    const char *name = class_name(s);
    s->class = find_class(name);
    const char *type = model_type(source_member(s->json, "model"));
    if (s->class && s->json && *type && strcmp(s->class->model, type)) {
        name_specials(s);
        return source_unsupported(s, "for its class the model type", type, err);
    }
    if (!s->class && !s->json)
        return source_unsupported(s, "without a tokenizer.json the tokenizer_class", name, err);
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

static int put_special(const struct source *s, const char *name, struct strbuf *out,
                       struct err *err)
{
    int which = strncmp(name, "cls", 3) ? SPECIAL_SEP : SPECIAL_CLS;
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

static int put_name(const struct source *s, const char *name, struct strbuf *out, struct err *err)
{
    for (size_t i = 0; i < COUNT(options); i++)
        if (!strcmp(options[i].name, name))
            return put_option(s, i, out, err);
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
