/* child.h - run a function in a child process and get its answer back, whatever becomes of it.
 *
 * For what may crash, hang, or must read an environment of its own: a library that is not trusted
 * yet. The child is a fork, so call it before the program has threads. Its standard output and
 * error lead nowhere, and it dies with its parent. */
#ifndef CHILD_H
#define CHILD_H
#include "engine/base/err.h"

#include <stddef.h>

enum child_end {
    CHILD_ANSWERED,
    CHILD_FAILED,  /* the function returned something else than 0, or the system refused a child */
    CHILD_CRASHED, /* killed by a signal of its own */
    CHILD_HUNG,    /* no answer in time; it was killed */
};

/* Fill answer[0..size) and return 0, else anything else. */
typedef int child_fn(void *arg, void *answer);

/* `answer` is written only when the child answered. */
enum child_end child_run(child_fn *fn, void *arg, void *answer, size_t size,
                         double timeout_seconds);

#endif
