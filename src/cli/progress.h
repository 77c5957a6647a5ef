/* progress.h - what takes long, on standard error while it goes on: one line rewritten in place on a terminal,
 * else a line every few seconds; evaluations and warnings get lines of their own. */
#ifndef PROGRESS_H
#define PROGRESS_H
#include "engine/train/ring.h"

#include <stdbool.h>

struct progress {
    bool terminal;   /* standard error is one */
    bool line_shown; /* the rewritten line is on the screen */
    double last;     /* clock_monotonic() of the last line */
    char shown[200]; /* that line */
};
void progress_init(struct progress *p);
/* A record that deserves a line. */
void progress_record(struct progress *p, const struct record *r);
/* Where the run is, if it is time for it. */
void progress_view(struct progress *p, const struct trainer_view *v);
/* A line of another command, under the same rules. */
void progress_line(struct progress *p, const char *line);
/* Take the rewritten line away: something else will be printed. */
void progress_clear(struct progress *p);

#endif
