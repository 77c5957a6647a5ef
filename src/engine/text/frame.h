/* frame.h - the special tokens around texts: [CLS] text [SEP] pair [SEP].
 *
 * tokenizer.json calls it post_processor. A frame is a list of parts: special tokens, and the place
 * of the text and of the pair, each with the segment (token type) its ids get. */
#ifndef FRAME_H
#define FRAME_H
#include "engine/base/err.h"
#include "engine/base/json.h"

#include <stddef.h>
#include <stdint.h>

enum frame_kind { FRAME_SPECIAL, FRAME_TEXT, FRAME_PAIR };
struct frame_item {
    enum frame_kind kind;
    int32_t id; /* of a special token */
    int32_t segment;
};
#define FRAME_MAX 32
/* Ids are indices of a table: a hostile file must not choose its size. */
#define FRAME_ID_MAX 16777215
struct frame {
    struct frame_item item[FRAME_MAX];
    size_t count, specials;
};

/* Fill zeroed frames. `post` is tokenizer.json's post_processor (NULL: the texts alone), `where`
 * the file's name for messages. */
void frame_make_bert(struct frame *single, struct frame *pair, int32_t cls, int32_t sep);
int frame_read(struct frame *single, struct frame *pair, const cJSON *post, const char *where,
               struct err *err);

/* What every reader of tokenizer.json needs: a token's id, and a refusal by name. */
int frame_read_id(const cJSON *number, const char *token, const char *where, int32_t *id,
                  struct err *err);
int frame_unsupported(const char *where, const char *what, const char *name, struct err *err);

#endif
