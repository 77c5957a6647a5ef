/* recorder.h - the one thread that writes run.db.
 *
 * Step samples reach it by RUNDIR/metrics.ring, which must stand before the recorder starts, so
 * that a training step takes no lock of its; all other records come by a queue that loses nothing.
 * Steps that a stalled disk let the ring overwrite are counted in a warning among the events.
 * Writing is batched, a few times a second. What must be on disk before it is reported as done (an
 * edit before the step it applies to, a checkpoint before "saved") is waited for by the caller:
 * recorder_put_and_wait. Each row carries its attempt; a resume marks the rows after its checkpoint
 * superseded. */
#ifndef RECORDER_H
#define RECORDER_H
#include "engine/base/err.h"
#include "engine/data/targets.h"
#include "engine/train/history.h"
#include "engine/train/ring.h"

#include <stdint.h>

struct recorder;
/* resume_step >= 0: rows of later steps are superseded and the attempt number grows. */
struct recorder *recorder_start(const char *rundir, int64_t resume_step, struct err *err);
/* Everything queued, and every step in the ring, is written first. -1 when that failed: the text
 * says how many records are lost. */
int recorder_finish(struct recorder *r, struct err *err);

/* -1 with the error that now keeps records from the disk (they are kept and tried again), 0 when
 * all is well. Any thread. */
int recorder_check(struct recorder *r, struct err *err);

/* Not between zero_grad and the end of the update: takes a lock, if only for the length of a copy.
 */
void recorder_put(struct recorder *r, const struct record *rec);
/* Returns when *rec is on the disk (synced). On -1 it is not, and will not be tried again. */
int recorder_put_and_wait(struct recorder *r, const struct record *rec, struct err *err);
/* A RECORD_EVAL with the prediction for every row of it. Takes a copy of the arrays; returns the
 * evaluation's id at once (ids are given out by the caller's side), the rows follow; -1 on
 * ERR_NOMEM. */
int64_t recorder_put_evaluation(struct recorder *r, const struct record *rec, const uint32_t *rows,
                                const struct targets *truth, const float *logits, size_t n,
                                struct err *err);
/* Waits, as recorder_put_and_wait. */
int recorder_put_result(struct recorder *r, const struct run_result *result, struct err *err);

#endif
