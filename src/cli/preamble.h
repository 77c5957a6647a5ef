/* preamble.h - what a user should know before a training: the model, the rows, what is wrong with
 * them, what will be done. */
#ifndef PREAMBLE_H
#define PREAMBLE_H
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/data/gate.h"
#include "engine/train/ring.h"

#include <stdio.h>

struct preamble {
    const char *model_dir, *rundir;
    const struct dataset *dataset;
    const struct encoded *encoded;
    const struct gate *gate;
    const struct trainer_view *view; /* settings, steps, parameter counts, kernels */
};
void preamble_print(FILE *f, const struct preamble *p);

#endif
