/* work.h - what a pass over a batch executes, by counting: for shares of the machine's peak, and for
 * what a run will take before it begins. */
#ifndef WORK_H
#define WORK_H
#include "engine/model/model.h"

#include <stdbool.h>
#include <stddef.h>

struct work {
    double products;  /* operations of products with weights, a multiply-add counted as two */
    double attention; /* likewise, of attention's own */
    double elements;  /* that activations and norms take up */
};

struct work_batch {
    double sequences, tokens, squares; /* squares: the sum of the squared lengths */
};

/* Forward through layers [first, end) of a batch, and the head when `end` is the last. A layer takes
 * every token through queries, keys, values and attention; after that the last one takes on only the
 * token a sequence that the head reads, where it reads one. A causal or local attention counts what it
 * leaves out as done. */
struct work work_forward(const struct model *m, size_t first, size_t end,
                         const struct work_batch *batch);
size_t work_layers(const struct model *m); /* layers as they are run */

/* Bytes of the parameters that products read. */
double work_weights(const struct model *m, size_t first, size_t end);

#endif
