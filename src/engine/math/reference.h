/* reference.h - every kernel once more, in double and in the plainest words.
 *
 * Nothing here is fast and nothing in a run calls it: it is what the tables of ops.h and the
 * optimiser are held against (1e-5 in L2), and what central differences hold to the equations
 * (1e-6). Shapes, aliasing and what is added to are as in ops.h, except that P has row stride S. */
#ifndef REFERENCE_H
#define REFERENCE_H
#include "engine/math/ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool reference_kept(struct dropout d, uint64_t counter);

void reference_residual_norm_forward(double *y, double *z, double *mean, double *rstd,
                                     const double *o, const double *bias, const double *x,
                                     const double *gamma, const double *beta, double eps, size_t R,
                                     size_t H, struct dropout d, uint64_t first);
void reference_residual_norm_backward(double *dz, double *d_o, double *dgamma, double *dbeta,
                                      double *dbias, const double *dy, const double *z,
                                      const double *mean, const double *rstd, const double *gamma,
                                      size_t R, size_t H, struct dropout d, uint64_t first);
void reference_bias_gelu_forward(double *a, double *u, const double *bias, size_t R, size_t F);
void reference_bias_gelu_backward(double *du, double *dbias, const double *da, const double *u,
                                  size_t R, size_t F);
void reference_bias_tanh_forward(double *y, const double *bias, size_t R, size_t H);
void reference_bias_tanh_backward(double *dy, double *dbias, const double *y, size_t R, size_t H);
void reference_bias_add(double *y, const double *bias, size_t R, size_t N);
void reference_column_sum(double *sum, const double *y, size_t R, size_t N);
void reference_dropout_rows(double *y, const double *x, size_t R, size_t H, struct dropout d,
                            uint64_t first);
void reference_attention_forward(double *o, size_t ldo, double *P, const double *q, const double *k,
                                 const double *v, size_t ld, size_t S, size_t D, struct dropout d);
void reference_attention_backward(double *dq, double *dk, double *dv, size_t ldd, const double *d_o,
                                  size_t ldo, const double *P, const double *q, const double *k,
                                  const double *v, size_t ld, size_t S, size_t D, struct dropout d);
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
