/* journal.h - live edits: committed before the step they apply to, applied again on resume.
 *
 * An edit made between step k and k+1 is a RECORD_EDIT with step k in run.db, on the disk before
 * step k+1 begins. A resume from the checkpoint of step c applies the edits of step c or later again
 * when it comes to their step; those before c are in the checkpoint's state. Applying one twice is
 * harmless: the last value of a step is the one in force. */
#ifndef JOURNAL_H
#define JOURNAL_H
#include "engine/base/err.h"
#include "engine/train/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal {
    struct record *edits; /* by step, then in the order they were made */
    size_t count, next;
};

/* The edits of RUNDIR/run.db from `step` on. */
int journal_load(struct journal *j, const char *rundir, int64_t step, struct err *err);
void journal_clear(struct journal *j); /* a zeroed struct is fine */

/* The next edit that is due when `step` steps are done: true and *out. */
bool journal_due(struct journal *j, int64_t step, struct record *out);
/* The step at which the last loaded edit applies, or `step` when none does. */
int64_t journal_last_step(const struct journal *j, int64_t step);

#endif
