#include "engine/text/frame.h"

#include <string.h>

int frame_unsupported(const char *where, const char *what, const char *name, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "%.300s: %s '%.60s' is not supported; BERT's WordPiece tokenizers are", where,
                   what, name);
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

static int add_item(struct frame *f, struct frame_item item, const char *where, struct err *err)
{
    if (f->count == FRAME_MAX)
        return err_set(err, ERR_UNSUPPORTED, "%.300s: a template of more than %d parts", where,
                       FRAME_MAX);
    f->item[f->count++] = item;
    f->specials += item.kind == FRAME_SPECIAL;
    return 0;
}

void frame_make_bert(struct frame *single, struct frame *pair, int32_t cls, int32_t sep)
{
    const struct frame_item items[] = {
        {FRAME_SPECIAL, cls, 0}, {FRAME_TEXT, 0, 0},      {FRAME_SPECIAL, sep, 0},
        {FRAME_PAIR, 0, 1},      {FRAME_SPECIAL, sep, 1},
    };
    memcpy(single->item, items, 3 * sizeof *items);
    memcpy(pair->item, items, sizeof items);
    single->count = 3;
    single->specials = 2;
    pair->count = 5;
    pair->specials = 3;
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
static int read_bert_processing(struct frame *single, struct frame *pair, const cJSON *post,
                                const char *where, struct err *err)
{
    int32_t id[2];
    static const char *const keys[] = {"cls", "sep"};
    for (int i = 0; i < 2; i++) {
        const cJSON *token = cJSON_GetObjectItemCaseSensitive(post, keys[i]);
        if (frame_read_id(cJSON_GetArrayItem(token, 1), keys[i], where, &id[i], err))
            return -1;
    }
    frame_make_bert(single, pair, id[0], id[1]);
    return 0;
}

int frame_read(struct frame *single, struct frame *pair, const cJSON *post, const char *where,
               struct err *err)
{
    if (!post) {
        *single = (struct frame){{{FRAME_TEXT, 0, 0}}, 1, 0};
        *pair = (struct frame){{{FRAME_TEXT, 0, 0}, {FRAME_PAIR, 0, 1}}, 2, 0};
        return 0;
    }
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(post, "type"));
    if (type && !strcmp(type, "BertProcessing"))
        return read_bert_processing(single, pair, post, where, err);
    if (!type || strcmp(type, "TemplateProcessing"))
        return frame_unsupported(where, "the post_processor", type ? type : "", err);
    if (read_template(single, post, "single", 0, where, err))
        return -1;
    return read_template(pair, post, "pair", 1, where, err);
}
