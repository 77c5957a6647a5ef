/* features.h - what the frozen backbone makes of each row, computed once (tune=head).
 *
 * With a store they are kept on disk, too, and the next run over the same rows computes nothing.
 *
 * The cache is one block with a place for every row of the data set; pages of rows nobody asks for
 * are never touched. Dropout is off in the backbone, so the features of a row are the same in every
 * epoch, and later epochs only run the head. */
#ifndef FEATURES_H
#define FEATURES_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/model/infer.h"
#include "engine/train/features_store.h"
#include "engine/train/watch.h"

#include <stddef.h>
#include <stdint.h>

struct features;

/* `store`, which is copied, may be NULL; else what it holds is there at once. */
struct features *features_create(struct model *m, const struct dataset *d, const struct encoded *e,
                                 const struct features_store *store, struct err *err);
void features_destroy(struct features *f); /* NULL is fine */

/* Compute those of rows[0..n) that are not there yet, and keep them where there is a store.
 * ERR_CANCELLED when the watch says stop. */
int features_compute(struct features *f, const uint32_t *rows, size_t n, const struct watch *watch,
                     struct err *err);

/* How many came from the store, and why what was computed could not be kept, or ERR_NONE. */
size_t features_found(const struct features *f);
struct err features_not_kept(const struct features *f);

size_t features_width(const struct features *f);
/* out (n, width) gets the features of rows[0..n), which must have been computed. */
void features_gather(const struct features *f, const uint32_t *rows, size_t n, float *out);

/* How many of rows[0..n) make a piece of work between two looks at a watch. */
size_t features_piece(const struct encoded *e, const uint32_t *rows, size_t n);

#endif
