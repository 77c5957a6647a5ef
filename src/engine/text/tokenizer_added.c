/* tokenizer_added.c - tokens that are found in texts as they stand: which there are, and how.
 *
 * They come from tokenizer.json's added_tokens; from tokenizer_config.json's added_tokens_decoder,
 * which replaces that list for a class that builds its pipeline and is put over it for one that
 * does not; from added_tokens.json, where there is neither; from the special tokens' names, where no
 * list has them; and from a .model's control and user-defined pieces. Of equal texts the later one holds. */
#include "engine/base/mem.h"
#include "engine/text/tokenizer_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list is searched from its beginning: a hostile file must not make it long. */
#define PIECES_MAX 10000

struct added {
    const char *text; /* borrowed from the file */
    struct literal literal;
    bool special, normalized;
};

struct added_list {
    struct added *list;
    size_t count, capacity;
};

static struct added *find(const struct added_list *l, const char *text)
{
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->list[i].text, text))
            return &l->list[i];
    return NULL;
}

static int put(struct added_list *l, struct added a, struct err *err)
{
    struct added *known = find(l, a.text);
    if (known) {
        *known = a;
        return 0;
    }
    if (mem_grow(&l->list, &l->capacity, l->count + 1, sizeof *l->list, "added tokens", err))
        return -1;
    l->list[l->count++] = a;
    return 0;
}

static bool is_named(const struct source *s, const char *text)
{
    for (int i = 0; i < SPECIALS; i++)
        if (s->special[i] && !strcmp(s->special[i], text))
            return true;
    return false;
}

/* {"content", "lstrip", ...} over what *a has. */
static int read_options(const struct source *s, const cJSON *o, struct added *a, struct err *err)
{
    return json_bool_or(o, "special", a->special, &a->special, s->where, err) ||
                   json_bool_or(o, "normalized", !a->special, &a->normalized, s->where, err) ||
                   json_bool_or(o, "lstrip", false, &a->literal.left, s->where, err) ||
                   json_bool_or(o, "rstrip", false, &a->literal.right, s->where, err) ||
                   json_bool_or(o, "single_word", false, &a->literal.single_word, s->where, err)
               ? -1
               : 0;
}

/* tokenizer.json's list. */
static int read_list(struct source *s, struct added_list *l, struct err *err)
{
    const cJSON *list = source_member(s->json, "added_tokens");
    if (source_name(s, "tokenizer.json", err))
        return -1;
    for (const cJSON *o = list ? list->child : NULL; o; o = o->next) {
        struct added a = {0};
        if (json_get_string(o, "content", &a.text, s->where, err) ||
            frame_read_id(source_member(o, "id"), a.text, s->where, &a.literal.id, err) ||
            read_options(s, o, &a, err) || put(l, a, err))
            return -1;
    }
    return 0;
}

/* {"50256": {"content", ...}, ...} */
static int read_decoder(struct source *s, const cJSON *decoder, struct added_list *l,
                        struct err *err)
{
    if (source_name(s, "tokenizer_config.json", err))
        return -1;
    for (const cJSON *o = decoder ? decoder->child : NULL; o; o = o->next) {
        struct added a = {0};
        cJSON number = {.type = cJSON_Number,
                        .valuedouble = o->string ? strtod(o->string, NULL) : -1};
        number.valueint = number.valuedouble >= 0 && number.valuedouble <= FRAME_ID_MAX
                              ? (int)number.valuedouble
                              : -1;
        if (json_get_string(o, "content", &a.text, s->where, err) ||
            frame_read_id(&number, a.text, s->where, &a.literal.id, err) ||
            read_options(s, o, &a, err))
            return -1;
        a.special |= is_named(s, a.text);
        if (put(l, a, err))
            return -1;
    }
    return 0;
}

/* added_tokens.json: {"text": id, ...} */
static int read_legacy(struct source *s, struct added_list *l, struct err *err)
{
    if (source_name(s, "added_tokens.json", err))
        return -1;
    for (const cJSON *o = s->added ? s->added->child : NULL; o; o = o->next) {
        struct added a = {.text = o->string, .special = is_named(s, o->string)};
        a.normalized = !a.special;
        if (frame_read_id(o, o->string, s->where, &a.literal.id, err) || put(l, a, err))
            return -1;
    }
    return 0;
}

/* A special token that no list has. One that the vocabulary lacks has no row in the model's
 * embedding, and is left out. */
static int put_special(struct source *s, const char *text, const cJSON *object,
                       enum mask_manner manner, struct added_list *l, struct err *err)
{
    struct added a = {.text = text, .special = true};
    if (!text || find(l, text))
        return 0;
    a.literal.id = token_model_find(&s->t->model, text, strlen(text));
    if (a.literal.id < 0)
        return 0;
    if (object && read_options(s, object, &a, err))
        return -1;
    a.special = true;
    a.literal.left |= !object && manner != MASK_PLAIN;
    a.normalized |= !object && manner == MASK_SPACE_NORMALIZED;
    return put(l, a, err);
}

/* The lists of tokenizer_config.json; *any says whether one of them has a token. */
static int put_listed(struct source *s, struct added_list *l, bool *any, struct err *err)
{
    static const char *const lists[] = {"additional_special_tokens", "extra_special_tokens"};
    *any = false;
    for (size_t i = 0; i < 2; i++) {
        const cJSON *list = source_member(s->config, lists[i]);
        for (const cJSON *o = cJSON_IsArray(list) ? list->child : NULL; o; o = o->next) {
            const cJSON *object = cJSON_IsObject(o) ? o : NULL;
            const char *text = cJSON_GetStringValue(object ? source_member(o, "content") : o);
            *any = true;
            if (put_special(s, text, object, MASK_PLAIN, l, err))
                return -1;
        }
    }
    return 0;
}

/* T5's, by the vocabulary's own text: it outlives the list. */
static int put_extra_ids(struct source *s, struct added_list *l, struct err *err)
{
    size_t count;
    if (spm_extra_ids(s, &count, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        char name[40];
        int n = snprintf(name, sizeof name, "<extra_id_%zu>", i);
        int32_t id = token_model_find(&s->t->model, name, (size_t)n);
        if (id >= 0 && put_special(s, s->t->token[id].text, NULL, MASK_PLAIN, l, err))
            return -1;
    }
    return 0;
}

/* The .model's control pieces, which are special, and user-defined ones: found in texts whatever
 * else is said of them. */
static int put_pieces(struct source *s, struct added_list *l, struct err *err)
{
    size_t count = 0;
    for (size_t i = 0; i < s->spm.count; i++) {
        const struct sentencepiece_piece *p = &s->spm.piece[i];
        struct added a = {.text = p->text};
        if (p->type != SENTENCEPIECE_CONTROL && p->type != SENTENCEPIECE_USER_DEFINED)
            continue;
        if (++count > PIECES_MAX)
            return err_set(err, ERR_INPUT, "%.300s: more than %d control and user-defined pieces",
                           s->where, PIECES_MAX);
        a.special = p->type == SENTENCEPIECE_CONTROL || is_named(s, p->text);
        a.literal.id = token_model_find(&s->t->model, p->text, p->length);
        if (a.literal.id >= 0 && put(l, a, err))
            return -1;
    }
    return 0;
}

static int put_specials(struct source *s, struct added_list *l, struct err *err)
{
    bool listed;
    for (int i = 0; i < SPECIALS; i++)
        if (put_special(s, s->special[i], s->special_object[i],
                        i == SPECIAL_MASK && s->class ? s->class->mask : MASK_PLAIN, l, err))
            return -1;
    if (put_listed(s, l, &listed, err) || put_extra_ids(s, l, err))
        return -1;
    if (listed)
        return 0;
    for (size_t i = 0; s->class && i < 2; i++)
        if (put_special(s, s->class->extra[i], NULL, MASK_PLAIN, l, err))
            return -1;
    return put_pieces(s, l, err);
}

/* One that is normalised is sought, and called, by its normalised text, as in `tokenizers`. */
static int add_literal(struct source *s, const struct added *a, struct normal_work *w,
                       struct err *err)
{
    struct tokenizer *t = s->t;
    const char *text = a->text;
    size_t n = strlen(text);
    if (a->normalized) {
        struct normalized *made;
        if (normal_steps_apply(&t->normal, text, 0, n, w, &made, err))
            return -1;
        text = made->bytes;
        n = made->length;
    }
    if (source_name_token(s, text, n, a->literal.id, err))
        return -1;
    t->token[a->literal.id].takes_left = a->literal.left;
    t->token[a->literal.id].takes_right = a->literal.right;
    t->token[a->literal.id].special = a->special;
    return literals_add(a->normalized ? &t->normalized : &t->raw, text, n, a->literal, err);
}

int added_read(struct source *s, struct err *err)
{
    struct added_list l = {0};
    struct normal_work w = {0};
    const cJSON *decoder = source_member(s->config, "added_tokens_decoder");
    bool builds = s->class || !s->json;
    int status = 0;
    if (!(builds && decoder))
        status = read_list(s, &l, err);
    if (!status && !decoder && !s->json)
        status = read_legacy(s, &l, err);
    if (!status && decoder)
        status = read_decoder(s, decoder, &l, err);
    if (!status)
        status = put_specials(s, &l, err);
    for (size_t i = 0; i < l.count && !status; i++)
        status = add_literal(s, &l.list[i], &w, err);
    normal_work_clear(&w);
    free(l.list);
    return status;
}
