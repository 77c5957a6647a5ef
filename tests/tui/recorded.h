/* recorded.h - a run directory whose every figure is known, made through the real seam (rings,
 * control queue, recorder), so that screens of a running or a finished training are the same on
 * every machine. */
#ifndef RECORDED_H
#define RECORDED_H
#include "engine/base/err.h"

#include <stdbool.h>

struct recorded;
/* `directory` holds the data and the model (fixtures/). served: leaves the trainer's side open in
 * state running at step 262 of 423, until recorded_close; else the run has finished. */
struct recorded *recorded_make(const char *rundir, const char *directory, bool served,
                               struct err *err);
void recorded_close(struct recorded *r); /* NULL is fine */

#endif
