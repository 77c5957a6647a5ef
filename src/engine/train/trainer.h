/* trainer.h - start a run here; talk to it through control.h.
 *
 * trainer_start makes the run directory with its rings and returns at once; the rest (reading the
 * model, tokenising, training, evaluating, writing the result) happens on the trainer's own thread,
 * whose progress and errors are in the snapshot. States: idle, preparing, running, paused,
 * evaluating, then finished, stopped or failed.
 *
 * The loop is: take commands; next micro-batches forward and backward; clip; update; push a record.
 * Between zero_grad and the end of the update nothing allocates and no lock is taken that the UI or
 * the recorder can hold. */
#ifndef TRAINER_H
#define TRAINER_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/eval/metrics.h"
#include "engine/train/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trainer_spec {
    const char *model_dir;
    const struct dataset *dataset;        /* borrowed until trainer_finish */
    const struct dataset_spec *data_spec; /* how it was opened, for run.json */
    const struct encoded *encoded;        /* the data set's ids, borrowed likewise; NULL: the trainer
                                             tokenises. One made with another max_length than
                                             trainer_max_length() is not used */
    struct settings settings;             /* resolved */
    const char *out;                      /* the run directory to make, or NULL: a dated one in ... */
    const char *workspace;                /* ... WORKSPACE/runs; NULL: the current directory */
    bool resume;                          /* `out` is an existing run to go on with: model_dir and
                                             settings are its own; of those here only a learning_rate
                                             that is not NaN counts, as an edit */
    bool accept_other_kernels;
    bool evaluate_test;                   /* evaluate the test split once, after the last step */
};

struct trainer;
struct trainer *trainer_start(const struct trainer_spec *spec, struct err *err);
const char *trainer_rundir(const struct trainer *t);

/* Wait for the end of the run, at most wait_ms (negative: forever). True when it has ended. */
bool trainer_wait(struct trainer *t, int wait_ms);

/* What came out; valid once the run has ended. */
struct trainer_result {
    int64_t steps;
    double epochs, train_loss;         /* train_loss: mean over the last epoch's examples */
    double seconds, tokens_per_second; /* of training, evaluations excluded */
    uint64_t tokens;
    struct metrics *validation, *test; /* NULL: none; owned by the trainer */
    char weights_sha256[65];
};
const struct trainer_result *trainer_result(const struct trainer *t);

/* Ask it to stop if it still runs, wait, save, free. -1 with the run's error when it failed (err
 * may be NULL). NULL is fine. */
int trainer_finish(struct trainer *t, struct err *err);

/* max_length of the settings, or the positions the model in DIR has when those are fewer. */
int trainer_max_length(const char *model_dir, const struct settings *s, size_t *out,
                       struct err *err);

/* dataset_open for a training of that model: when its config names exactly the labels the data have,
 * their ids are the model's, so that its head goes on; else the labels sorted. */
struct dataset *trainer_open_dataset(const char *model_dir, const struct dataset_spec *spec,
                                     struct err *err);

#endif
