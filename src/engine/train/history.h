/* history.h - reading a run back: run.json and run.db, of a run that goes on or is over.
 *
 * Used by the workbench (curves of an opened run, misclassified rows), `sft runs` and resume. Reads
 * through SQLite's WAL, so it never blocks the recorder. Any thread, each with its own handle. */
#ifndef HISTORY_H
#define HISTORY_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/train/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LABEL_COLUMN_SIZE = 4096 }; /* a list of columns may be long */

/* What run.json says. */
struct run_info {
    char name[96], path[4096];
    char created[32];              /* "2026-11-23T14:05:00Z" */
    char model[4096];              /* directory the run started from */
    char files[SPLIT_COUNT][4096]; /* "" when not given */
    char sha256[SPLIT_COUNT][65];
    char text_column[128], pair_column[128], label_column[LABEL_COLUMN_SIZE];
    char label_separator[32];
    enum table_format format;
    enum table_header header;
    char kernel_set[160], cpu[64], version[32];
    struct settings settings;
};
int run_info_read(struct run_info *info, const char *rundir, struct err *err);

struct history;
struct history *history_open(const char *rundir, struct err *err);
void history_close(struct history *h);

/* All records as the ring would give them, oldest first, those of earlier attempts before those of
 * later ones; *out is free()d by the caller. What a resume superseded is left out. */
int history_records(struct history *h, struct record **out, size_t *count, struct err *err);

/* The edits a resume at `from_step` must apply again: those of every attempt at that step or later,
 * by step, without replays (edits whose command is 0). For the caller to free(). */
int history_edits(struct history *h, int64_t from_step, struct record **out, size_t *count,
                  struct err *err);

/* One evaluation with every row's prediction. */
struct evaluation {
    int64_t id, step;
    enum split split;
    enum problem problem;
    double loss, accuracy, macro_f1;
    size_t rows, labels;
    uint32_t *row;      /* (rows) dataset row */
    int32_t *truth;     /* (rows) one label a row; else NULL */
    int32_t *predicted; /* (rows) likewise */
    float *target;      /* (rows, labels) sets: 0 and 1; values; else NULL */
    float *probs;       /* (rows, labels) probabilities, or the predicted values */
};
/* id -1: the newest evaluation of `split`. ERR_INPUT when there is none yet. */
int history_evaluation(struct history *h, int64_t id, enum split split, struct evaluation *out,
                       struct err *err);
void evaluation_clear(struct evaluation *e);
/* Row i's label, or its set as a whole, is as it should be. Not of values. */
bool evaluation_right(const struct evaluation *e, size_t i);
bool evaluation_same_target(const struct evaluation *a, const struct evaluation *b, size_t i);

/* The result of the latest attempt, from run.db. ERR_INPUT while it has not ended. */
struct run_result {
    enum trainer_state state;
    int64_t steps;
    double epochs, seconds, tokens_per_second, train_loss;
    uint64_t tokens;
    char weights_sha256[65];
    enum problem problem;
    bool has_validation, has_test;
    double validation_accuracy, validation_loss, test_accuracy, test_loss;
    double validation_score, test_score; /* the problem's metric_first */
};
int history_result(struct history *h, struct run_result *out, struct err *err);

/* Names of the run directories under WORKSPACE/runs, newest first; free each and the array. None is
 * no error. */
int runs_list(const char *workspace, char ***names, size_t *count, struct err *err);

#endif
