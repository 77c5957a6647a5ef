/* reference.h - every kernel once more, in double and in the plainest words.
 *
 * Nothing here is fast and nothing in a run calls it: it is what the tables of ops.h and the
 * optimiser are held against (1e-5 in L2), and what central differences hold to the equations
 * (1e-6). Shapes, aliasing and what is added to are as in ops.h, except that P and attention's
 * bias have row stride S. */
#ifndef REFERENCE_H
#define REFERENCE_H
#include "engine/math/ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool reference_kept(struct dropout d, uint64_t counter);

/* The structures of ops.h, with doubles. */
struct reference_norm {
    const double *gamma, *beta;
    double eps;
    bool rms;
};
struct reference_attention {
    size_t S, D;
    double scale;
    bool causal;
    size_t window;
    const double *bias; /* (S,S) */
    struct dropout d;
};
struct reference_qkv {
    double *q, *k, *v;
    size_t ldq, ldk;
};

void reference_residual_norm_forward(double *y, double *z, double *mean, double *rstd,
                                     const double *o, const double *bias, const double *x,
                                     const struct reference_norm *n, size_t R, size_t H,
                                     struct dropout d, uint64_t first);
void reference_residual_norm_backward(double *dz, double *d_o, double *dgamma, double *dbeta,
                                      double *dbias, const double *dy, const double *dres,
                                      const double *z, const double *mean, const double *rstd,
                                      const struct reference_norm *n, size_t R, size_t H,
                                      struct dropout d, uint64_t first);

/* The functions themselves: act(x) and its derivative. */
double reference_act(enum activation act, double x);
double reference_act_slope(enum activation act, double x);
void reference_bias_act_forward(enum activation act, double *a, double *u, const double *bias,
                                size_t R, size_t F);
void reference_bias_act_backward(enum activation act, double *du, double *dbias, const double *da,
                                 const double *u, size_t R, size_t F);
void reference_gated_act_forward(enum activation act, double *a, double *u, const double *bias,
                                 size_t R, size_t F);
void reference_gated_act_backward(enum activation act, double *du, double *dbias, const double *da,
                                  const double *u, size_t R, size_t F);
void reference_rope(double *x, size_t ld, const double *cosine, const double *sine, size_t R,
                    size_t heads, size_t D, bool backward);
void reference_bias_add(double *y, const double *bias, size_t R, size_t N);
void reference_column_sum(double *sum, const double *y, size_t R, size_t N);
void reference_dropout_rows(double *y, const double *x, size_t R, size_t H, struct dropout d,
                            uint64_t first);
void reference_attention_forward(double *o, size_t ldo, double *P, struct reference_qkv x,
                                 const struct reference_attention *a);
void reference_attention_backward(struct reference_qkv dx, double *dbias, const double *d_o,
                                  size_t ldo, const double *P, struct reference_qkv x,
                                  const struct reference_attention *a, bool add_kv);
void reference_product(double *c, size_t ldc, const double *a, size_t ar, size_t ac,
                       const double *b, size_t br, size_t bc, size_t M, size_t N, size_t K,
                       double beta);

/* One update with the plain numbers, as torch.optim documents it; step counts from 1. */
void reference_adamw(double *p, double *m, double *v, const double *g, size_t n, double lr,
                     double beta1, double beta2, double epsilon, double weight_decay,
                     double gradient_scale, uint64_t step);
void reference_sgd(double *p, const double *g, size_t n, double lr, double weight_decay,
                   double gradient_scale);

#endif
