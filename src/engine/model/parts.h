/* parts.h - what the files of this room share: the model's parts and a step's memory. Private to
 * the room; model.h is what others see.
 *
 * Parameters lie in one block, gradients in a second block of the same layout, so the gradient of
 * any w is as far into `gradients` as w is into `weights`. Within a block of the model (a layer)
 * query, key and value weights are neighbours without a gap, so are gate and up, and so are all its
 * vectors: their gradients' partial sums are one row, added up in one go. */
#ifndef PARTS_H
#define PARTS_H
#include "engine/base/mem.h"
#include "engine/model/families.h"
#include "engine/model/model.h"
#include "engine/model/weight_files.h"

/* The parameters of one block, and what it sees. Blocks may share parameters (ALBERT). */
struct layer {
    struct param *at[BLOCK_ROLES]; /* NULL: the family has none */
    struct param *qkv_w, *qkv_b;   /* the first of the three, or the fused one */
    struct param *in_w, *in_b;     /* gate, gate and up fused, or up */
    struct param *vectors;         /* the first vector of the run */
    size_t window;                 /* see struct attention; 0: sees all */
    const struct rope *rope;       /* NULL: does not turn */
};

struct model {
    struct model_config config;
    const struct family *family;
    struct compute *compute;
    size_t H, E, F, L; /* hidden, embedding, intermediate width, layers as they are run */
    size_t U;          /* width before the activation: F, or 2F when gated */
    size_t heads, kv_heads, D, K; /* attention heads, of keys and values, head width, labels */
    size_t QW, KW, QKV;           /* widths of all queries, of all keys, of q, k and v together */
    enum pooling pooling;         /* CLS and MEAN leave the dense layer out */
    bool reads_mean;              /* the head reads the mean, not one token */
    enum problem problem;
    enum tune tune;
    size_t frozen; /* layers that do not learn, nor do the embeddings then; 0: all learn */
    double dropout[DROPOUTS];
    char **label_names; /* (K) */
    struct strbuf notice;

    struct param *params;
    size_t param_count;
    struct param *embedding[EMBEDDING_ROLES], *head[HEAD_ROLES]; /* into params, or NULL */
    struct layer *layers;                                        /* (L) */
    size_t vectors_width; /* floats of the vectors of one block */
    struct mem_block weights, gradients;
    size_t weights_size;        /* floats of either block */
    struct weight_files mapped; /* open while some weights are read where they lie in it */
};

/* params.c: the table, its names, shapes and memory. dense: whether the head has its dense layer,
 * which a pooling that leaves it out may still have to hand on. */
int params_create(struct model *m, bool dense, struct err *err);
void params_destroy(struct model *m);

static inline bool model_has_dense(const struct model *m)
{
    return m->pooling == POOLING_MODEL && m->head[DENSE_W];
}
static inline float *param_w(const struct param *p)
{
    return p ? p->w : NULL;
}
/* What a product keeps of the gradient it adds to: all, or nothing the first time in a step. Query, key
 * and value weights, or gate and up, are one product's: the first speaks for all. */
static inline float param_keeps(struct param *p)
{
    float keeps = p->stale ? 0.0f : 1.0f;
    p->stale = false;
    return keeps;
}
/* Where the gradient sum of a vector stands in a row of partial sums; NULL where there is none. */
static inline float *partial_of(const struct layer *l, const struct param *p, float *row)
{
    return p ? row + (p->w - l->vectors->w) : NULL;
}
static inline struct norm norm_of(const struct model *m, const struct param *gamma,
                                  const struct param *beta)
{
    return (struct norm){.gamma = gamma->w,
                         .beta = param_w(beta),
                         .eps = (float)m->config.layer_norm_eps,
                         .rms = m->family->rms};
}

/* weights.c: fill the table from DIR's weights, note what is new or unused. */
int weights_load(struct model *m, const char *dir, const struct head_spec *head, struct err *err);
/* Make the table and draw every matrix of it; norms change nothing, biases are 0. */
int weights_random(struct model *m, uint64_t seed, struct err *err);
/* Before anything writes to weights: bring into their block what was left in the files. */
void weights_settle(struct model *m);

/* What one block keeps between forward and backward. R rows leave a block: all T tokens, or, in the
 * last block of a head that reads one token a sequence, B. `in` is what its products read: in a
 * post-norm family also what the residual adds, elsewhere that is `stream`. */
struct block_memory {
    float *in, *stream; /* (T,H) */
    float *qkv;         /* (T,QKV) turned and normed, as attention reads it */
    float *raw;         /* (T,QW+KW) queries and keys before their norms; Qwen3 alone */
    float *raw_rstd;    /* (T,heads+kv_heads) */
    float *relative;    /* (2S,QW) XLNet: distances times RELATIVE_W */
    float *P;           /* attention probabilities, workspace.attention_at for each sequence */
    float *ctx;         /* (T,QW) attention output */
    float *tail_stream; /* (R,H) the rows of stream that go on; stream itself when R is T */
    float *tail_ctx;    /* (R,QW) likewise of ctx */
    float *zA, *yA, *meanA, *rstdA; /* (R,H) (R,H) (R) (R): before and after NORM_A */
    float *u, *a;                   /* (R,U) before, (R,F) after the activation */
    float *zB, *yB, *meanB, *rstdB; /* likewise of NORM_B */
};

/* cos and sin of a rope's angles, (max_S, D/2) each. */
struct turns {
    float *cosine, *sine;
};

struct workspace {
    struct mem_block block;
    size_t max_B, max_T, max_S;
    size_t B, T, S;       /* of the batch it is carved for */
    bool training;        /* keeps what backward reads */
    bool tail_only;       /* the last block passes on one token a sequence */
    size_t first;         /* layer that runs first: after the frozen ones, where it trains */
    uint32_t *tail;       /* (B) which: its row in the batch */
    size_t *attention_at; /* (B) floats into P where a sequence's heads start */
    int32_t *position;    /* (T) rows of the position table; NULL when the family has none */
    struct turns turns[2];
    bool turned; /* turns, or distances, are filled */

    float *summed, *embedded, *embedding_mean, *embedding_rstd; /* (T,E), (T,E), (T), (T) */
    float *projected;                     /* (T,H); `embedded` itself without a projection */
    float *distances, *distances_dropped; /* XLNet: (2 max_S,H) encodings of relative positions */
    const float *distances_read;          /* one of the two */
    float *spare_stream;                  /* (T,H) inference: where ModernBERT's stream begins */
    float *prefix, *prefix_normed;        /* (T,H) what the first layer reads, where it is not 0 */
    float *prefix_mean, *prefix_rstd;     /* (T) (T) pre-norm: of the norm before it */
    struct block_memory *layers;          /* (L) */

    float *head_read;                    /* (B,H) what the head reads */
    float *dense_in, *dense_u, *dense_a; /* (B,H) after the first dropout; before, after act */
    float *head_z, *head_y, *head_mean, *head_rstd; /* (B,H) (B,H) (B) (B) of the head's norm */
    float *head_in;                                 /* (B,H) what the classifier reads */

    /* Backward, shared by all layers. */
    float *dx;        /* (T,H) gradient of what the next block's products read */
    float *dembedded; /* (T,E) dx itself without a projection */
    float *dstream;   /* (T,H) of the residual stream; dx itself in a post-norm family */
    float *d_o, *da, *du, *dctx, *dqkv;      /* (T,H) (T,F) (T,U) (T,QW) (T,QKV) */
    float *dtail, *dtail_stream, *dtail_ctx; /* (B,H) (B,H) (B,QW) of the last block's few rows */
    float *dhead;                            /* (B,H) */
    float *sequence_sums; /* (B, buckets x heads) or XLNet's, gradients that a sequence sums up */
    float *drelative, *drelative_sum; /* XLNet: (B,2S,QW) by sequence, (2S,QW) of all */
    float *partial;                   /* sums over a block of rows, see compute_add_partials */
};

/* Lay the buffers out for a batch of B sequences, T tokens, the longest having S. What they held is
 * lost. */
void workspace_fit(struct workspace *ws, const struct model *m, size_t B, size_t T, size_t S);

/* Dropout of a site: numbered so that no two sites of a micro-batch share a key. Sites from
 * SITE_BLOCKS on are two a layer, then the attention heads; the others were added later, from the
 * far end. */
enum { SITE_EMBEDDING, SITE_HEAD, SITE_BLOCKS };
#define SITE_HEAD_FIRST UINT32_C(0xffffffff)
#define SITE_DISTANCES  UINT32_C(0xfffffffe)
#define SITE_FFN_INNER  UINT32_C(0xfffff000) /* minus the layer */
struct dropout dropout_site(double p, const struct pass *pass, uint32_t site);

/* embeddings.c: ids to what the first block reads (ws->layers[0].in and .stream); and back, from
 * ws->dx and ws->dstream to the tables. */
void embeddings_forward(struct model *m, const struct batch *b, struct workspace *ws,
                        const struct pass *pass);
void embeddings_backward(struct model *m, const struct batch *b, struct workspace *ws,
                         const struct pass *pass);

size_t embeddings_partial(const struct model *m); /* floats of one row of its partial sums */

/* attend.c: k->qkv, as the product left it, to k->ctx, a sequence at a time; and back, from
 * ws->dctx to ws->dqkv. What a sequence sums up goes to its row of ws->sequence_sums. */
struct attend_job {
    struct model *m;
    struct workspace *ws;
    struct block_memory *k;
    const struct layer *l;
    const struct batch *b;
    const struct pass *pass;
    size_t index; /* of the layer */
};
void attend_forward(const struct attend_job *j);
void attend_backward(const struct attend_job *j);
struct dropout attend_dropout(const struct attend_job *j, size_t sequence, size_t head);
/* Fill ws->turns once. */
void attend_prepare(const struct model *m, struct workspace *ws);
/* Scratch that a worker needs, in floats, and what a sequence sums up. */
size_t attend_scratch(const struct model *m, size_t max_S, bool training);
size_t attend_sums(const struct model *m);

/* block.c: k->in and k->stream to k->yB and k->zB; and back, from the gradients of yB and zB to
 * those of in and stream, which are ws->dx and ws->dstream. For the last block of a head that reads
 * one token the gradient comes in ws->dtail, else in ws->dx. */
void block_forward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                   const struct pass *pass);
void block_backward(struct model *m, size_t layer, const struct batch *b, struct workspace *ws,
                    const struct pass *pass);

/* Pre-norm, after frozen layers: the norm that the first layer which learns begins with, of ws->prefix;
 * and its gradients, from ws->dx. */
void block_norm_prefix(struct model *m, struct workspace *ws);
void block_norm_prefix_back(struct model *m, struct workspace *ws);

/* heads.c. What the head reads of the last block's rows: one token each, or means; and the gradient
 * back to ws->dx (means) or ws->dtail (one token). */
void head_gather(struct model *m, const struct batch *b, const struct workspace *ws, float *out);
void head_scatter(struct model *m, const struct batch *b, struct workspace *ws, const float *dout);
/* Dropout, dense layer, activation, norm: (B,H) to ws->head_y or ws->dense_a, which is returned.
 * Backward: dy (B,H) is overwritten, din (B,H) may be NULL. */
const float *dense_forward(struct model *m, struct workspace *ws, const float *in, size_t B,
                           const struct pass *pass);
void dense_backward(struct model *m, struct workspace *ws, size_t B, const struct pass *pass,
                    float *dy, float *din);
/* Dropout and the classifier; keeps ws->head_in for backward. din may be NULL. */
void classifier_forward(struct model *m, struct workspace *ws, const float *in, size_t B,
                        const struct pass *pass, float *logits);
void classifier_backward(struct model *m, struct workspace *ws, size_t B, const struct pass *pass,
                         const float *dlogits, float *din);

#endif
