/* train_events.h - the events of a run as lines: started, evaluated, edited, saved, warned. */
#ifndef TRAIN_EVENTS_H
#define TRAIN_EVENTS_H
#include "ui/canvas.h"
#include "ui/session.h"

/* How many of the run's events are worth a line. */
size_t train_events_count(const struct session *s);
/* One event's line, without its step; the role it is drawn in, or ROLE_COUNT when it has no line.
 */
enum role train_event_text(const struct session *s, const struct record *rec, const char *arrow,
                           char *out, size_t size);
/* The panel: the newest lines at the bottom, `back` of them scrolled away. */
void train_events_draw(struct canvas *c, struct rect r, const struct session *s, size_t back);

#endif
