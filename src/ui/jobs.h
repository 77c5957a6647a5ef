/* jobs.h - the one thread that does for the UI what would make a key wait: loading and indexing
 * data, tokenising, the gate, searching, reading evaluations from run.db.
 *
 * A job is a function run on the jobs thread, on its own memory, and a second one run later on the
 * UI thread, which takes the result. So no lock is held across a layer: what a job makes is handed
 * over whole. Jobs run one after another in the order they came. A cancelled job ends with
 * ERR_CANCELLED as soon as it looks at its flag, and its done function still runs, to free. */
#ifndef JOBS_H
#define JOBS_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct jobs;
struct jobs *jobs_create(struct err *err);
/* Cancels what is queued, waits for the running one, runs every done function. NULL is fine. */
void jobs_destroy(struct jobs *j);

/* On the jobs thread; 0, or -1 with *err. `cancel` becomes nonzero when the result is not wanted.
 */
typedef int job_run_fn(void *arg, const _Atomic int *cancel, struct err *err);
/* On the UI thread; failed NULL on success. Owns arg. */
typedef void job_done_fn(void *arg, void *owner, const struct err *failed);

/* Takes arg (done gets it in every case, also when this returns 0 for ERR_NOMEM). Returns the job's
 * number, for jobs_cancel. */
uint64_t jobs_submit(struct jobs *j, job_run_fn *run, job_done_fn *done, void *arg, void *owner);
void jobs_cancel(struct jobs *j, uint64_t job); /* 0 and finished jobs are fine */

/* Readable when a job has finished; poll it. */
int jobs_fd(const struct jobs *j);
/* On the UI thread: run the done functions of finished jobs. True when there was one. */
bool jobs_collect(struct jobs *j);
bool jobs_idle(struct jobs *j); /* nothing queued, running or waiting for collection */

#endif
