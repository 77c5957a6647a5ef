/* trainer_internal.h - the parts of a run, for the five files that are the trainer:
 *   trainer.c           starts the thread, tells its end, waits for it
 *   trainer_loop.c      the loop: what is due, a step, and again
 *   trainer_prepare.c   from a directory and a data set to everything the loop needs
 *   trainer_commands.c  what others ask for, between two steps
 *   trainer_conclude.c  the best weights, the reports, the model directory
 * All of struct trainer belongs to the trainer's thread once that runs, but for the fields marked. */
#ifndef TRAINER_INTERNAL_H
#define TRAINER_INTERNAL_H
#include "engine/train/best.h"
#include "engine/train/checkpoint.h"
#include "engine/train/control.h"
#include "engine/train/evaluator.h"
#include "engine/train/features.h"
#include "engine/train/journal.h"
#include "engine/train/learner.h"
#include "engine/train/order.h"
#include "engine/train/teller.h"
#include "engine/train/trainer.h"

#include <pthread.h>
#include <stdatomic.h>

enum { COMMANDS_HELD = 64 };

struct held_command {
    struct command command;
    uint64_t number;
};

struct trainer {
    /* What was asked for: fixed once the thread runs. */
    char rundir[4096], model_dir[4096], created[32];
    const struct dataset *dataset;
    const struct encoded *given_encoded;
    struct dataset_spec data_spec; /* its columns point into `columns` */
    char *columns[4];              /* and the separator */
    bool resume, accept_other_kernels, evaluate_test;
    double resume_learning_rate; /* an edit that came with --resume; NaN: none */
    char pinned_kernels[160];    /* resume: of run.json */
    struct settings settings;    /* in force */

    /* Other threads: ask to stop, wait for the end. `lock` guards `ended` alone. */
    pthread_t thread;
    atomic_int stop_asked;
    pthread_mutex_t lock;
    pthread_cond_t end;
    bool ended;

    /* The run's means. */
    struct teller teller;
    struct control_queue *queue;
    struct compute *compute;
    struct model *model;
    char model_sha256[65]; /* of its weights, as run.json has it */
    struct tokenizer *tokenizer;
    struct encoded *own_encoded;
    const struct encoded *encoded;
    struct order order;
    float *class_weight;
    struct features *features;
    struct learner *learner;
    struct evaluator *evaluator;
    struct best best;
    struct journal journal;

    /* Where the run is. */
    int64_t step;
    int64_t evaluated_step, saved_step; /* newest due evaluation and checkpoint; 0: none */
    double saved_at;                    /* clock_monotonic() of that checkpoint */
    int64_t warmup;
    uint64_t tokens;
    double seconds, loss_sum, loss_weight;
    struct metrics validation, test;
    int64_t validation_step; /* weights `validation` is of; -1: none */
    bool has_test;
    bool stopping, paused;
    struct held_command held[COMMANDS_HELD];
    size_t held_count;

    struct trainer_result result;
    struct err failure;
};

/* trainer.c: the steps and epochs of the plan into the view. */
void trainer_tell_plan(struct trainer *t, const struct order *o);

/* trainer_prepare.c */
int trainer_prepare(struct trainer *t, struct err *err);

/* trainer_commands.c: at every look (a watch) commands are taken from the queue and a stop is
 * noticed; between two steps trainer_obey carries them out, and stays as long as the run is paused.
 * Errors are those that end the run. */
struct watch trainer_watch(struct trainer *t);
int trainer_obey(struct trainer *t, struct err *err);
/* Put an edit into force: `rec` is a RECORD_EDIT that is on the disk. */
void trainer_apply_edit(struct trainer *t, const struct record *rec);
/* The edit that sets `name` to what `text` says, checked but not applied. */
int trainer_make_edit(struct trainer *t, const char *name, const char *text, struct record *rec,
                      struct err *err);

/* trainer_loop.c: 0 when the run came to its end or was stopped; ERR_CANCELLED when a stop came
 * during an evaluation. An evaluation `by_hand` never counts. */
int trainer_loop(struct trainer *t, struct err *err);
int trainer_evaluate(struct trainer *t, bool by_hand, struct err *err);
int trainer_save(struct trainer *t, enum checkpoint_kind kind, struct err *err);
struct eval_sample trainer_sample(const struct trainer *t, enum split split,
                                  const struct metrics *m);

/* trainer_conclude.c */
int trainer_conclude(struct trainer *t, struct err *err);

#endif
