/* tokenizer_source.h - a model directory's files while a tokenizer is read from them; for the files
 * tokenizer_load.c, tokenizer_class.c, tokenizer_model.c and tokenizer_added.c alone. */
#ifndef TOKENIZER_SOURCE_H
#define TOKENIZER_SOURCE_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/text/tokenizer_parts.h"

#include <stdbool.h>

/* The special tokens that have names. */
enum special {
    SPECIAL_UNK,
    SPECIAL_SEP,
    SPECIAL_PAD,
    SPECIAL_CLS,
    SPECIAL_MASK,
    SPECIAL_BOS,
    SPECIAL_EOS,
    SPECIALS
};

/* What Transformers builds by itself, whatever tokenizer.json says. Its texts are JSON with ' for
 * " and $name for what tokenizer_class.c fills in. */
struct tokenizer_class {
    const char *name;
    const char *model;   /* the type of model its vocabulary is for */
    const char *options; /* of the model; NULL: the file's */
    const char *normalizer, *pre_tokenizer, *decoder;
    const char *post_processor; /* NULL: the file's, else the texts alone */
    const char *special[SPECIALS];
    bool own_post;   /* post_processor wins over the file's */
    bool mask_space; /* the mask token takes the space before it */
};

/* Absent files are NULL. */
struct source {
    struct tokenizer *t;
    cJSON *json, *config;       /* tokenizer.json, tokenizer_config.json */
    cJSON *map, *added, *model; /* special_tokens_map.json, added_tokens.json, config.json */
    cJSON *built[5];            /* what class_build() made */
    const struct tokenizer_class *class;   /* NULL: tokenizer.json alone says what it is */
    const char *special[SPECIALS];         /* found in texts; NULL where nothing names one */
    const cJSON *special_object[SPECIALS]; /* its options, where it has any */
    const cJSON *options, *normalizer, *pre_tokenizer, *decoder, *post_processor;
    char where[4096 + 32]; /* the file being read, for messages */
};

/* The member, NULL when it is absent or null. cJSON_GetObjectItem would ignore case. */
const cJSON *source_member(const cJSON *o, const char *key);
const char *source_type(const cJSON *o); /* its "type", "" when it has none */
/* Point s->where at a file of the directory. */
int source_name(struct source *s, const char *name, struct err *err);
int source_unsupported(const struct source *s, const char *what, const char *name, struct err *err);
/* Remember the text of an id; the first one stays. */
int source_name_token(struct source *s, const char *text, size_t n, int32_t id, struct err *err);

/* tokenizer_class.c: choose s->class as AutoTokenizer does, and the names of the special tokens;
 * then the model's options, and, once the vocabulary is known, the pipeline's other parts. */
int class_choose(struct source *s, struct err *err);
int class_build_options(struct source *s, struct err *err);
int class_build(struct source *s, struct err *err);
/* tokenizer_model.c: the model's type, "" when there is none, and its vocabulary. */
const char *model_type(const cJSON *model);
int model_read(struct source *s, struct err *err);
/* tokenizer_added.c: the literals. */
int added_read(struct source *s, struct err *err);

#endif
