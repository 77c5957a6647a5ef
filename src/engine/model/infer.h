/* infer.h - logits for any number of rows: sorted by length, packed to a token budget, run without
 * dropout, put back in the order asked for. What evaluate, predict, the validation pass and the
 * feature cache use. A row's logits do not depend on which rows share its batch. */
#ifndef INFER_H
#define INFER_H
#include "engine/base/err.h"
#include "engine/model/model.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct infer; /* a workspace and a batch, made once for an encoded data set */
struct infer *infer_create(struct model *m, const struct dataset *d, const struct encoded *e,
                           struct err *err);
void infer_destroy(struct infer *i);

/* logits (n, labels) in the order of rows[0..n). `stop` (may be NULL) is looked at between batches;
 * -1 with ERR_CANCELLED when it is set. `done` (may be NULL) counts finished rows. */
int infer_logits(struct infer *i, const uint32_t *rows, size_t n, float *logits,
                 const atomic_int *stop, atomic_size_t *done, struct err *err);
/* The same for model_features: out (n, feature width). */
int infer_features(struct infer *i, const uint32_t *rows, size_t n, float *out,
                   const atomic_int *stop, atomic_size_t *done, struct err *err);

#endif
