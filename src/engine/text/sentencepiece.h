/* sentencepiece.h - SentencePiece's .model files: pieces with scores, and how a text is prepared.
 *
 * The file is one message in the wire format of Protocol Buffers: numbered fields, each a varint, 4
 * or 8 bytes, or a length and so many bytes. Known fields are read, and must be of their type;
 * others are skipped, as the format wants it. Field numbers and defaults are those of
 * sentencepiece_model.proto. */
#ifndef SENTENCEPIECE_H
#define SENTENCEPIECE_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sentencepiece_type {
    SENTENCEPIECE_NORMAL = 1,
    SENTENCEPIECE_UNKNOWN,
    SENTENCEPIECE_CONTROL,
    SENTENCEPIECE_USER_DEFINED,
    SENTENCEPIECE_UNUSED,
    SENTENCEPIECE_BYTE,
};
enum sentencepiece_kind {
    SENTENCEPIECE_UNIGRAM = 1,
    SENTENCEPIECE_BPE,
    SENTENCEPIECE_WORD,
    SENTENCEPIECE_CHAR,
};

struct sentencepiece_piece {
    char *text; /* UTF-8, no NUL in it, not empty */
    size_t length;
    float score; /* finite */
    enum sentencepiece_type type;
};

/* The special pieces, in the order of the fields. */
enum sentencepiece_special {
    SENTENCEPIECE_UNK,
    SENTENCEPIECE_BOS,
    SENTENCEPIECE_EOS,
    SENTENCEPIECE_PAD,
    SENTENCEPIECE_SPECIALS
};

struct sentencepiece {
    struct sentencepiece_piece *piece;
    size_t count, capacity;
    enum sentencepiece_kind kind;
    bool byte_fallback;
    int32_t id[SENTENCEPIECE_SPECIALS];    /* -1: none */
    char *special[SENTENCEPIECE_SPECIALS]; /* how it is written */
    unsigned char *charsmap;               /* precompiled_charsmap, for charsmap.h */
    size_t charsmap_size;
    bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
};

/* `name` is the file's, for messages. ERR_INPUT for what is no such file, says nothing of its
 * pieces, or holds one that cannot be. *s need not be cleared after a failure. */
int sentencepiece_parse(struct sentencepiece *s, const unsigned char *bytes, size_t n,
                        const char *name, struct err *err);
int sentencepiece_read(struct sentencepiece *s, const char *path, struct err *err);
void sentencepiece_clear(struct sentencepiece *s); /* a zeroed struct is fine */

#endif
