#include "engine/text/frame.h"

#include <string.h>

int frame_unsupported(const char *where, const char *what, const char *name, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "%.300s: %s '%.60s' is not supported; re-save the model with a tokenizer.json "
                   "that does without",
                   where, what, name);
}

int frame_read_id(const cJSON *number, const char *token, const char *where, int32_t *id,
                  struct err *err)
{
    if (!cJSON_IsNumber(number) || number->valuedouble != (double)number->valueint ||
        number->valueint < 0 || number->valueint > FRAME_ID_MAX)
        return err_set(err, ERR_INPUT, "%.300s: the id of \"%.60s\" is not a whole number up to %d",
                       where, token, FRAME_ID_MAX);
    *id = number->valueint;
    return 0;
}

static const char *frame_type(const cJSON *post)
{
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(post, "type"));
    return type ? type : "";
}

static int add_item(struct frame *f, struct frame_item item, const char *where, struct err *err)
{
    if (f->count == FRAME_MAX)
        return err_set(err, ERR_UNSUPPORTED, "%.300s: a template of more than %d parts", where,
                       FRAME_MAX);
    f->item[f->count++] = item;
    f->specials += item.kind == FRAME_SPECIAL;
    return 0;
}

/* CLS text SEP; then for BERT `pair SEP` of segment 1, for RoBERTa `SEP pair SEP` of segment 0. */
static void make_frames(struct frames *f, bool roberta, int32_t cls, int32_t sep)
{
    int32_t second = roberta ? 0 : 1;
    const struct frame_item items[] = {
        {FRAME_SPECIAL, cls, 0}, {FRAME_TEXT, 0, 0},      {FRAME_SPECIAL, sep, 0},
        {FRAME_SPECIAL, sep, 0}, {FRAME_PAIR, 0, second}, {FRAME_SPECIAL, sep, second},
    };
    size_t skip = !roberta;
    memcpy(f->single.item, items, 3 * sizeof *items);
    memcpy(f->pair.item, items, 3 * sizeof *items);
    memcpy(f->pair.item + 3, items + 3 + skip, (3 - skip) * sizeof *items);
    f->single.count = 3;
    f->single.specials = 2;
    f->pair.count = 6 - skip;
    f->pair.specials = 4 - skip;
}

/* {"SpecialToken": {"id": "[CLS]", "type_id": 0}}: the ids are in the list special_tokens. */
static int add_template_special(struct frame *f, const cJSON *known, const char *name,
                                int32_t segment, const char *where, struct err *err)
{
    const cJSON *token = cJSON_GetObjectItemCaseSensitive(known, name);
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(token, "ids");
    if (!cJSON_IsArray(ids))
        return err_set(err, ERR_INPUT, "%.300s: post_processor.special_tokens lacks \"%.60s\"",
                       where, name);
    for (const cJSON *i = ids->child; i; i = i->next) {
        struct frame_item item = {FRAME_SPECIAL, 0, segment};
        if (frame_read_id(i, name, where, &item.id, err) || add_item(f, item, where, err))
            return -1;
    }
    return 0;
}

static int add_template_part(struct frame *f, const cJSON *known, const cJSON *part,
                             const char *where, struct err *err)
{
    const cJSON *special = cJSON_GetObjectItemCaseSensitive(part, "SpecialToken");
    const cJSON *sequence = cJSON_GetObjectItemCaseSensitive(part, "Sequence");
    const cJSON *o = special ? special : sequence;
    double segment;
    const char *name;
    if (!cJSON_IsObject(o) || json_number_or(o, "type_id", 0, &segment, where, NULL) ||
        !(segment >= 0 && segment < 1024) || json_get_string(o, "id", &name, where, NULL))
        return err_set(err, ERR_INPUT, "%.300s: a part of post_processor's template is no token",
                       where);
    if (special)
        return add_template_special(f, known, name, (int32_t)segment, where, err);
    enum frame_kind kind = strcmp(name, "B") ? FRAME_TEXT : FRAME_PAIR;
    return add_item(f, (struct frame_item){kind, 0, (int32_t)segment}, where, err);
}

static int read_template(struct frame *f, const cJSON *post, const char *key, size_t pairs,
                         const char *where, struct err *err)
{
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(post, key);
    const cJSON *known = cJSON_GetObjectItemCaseSensitive(post, "special_tokens");
    for (const cJSON *p = parts ? parts->child : NULL; p; p = p->next)
        if (add_template_part(f, known, p, where, err))
            return -1;
    size_t seen[3] = {0, 0, 0};
    for (size_t i = 0; i < f->count; i++)
        seen[f->item[i].kind]++;
    if (seen[FRAME_TEXT] != 1 || seen[FRAME_PAIR] != pairs)
        return err_set(err, ERR_UNSUPPORTED,
                       "%.300s: post_processor.%s must hold each text exactly once", where, key);
    return 0;
}

/* "cls": ["[CLS]", 101] */
static int read_cls_sep(struct frames *f, const cJSON *post, const char *where, struct err *err)
{
    int32_t id[2];
    static const char *const keys[] = {"cls", "sep"};
    for (int i = 0; i < 2; i++) {
        const cJSON *token = cJSON_GetObjectItemCaseSensitive(post, keys[i]);
        if (frame_read_id(cJSON_GetArrayItem(token, 1), keys[i], where, &id[i], err))
            return -1;
    }
    bool roberta = !strcmp(frame_type(post), "RobertaProcessing");
    make_frames(f, roberta, id[0], id[1]);
    return 0;
}

static int read_trim(struct frames *f, const cJSON *post, const char *where, struct err *err)
{
    return json_bool_or(post, "trim_offsets", true, &f->trim.spaces, where, err) ||
                   json_bool_or(post, "add_prefix_space", true, &f->trim.prefix_space, where, err)
               ? -1
               : 0;
}

static int read_roberta(struct frames *f, const cJSON *post, const char *where, struct err *err)
{
    return read_cls_sep(f, post, where, err) || read_trim(f, post, where, err) ? -1 : 0;
}

static int read_templates(struct frames *f, const cJSON *post, const char *where, struct err *err)
{
    if (read_template(&f->single, post, "single", 0, where, err))
        return -1;
    return read_template(&f->pair, post, "pair", 1, where, err);
}

/* `frame`: it says what is around the texts, which only one of a sequence may. */
static const struct {
    const char *type;
    bool frame;
    int (*read)(struct frames *f, const cJSON *post, const char *where, struct err *err);
} kinds[] = {
    {"BertProcessing", true, read_cls_sep},
    {"RobertaProcessing", true, read_roberta},
    {"TemplateProcessing", true, read_templates},
    {"ByteLevel", false, read_trim},
};

static int read_post(struct frames *f, const cJSON *post, const char *where, struct err *err)
{
    const char *type = frame_type(post);
    if (!strcmp(type, "Sequence")) {
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(post, "processors");
        for (const cJSON *i = list ? list->child : NULL; i; i = i->next)
            if (read_post(f, i, where, err))
                return -1;
        return 0;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type))
            continue;
        if (kinds[i].frame && f->single.count)
            return err_set(err, ERR_UNSUPPORTED,
                           "%.300s: more than one post_processor puts tokens around the text",
                           where);
        return kinds[i].read(f, post, where, err);
    }
    return frame_unsupported(where, "the post_processor", type, err);
}

int frames_read(struct frames *f, const cJSON *post, const char *where, struct err *err)
{
    if (post && !cJSON_IsNull(post) && read_post(f, post, where, err))
        return -1;
    if (!f->single.count) {
        f->single = (struct frame){{{FRAME_TEXT, 0, 0}}, 1, 0};
        f->pair = (struct frame){{{FRAME_TEXT, 0, 0}, {FRAME_PAIR, 0, 1}}, 2, 0};
    }
    return 0;
}
