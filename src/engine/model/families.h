/* families.h - which architectures there are: a row each of names and options. Private to the room.
 *
 * A family says what Transformers calls its class, its tensors and its settings, and which options
 * of the one block (block.c) it takes. A new family of an existing kind is a row in families.c and
 * nothing else; what a row cannot say has a file of its own (xlnet.c).
 *
 * Tensors have a role, the same for all families: QUERY_W is `attention.self.query.weight` in BERT
 * and `attention.q_lin.weight` in DistilBERT. params.c knows every role's shape and place. */
#ifndef FAMILIES_H
#define FAMILIES_H
#include "engine/model/config.h"

#include <stdbool.h>
#include <stddef.h>

/* Outside the blocks. */
enum embedding_role {
    WORD,
    POSITION,
    TYPE,
    EMBEDDING_NORM_W,
    EMBEDDING_NORM_B,
    PROJECT_W, /* from embedding_size to hidden_size */
    PROJECT_B,
    RELATIVE_BIAS,  /* (buckets, heads), shared by all blocks */
    MASK_EMBEDDING, /* XLNet's, which no classifier reads; kept for export */
    EMBEDDING_ROLES
};

/* In a block. Matrices first: query, key and value are neighbours and serve as one, so do gate and
 * up; then all vectors, in one run. The fused roles are for families that store such neighbours as
 * one tensor. NORM_A stands after the attention's residual sum, NORM_B after the feed-forward's; in
 * a pre-norm family NORM_B is therefore the next block's first norm, or the final one. */
enum block_role {
    QKV_W,
    QUERY_W,
    KEY_W,
    VALUE_W,
    OUT_W,
    GATE_UP_W,
    GATE_W,
    UP_W,
    DOWN_W,
    RELATIVE_W, /* XLNet: of the relative positions */
    QKV_B,
    QUERY_B,
    KEY_B,
    VALUE_B,
    OUT_B,
    NORM_A_W,
    NORM_A_B,
    GATE_UP_B,
    GATE_B,
    UP_B,
    DOWN_B,
    NORM_B_W,
    NORM_B_B,
    QUERY_NORM_W, /* Qwen3: RMSNorm of each head */
    KEY_NORM_W,
    CONTENT_BIAS,  /* XLNet: r_w_bias, what queries have added when they meet keys, */
    POSITION_BIAS, /* r_r_bias, relative positions, */
    SEGMENT_BIAS,  /* r_s_bias, and segments */
    SEGMENT_W,     /* XLNet: seg_embed (2, heads, head width) */
    BLOCK_ROLES
};

enum head_role {
    DENSE_W,
    DENSE_B,
    HEAD_NORM_W,
    HEAD_NORM_B,
    CLASSIFIER_W,
    CLASSIFIER_B,
    HEAD_ROLES
};

enum norm_place { POST_NORM, PRE_NORM };
/* How a token's place reaches the model. OFFSET: learned, counted from pad_token_id + 1, and only
 * what is not padding counts (RoBERTa). */
enum positions { POSITIONS_LEARNED, POSITIONS_OFFSET, POSITIONS_ROTARY, POSITIONS_RELATIVE };

/* A setting that the family calls or presets differently from the common table in config.c. */
struct config_override {
    const char *field, *key; /* the common name; the family's, or NULL when that is the same */
    double dflt;
};
/* Which setting a dropout reads; no key: there is none in this place. */
struct config_dropout {
    const char *key, *fallback; /* read when `key` is absent or null; NULL: dflt at once */
    double dflt;
};

struct family {
    const char *model_type, *architecture;
    const char *prefix; /* of base_model's tensors in a checkpoint of the whole: "bert." */
    const char *layer;  /* of a block's tensors, after the prefix: "encoder.layer.%zu." */
    const char *embedding[EMBEDDING_ROLES], *block[BLOCK_ROLES], *head[HEAD_ROLES]; /* NULL: none */
    const char *final_norm; /* PRE_NORM: stands for NORM_B in the last block: "ln_f" */
    struct config_dropout dropout[DROPOUTS];
    const struct config_override *config; /* ends with a field of NULL */
    const char *const
        *buffers; /* endings of what is in checkpoints and no weight; ends with NULL */

    enum norm_place place;
    enum positions positions;
    bool rms; /* RMSNorm, not LayerNorm */
    bool causal;
    bool gated;         /* act(gate) * up */
    bool conv1d;        /* matrices of the blocks are stored (in, out) */
    bool early_norm;    /* PRE_NORM: embeddings are normed before their dropout, and the first block
                           has no norm of its own (ModernBERT) */
    bool reads_last;    /* the head reads the last token, not the first */
    bool dense_in_base; /* the head's dense layer is base_model's pooler */
    bool scaled_init;   /* a fresh head has ModernBERT's deviations, cut off */
    bool pads_words;    /* torch's padding_idx: the row of the padding token learns nothing */
    enum activation dense_act;
};

/* NULL when there is none of that name. */
const struct family *family_find(const char *model_type);

#endif
