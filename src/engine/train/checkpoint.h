/* checkpoint.h - everything a run needs to go on as if it had never stopped.
 *
 * RUNDIR/checkpoints/step-000400/ holds model.safetensors, optimizer.safetensors (moments under the
 * parameters' names) and state.json (step, micro position, seeds, tokens, best so far, early
 * stopping's counter, running sums). Written aside, synced, renamed: it is whole or absent. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "engine/base/err.h"
#include "engine/math/optim.h"
#include "engine/model/model.h"

#include <stddef.h>
#include <stdint.h>

struct checkpoint_state {
    int64_t step;             /* optimiser steps done */
    uint64_t tokens;
    double loss_sum;          /* of the current epoch's examples */
    uint64_t loss_count;
    double learning_rate;     /* base in force */
    double best_metric;
    int64_t best_step;
    int64_t evaluations_without_gain;
    double seconds;           /* trained so far */
    uint64_t last_seq;        /* newest record of the ring */
};

/* m and v: one block each, laid out like `tensors`; NULL for SGD. */
int checkpoint_write(const char *rundir, struct model *m, const struct optim_tensor *tensors,
                     const struct param *params, size_t count, const struct checkpoint_state *s,
                     uint64_t *size_bytes, struct err *err);
int checkpoint_read(const char *rundir, int64_t step, struct model *m, struct optim_tensor *tensors,
                    const struct param *params, size_t count, struct checkpoint_state *s,
                    struct err *err);
/* The newest whole checkpoint; -1 when there is none. */
int64_t checkpoint_newest(const char *rundir);
void checkpoint_remove(const char *rundir, int64_t step);

#endif
