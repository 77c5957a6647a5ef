/* session_write.h - the changing side of session.h; only the app's own files include it. */
#ifndef SESSION_WRITE_H
#define SESSION_WRITE_H
#include "ui/session.h"

void session_init(struct session *s);
void session_clear(struct session *s); /* frees all it owns */

/* Copy the strings of a spec so that they outlive the caller's. */
int session_set_spec(struct session *s, const struct dataset_spec *spec, struct err *err);
/* After any change of s->settings: fills resolved and settings_error, counts the change. */
void session_resolve(struct session *s);
/* Take the data's parts out and free them. */
void session_drop_data(struct session *s);
void session_set_inspection(struct session *s, struct inspection *i); /* takes it */
void inspection_destroy(struct inspection *i);                        /* NULL is fine */

/* Forget the run's curves and events. */
void run_reset(struct run *r, enum run_kind kind, const char *rundir);
/* Put one record into the series or the events. Running out of memory drops it and counts it lost.
 */
void run_take(struct run *r, const struct record *rec);

static inline void session_touch(struct session *s, enum session_part part)
{
    s->changed[part]++;
}

#endif
