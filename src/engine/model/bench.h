/* bench.h - a training step of a well-known shape, to be timed piece by piece.
 *
 * Random weights and ids, made in memory: only shapes matter. All parameters are trained, gradients
 * are clipped, AdamW updates. Operations are those executed: products and attention
 * of real tokens, the last block's rows that nobody reads not counted. */
#ifndef BENCH_H
#define BENCH_H
#include "engine/base/err.h"
#include "engine/math/compute.h"

#include <stddef.h>

/* The models there are shapes of: MiniLM-L6 and BERT-base. */
struct bench_size {
    const char *name, *title;
    size_t layers, hidden, intermediate;
};
const struct bench_size *bench_size_find(const char *name); /* "minilm", "base"; NULL: another */

struct bench_shape {
    const struct bench_size *size;
    size_t sequences, tokens; /* a step takes so many sequences of so many tokens, up to 512 */
    double dropout;           /* everywhere BERT has it, and before the head */
};

struct bench;
/* The compute is borrowed. */
struct bench *bench_create(struct compute *c, const struct bench_shape *shape, struct err *err);
void bench_destroy(struct bench *b); /* NULL is fine */

/* Where a step's time goes. */
enum bench_part { BENCH_ZERO, BENCH_FORWARD, BENCH_BACKWARD, BENCH_UPDATE, BENCH_PARTS };
const char *bench_part_name(enum bench_part part);

/* One whole step; its seconds, and in part[] those of its parts. */
double bench_step(struct bench *b, double part[BENCH_PARTS]);
/* One pass that only answers, as predict does. */
double bench_forward(struct bench *b);
/* AdamW alone, over every parameter: in a step it leaves out rows of the word table that no text
 * has had yet. */
double bench_adamw(struct bench *b);

/* What they execute, a multiply-add counted as two operations. */
double bench_step_gflop(const struct bench *b);
double bench_forward_gflop(const struct bench *b);
/* What AdamW reads and writes, and what it does that to. */
double bench_adamw_bytes(const struct bench *b);
size_t bench_adamw_footprint(const struct bench *b);

#endif
