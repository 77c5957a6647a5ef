/* prefix.h - what frozen layers (freeze_layers) make of each row's tokens, computed once.
 *
 * Dropout is off in them, so it is the same in every epoch. A row is computed when a step first asks for
 * it and kept as long as there is room, a quarter of the machine's memory; rows beyond that are computed
 * again each time. Nothing depends on which are kept. */
#ifndef PREFIX_H
#define PREFIX_H
#include "engine/base/err.h"
#include "engine/data/batch.h"
#include "engine/data/encode.h"
#include "engine/model/model.h"

#include <stddef.h>
#include <stdint.h>

struct prefix;

uint64_t prefix_room_bytes(void); /* what is kept at most */

/* For batches of up to max_B rows and max_T tokens. All borrowed. */
struct prefix *prefix_create(struct model *m, const struct encoded *e, size_t max_B, size_t max_T,
                             struct err *err);
void prefix_destroy(struct prefix *p); /* NULL is fine */

/* (T, hidden_size) of the batch, valid until the next call. */
const float *prefix_of(struct prefix *p, const struct batch *b);

#endif
