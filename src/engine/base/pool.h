/* pool.h - the one thread pool of the program.
 *
 * The caller is worker 0, the pool adds threads-1 more. A job is `count` items; each item runs
 * exactly once, on whichever worker takes it first, and pool_run returns when all are done.
 * Because which worker takes an item is chance, an item's result may not depend on `worker`:
 * it only picks a scratch buffer. Workers stay awake for about a millisecond, then sleep on a futex.
 * Only the thread that feeds the pool (the trainer, or main in a headless command) calls pool_run;
 * items must not call it again. Nothing is allocated after pool_create. */
#ifndef POOL_H
#define POOL_H
#include "engine/base/err.h"

#include <stddef.h>

struct pool;
typedef void pool_item_fn(void *arg, size_t item, int worker);

struct pool *pool_create(int threads, struct err *err); /* threads >= 1 */
void pool_destroy(struct pool *p);                      /* NULL is fine; joins the workers */

/* A pool that says it has so many threads and has the caller's alone: items run one after the other, and
 * `watch` is told how long each took. So work is cut as for a machine with as many cores, and what that
 * machine would make of it can be worked out (tests/bench/scale.c). */
typedef void pool_watch_fn(void *arg, const double *seconds, size_t count);
struct pool *pool_create_watched(int threads, pool_watch_fn *watch, void *arg, struct err *err);
int pool_threads(const struct pool *p);
void pool_run(struct pool *p, size_t count, pool_item_fn *fn, void *arg);

/* Cores this process may use (its affinity mask), at least 1. */
int pool_cores(void);

#endif
