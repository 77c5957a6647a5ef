#include "engine/text/sentencepiece.h"

#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A table of the ids must not grow with a hostile file. */
#define PIECES_MAX ((size_t)1 << 24)

/* -- the wire ------------------------------------------------------------------------------ */

/* What is left of a message, and the field that was read last. */
struct wire {
    const unsigned char *at, *end;
    const unsigned char *begin; /* of the file, for messages */
    const char *name;
    uint64_t number; /* of the field */
    unsigned type;
    uint64_t value; /* of a varint or of fixed bytes */
    const unsigned char *bytes;
    size_t length;
};
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static int broken(const struct wire *w, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "%.300s: byte %zu: %s; it is not a SentencePiece model", w->name,
                   (size_t)(w->at - w->begin), what);
}

static int read_varint(struct wire *w, uint64_t *value, struct err *err)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end)
            return broken(w, "a number is cut short", err);
        unsigned char byte = *w->at++;
        if (shift == 63 && byte > 1)
            break;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 0;
    }
    return broken(w, "a number is too large", err);
}

static int read_bytes(struct wire *w, uint64_t length, struct err *err)
{
    if (length > (uint64_t)(w->end - w->at))
        return broken(w, "a field is longer than what holds it", err);
    w->bytes = w->at;
    w->length = (size_t)length;
    w->at += w->length;
    return 0;
}

/* The next field: 1, or 0 at the end of the message. */
static int next_field(struct wire *w, struct err *err)
{
    uint64_t key, length;
    if (w->at == w->end)
        return 0;
    if (read_varint(w, &key, err))
        return -1;
    w->number = key >> 3;
    w->type = key & 7;
    if (!w->number || w->number >= 1u << 29)
        return broken(w, "a field has no valid number", err);
    switch (w->type) {
    case VARINT:
        return read_varint(w, &w->value, err) ? -1 : 1;
    case BYTES:
        return read_varint(w, &length, err) || read_bytes(w, length, err) ? -1 : 1;
    case FIXED32:
    case FIXED64:
        if (read_bytes(w, w->type == FIXED32 ? 4 : 8, err))
            return -1;
        w->value = 0;
        for (size_t i = 0; i < w->length; i++)
            w->value |= (uint64_t)w->bytes[i] << 8 * i;
        return 1;
    }
    return broken(w, "a field is of no known type", err);
}

static struct wire inside(const struct wire *w)
{
    return (struct wire){
        .at = w->bytes, .end = w->bytes + w->length, .begin = w->begin, .name = w->name};
}

/* -- messages ------------------------------------------------------------------------------ */

/* A field of a message: its number, its type on the wire, and what to do with it. */
struct field {
    uint64_t number;
    unsigned type;
    int (*take)(struct sentencepiece *s, const struct wire *w, struct err *err);
};

/* Read a message by the table of what is known of it. */
static int read_message(struct sentencepiece *s, struct wire w, const struct field *fields,
                        size_t count, struct err *err)
{
    int more;
    while ((more = next_field(&w, err)) > 0)
        for (size_t i = 0; i < count; i++) {
            if (fields[i].number != w.number)
                continue;
            if (fields[i].type != w.type)
                return broken(&w, "a field is of the wrong type", err);
            if (fields[i].take(s, &w, err))
                return -1;
        }
    return more;
}
#define READ(s, w, fields, err)                                                                    \
    read_message(s, inside(w), fields, sizeof(fields) / sizeof(fields)[0], err)

static struct sentencepiece_piece *last_piece(struct sentencepiece *s)
{
    return &s->piece[s->count - 1];
}

/* Text of the file, a copy. */
static int take_text(char **out, const struct wire *w, struct err *err)
{
    if (!w->length || memchr(w->bytes, '\0', w->length) ||
        !unicode_valid((const char *)w->bytes, w->length))
        return broken(w, "a piece is empty or not UTF-8 text", err);
    free(*out);
    *out = mem_strndup((const char *)w->bytes, w->length, err);
    return *out ? 0 : -1;
}

static int take_piece_text(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    last_piece(s)->length = w->length;
    return take_text(&last_piece(s)->text, w, err);
}

static int take_piece_score(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    uint32_t bits = (uint32_t)w->value;
    memcpy(&last_piece(s)->score, &bits, sizeof bits);
    return isfinite(last_piece(s)->score) ? 0 : broken(w, "a score is not a number", err);
}

static int take_piece_type(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    if (w->value < SENTENCEPIECE_NORMAL || w->value > SENTENCEPIECE_BYTE)
        return broken(w, "a piece is of no known type", err);
    last_piece(s)->type = (enum sentencepiece_type)w->value;
    return 0;
}

static int take_piece(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    static const struct field fields[] = {
        {1, BYTES, take_piece_text},
        {2, FIXED32, take_piece_score},
        {3, VARINT, take_piece_type},
    };
    if (s->count == PIECES_MAX)
        return broken(w, "more than 16 million pieces", err);
    if (mem_grow(&s->piece, &s->capacity, s->count + 1, sizeof *s->piece, "a vocabulary", err))
        return -1;
    s->piece[s->count++] = (struct sentencepiece_piece){.type = SENTENCEPIECE_NORMAL};
    if (READ(s, w, fields, err))
        return -1;
    return last_piece(s)->text ? 0 : broken(w, "a piece has no text", err);
}

static int take_kind(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    if (w->value < SENTENCEPIECE_UNIGRAM || w->value > SENTENCEPIECE_CHAR)
        return broken(w, "model_type is of no known kind", err);
    s->kind = (enum sentencepiece_kind)w->value;
    return 0;
}

static int take_byte_fallback(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    (void)err;
    s->byte_fallback = w->value != 0;
    return 0;
}

#define FIRST_ID   40 /* unk_id, bos_id, eos_id, pad_id */
#define FIRST_TEXT 45 /* unk_piece, bos_piece, eos_piece, pad_piece */

static int take_id(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    (void)err;
    int64_t id = (int64_t)w->value; /* negative ones have all 64 bits */
    s->id[w->number - FIRST_ID] = id < 0 || id > INT32_MAX ? -1 : (int32_t)id;
    return 0;
}

static int take_special(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    return take_text(&s->special[w->number - FIRST_TEXT], w, err);
}

static int take_trainer(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    static const struct field fields[] = {
        {3, VARINT, take_kind},
        {35, VARINT, take_byte_fallback},
        {FIRST_ID + SENTENCEPIECE_UNK, VARINT, take_id},
        {FIRST_ID + SENTENCEPIECE_BOS, VARINT, take_id},
        {FIRST_ID + SENTENCEPIECE_EOS, VARINT, take_id},
        {FIRST_ID + SENTENCEPIECE_PAD, VARINT, take_id},
        {FIRST_TEXT + SENTENCEPIECE_UNK, BYTES, take_special},
        {FIRST_TEXT + SENTENCEPIECE_BOS, BYTES, take_special},
        {FIRST_TEXT + SENTENCEPIECE_EOS, BYTES, take_special},
        {FIRST_TEXT + SENTENCEPIECE_PAD, BYTES, take_special},
    };
    return READ(s, w, fields, err);
}

static int take_charsmap(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    free(s->charsmap);
    s->charsmap_size = w->length;
    s->charsmap = mem_alloc(w->length, 1, "a charsmap", err);
    if (!s->charsmap)
        return -1;
    memcpy(s->charsmap, w->bytes, w->length);
    return 0;
}

static int take_space_rule(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    (void)err;
    bool *const rules[] = {&s->add_dummy_prefix, &s->remove_extra_whitespaces,
                           &s->escape_whitespaces};
    *rules[w->number - 3] = w->value != 0;
    return 0;
}

static int take_normalizer(struct sentencepiece *s, const struct wire *w, struct err *err)
{
    static const struct field fields[] = {
        {2, BYTES, take_charsmap},
        {3, VARINT, take_space_rule}, /* add_dummy_prefix */
        {4, VARINT, take_space_rule}, /* remove_extra_whitespaces */
        {5, VARINT, take_space_rule}, /* escape_whitespaces */
    };
    return READ(s, w, fields, err);
}

/* -- the file ------------------------------------------------------------------------------- */

static int set_defaults(struct sentencepiece *s, struct err *err)
{
    static const char *const special[SENTENCEPIECE_SPECIALS] = {"<unk>", "<s>", "</s>", "<pad>"};
    *s = (struct sentencepiece){.kind = SENTENCEPIECE_UNIGRAM,
                                .id = {0, 1, 2, -1},
                                .add_dummy_prefix = true,
                                .remove_extra_whitespaces = true,
                                .escape_whitespaces = true};
    for (size_t i = 0; i < SENTENCEPIECE_SPECIALS; i++)
        if (!(s->special[i] = mem_strdup(special[i], err)))
            return -1;
    return 0;
}

int sentencepiece_parse(struct sentencepiece *s, const unsigned char *bytes, size_t n,
                        const char *name, struct err *err)
{
    static const struct field fields[] = {
        {1, BYTES, take_piece},
        {2, BYTES, take_trainer},
        {3, BYTES, take_normalizer},
    };
    struct wire file = {.at = bytes, .end = bytes + n, .begin = bytes, .name = name};
    int status = set_defaults(s, err);
    if (!status)
        status = read_message(s, file, fields, sizeof fields / sizeof fields[0], err);
    if (!status && !s->count)
        status = broken(&file, "it has no pieces", err);
    for (size_t i = 0; !status && i < SENTENCEPIECE_SPECIALS; i++)
        if (s->id[i] >= 0 && (size_t)s->id[i] >= s->count)
            s->id[i] = -1; /* a default of the format, which the pieces do not bear out */
    if (status)
        sentencepiece_clear(s);
    return status;
}

int sentencepiece_read(struct sentencepiece *s, const char *path, struct err *err)
{
    size_t size;
    char *bytes = file_read(path, &size, err);
    if (!bytes)
        return -1;
    int status = sentencepiece_parse(s, (const unsigned char *)bytes, size, path, err);
    free(bytes);
    return status;
}

void sentencepiece_clear(struct sentencepiece *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->piece[i].text);
    free(s->piece);
    for (size_t i = 0; i < SENTENCEPIECE_SPECIALS; i++)
        free(s->special[i]);
    free(s->charsmap);
    memset(s, 0, sizeof *s);
}
