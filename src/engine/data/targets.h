/* targets.h - what the rows of a batch should come out as, in the form the loss and the metrics
 * read.
 *
 * Filled from a dataset, row by row of a list; sized once. A class problem has ids, the others a
 * row of `width` numbers: the value, or 1 and 0 for each label. */
#ifndef TARGETS_H
#define TARGETS_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"

#include <stddef.h>
#include <stdint.h>

struct targets {
    enum problem problem;
    size_t width;   /* outputs of the model: labels, or 1 */
    int32_t *label; /* (rows) single label; NO_LABEL when not given */
    float *value;   /* (rows, width) otherwise; NaN when not given */
};

/* Room for `rows` rows of what d holds. */
int targets_init(struct targets *t, const struct dataset *d, size_t rows, struct err *err);
void targets_clear(struct targets *t);
void targets_fill(struct targets *t, const struct dataset *d, const uint32_t *rows, size_t n);

#endif
