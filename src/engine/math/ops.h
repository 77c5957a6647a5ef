/* ops.h - the row kernels of a transformer step, behind one table.
 *
 * Rows of the table are `ops_plain` (C11), `ops_avx2` and `ops_avx512`; cpu.h chooses one at start.
 * reference.h has the same functions in double, which tests hold each row against.
 *
 * Shapes: R rows (tokens) of a call, H hidden width, F intermediate width, S tokens of a sequence,
 * D width of a head. The gradient of x is dx. A kernel works on the rows it is given and nothing
 * else, so any split of the rows gives the same bytes; sums over rows are made a block of
 * OPS_BLOCK_ROWS at a time into a partial of their own, and the partials are added in block order
 * (compute.h), so they do not depend on a split either. Kernels cannot fail and allocate nothing.
 *
 * Dropout is a counter hash: element i of a site is kept when hash(key, i) >= threshold. Backward
 * calls the hash again instead of keeping a mask. threshold 0 means no dropout. NaN and infinity
 * pass through every kernel. */
#ifndef OPS_H
#define OPS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPS_BLOCK_ROWS 32

enum {
    OPS_PANEL_K = 384,        /* depth of one chain of multiply-adds in a product */
    OPS_PANEL_COLUMNS = 1536, /* columns of B packed at a time; a whole number of any tile's */
    OPS_PANEL_ROWS = 192,     /* rows of A at a time; a whole number of tiles */
};

struct dropout {
    uint32_t key;       /* of (seed, step, micro-batch, site); see dropout_at() */
    uint32_t threshold; /* p * 2^32; 0: none */
    float scale;        /* 1 / (1 - p) */
};

/* GELU is the erf form of Hendrycks and Gimpel 2016, x Phi(x); GELU_TANH their approximation
 * 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); SILU x / (1 + e^-x). */
enum activation { ACT_GELU, ACT_GELU_TANH, ACT_RELU, ACT_SILU, ACT_TANH };

struct norm {                  /* LayerNorm, or with rms RMSNorm: no mean, no beta */
    const float *gamma, *beta; /* (H); beta NULL: none */
    float eps;
    bool rms;
};

struct attention { /* what one head of one sequence computes besides softmax(scale q k^T) v */
    size_t S, D;
    float scale;
    bool causal;       /* query i sees keys j <= i only */
    size_t window;     /* 0: none; else only |i - j| <= window */
    const float *bias; /* (S, ops_attention_stride(S)) added to the scaled scores, or NULL */
    struct dropout d;
};

/* Of one head, (S,D) each, inside wider matrices: row stride ldq of q, ldk of k and v. Not written
 * where they are an input. */
struct qkv {
    float *q, *k, *v;
    size_t ldq, ldk;
};

/* The numbers of one update, worked out in double by optim.c and rounded once: 1 - beta2 of a float
 * beta2 would be wrong in the fourth digit. */
struct adamw_step {
    float decay;     /* 1 - learning_rate * weight_decay */
    float step_size; /* learning_rate / (1 - beta1^t) */
    float one_minus_beta1, beta2, one_minus_beta2;
    float inverse_root_bias2; /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
    float gradient_scale; /* the clipping factor */
};

struct ops {
    const char *name; /* "plain", "avx2", "avx512" */
    /* BLAS serves only where it is asked for or this machine's profile shows that it is faster
     * (compute.h): with AVX-512 this row's product beats
     * single-threaded OpenBLAS on each worker by more than a tenth in a whole training step; with
     * AVX2 the two are even, and OpenBLAS's sums depend on how a product is split (admit.c refuses
     * every shape), so asking at every start would only cost time. */
    bool leads_blas;

    /* z = x + dropout(o + bias);  y = norm(z): (z - mean) * rstd * gamma + beta with rstd =
     * 1/sqrt(var + eps), Ba, Kiros, Hinton 2016, eq. 3-4; with rms, z * rstd * gamma with rstd =
     * 1/sqrt(mean(z^2) + eps), Zhang and Sennrich 2019, eq. 4.
     *   y, z (R,H) out; z may be o. rstd (R) out; mean (R) out, neither written nor read with rms.
     *   o (R,H), x (R,H), bias (H) in; bias and x may be NULL (then they are 0).
     * first: the dropout counter of element (0,0) is first*H. */
    void (*residual_norm_forward)(float *y, float *z, float *mean, float *rstd, const float *o,
                                  const float *bias, const float *x, const struct norm *n, size_t R,
                                  size_t H, struct dropout d, uint64_t first);
    /* dz = dres + norm'(dy), which is also the gradient of the residual x; d_o = dropout'(dz).
     *   dz (R,H) out, may be dy or dres. d_o (R,H) out, may be NULL; may not be dz.
     *   dres (R,H) in, what reaches z past the norm (pre-norm blocks); NULL: 0.
     *   dgamma, dbeta, dbias (H): the sums over these R rows are ADDED; dbeta is not touched where
     *   the norm has no beta, dbias may be NULL. */
    void (*residual_norm_backward)(float *dz, float *d_o, float *dgamma, float *dbeta, float *dbias,
                                   const float *dy, const float *dres, const float *z,
                                   const float *mean, const float *rstd, const struct norm *n,
                                   size_t R, size_t H, struct dropout d, uint64_t first);

    /* u += bias;  a = act(u). u, a (R,F); bias may be NULL; a may be u, which is then lost. */
    void (*bias_act_forward)(enum activation act, float *a, float *u, const float *bias, size_t R,
                             size_t F);
    /* du = da * act'(u); du may be da. dbias (F): sums over rows ADDED; may be NULL. */
    void (*bias_act_backward)(enum activation act, float *du, float *dbias, const float *da,
                              const float *u, size_t R, size_t F);

    /* Gated feed-forward, Shazeer 2020: u (R,2F) += bias (2F, may be NULL);
     * a (R,F) = act(u[:, :F]) * u[:, F:]. */
    void (*gated_act_forward)(enum activation act, float *a, float *u, const float *bias, size_t R,
                              size_t F);
    /* du (R,2F) from da (R,F). dbias (2F): sums over rows ADDED; may be NULL. */
    void (*gated_act_backward)(enum activation act, float *du, float *dbias, const float *da,
                               const float *u, size_t R, size_t F);

    /* Rotary positions, Su et al. 2021, eq. 34, in the form that pairs element i of a head with
     * i + D/2: in each of R rows (row stride ld), each of `heads` neighbouring heads of width D, an
     * even number, pairs are turned by the row's angles: cosine, sine (R, D/2). backward: by minus
     * the angles. In place. */
    void (*rope)(float *x, size_t ld, const float *cosine, const float *sine, size_t R,
                 size_t heads, size_t D, bool backward);

    void (*bias_add)(float *y, const float *bias, size_t R, size_t N);  /* y += bias */
    void (*column_sum)(float *sum, const float *y, size_t R, size_t N); /* sum += sum_r y */
    void (*dropout_rows)(float *y, const float *x, size_t R, size_t H, struct dropout d,
                         uint64_t first);            /* y may be x */
    void (*add)(float *y, const float *x, size_t n); /* y += x */
    void (*scale)(float *y, float a, size_t n);      /* y *= a */

    /* One head of one sequence, Vaswani et al. 2017, eq. 1: P = softmax(scale q k^T + bias) over
     * the keys a query sees, o = dropout(P) v.
     *   o (S,D), row stride ldo, out. P (S,S), row stride ops_attention_stride(S), is kept for
     *   backward: before dropout, 0 where masked. scratch: ops_attention_scratch(S, D) floats. */
    void (*attention_forward)(float *o, size_t ldo, float *P, struct qkv x,
                              const struct attention *a, float *scratch);
    /* dx.q, dx.k and dx.v out, overwritten; with add_kv dx.k and dx.v are ADDED to, for query heads
     * that share a key-value head. dbias (S,S) with P's stride, out, may be NULL: the gradient of
     * `bias`, which is that of the scaled scores; 0 where masked. */
    void (*attention_backward)(struct qkv dx, float *dbias, const float *d_o, size_t ldo,
                               const float *P, struct qkv x, const struct attention *a, bool add_kv,
                               float *scratch);

    double (*sum_squares)(const float *x, size_t n); /* in one fixed order */

    /* AdamW as torch.optim.AdamW, with g scaled: m += (1 - beta1)(g - m); v = beta2 v + (1 - beta2)
     * g^2; p = p decay - step_size m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon). Loshchilov and
     * Hutter 2019, algorithm 2. */
    void (*adamw)(float *p, float *m, float *v, const float *g, size_t n,
                  const struct adamw_step *s);
    /* Gradient descent as torch.optim.SGD, without momentum: p -= lr * (g*gscale + weight_decay*p).
     */
    void (*sgd)(float *p, const float *g, size_t n, float lr, float weight_decay, float gscale);

    /* The project's own product, used where BLAS is absent or not bit-equal under a split:
     * C (M,N) = beta*C + A B, element (i,k) of A at a[i*ar + k*ac], element (k,j) of B at
     * b[k*br + j*bc]. Each element of C is made of chains of fused (plain: unfused) multiply-adds
     * in the order of k, cut every OPS_PANEL_K; so every split of M and N gives the same bytes.
     * beta is 0 or 1. scratch: ops_product_scratch() floats. */
    void (*product)(float *c, size_t ldc, const float *a, size_t ar, size_t ac, const float *b,
                    size_t br, size_t bc, size_t M, size_t N, size_t K, float beta, float *scratch);

    /* Independent multiply-adds in registers, for measuring the peak (machine.h); returns how many
     * operations were done, counted by their results. rounds below 2^20. */
    double (*multiply_adds)(size_t rounds);
};

extern const struct ops ops_plain, ops_avx2, ops_avx512;

/* S rounded up to whole vectors, and so that rows spread over the cache. */
size_t ops_attention_stride(size_t S);
size_t ops_attention_scratch(size_t S, size_t D);
size_t ops_product_scratch(void);

/* The dropout of one site. p in [0,1); p 0 gives threshold 0. */
struct dropout dropout_at(double p, uint64_t seed, uint64_t step, uint32_t micro, uint32_t site);

#endif
