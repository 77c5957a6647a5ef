/* rng.h - random numbers that depend on where they are used, not on when.
 *
 * Everything random in a run (head initialisation, the order of examples, dropout) is a pure
 * function of the run's seed, a stream and a counter. So the number of threads, a pause or a
 * resume cannot change it, and nothing has to be saved in a checkpoint but counters. */
#ifndef RNG_H
#define RNG_H
#include <stddef.h>
#include <stdint.h>

/* Streams keep uses apart. */
enum rng_stream { RNG_HEAD_INIT = 1, RNG_SHUFFLE, RNG_SPLIT, RNG_DROPOUT, RNG_TEST };

/* 64 well-mixed bits of (seed, stream, counter): the splitmix64 finaliser of Steele, Lea and
 * Flood (2014) over the combined words. */
uint64_t rng_bits(uint64_t seed, enum rng_stream stream, uint64_t counter);

/* Uniform in [0, 1), 53 bits. */
double rng_uniform(uint64_t seed, enum rng_stream stream, uint64_t counter);

/* Standard normal by Box-Muller; one value a counter. */
double rng_normal(uint64_t seed, enum rng_stream stream, uint64_t counter);

/* Fisher-Yates over order[0..n), driven by (seed, stream, round); order must be filled. */
void rng_shuffle(uint32_t *order, size_t n, uint64_t seed, enum rng_stream stream, uint64_t round);

#endif
