/* parts.h - what the files of this room share: the model's parts and a step's memory. Private to
 * the room; model.h is what others see.
 *
 * Parameters lie in one block in the order of the table, gradients in a second block of the same
 * layout, so the gradient of any w is as far into `gradients` as w is into `weights`. Within a
 * block (layer) query, key and value weights are neighbours without a gap, and so are all its
 * vectors: their gradients' partial sums are one row, added up in one go. */
#ifndef PARTS_H
#define PARTS_H
#include "engine/base/mem.h"
#include "engine/model/model.h"

/* Places in the table. */
enum { WORD, POSITION, TYPE, EMBEDDING_GAMMA, EMBEDDING_BETA, EMBEDDING_PARAMS };
enum {
    QUERY_W,
    KEY_W,
    VALUE_W,
    OUT_W,
    UP_W,
    DOWN_W,
    QUERY_B,
    KEY_B,
    VALUE_B,
    OUT_B,
    GAMMA1,
    BETA1,
    UP_B,
    DOWN_B,
    GAMMA2,
    BETA2,
    BLOCK_PARAMS
};
enum { POOLER_W, POOLER_B };
enum { CLASSIFIER_W, CLASSIFIER_B };
#define HEAD_PARAMS 4

struct model {
    struct model_config config;
    struct compute *compute;
    size_t H, F, L, heads, D, K; /* hidden, intermediate, layers, heads, head width, labels */
    enum pooling pooling;
    enum tune tune;
    double hidden_dropout, attention_dropout, head_dropout;
    char **label_names; /* (K) */
    struct strbuf notice;

    struct param *params;
    size_t param_count;
    struct param *embedding, *blocks, *pooler, *classifier; /* into params; pooler may be NULL */
    struct mem_block weights, gradients;
    size_t weights_size; /* floats of either block */
};

/* params.c: the table, its names, shapes and memory. `pooler`: whether the model has one. */
int params_create(struct model *m, bool pooler, struct err *err);
void params_destroy(struct model *m);

static inline struct param *model_block(const struct model *m, size_t layer)
{
    return m->blocks + layer * BLOCK_PARAMS;
}

/* Floats of one block's vectors (QUERY_B to BETA2), and where one of them stands among them. */
static inline size_t vectors_width(const struct model *m)
{
    return 9 * m->H + m->F;
}
static inline size_t vector_at(const struct param *block, int which)
{
    return (size_t)(block[which].w - block[QUERY_B].w);
}

/* weights.c: fill the table from DIR's weight files, note what is new or unused. */
int weights_load(struct model *m, const char *dir, const struct head_spec *head, struct err *err);

/* What one block keeps between forward and backward. R rows leave a block: all T tokens, or, in the
 * last block of a head that reads first tokens only, B. */
struct block_memory {
    float *x;        /* (T,H) input */
    float *qkv;      /* (T,3H) */
    float *P;        /* attention probabilities, workspace.attention_at for each sequence */
    float *ctx;      /* (T,H) attention output */
    float *tail_x;   /* (R,H) the rows of x that go on; x itself when R is T */
    float *tail_ctx; /* (R,H) likewise of ctx */
    float *z1, *y1;  /* (R,H) before and after the first LayerNorm */
    float *u, *a;    /* (R,F) before and after GELU */
    float *z2, *y2;  /* (R,H) before and after the second LayerNorm */
    float *mean1, *rstd1, *mean2, *rstd2; /* (R) */
};

struct workspace {
    struct mem_block block;
    size_t max_B, max_T, max_S;
    size_t B, T, S;       /* of the batch it is carved for */
    bool training;        /* keeps what backward reads */
    bool first_only;      /* the last block passes on first tokens only */
    size_t *attention_at; /* (B) floats into P where a sequence's heads start */

    float *embedded, *embedding_z, *embedding_mean, *embedding_rstd; /* (T,H), (T,H), (T), (T) */
    struct block_memory *layers;                                     /* (L) */

    /* (B,H): what the pooler reads, before and after its tanh; after dropout. */
    float *pool_in, *pool_u, *pooled, *head_in;

    /* Backward, shared by all layers. */
    float *dx, *d_o, *da, *dctx, *dqkv; /* (T,H) (T,H) (T,F) (T,H) (T,3H) */
    float *dtail, *dtail_ctx;           /* (B,H) gradients of the last block's gathered rows */
    float *dhead;                       /* (B,H) */
    float *partial;                     /* sums over a block of rows, see compute_add_partials */
};

/* Lay the buffers out for a batch of B sequences, T tokens, the longest having S. What they held is
 * lost. */
void workspace_fit(struct workspace *ws, const struct model *m, size_t B, size_t T, size_t S);

/* Dropout of a site: numbered so that no two sites of a micro-batch share a key. */
enum { SITE_EMBEDDING, SITE_HEAD, SITE_BLOCKS }; /* then two a layer, then the attention heads */
struct dropout dropout_site(double p, const struct pass *pass, uint32_t site);

/* embeddings.c: ids to ws->embedded, and its gradient (in ws->dx, overwritten) to the tables. */
void embeddings_forward(struct model *m, const struct batch *b, struct workspace *ws,
                        const struct pass *pass);
void embeddings_backward(struct model *m, const struct batch *b, struct workspace *ws,
                         const struct pass *pass);

/* block.c: x to y2; and back, from the gradient of y2 to that of x, which is ws->dx. For the last
 * block of a first-token head the gradient comes in ws->dtail, else in ws->dx. */
void block_forward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                   const struct pass *pass);
void block_backward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                    const struct pass *pass);

/* heads.c. What the head reads of the last block's rows y (B,H): first tokens, or means; and the
 * gradient back to ws->dx (means) or ws->dtail (first tokens). */
void head_gather(struct model *m, const struct batch *b, const struct workspace *ws, float *out);
void head_scatter(struct model *m, const struct batch *b, struct workspace *ws, const float *dout);
/* The pooler over B rows; keeps ws->pool_u for backward. dy (B,H) is overwritten, din (B,H) may be
 * NULL. */
void pooler_forward(struct model *m, struct workspace *ws, const float *in, size_t B, float *out);
void pooler_backward(struct model *m, struct workspace *ws, const float *in, size_t B, float *dy,
                     float *din);
/* Dropout and the classifier; keeps ws->head_in for backward. din may be NULL. */
void classifier_forward(struct model *m, struct workspace *ws, const float *in, size_t B,
                        const struct pass *pass, float *logits);
void classifier_backward(struct model *m, struct workspace *ws, size_t B, const struct pass *pass,
                         const float *dlogits, float *din);

#endif
