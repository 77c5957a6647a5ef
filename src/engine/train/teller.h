/* teller.h - what the trainer says: records into the ring and to the recorder, and the snapshot.
 *
 * A record goes to the ring, where everyone sees it, and to the recorder, which keeps it; step
 * samples go to the ring alone, the recorder reads them there. What must not be lost
 * (teller_commit) is on the disk before anyone is told. The snapshot follows at most every 20 ms
 * while steps are short, so that a head's steps of 20 microseconds are not spent on telling.
 * The trainer's thread alone uses a teller. */
#ifndef TELLER_H
#define TELLER_H
#include "engine/base/err.h"
#include "engine/eval/metrics.h"
#include "engine/train/evaluator.h"
#include "engine/train/recorder.h"
#include "engine/train/ring.h"

#include <stdbool.h>
#include <stdint.h>

struct teller {
    struct ring *ring;
    struct recorder *recorder; /* NULL before the run has a database */
    struct trainer_view view;  /* what is published; change it, then teller_publish */
    double published;          /* clock_monotonic() of the last publication */
    /* Sums over the last steps, fading with a memory of about 2 s: for the display only. */
    double recent_steps, recent_seconds, recent_tokens;
    double evaluation_seconds; /* of the last evaluation */
};

/* Make RUNDIR/metrics.ring, numbering on from first_seq, and publish the view as it stands. */
int teller_open(struct teller *t, const char *rundir, uint64_t first_seq, struct err *err);
void teller_close(struct teller *t); /* the ring alone; a zeroed struct is fine */

void teller_publish(struct teller *t);
void teller_phase(struct teller *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void teller_state(struct teller *t, enum trainer_state to);
/* `evaluations` are still to come. */
void teller_step(struct teller *t, int64_t step, const struct step_sample *s, int64_t evaluations);
void teller_answer(struct teller *t, uint64_t command, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void teller_warn(struct teller *t, const char *text);
/* An evaluation with its rows. */
void teller_evaluation(struct teller *t, struct eval_sample s, const struct evaluated *rows);
/* To the disk first, then to the ring. -1: it is neither here nor there. */
int teller_commit(struct teller *t, struct record *rec, struct err *err);

#endif
