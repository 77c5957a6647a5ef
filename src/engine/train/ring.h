/* ring.h - numbered records in mapped memory: what the trainer says, for any number of readers.
 *
 * One producer (the trainer), any number of readers in any process, each with a cursor of its own.
 * The producer never waits; a reader notices what was overwritten before it read, and counts it.
 * The file is a header (magic, version, record size, capacity, the trainer's snapshot) and
 * `capacity` slots; its space is allocated when it is made, so a full disk cannot fault later.
 *
 * Per slot: the producer sets the slot's number to 0, writes the payload as atomic words, then
 * stores the number (release). A reader loads the number (acquire), copies the words, checks the
 * number again. Orderings come from the atomics themselves, without stand-alone fences, so
 * ThreadSanitizer can follow. Records carry numbers; what is larger is a row of run.db whose id the
 * record carries. */
#ifndef RING_H
#define RING_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/eval/metrics.h"
#include "engine/train/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_kind {
    RECORD_STEP = 1,
    RECORD_EVAL,
    RECORD_STATE,
    RECORD_EDIT,
    RECORD_CHECKPOINT,
    RECORD_ANSWER,
    RECORD_WARNING
};

enum trainer_state {
    TRAINER_IDLE,
    TRAINER_PREPARING,
    TRAINER_RUNNING,
    TRAINER_PAUSED,
    TRAINER_EVALUATING,
    TRAINER_FINISHED,
    TRAINER_STOPPED,
    TRAINER_FAILED
};
const char *trainer_state_name(enum trainer_state s);
static inline bool trainer_state_is_end(enum trainer_state s)
{
    return s >= TRAINER_FINISHED;
}

struct step_sample {
    double loss;          /* mean over the examples of the step, in nats, as optimised */
    double grad_norm;     /* before clipping */
    double learning_rate; /* of this step, the schedule applied */
    double epoch;         /* epochs done after this step, fractional */
    double seconds;       /* this step took */
    uint32_t tokens, examples;
};
struct eval_sample {
    int64_t id; /* of the evaluation in run.db; -1 when not recorded */
    enum split split;
    bool best;            /* the best so far by metric_for_best_model */
    bool by_hand;         /* asked for by a command; never counts for early stopping */
    enum problem problem; /* AUTO (0) is read as one label a row */
    double loss, accuracy, macro_f1, mcc, epoch;
    double micro_f1, subset_accuracy, hamming_loss; /* of sets, else NaN */
    double mse, mae, pearson, spearman, r2;         /* of values, else NaN */
    uint32_t rows, wrong; /* wrong: rows whose label, or set as a whole, is not right; values: 0 */
};
double eval_figure(const struct eval_sample *e, enum metric which);
struct state_sample {
    enum trainer_state from, to;
};
struct edit_sample {
    uint64_t command; /* the command that asked, 0 when replayed on resume */
    uint32_t setting; /* index into the settings table */
    double before, after;
};
enum checkpoint_kind { CHECKPOINT_SCHEDULED, CHECKPOINT_BEST, CHECKPOINT_STOP, CHECKPOINT_FINAL };
struct checkpoint_sample {
    enum checkpoint_kind kind;
    uint64_t size_bytes;
};
struct answer_sample {
    uint64_t command;
    int32_t code; /* enum err_code; 0 done */
    char text[152];
};
struct warning_sample {
    char text[160];
};

/* Fixed size; `step` is the number of optimiser steps done when it was written. */
struct record {
    uint64_t seq;    /* from 1, set by ring_push */
    int64_t time_us; /* clock_wall_us() */
    enum record_kind kind;
    uint32_t reserved; /* 0, so that no byte of a record is undefined */
    int64_t step;
    union {
        struct step_sample step_sample;
        struct eval_sample eval;
        struct state_sample state;
        struct edit_sample edit;
        struct checkpoint_sample checkpoint;
        struct answer_sample answer;
        struct warning_sample warning;
    } as;
};

/* The trainer's state as readers see it: a copy, taken whole. Plain values only. */
struct trainer_view {
    enum trainer_state state;
    int32_t pid;
    int64_t started_us;
    int64_t step, total_steps;
    double epoch, epochs;
    double learning_rate;     /* of the last step */
    double tokens_per_second; /* over the last steps; real tokens */
    double seconds_left;      /* to the end; negative: not known yet */
    double loss;              /* of the last step */
    double best_metric;       /* NaN before the first evaluation */
    int64_t best_step;
    uint64_t tokens; /* trained on so far */
    uint64_t rows[SPLIT_COUNT];
    enum problem problem; /* that the data pose */
    uint64_t labels, params, params_trained, params_new;
    struct settings settings;                   /* in force, live edits applied */
    char run_name[96], kernels[160], phase[64]; /* phase: "tokenising", "features 40 %" */
    struct err last_error;
};

struct ring;
/* Made aside and renamed, so nobody attaches to half a file; an older ring of that name is replaced.
 * first_seq >= 1 is the number of the first record: a resume goes on counting. */
struct ring *ring_create(const char *path, size_t capacity, uint64_t first_seq, struct err *err);
struct ring *ring_attach(const char *path, struct err *err); /* read only */
void ring_close(struct ring *r);                             /* NULL is fine; the file stays */

/* Producer only: sets rec->seq, never waits, never fails. */
void ring_push(struct ring *r, struct record *rec);
void ring_set_view(struct ring *r, const struct trainer_view *v);

/* Copy records from number *cursor on (0: the oldest there is), oldest first; *cursor moves past
 * them and is then the next number wanted. *lost grows by the number overwritten before this reader
 * saw them, so that for a reader who began with the first record read + lost == pushed. */
size_t ring_read(struct ring *r, uint64_t *cursor, struct record *out, size_t max, uint64_t *lost);
void ring_view(struct ring *r, struct trainer_view *out);
uint64_t ring_newest(const struct ring *r); /* first_seq - 1 when there is none */

#endif
