/* model.h - a table of parameters and two functions.
 *
 * A model is a backbone (embeddings and blocks) with a classification head, as Transformers'
 * AutoModelForSequenceClassification builds it. There is no graph: model_forward keeps what
 * model_backward reads, in a workspace sized before the first step. All parameters are one block,
 * gradients another (made when training is asked for), so the optimiser and a checkpoint walk flat
 * memory.
 *
 * Pooling: what the head reads. POOLING_MODEL is what the family's class does (BERT: first token,
 * pooler, tanh; GPT-2: last token), POOLING_CLS the same token as it is, POOLING_MEAN the mean over
 * the sequence's tokens, special tokens counted. With CLS or MEAN the dense layer (BERT's pooler) is
 * not part of the path.
 */
#ifndef MODEL_H
#define MODEL_H
#include "engine/base/err.h"
#include "engine/data/batch.h"
#include "engine/data/encode.h"
#include "engine/math/compute.h"
#include "engine/math/optim.h"
#include "engine/model/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pooling { POOLING_MODEL, POOLING_CLS, POOLING_MEAN };

/* Which parameters learn. HEAD: what Transformers' class has outside base_model, plus a pooler the
 * checkpoint lacks. */
enum tune { TUNE_FULL, TUNE_HEAD };

struct param {
    const char *name;      /* as Transformers saves it: "bert.pooler.dense.weight" */
    size_t rows, cols;     /* of w: (out, in); a vector has rows 1 */
    size_t shape[3], dims; /* as the checkpoint has it */
    bool in_out;           /* it stores the transpose of w, like GPT-2's Conv1D */
    float *w, *dw;         /* dw NULL until model_prepare_training, and for what does not learn */
    float *home;           /* w's place in memory while w is read from the file; else NULL */
    bool alone;            /* a matrix that no neighbour must follow */
    int depth;             /* 0 embeddings, 1.. blocks, blocks+1 pooler and head */
    bool trainable, decays;
    bool fresh;       /* not in the checkpoint: initialised from the seed */
    bool by_product;  /* all of dw is what one product makes, so it need not be zeroed, but may be */
    bool stale;       /* marked, and the next product writes over it; see optim.h */
    uint8_t *touched; /* (rows) for the word embedding, else NULL; see optim.h */
};

struct head_spec {
    size_t labels;
    const char *const *label_names; /* borrowed for the call; NULL: LABEL_0, LABEL_1, ... */
    enum problem problem; /* AUTO: as Transformers, one label is regression, more are classes */
    enum pooling pooling;
    uint64_t seed;  /* of the new head */
    double dropout; /* overrides every dropout of the config; negative: the config's */
    bool keep_head; /* evaluate, predict: the checkpoint's own head, refuse without */
};

struct model;

/* DIR holds config.json and weights (weight_files.h). With keep_head labels and problem come from
 * the config. */
struct model *model_open(const char *dir, const struct head_spec *head, struct compute *c,
                         struct err *err);
/* A model of the shape that the text of a config.json describes, with weights drawn from the head's
 * seed: for measuring what does not depend on their values. Never for keep_head. */
struct model *model_create(const char *config, const struct head_spec *head, struct compute *c,
                           struct err *err);
void model_close(struct model *m); /* NULL is fine */

const struct model_config *model_config(const struct model *m);
size_t model_labels(const struct model *m);
const char *model_label(const struct model *m, size_t id);
size_t model_max_length(const struct model *m); /* the positions it has */
enum pooling model_pooling(const struct model *m);
enum problem model_problem(const struct model *m); /* never AUTO */
struct param *model_params(struct model *m, size_t *count);
struct param_counts { /* numbers, not tensors */
    uint64_t all, trained, fresh;
};
struct param_counts model_count_params(const struct model *m);
/* A line each for what a user should know, '\n' between them: "new: classifier.weight,
 * classifier.bias"; "" when there is nothing. */
const char *model_notice(const struct model *m);

/* Whether the model can read every token of e: ids, types and lengths within its tables. To be
 * asked once before e's batches go to model_forward, which does not check. */
int model_check_tokens(const struct model *m, const struct encoded *e, struct err *err);

/* Mark what learns. With `frozen` (freeze_layers) the embeddings and the first so many layers do not:
 * ERR_USAGE when that leaves none, ERR_UNSUPPORTED when layers share weights. Before workspaces. */
int model_mark_training(struct model *m, enum tune tune, size_t frozen, struct err *err);
/* The same, and make gradients for what learns. */
int model_prepare_training(struct model *m, enum tune tune, size_t frozen, struct err *err);

/* Memory of a step: made for batches of at most max_B sequences and max_T tokens, the longest
 * having max_S; for inference (no backward) far less is needed. */
struct workspace;
struct workspace *workspace_create(const struct model *m, size_t max_B, size_t max_T, size_t max_S,
                                   bool training, struct err *err);
void workspace_destroy(struct workspace *ws);
/* What it would take, of such a batch. */
size_t workspace_bytes(const struct model *m, size_t B, size_t T, size_t S, bool training);

/* Where dropout's randomness comes from in one micro-batch. training false: none. */
struct pass {
    bool training;
    uint64_t seed, step; /* step counts optimiser steps from 1 */
    uint32_t micro;      /* micro-batch within the step, from 0 */
};

/* logits (B, labels). With p->training keeps what model_backward needs. */
void model_forward(struct model *m, const struct batch *b, struct workspace *ws,
                   const struct pass *p, float *logits);
/* dlogits (B, labels) to dw of every trainable parameter, added to what is there. Stops below the
 * lowest trainable depth. Same batch, workspace and pass as the forward before it. */
void model_backward(struct model *m, const struct batch *b, struct workspace *ws,
                    const struct pass *p, const float *dlogits);

/* The frozen layers alone, dropout off: out (T, hidden_size) is what goes on from the last of them, the
 * same for a row whatever batch it is in. The workspace is one for inference. */
void model_prefix(struct model *m, const struct batch *b, struct workspace *ws, float *out);
/* As model_forward from there on; the workspace is one for training. */
void model_forward_from(struct model *m, const struct batch *b, struct workspace *ws,
                        const struct pass *p, const float *prefix, float *logits);

/* The frozen part alone, dropout off: what the first trained layer of TUNE_HEAD reads, (B,
 * model_feature_width). Then the head alone over rows of such features. */
size_t model_feature_width(const struct model *m);
void model_features(struct model *m, const struct batch *b, struct workspace *ws, float *features);
void model_head_forward(struct model *m, const float *features, size_t B, struct workspace *ws,
                        const struct pass *p, float *logits);
void model_head_backward(struct model *m, size_t B, struct workspace *ws, const struct pass *p,
                         const float *dlogits);

/* What a checkpoint holds: every parameter by its Transformers name, to a file; and back into an
 * open model of the same shape. */
int model_save_weights(struct model *m, const char *path, char sha256[65], struct err *err);
int model_load_weights(struct model *m, const char *path, struct err *err);

/* The directory AutoModelForSequenceClassification.from_pretrained loads: config.json
 * (architectures, dtype, id2label, label2id, problem_type) and model.safetensors. Refuses a pooling
 * the class cannot express, by name, unless force, which writes sft_pooling into config.json. */
int model_export(struct model *m, const char *dir, bool force, char weights_sha256[65],
                 struct err *err);

#endif
