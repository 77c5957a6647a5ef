/* cut_steps_read.c - tokenizer.json's pre_tokenizer to a list of steps. */
#include "engine/text/cut_steps.h"
#include "engine/text/frame.h"
#include "engine/text/unicode.h"

#include <string.h>

/* GPT-2's: contractions, letters, numbers and other characters with at most one space before, and
 * white space, whose last character is left to what follows. */
static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static const struct {
    const char *name;
    int value;
} behaviors[] = {{"Removed", CUT_REMOVED},
                 {"Isolated", CUT_ISOLATED},
                 {"Contiguous", CUT_CONTIGUOUS},
                 {"MergedWithPrevious", CUT_WITH_PREVIOUS},
                 {"MergedWithNext", CUT_WITH_NEXT}},
  prepends[] = {{"never", CUT_NEVER}, {"first", CUT_FIRST}, {"always", CUT_ALWAYS}};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int read_behavior(struct cut_step *step, const cJSON *o, const char *dflt, const char *where,
                         struct err *err)
{
    const char *name;
    if (json_string_or(o, "behavior", dflt, &name, where, err))
        return -1;
    for (size_t i = 0; i < COUNT(behaviors); i++)
        if (!strcmp(behaviors[i].name, name)) {
            step->behavior = (enum cut_behavior)behaviors[i].value;
            return 0;
        }
    return frame_unsupported(where, "the behavior", name, err);
}

static int read_space(struct cut_step *step, const cJSON *o, const char *where, struct err *err)
{
    (void)o, (void)where, (void)err;
    step->behavior = CUT_REMOVED;
    return 0;
}

static int read_byte_level(struct cut_step *step, const cJSON *o, const char *where,
                           struct err *err)
{
    step->behavior = CUT_ISOLATED;
    if (json_bool_or(o, "add_prefix_space", true, &step->add_prefix_space, where, err) ||
        json_bool_or(o, "use_regex", true, &step->use_regex, where, err))
        return -1;
    return step->use_regex ? regex_compile(&step->pattern, gpt2_pattern, where, err) : 0;
}

static int read_metaspace(struct cut_step *step, const cJSON *o, const char *where, struct err *err)
{
    const char *replacement, *prepend;
    bool add;
    uint32_t code;
    /* add_prefix_space is what files from before prepend_scheme have. */
    if (json_string_or(o, "replacement", "\xe2\x96\x81", &replacement, where, err) ||
        json_bool_or(o, "add_prefix_space", true, &add, where, err) ||
        json_string_or(o, "prepend_scheme", add ? "always" : "never", &prepend, where, err) ||
        json_bool_or(o, "split", true, &step->split, where, err))
        return -1;
    size_t n = strlen(replacement);
    if (!n || n >= sizeof step->replacement || unicode_decode(replacement, n, &code) != n)
        return err_set(err, ERR_INPUT, "%.300s: Metaspace's replacement is not one character",
                       where);
    memcpy(step->replacement, replacement, n + 1);
    for (size_t i = 0; i < COUNT(prepends); i++)
        if (!strcmp(prepends[i].name, prepend)) {
            step->prepend = (enum cut_prepend)prepends[i].value;
            return 0;
        }
    return frame_unsupported(where, "the prepend_scheme", prepend, err);
}

static int read_pattern(struct cut_step *step, const cJSON *o, const char *where, struct err *err)
{
    if (read_behavior(step, o, "", where, err) ||
        json_bool_or(o, "invert", false, &step->invert, where, err))
        return -1;
    return regex_read(&step->pattern, cJSON_GetObjectItemCaseSensitive(o, "pattern"), where, err);
}

static int read_punctuation(struct cut_step *step, const cJSON *o, const char *where,
                            struct err *err)
{
    return read_behavior(step, o, "Isolated", where, err);
}

static int read_digits(struct cut_step *step, const cJSON *o, const char *where, struct err *err)
{
    bool each;
    if (json_bool_or(o, "individual_digits", false, &each, where, err))
        return -1;
    step->behavior = each ? CUT_ISOLATED : CUT_CONTIGUOUS;
    return 0;
}

static const struct {
    const char *type;
    enum cut_kind kind;
    int (*read)(struct cut_step *step, const cJSON *o, const char *where, struct err *err);
} kinds[] = {
    {"BertPreTokenizer", CUT_BERT, read_space},
    {"ByteLevel", CUT_BYTE_LEVEL, read_byte_level},
    {"Metaspace", CUT_METASPACE, read_metaspace},
    {"Split", CUT_PATTERN, read_pattern},
    {"Whitespace", CUT_WHITESPACE, read_space},
    {"WhitespaceSplit", CUT_WHITESPACE_SPLIT, read_space},
    {"Punctuation", CUT_PUNCTUATION, read_punctuation},
    {"Digits", CUT_DIGITS, read_digits},
};

int cut_steps_read(struct cut_steps *s, const cJSON *o, const char *where, struct err *err)
{
    if (!o || cJSON_IsNull(o))
        return 0;
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "type"));
    if (type && !strcmp(type, "Sequence")) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "pretokenizers");
        for (const cJSON *i = list ? list->child : NULL; i; i = i->next)
            if (cut_steps_read(s, i, where, err))
                return -1;
        return 0;
    }
    for (size_t i = 0; type && i < COUNT(kinds); i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        if (s->count == CUT_STEPS_MAX)
            return err_set(err, ERR_UNSUPPORTED, "%.300s: more than %d pre_tokenizers", where,
                           CUT_STEPS_MAX);
        struct cut_step *step = &s->step[s->count++];
        step->kind = kinds[i].kind;
        return kinds[i].read(step, o, where, err);
    }
    return frame_unsupported(where, "the pre_tokenizer", type ? type : "", err);
}
