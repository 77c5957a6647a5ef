/* checkpoint.h - everything a run needs to go on as if it had never stopped.
 *
 * RUNDIR/checkpoints/step-000400/ holds model.safetensors (the parameters that learn, under their
 * Transformers names), optimizer.safetensors (moments: "<name>.m", "<name>.v"; absent for SGD) and
 * state.json. Parameters that do not learn come from the model the run started from, so a
 * checkpoint of a head is small. Written aside, synced, renamed: it is whole or absent. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "engine/base/err.h"
#include "engine/math/optim.h"
#include "engine/model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct checkpoint_state {
    int64_t step;                     /* optimiser steps done */
    uint64_t tokens;                  /* trained on so far */
    double seconds;                   /* trained so far */
    double loss_sum, loss_weight;     /* of the current epoch's examples */
    double learning_rate;             /* base in force */
    int64_t evaluated_step;           /* newest evaluation that was due; 0: none */
    double best_metric;               /* NaN: none */
    int64_t best_step;                /* 0: none */
    int64_t evaluations_without_gain; /* early stopping's counter */
    uint64_t last_seq;                /* newest record of the ring */
};

/* The tensors a checkpoint holds: `count` parameters that learn, and what the optimiser keeps of
 * each. tensors[i] belongs to params[i]. */
struct checkpoint_tensors {
    const struct param *const *params;
    const struct optim_tensor *tensors;
    size_t count;
};

int checkpoint_write(const char *rundir, const struct checkpoint_tensors *t,
                     const struct checkpoint_state *s, uint64_t *size_bytes, struct err *err);
/* state.json alone. */
int checkpoint_read_state(const char *rundir, int64_t step, struct checkpoint_state *s,
                          struct err *err);
/* The tensors back into the model and the optimiser; `moments` false: the weights alone. */
int checkpoint_read(const char *rundir, int64_t step, const struct checkpoint_tensors *t,
                    bool moments, struct err *err);

/* The newest whole checkpoint's step; -1 when there is none. */
int64_t checkpoint_newest(const char *rundir);
/* Remove all but the newest two and `best` (0: none is best), and what a killed write left. */
void checkpoint_prune(const char *rundir, int64_t best);

#endif
