/* recorded.h - a run directory whose every figure is known, made through the real seam (rings, control queue,
 * recorder), so that screens of a running or a finished training are the same on every machine. */
#ifndef RECORDED_H
#define RECORDED_H
#include "engine/base/err.h"

struct recorded;
enum recorded_kind {
    RECORDED_FINISHED, /* 423 steps, ever fewer mistakes, one in the end */
    RECORDED_CONFUSED, /* the same, but every second row is misclassified to the end */
    RECORDED_VALUES,   /* pairs of texts with a number each, read a little wrong */
    RECORDED_SETS,     /* texts with any number of labels, every second with a wrong one */
    RECORDED_SERVED,   /* running at step 262 of 423: served until recorded_close */
};
/* `directory` holds the data and the model (fixtures/). */
struct recorded *recorded_make(const char *rundir, const char *directory, enum recorded_kind kind,
                               struct err *err);
void recorded_close(struct recorded *r); /* NULL is fine */

#endif
