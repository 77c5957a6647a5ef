/* frame.h - the special tokens around texts: [CLS] text [SEP] pair [SEP].
 *
 * tokenizer.json calls it post_processor. A frame is a list of parts: special tokens, and the place
 * of the text and of the pair, each with the segment (token type) its ids get. Byte-level
 * tokenizers also say there whether a token's place leaves out the spaces at its ends. */
#ifndef FRAME_H
#define FRAME_H
#include "engine/base/err.h"
#include "engine/base/json.h"

#include <stdbool.h>
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

/* How the places of tokens are trimmed. */
struct frame_trim {
    bool spaces;       /* the white space at their ends is left out */
    bool prefix_space; /* but for one space of the first, which was never in the text */
};
struct frames {
    struct frame single, pair;
    struct frame_trim trim;
};

/* Fill zeroed frames. `post` is tokenizer.json's post_processor (NULL: the texts alone), `where`
 * the file's name for messages. */
int frames_read(struct frames *f, const cJSON *post, const char *where, struct err *err);

/* What every reader of tokenizer.json needs: a token's id, and a refusal by name. */
int frame_read_id(const cJSON *number, const char *token, const char *where, int32_t *id,
                  struct err *err);
int frame_unsupported(const char *where, const char *what, const char *name, struct err *err);

#endif
