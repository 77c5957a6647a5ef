/* tokenizer_classes.c - the tokenizer classes that Transformers 5.23 builds by itself.
 *
 * A row a class: the model its vocabulary is for and its pipeline, in the language of
 * tokenizer.json with ' for " and $name for what tokenizer_class.c fills in. */
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

#define UNDERLINE "\xe2\x96\x81" /* what SentencePiece writes for a space */
#define SPM_PRE                                                                                    \
    "{'type':'Sequence','pretokenizers':[{'type':'WhitespaceSplit'},{'type':'Metaspace',"          \
    "'replacement':'" UNDERLINE "','prepend_scheme':$spm_prepend,'split':true}]}"
#define SPM_DECODER                                                                                \
    "{'type':'Metaspace','replacement':'" UNDERLINE "','prepend_scheme':$spm_prepend,"             \
    "'split':true}"
#define SPM_ALWAYS_PRE                                                                             \
    "{'type':'Sequence','pretokenizers':[{'type':'WhitespaceSplit'},{'type':'Metaspace',"          \
    "'replacement':'" UNDERLINE "','prepend_scheme':'always','split':true}]}"
#define SPM_ALWAYS_DECODER                                                                         \
    "{'type':'Metaspace','replacement':'" UNDERLINE "','prepend_scheme':'always','split':true}"
#define SPM_QUOTES                                                                                 \
    "{'type':'Replace','pattern':{'String':'``'},'content':'\\u0022'},"                            \
    "{'type':'Replace','pattern':{'String':'\\u0027\\u0027'},'content':'\\u0022'}"
#define STEPS(list)      "{'type':'Sequence','normalizers':[" list "]}"
#define UNIGRAM(unknown) "{'unk_id':" unknown ",'byte_fallback':false}"

/* Templates, of the names that tokenizer_class.c fills in. */
#define SPECIAL(name, type) "{'SpecialToken':{'id':$" name ",'type_id':" type "}}"
#define SEQUENCE(id, type)  "{'Sequence':{'id':'" id "','type_id':" type "}}"
#define KNOWN(name)         "$" name ":{'id':$" name ",'ids':[$" name "_id],'tokens':[$" name "]}"
#define TEMPLATE(single, pair, known)                                                              \
    "{'type':'TemplateProcessing','single':[" single "],'pair':[" pair                             \
    "],'special_tokens':{" known "}}"
#define T5_POST                                                                                    \
    TEMPLATE(                                                                                      \
        SEQUENCE("A", "0") "," SPECIAL("eos", "0"),                                                \
        SEQUENCE("A", "0") "," SPECIAL("eos", "0") "," SEQUENCE("B", "0") "," SPECIAL("eos", "0"), \
        KNOWN("eos"))
#define XLNET_POST                                                                                 \
    TEMPLATE(SEQUENCE("A", "0") "," SPECIAL("sep", "0") "," SPECIAL("cls", "2"),                   \
             SEQUENCE("A", "0") "," SPECIAL("sep", "0") "," SEQUENCE("B", "1") "," SPECIAL(        \
                 "sep", "1") "," SPECIAL("cls", "2"),                                              \
             KNOWN("sep") "," KNOWN("cls"))
#define XLMR_POST                                                                                  \
    TEMPLATE(SPECIAL("bos", "0") "," SEQUENCE("A", "0") "," SPECIAL("eos", "0"),                   \
             SPECIAL("bos", "0") "," SEQUENCE("A", "0") "," SPECIAL("eos", "0") "," SPECIAL(       \
                 "eos", "0") "," SEQUENCE("B", "0") "," SPECIAL("eos", "0"),                       \
             KNOWN("bos") "," KNOWN("eos"))

static const struct tokenizer_class classes[] = {
    {.name = "BertTokenizer",
     .model = "WordPiece",
     .normalizer = BERT_NORMALIZER,
     .pre_tokenizer = BERT_PRE,
     .decoder = BERT_DECODER,
     .post_processor = BERT_POST,
     .special = BERT_SPECIALS},
    {.name = "MPNetTokenizer",
     .model = "WordPiece",
     .normalizer = BERT_NORMALIZER,
     .pre_tokenizer = BERT_PRE,
     .decoder = BERT_DECODER,
     .post_processor = ROBERTA_POST("true", "false"),
     .special = {"[UNK]", "</s>", "<pad>", "<s>", "<mask>", "<s>", "</s>"},
     .own_post = true,
     .mask = MASK_SPACE},
    {.name = "RobertaTokenizer",
     .model = "BPE",
     .options = "{}",
     .pre_tokenizer = BYTES,
     .decoder = BYTES_DECODER,
     .post_processor = ROBERTA_POST("$trim_offsets", "$add_prefix_space"),
     .special = ROBERTA_SPECIALS,
     .own_post = true},
    {.name = "GPT2Tokenizer",
     .model = "BPE",
     .options = "{}",
     .pre_tokenizer = BYTES,
     .decoder = BYTES_DECODER,
     .special = {END, NULL, NULL, NULL, NULL, END, END}},
    {.name = "Qwen2Tokenizer",
     .model = "BPE",
     .options = "{}",
     .normalizer = "{'type':'NFC'}",
     .pre_tokenizer = QWEN_PRE,
     .decoder = BYTES_DECODER,
     .special = {END, NULL, END, NULL, NULL, NULL, END}},
    {.name = "LlamaTokenizer",
     .model = "BPE",
     .file = "tokenizer.model",
     .options = "{'fuse_unk':true,'byte_fallback':true}",
     .pre_tokenizer = LLAMA_PRE,
     .decoder = LLAMA_DECODER,
     .post_processor = "$llama_post",
     .special = {"<unk>", NULL, NULL, NULL, NULL, "<s>", "</s>"}},
    {.name = "T5Tokenizer",
     .model = "Unigram",
     .file = "spiece.model",
     .options = UNIGRAM("2"),
     .normalizer = STEPS("$charsmap"),
     .pre_tokenizer = SPM_ALWAYS_PRE,
     .decoder = SPM_ALWAYS_DECODER,
     .post_processor = T5_POST,
     .special = {"<unk>", NULL, "<pad>", NULL, NULL, NULL, "</s>"},
     .own_post = true,
     .extra_ids = true},
    {.name = "XLNetTokenizer",
     .model = "Unigram",
     .file = "spiece.model",
     .options = UNIGRAM("$unknown"),
     .normalizer = STEPS(SPM_QUOTES ",{'type':'NFKD'},{'type':'StripAccents'}$lower_if$charsmap"),
     .pre_tokenizer = SPM_ALWAYS_PRE,
     .decoder = SPM_ALWAYS_DECODER,
     .post_processor = XLNET_POST,
     .special = {"<unk>", "<sep>", "<pad>", "<cls>", "<mask>", "<s>", "</s>"},
     .extra = {"<eop>", "<eod>"},
     .own_post = true,
     .mask = MASK_SPACE_NORMALIZED},
    {.name = "AlbertTokenizer",
     .model = "Unigram",
     .file = "spiece.model",
     .options = UNIGRAM("1"),
     .normalizer = STEPS(SPM_QUOTES "$accents$lower_unless$charsmap"),
     .pre_tokenizer = SPM_PRE,
     .decoder = SPM_DECODER,
     .post_processor = BERT_POST,
     .special = {"<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]", "[CLS]", "[SEP]"}},
    {.name = "XLMRobertaTokenizer",
     .model = "Unigram",
     .file = "sentencepiece.bpe.model",
     .options = UNIGRAM("3"),
     .normalizer = STEPS("$charsmap"),
     .pre_tokenizer = SPM_PRE,
     .decoder = SPM_DECODER,
     .post_processor = XLMR_POST,
     .special = ROBERTA_SPECIALS,
     .own_post = true,
     .fairseq = true},
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
    {"bert", "BertTokenizer", false},       {"distilbert", "BertTokenizer", false},
    {"electra", "BertTokenizer", false},    {"mpnet", "MPNetTokenizer", false},
    {"roberta", "RobertaTokenizer", false}, {"gpt2", "GPT2Tokenizer", false},
    {"qwen2", "Qwen2Tokenizer", true},      {"qwen3", "Qwen2Tokenizer", false},
    {"albert", "AlbertTokenizer", false},   {"xlm-roberta", "XLMRobertaTokenizer", false},
    {"xlnet", "XLNetTokenizer", false},     {"t5", "T5Tokenizer", false},
    {"mt5", "T5Tokenizer", false},          {"modernbert", "", true},
};

/* Bytes of a class's name without "Fast". */
static size_t bare(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, "Fast") ? n - 4 : n;
}

bool class_is_called(const char *name, const char *other)
{
    size_t n = bare(name);
    return strlen(other) == n && !memcmp(name, other, n);
}

/* The others' model_input_names lack token_type_ids, ALBERT's and XLNet's too, whatever their
 * templates say; so do those of a tokenizer.json without a class. */
bool class_gives_types(const char *name)
{
    static const char *const names[] = {"BertTokenizer", "ElectraTokenizer", "MobileBertTokenizer",
                                        "ConvBertTokenizer"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (class_is_called(name, names[i]))
            return true;
    return false;
}

bool class_is_foreign(const char *name)
{
    static const char *const names[] = {"BarthezTokenizer",
                                        "BartphoTokenizer",
                                        "BertGenerationTokenizer",
                                        "BertJapaneseTokenizer",
                                        "BertweetTokenizer",
                                        "BigBirdTokenizer",
                                        "BioGptTokenizer",
                                        "BlenderbotSmallTokenizer",
                                        "BlenderbotTokenizer",
                                        "ByT5Tokenizer",
                                        "CLIPTokenizer",
                                        "CTRLTokenizer",
                                        "CamembertTokenizer",
                                        "CanineTokenizer",
                                        "ClvpTokenizer",
                                        "CodeLlamaTokenizer",
                                        "CohereTokenizer",
                                        "CpmAntTokenizer",
                                        "CpmTokenizer",
                                        "DebertaTokenizer",
                                        "DebertaV2Tokenizer",
                                        "EsmTokenizer",
                                        "EsmcTokenizer",
                                        "FSMTTokenizer",
                                        "FlaubertTokenizer",
                                        "FunnelTokenizer",
                                        "GPTNeoXJapaneseTokenizer",
                                        "GPTNeoXTokenizer",
                                        "GPTSw3Tokenizer",
                                        "GemmaTokenizer",
                                        "HerbertTokenizer",
                                        "LEDTokenizer",
                                        "LasrTokenizer",
                                        "LayoutLMv2Tokenizer",
                                        "LayoutLMv3Tokenizer",
                                        "LayoutXLMTokenizer",
                                        "LukeTokenizer",
                                        "LxmertTokenizer",
                                        "M2M100Tokenizer",
                                        "MBart50Tokenizer",
                                        "MBartTokenizer",
                                        "MLukeTokenizer",
                                        "MarianTokenizer",
                                        "MarkupLMTokenizer",
                                        "MgpstrTokenizer",
                                        "MvpTokenizer",
                                        "MyT5Tokenizer",
                                        "NllbTokenizer",
                                        "NougatTokenizer",
                                        "OpenAIGPTTokenizer",
                                        "PLBartTokenizer",
                                        "PegasusTokenizer",
                                        "PerceiverTokenizer",
                                        "PhobertTokenizer",
                                        "ProphetNetTokenizer",
                                        "Qwen3_5Tokenizer",
                                        "ReformerTokenizer",
                                        "RemBertTokenizer",
                                        "RoCBertTokenizer",
                                        "RoFormerTokenizer",
                                        "SeamlessM4TTokenizer",
                                        "Siglip2Tokenizer",
                                        "SiglipTokenizer",
                                        "SplinterTokenizer",
                                        "TapasTokenizer",
                                        "UdopTokenizer",
                                        "WhisperTokenizer",
                                        "XGLMTokenizer",
                                        "XLMTokenizer"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (class_is_called(name, names[i]))
            return true;
    return false;
}

const struct tokenizer_class *class_find(const char *name)
{
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (class_is_called(name, aliases[i][0]))
            name = aliases[i][1];
    for (size_t i = 0; i < COUNT(classes); i++)
        if (class_is_called(name, classes[i].name))
            return &classes[i];
    return NULL;
}

const char *class_of_type(const char *model_type, bool named)
{
    for (size_t i = 0; model_type && i < COUNT(model_types); i++)
        if (!strcmp(model_types[i].model, model_type) && (!named || model_types[i].only))
            return model_types[i].class;
    return NULL;
}

void class_list(char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT(classes) && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%s", i ? ", " : "", classes[i].name);
}
