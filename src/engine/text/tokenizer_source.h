/* tokenizer_source.h - a model directory's files while a tokenizer is read from them; for the files
 * tokenizer_load.c, tokenizer_class.c, tokenizer_classes.c, tokenizer_model.c, tokenizer_unigram.c,
 * tokenizer_spm.c and tokenizer_added.c alone. */
#ifndef TOKENIZER_SOURCE_H
#define TOKENIZER_SOURCE_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/text/sentencepiece.h"
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

/* What is said of a mask token that no list of added tokens has: whether it takes the space before
 * it, and whether it is sought after normalising. */
enum mask_manner { MASK_PLAIN, MASK_SPACE, MASK_SPACE_NORMALIZED };

/* What Transformers builds by itself, whatever tokenizer.json says. Its texts are JSON with ' for
 * " and $name for what tokenizer_class.c fills in. */
struct tokenizer_class {
    const char *name;
    const char *model;   /* the type of model its vocabulary is for */
    const char *file;    /* its SentencePiece model; NULL: it has none */
    const char *options; /* of the model; NULL: the file's */
    const char *normalizer, *pre_tokenizer, *decoder;
    const char *post_processor; /* NULL: the file's, else the texts alone */
    const char *special[SPECIALS];
    const char *extra[2]; /* further special tokens, where no file lists any */
    bool own_post;        /* post_processor wins over the file's */
    enum mask_manner mask;
    bool extra_ids; /* T5's <extra_id_0> and on: special, and behind the pieces of a .model */
    bool fairseq;   /* a .model's first three pieces give way to fairseq's four, its mask is last */
};

/* Absent files are NULL. */
struct source {
    struct tokenizer *t;
    cJSON *json, *config;       /* tokenizer.json, tokenizer_config.json */
    cJSON *map, *added, *model; /* special_tokens_map.json, added_tokens.json, config.json */
    cJSON *built[5];            /* what class_build() made */
    struct sentencepiece spm;   /* the .model, where there is no tokenizer.json: spm.count > 0 */
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
/* tokenizer_classes.c: whether a class gives token_type_ids; the class of a name, with or without "Fast", or NULL; the name that a
 * model_type stands for ("": tokenizer.json alone), which may overrule a class that is `named`, or
 * NULL; the names of all classes. */
bool class_gives_types(const char *name);
/* A class that does not do what a tokenizer.json beside it says, and that is none of ours. */
bool class_is_foreign(const char *name);
const struct tokenizer_class *class_find(const char *name);
bool class_is_called(const char *name, const char *other);
const char *class_of_type(const char *model_type, bool named);
void class_list(char *out, size_t room);
/* tokenizer_model.c: the model's type, "" when there is none, and its vocabulary. */
const char *model_type(const cJSON *model);
int model_read(struct source *s, struct err *err);
/* For those that know a vocabulary from elsewhere: options from s->options, then tokens, merges. */
int model_init_bpe(struct source *s, size_t bytes, size_t merges, struct err *err);
int model_add_token(struct source *s, const char *text, size_t n, int32_t id, struct err *err);
int model_finish_bpe(struct source *s, struct err *err);
/* tokenizer_unigram.c: the pieces of tokenizer.json or, in the order of its class, of the .model. */
int unigram_read(struct source *s, struct err *err);
/* tokenizer_spm.c: find and read the .model of s->class; its pieces as a BPE; how many <extra_id_0>
 * and on there are. */
int spm_open(struct source *s, struct err *err);
int spm_read_bpe(struct source *s, struct err *err);
int spm_extra_ids(const struct source *s, size_t *count, struct err *err);
/* tokenizer_added.c: the literals. */
int added_read(struct source *s, struct err *err);

#endif
