/* watch.h - how long work says how far it is, and hears that it should stop.
 *
 * Evaluations, the feature pass and an accumulated step take seconds; each calls its watch between
 * pieces of at most about half a second. The trainer's watch takes commands from the queue there. */
#ifndef WATCH_H
#define WATCH_H
#include <stdbool.h>
#include <stddef.h>

struct watch {
    /* True: stop now. The work is dropped and its caller gets ERR_CANCELLED. */
    bool (*poll)(void *arg, size_t done, size_t total);
    void *arg;
};

static inline bool watch_poll(const struct watch *w, size_t done, size_t total)
{
    return w && w->poll(w->arg, done, total);
}

#endif
