/* speed.h - what the products of a training step reach on this machine, beside what its
 * multiply-adds could. */
#ifndef SPEED_H
#define SPEED_H
#include "engine/base/err.h"
#include "engine/math/compute.h"

struct speed {
    double peak_gflops;    /* multiply-adds in registers, on the same number of threads */
    double product_gflops; /* the products of one MiniLM layer, forward and backward, 512 tokens */
};

/* GFLOP/s of the products of one layer of a BERT of this width, forward and backward, 512 tokens; each
 * product is repeated for `seconds` and counts with its best round. */
int speed_products(struct compute *c, size_t hidden, double seconds, double *gflops,
                   struct err *err);

/* Takes about half a second; each product counts with its best round. */
int speed_measure(struct compute *c, struct speed *out, struct err *err);

#endif
