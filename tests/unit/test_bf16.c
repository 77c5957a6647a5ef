/* test_bf16.c - products in bf16: every row of the table that the CPU runs against double on rounded
 * operands, bit-equal under splits, and what is no number. */
#include "engine/math/bf16.h"
#include "engine/math/reference.h"
#include "math_check.h"

enum { ROWS = 5 };

static const struct bf16 *row_of(size_t i)
{
    static const char *const names[] = {"plain", "avx512_bf16", "amx"};
    if (i < 3)
        return bf16_find(names[i]);
    return !cpu_find_ops("avx2") ? NULL : i == 3 ? &emulated_avx512_bf16 : &emulated_amx;
}

#define FOR_EACH_BF16(bf16)                                                                        \
    for (size_t bf16_i = 0; bf16_i < ROWS; bf16_i++)                                               \
        for (const struct bf16 *bf16 = row_of(bf16_i); bf16; bf16 = NULL)

static float to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double *widened_rounded(const float *x, size_t n)
{
    double *y = check_widen(x, n);
    for (size_t i = 0; i < n; i++)
        y[i] = (double)to_bf16(x[i]);
    return y;
}

static float *aligned_scratch(void)
{
    size_t bytes = bf16_scratch() * sizeof(float);
    float *scratch = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(scratch);
    memset(scratch, 0xff, bytes); /* NaNs: nothing may be read before it is packed */
    return scratch;
}

struct operands {
    float *a, *b, *c;
    size_t ar, ac, br, bc;
};

static struct operands operands_of(size_t M, size_t N, size_t K, int way)
{
    return (struct operands){.a = check_floats(M * K, 31, 1),
                             .b = check_floats(K * N, 32, 1),
                             .c = check_floats(M * N, 33, 1),
                             .ar = way & 1 ? 1 : K,
                             .ac = way & 1 ? M : 1,
                             .br = way & 2 ? 1 : N,
                             .bc = way & 2 ? K : 1};
}

static void operands_free(struct operands *o)
{
    free(o->a), free(o->b), free(o->c);
}

static void check_product(const struct bf16 *bf16, size_t M, size_t N, size_t K, int way)
{
    struct operands o = operands_of(M, N, K, way);
    const float beta = way & 4 ? 1.0f : 0.0f;
    float *scratch = aligned_scratch();
    double *A = widened_rounded(o.a, M * K), *B = widened_rounded(o.b, K * N),
           *C = check_widen(o.c, M * N);
    bf16->product(o.c, N, o.a, o.ar, o.ac, o.b, o.br, o.bc, M, N, K, beta, scratch);
    reference_product(C, N, A, o.ar, o.ac, B, o.br, o.bc, M, N, K, (double)beta);
    double error = check_error(o.c, C, M * N);
    if (!(error <= 1e-6))
        fail_msg("%s: %zux%zux%zu, way %d, is off by %.3g in L2", bf16->name, M, N, K, way, error);
    free(A), free(B), free(C), free(scratch);
    operands_free(&o);
}

static void test_against_double(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},    {1, 77, 384},  {5, 3, 300},    {6, 64, 256},
                                       {7, 65, 257}, {29, 130, 17}, {40, 40, 600},  {61, 12, 33},
                                       {16, 16, 32}, {33, 31, 31},  {1030, 20, 34}, {48, 96, 1100}};
    FOR_EACH_BF16(bf16)
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int way = 0; way < 8; way++)
            check_product(bf16, shapes[i][0], shapes[i][1], shapes[i][2], way);
}

/* Any part of C is made by the same operations as in the whole. */
static void test_splits(void **state)
{
    (void)state;
    enum { M = 75, N = 150, K = 700 };
    float *scratch = aligned_scratch();
    FOR_EACH_BF16(bf16)
    for (int way = 0; way < 8; way++) {
        struct operands o = operands_of(M, N, K, way);
        const float beta = way & 4 ? 1.0f : 0.0f;
        float *parts = check_copy(o.c, (size_t)M * N);
        bf16->product(o.c, N, o.a, o.ar, o.ac, o.b, o.br, o.bc, M, N, K, beta, scratch);
        for (uint64_t draw = 0; draw < 4; draw++) {
            size_t m = rng_bits(1, RNG_TEST, 2 * draw) % M,
                   n = rng_bits(1, RNG_TEST, 2 * draw + 1) % N;
            float *c = check_copy(parts, (size_t)M * N);
            for (int quarter = 0; quarter < 4; quarter++) {
                size_t top = quarter & 1 ? m : 0, left = quarter & 2 ? n : 0;
                bf16->product(c + top * N + left, N, o.a + top * o.ar, o.ar, o.ac,
                              o.b + left * o.bc, o.br, o.bc, quarter & 1 ? M - m : m,
                              quarter & 2 ? N - n : n, K, beta, scratch);
            }
            assert_memory_equal(c, o.c, sizeof(float) * M * N);
            free(c);
        }
        free(parts);
        operands_free(&o);
    }
    free(scratch);
}

/* A NaN or an infinity reaches its row and column of the result, and no other; a denormal is 0. */
static void test_no_numbers(void **state)
{
    (void)state;
    enum { M = 20, N = 40, K = 50 };
    float *scratch = aligned_scratch();
    FOR_EACH_BF16(bf16)
    for (int way = 0; way < 4; way++) {
        struct operands o = operands_of(M, N, K, way);
        o.a[3 * o.ar + 7 * o.ac] = NAN;
        o.a[5 * o.ar + 49 * o.ac] = INFINITY;
        for (size_t k = 0; k < K; k++)
            o.a[9 * o.ar + k * o.ac] = 1e-39f;
        bf16->product(o.c, N, o.a, o.ar, o.ac, o.b, o.br, o.bc, M, N, K, 0.0f, scratch);
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++) {
                float x = o.c[i * N + j];
                if (i == 3)
                    assert_true(isnan(x));
                else if (i == 5)
                    assert_true(isinf(x));
                else if (i == 9)
                    assert_true(x == 0.0f);
                else
                    assert_true(isfinite(x));
            }
        operands_free(&o);
    }
    free(scratch);
}

/* Rounding to nearest, ties to even, seen through a product with 1. */
static void test_rounding(void **state)
{
    (void)state;
    static const float cases[][2] = {{1.0f + 0x1p-8f, 1.0f},
                                     {1.0f + 0x3p-8f, 1.0f + 0x1p-6f},
                                     {0x1.010002p0f, 1.0f + 0x1p-7f},
                                     {-3.3895314e38f, -3.3895314e38f},
                                     {3.4e38f, INFINITY}};
    float *scratch = aligned_scratch();
    const float one = 1.0f;
    FOR_EACH_BF16(bf16)
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float c = 0.0f;
        bf16->product(&c, 1, &cases[i][0], 1, 1, &one, 1, 1, 1, 1, 1, 0.0f, scratch);
        assert_true(c == cases[i][1]);
    }
    free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_double),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
