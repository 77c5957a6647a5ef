/* math_check.h - what the tests of the math room share: reproducible numbers, widening, L2 errors.
 */
#ifndef MATH_CHECK_H
#define MATH_CHECK_H
#include "emulated/emulated.h"
#include "engine/base/rng.h"
#include "engine/math/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* n normal numbers times `size`; every call site names its own stream by `seed`. */
static inline float *check_floats(size_t n, uint64_t seed, double size)
{
    float *x = malloc((n ? n : 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(size * rng_normal(seed, RNG_TEST, i));
    return x;
}

static inline float *check_zeros(size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static inline float *check_copy(const float *x, size_t n)
{
    float *y = malloc((n ? n : 1) * sizeof *y);
    assert_non_null(y);
    return memcpy(y, x, n * sizeof *y);
}

static inline double *check_widen(const float *x, size_t n)
{
    double *y = malloc((n ? n : 1) * sizeof *y);
    assert_non_null(y);
    for (size_t i = 0; i < n; i++)
        y[i] = (double)x[i];
    return y;
}

/* ||a - b|| / ||b||; infinite when a has a NaN. */
static inline double check_error(const float *a, const double *b, size_t n)
{
    double difference = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    return isnan(difference) ? INFINITY : sqrt(difference) / (sqrt(size) + 1e-30);
}

#define CHECK_CLOSE(a, b, n)                                                                       \
    do {                                                                                           \
        double check_e = check_error(a, b, n);                                                     \
        if (!(check_e <= 1e-5))                                                                    \
            fail_msg("%s: %s is off by %.3g in L2", ops->name, #a, check_e);                       \
    } while (0)

enum { CHECK_ROWS = 4 };

/* A row of the table, or NULL: not one that this CPU runs. AVX-512's runs everywhere, in emulation. */
static inline const struct ops *check_ops(size_t row)
{
    static const char *const names[] = {"plain", "avx2", "avx512"};
    if (row < CHECK_ROWS - 1)
        return cpu_find_ops(names[row]);
    return cpu_find_ops("avx2") ? &emulated_avx512 : NULL;
}

#define FOR_EACH_OPS(ops)                                                                          \
    for (size_t check_row = 0; check_row < CHECK_ROWS; check_row++)                                \
        for (const struct ops *ops = check_ops(check_row); ops; ops = NULL)

#endif
