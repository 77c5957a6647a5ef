/* estimate.h - what a run will take, before it begins: seconds and memory, from a count of what it
 * executes (model/work.h), over the real tokens in the run's own order, and from what this machine
 * reaches, measured just before.
 *
 * The measurement takes all cores for half a second, in a bad moment for two, and says nothing while others use them, so it is
 * not made beside a run. */
#ifndef ESTIMATE_H
#define ESTIMATE_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/train/settings.h"

#include <stdbool.h>
#include <stdint.h>

/* What the machine reaches. peak 0: not measured yet. */
struct pace {
    double peak;      /* multiply-adds in registers, GFLOP/s */
    double products;  /* products of layers, GFLOP/s */
    double bandwidth; /* GB/s, read and written */
    bool bf16;        /* what the products were measured in */
    int64_t threads;
};

struct estimate_ask { /* all borrowed */
    const char *model_dir;
    const struct dataset *dataset;
    const struct encoded *encoded;
    const struct settings *settings; /* resolved */
    bool resumed;                    /* bf16 is then not held to today's speed */
    bool tests;                      /* the test rows are evaluated at its end */
    int64_t done;                    /* steps that are behind it */
};

struct estimate {
    int64_t steps; /* in all */
    double epochs;
    uint64_t tokens; /* of the steps to come */
    uint64_t params, params_trained, params_new;
    char kernels[160];
    double seconds;      /* from the command to its end */
    double step_seconds; /* of one step, on the mean */
    double peak_bytes;   /* resident */
};

/* Opens the model; measures first where *pace holds for other settings or for none. Errors are those
 * that the run would end with: settings that the model or the machine does not take. */
int estimate_run(const struct estimate_ask *ask, struct pace *pace, struct estimate *out,
                 struct err *err);

#endif
