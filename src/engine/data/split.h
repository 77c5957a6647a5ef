/* split.h - one file into train, validation and test: 80/10/10, stratified by label, rows of equal
 * text kept on one side. The result depends on the rows and split_seed only. */
#ifndef SPLIT_H
#define SPLIT_H
#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* text_key[i] is equal for rows of equal text; label[i] a class id; out[i] gets an enum split. */
int split_carve(const uint64_t *text_key, const int32_t *label, size_t n, size_t labels,
                uint64_t split_seed, uint8_t *out, struct err *err);

#endif
