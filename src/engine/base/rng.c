#include "engine/base/rng.h"

#include <math.h>

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t rng_bits(uint64_t seed, enum rng_stream stream, uint64_t counter)
{
    /* Each word passes the mixer before the next is added, so close seeds, streams and counters
     * give unrelated bits. */
    return mix(mix(mix(seed) + (uint64_t)stream) + counter);
}

double rng_uniform(uint64_t seed, enum rng_stream stream, uint64_t counter)
{
    return (double)(rng_bits(seed, stream, counter) >> 11) * 0x1p-53;
}

double rng_normal(uint64_t seed, enum rng_stream stream, uint64_t counter)
{
    uint64_t bits = rng_bits(seed, stream, counter);
    double u = ((double)(bits >> 32) + 0.5) * 0x1p-32; /* never 0: its logarithm is taken */
    double v = (double)(bits & 0xffffffffu) * 0x1p-32;
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

void rng_shuffle(uint32_t *order, size_t n, uint64_t seed, enum rng_stream stream, uint64_t round)
{
    uint64_t key = rng_bits(seed, stream, round);
    for (size_t i = n; i > 1; i--) {
        /* The modulus is biased by less than n / 2^64. */
        size_t j = (size_t)(rng_bits(key, stream, i) % i);
        uint32_t t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}
