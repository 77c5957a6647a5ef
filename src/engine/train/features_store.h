/* features_store.h - features of a frozen backbone, kept on disk from run to run.
 *
 * A file holds the features of some rows of a data set. Its name is the hash of all they follow from:
 * the model's weights and configuration, what the head reads, the kernels, this program's version,
 * and every row's tokens. So labels may be mended and the head's settings changed, and the next run
 * starts at once; where anything else differs there is simply no file of that name. A file is whole
 * or absent, and its own hash stands at its end. Files lie in the cache directory, under features/;
 * together they take 2 GiB at most, then those not used for longest go. SFT_FEATURES=off does without. */
#ifndef FEATURES_STORE_H
#define FEATURES_STORE_H
#include "engine/base/err.h"
#include "engine/data/encode.h"
#include "engine/model/model.h"

#include <stddef.h>
#include <stdint.h>

struct features_origin {
    const char *model_dir;      /* for its config.json */
    const char *weights_sha256; /* as weight_files_sha256 gives it */
    const char *kernels;        /* as compute_kernel_set gives it */
    enum pooling pooling;       /* in force: model_pooling */
    const struct encoded *encoded;
};

struct features_store {
    char path[4096];
    size_t rows, width;
};
/* 1: there is a place for them; 0: SFT_FEATURES=off; -1: there is no place, and *err says why. */
int features_store_init(struct features_store *s, const struct features_origin *o, size_t rows,
                        size_t width, struct err *err);

/* What the file holds: known (rows) and, at the places of the rows that are, features (rows, width).
 * A file that is cut short or changed counts as absent and is removed. */
void features_store_read(const struct features_store *s, uint8_t *known, float *features);
/* All that is known, instead of what the file held; then other files go when there are too many. */
int features_store_write(const struct features_store *s, const uint8_t *known,
                         const float *features, struct err *err);

#endif
