/* loop.h - joins the app to the terminal: sleeps in poll on keys, signals, finished jobs and the
 * next tick; draws when something changed; returns when the user leaves. */
#ifndef LOOP_H
#define LOOP_H
#include "engine/base/err.h"
#include "ui/app.h"

/* Opens the terminal, shows the first frame before anything is loaded, runs. 0, or -1 with *err;
 * the terminal is put back in either case. Takes nothing. */
int loop_run(const struct app_spec *spec, struct err *err);

#endif
