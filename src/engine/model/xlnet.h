/* xlnet.h - the relative attention of XLNet (Yang et al. 2019, after Dai et al. 2019), which the
 * common block does not have. For query i and key j of one head, with relative position i - j:
 *
 *   score = scale * ((q_i + r_w_bias) k_j + (q_i + r_r_bias) r_{i-j} + (q_i + r_s_bias) s_{ij})
 *
 * r is a sinusoid of the distance times RELATIVE_W, s one of two vectors: whether i and j are of
 * one segment. The second and third term are laid out as a bias matrix for the attention kernel.
 * attend.c calls all of these; none can fail. */
#ifndef XLNET_H
#define XLNET_H
#include "engine/model/parts.h"

/* Floats of one sequence's sums, and of the scratch for sequences of up to S tokens. */
size_t xlnet_sums(const struct model *m);
size_t xlnet_scratch(const struct model *m, size_t S);

/* k->relative of the whole batch: distances times RELATIVE_W, once a layer. */
void xlnet_relative(const struct attend_job *j);

/* Of sequence s, head h: bias to `bias` and a->bias; returns the queries that meet keys, (S,D) in
 * `rest` with row stride *ldq. */
float *xlnet_scores(const struct attend_job *j, size_t s, size_t h, float *bias, float *rest,
                    size_t *ldq, struct attention *a);

/* The whole way back of one head: dq, dk, dv into ws->dqkv; what parameters get into `sums` and the
 * sequence's part of ws->drelative. */
void xlnet_attend_back(const struct attend_job *j, size_t s, size_t h, const float *P,
                       const float *dctx, float *kernel, float *dbias, float *rest,
                       struct attention *a, float *sums);

/* All sequences' sums to the gradients of the layer. */
void xlnet_add_sums(const struct attend_job *j);

#endif
