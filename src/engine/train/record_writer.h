/* record_writer.h - one attempt's rows into run.db: the recorder thread's statements.
 *
 * Between begin and commit, put what there is; when anything fails, roll back and put all of it
 * again later. One thread at a time. */
#ifndef RECORD_WRITER_H
#define RECORD_WRITER_H
#include "engine/base/err.h"
#include "engine/base/mem.h"
#include "engine/data/targets.h"
#include "engine/train/history.h"
#include "engine/train/ring.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { RECORD_KINDS = RECORD_WARNING + 1 };

struct record_writer {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback, *insert[RECORD_KINDS], *insert_prediction,
        *insert_result;
    int64_t attempt;
    struct strbuf truth, predicted; /* sets as text */
};

/* Begins a new attempt. resume_step >= 0: what earlier ones said of later steps is superseded.
 * *next_id gets the first free number of an evaluation. */
int record_writer_open(struct record_writer *w, const char *rundir, int64_t resume_step,
                       int64_t *next_id, struct err *err);
/* join_files: leave run.db as one file, without a log beside it, unless someone reads it now. */
void record_writer_close(struct record_writer *w, bool join_files);

int record_writer_begin(struct record_writer *w, bool sync, struct err *err);
int record_writer_commit(struct record_writer *w, struct err *err); /* on disk if begun with sync */
void record_writer_rollback(struct record_writer *w);

int record_writer_put(struct record_writer *w, const struct record *rec, struct err *err);
/* Row `at` of the targets and its logits; `answer` (t->width) is room to work in. */
int record_writer_put_prediction(struct record_writer *w, int64_t evaluation, uint32_t row,
                                 const struct targets *t, size_t at, const float *logits,
                                 float *answer, struct err *err);
int record_writer_put_result(struct record_writer *w, const struct run_result *result,
                             struct err *err);

#endif
