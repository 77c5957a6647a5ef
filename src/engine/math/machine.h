/* machine.h - what this machine can do at most, whatever a program makes of it: multiply-adds in
 * registers, bytes through memory. What speeds of the engine are held against.
 *
 * All on the engine's own pool. Best slices count, so that a machine others use, too, still shows
 * what it can do; a measured share of it then says how well the engine does beside them. */
#ifndef MACHINE_H
#define MACHINE_H
#include "engine/base/err.h"
#include "engine/base/pool.h"

#include <stddef.h>

/* fp32 GFLOP/s of `threads` threads at once, at most the pool's, with the widest vectors the CPU
 * has; takes about 50 ms. */
double machine_peak(struct pool *pool, int threads);

/* The same of another loop of multiply-adds that returns the operations it did (ops.h). */
typedef double machine_loop_fn(size_t rounds);
double machine_peak_of(struct pool *pool, int threads, machine_loop_fn *loop);

/* Memory to measure in: twice, on small pages and on huge ones, where the system gives them. */
struct machine_memory;
/* About `bytes` each, but never more than an eighth of the machine's memory. */
struct machine_memory *machine_memory_create(struct pool *pool, size_t bytes, struct err *err);
void machine_memory_destroy(struct machine_memory *m); /* NULL is fine */
size_t machine_memory_bytes(const struct machine_memory *m);

/* GB/s of scaling an array in place on all threads, read and written bytes counted: the pattern of
 * an optimiser. The best of `passes`. */
struct machine_bandwidth {
    double small_pages, huge_pages;
};
struct machine_bandwidth machine_bandwidth(struct machine_memory *m, int passes);

#endif
