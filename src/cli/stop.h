/* stop.h - the wish of the one in front of the terminal to stop, for commands that take long.
 *
 * The first SIGINT, SIGTERM or SIGHUP is noted, and the command ends in order when it next asks; the
 * second kills. */
#ifndef STOP_H
#define STOP_H
#include <stdbool.h>

void stop_catch_signals(void);
bool stop_wanted(void); /* any thread */

#endif
