/* test_splits.c - that no split of rows, columns or flat elements can be seen in a result: what a
 * kernel makes of a part by itself has the bytes it has in the whole, and sums over rows, taken up in
 * the order of the rows, too. */
#include "math_check.h"

#include "engine/math/ops.h"

#define EPSILON 1e-12f

/* Any rectangle of a product, computed alone, has the bytes it has in the whole. */
static void test_product_splits_cannot_be_seen(void **state)
{
    (void)state;
    enum { M = 247, N = 150, K = 400 };
    float *a = check_floats(M * K, 41, 1), *b = check_floats(K * N, 42, 1);
    float *scratch = check_floats(ops_product_scratch(), 43, 1);
    float *whole = check_floats(M * N, 44, 1), *part = check_floats(M * N, 44, 1);
    FOR_EACH_OPS(ops)
    for (int way = 0; way < 4; way++) {
        size_t ar = way & 1 ? 1 : K, ac = way & 1 ? M : 1, br = way & 2 ? 1 : N,
               bc = way & 2 ? K : 1;
        ops->product(whole, N, a, ar, ac, b, br, bc, M, N, K, 0.0f, scratch);
        for (uint64_t trial = 0; trial < 60; trial++) {
            size_t m = (size_t)(M * rng_uniform(45, RNG_TEST, trial * 4));
            size_t n = (size_t)(N * rng_uniform(45, RNG_TEST, trial * 4 + 1));
            size_t rows = 1 + (size_t)((double)(M - m) * rng_uniform(45, RNG_TEST, trial * 4 + 2));
            size_t columns =
                1 + (size_t)((double)(N - n) * rng_uniform(45, RNG_TEST, trial * 4 + 3));
            rows = rows > M - m ? M - m : rows;
            columns = columns > N - n ? N - n : columns;
            ops->product(part, columns, a + m * ar, ar, ac, b + n * bc, br, bc, rows, columns, K,
                         0.0f, scratch);
            for (size_t r = 0; r < rows; r++)
                assert_memory_equal(part + r * columns, whole + (m + r) * N + n,
                                    columns * sizeof *part);
        }
    }
    free(a), free(b), free(scratch), free(whole), free(part);
}

/* Row kernels over any run of the rows, and flat kernels over any run of the elements. */
static void test_row_splits_cannot_be_seen(void **state)
{
    (void)state;
    enum { R = 9, H = 45, LENGTH = R * H };
    struct dropout d = dropout_at(0.2, 3, 3, 3, 3);
    float *x = check_floats(LENGTH, 51, 1), *o = check_floats(LENGTH, 52, 1),
          *g = check_floats(H, 53, 1);
    float mean[R], rstd[R];
    struct norm norm = {g, g, EPSILON, false};
    FOR_EACH_OPS(ops)
    for (size_t cut = 0; cut <= R; cut++) {
        float *y1 = check_copy(x, LENGTH), *z1 = check_copy(x, LENGTH);
        float *y2 = check_copy(x, LENGTH), *z2 = check_copy(x, LENGTH);
        ops->residual_norm_forward(y1, z1, mean, rstd, o, g, x, &norm, R, H, d, 7);
        ops->residual_norm_forward(y2, z2, mean, rstd, o, g, x, &norm, cut, H, d, 7);
        ops->residual_norm_forward(y2 + cut * H, z2 + cut * H, mean, rstd, o + cut * H, g,
                                   x + cut * H, &norm, R - cut, H, d, 7 + cut);
        assert_memory_equal(y1, y2, LENGTH * sizeof *y1);
        assert_memory_equal(z1, z2, LENGTH * sizeof *z1);
        struct adamw_step s = {0.99f, 1e-2f, 0.1f, 0.999f, 0.001f, 3.0f, 1e-8f, 0.7f};
        size_t at = cut * 44;
        memcpy(y1, x, LENGTH * sizeof *y1);
        memcpy(y2, x, LENGTH * sizeof *y2);
        float *m1 = check_copy(o, LENGTH), *m2 = check_copy(o, LENGTH);
        float *v1 = check_zeros(LENGTH), *v2 = check_zeros(LENGTH);
        ops->adamw(y1, m1, v1, o, LENGTH, &s);
        ops->adamw(y2, m2, v2, o, at, &s);
        ops->adamw(y2 + at, m2 + at, v2 + at, o + at, LENGTH - at, &s);
        assert_memory_equal(y1, y2, LENGTH * sizeof *y1);
        ops->add(y1, o, LENGTH);
        ops->add(y2, o, at);
        ops->add(y2 + at, o + at, LENGTH - at);
        assert_memory_equal(y1, y2, LENGTH * sizeof *y1);
        free(y1), free(z1), free(y2), free(z2), free(m1), free(m2), free(v1), free(v2);
    }
    free(x), free(o), free(g);
}

/* The gradients of a norm: of its rows, and of its vectors. */
static void test_norm_gradient_splits_cannot_be_seen(void **state)
{
    (void)state;
    enum { R = 9, H = 45, N = R * H };
    struct dropout d = dropout_at(0.2, 3, 3, 3, 3);
    float *dy = check_floats(N, 54, 1), *z = check_floats(N, 55, 1), *past = check_floats(N, 56, 1);
    float *g = check_floats(H, 57, 1), *rows = check_floats(R, 58, 1);
    FOR_EACH_OPS(ops)
    for (size_t cut = 0; cut <= 2 * R; cut++) {
        struct norm norm = {g, cut % 2 ? NULL : g, EPSILON, cut % 2};
        float *whole = check_zeros(2 * N + 3 * H), *parts = check_zeros(2 * N + 3 * H);
        size_t at = cut / 2 * H;
        ops->residual_norm_backward(whole, whole + N, whole + 2 * N, whole + 2 * N + H,
                                    whole + 2 * N + 2 * H, dy, past, z, rows, rows, &norm, R, H, d,
                                    7);
        ops->residual_norm_backward(parts, parts + N, parts + 2 * N, parts + 2 * N + H,
                                    parts + 2 * N + 2 * H, dy, past, z, rows, rows, &norm, cut / 2,
                                    H, d, 7);
        ops->residual_norm_backward(parts + at, parts + N + at, parts + 2 * N, parts + 2 * N + H,
                                    parts + 2 * N + 2 * H, dy + at, past + at, z + at,
                                    rows + cut / 2, rows + cut / 2, &norm, R - cut / 2, H, d,
                                    7 + cut / 2);
        assert_memory_equal(whole, parts, (2 * N + 3 * H) * sizeof *whole);
        free(whole), free(parts);
    }
    free(dy), free(z), free(past), free(g), free(rows);
}

/* All four kernels of one activation over rows [from, to): out has room for a (R,F), du (R,F), the
 * gated a (R,F) and du (R,2F), and two vectors of sums. */
static void activate_rows(const struct ops *ops, enum activation act, float *out, const float *u,
                          const float *da, const float *bias, size_t from, size_t to)
{
    enum { R = 9, F = 45 };
    size_t at = from * F, rows = to - from;
    float *a = out, *du = a + R * F, *gated = du + R * F, *dgated = gated + R * F;
    float *sums = dgated + 2 * R * F, *both = sums + F;
    float mine[R * 2 * F];
    memcpy(mine, u + at, rows * F * sizeof *mine);
    ops->bias_act_forward(act, a + at, mine, bias, rows, F);
    ops->bias_act_backward(act, du + at, sums, da + at, mine, rows, F);
    memcpy(mine, u + 2 * at, rows * 2 * F * sizeof *mine);
    ops->gated_act_forward(act, gated + at, mine, bias, rows, F);
    ops->gated_act_backward(act, dgated + 2 * at, both, da + at, mine, rows, F);
}

static void test_activation_splits_cannot_be_seen(void **state)
{
    (void)state;
    enum { R = 9, F = 45, OUT = 5 * R * F + 3 * F };
    float *u = check_floats(R * 2 * F, 59, 2), *da = check_floats(R * F, 60, 1);
    float *bias = check_floats(2 * F, 61, 1);
    FOR_EACH_OPS(ops)
    for (enum activation act = ACT_GELU; act <= ACT_TANH; act++) {
        float *whole = check_zeros(OUT);
        activate_rows(ops, act, whole, u, da, bias, 0, R);
        for (size_t cut = 0; cut <= R; cut++) {
            float *parts = check_zeros(OUT);
            activate_rows(ops, act, parts, u, da, bias, 0, cut);
            activate_rows(ops, act, parts, u, da, bias, cut, R);
            assert_memory_equal(whole, parts, OUT * sizeof *whole);
            free(parts);
        }
        free(whole);
    }
    free(u), free(da), free(bias);
}

/* Rows, and heads: those of one call are turned as each would be alone. */
static void test_rope_splits_cannot_be_seen(void **state)
{
    (void)state;
    enum { R = 5, HEADS = 3, D = 38, LD = HEADS * D + 1, HALF = D / 2 };
    float *x = check_floats(R * LD, 62, 1), *turn = check_floats(R * HALF, 63, 1);
    FOR_EACH_OPS(ops)
    for (int backward = 0; backward < 2; backward++) {
        float *whole = check_copy(x, R * LD), *parts = check_copy(x, R * LD);
        ops->rope(whole, LD, turn, turn, R, HEADS, D, backward);
        for (size_t r = 0; r < R; r++)
            for (size_t h = 0; h < HEADS; h++)
                ops->rope(parts + r * LD + h * D, LD, turn + r * HALF, turn + r * HALF, 1, 1, D,
                          backward);
        assert_memory_equal(whole, parts, R * LD * sizeof *whole);
        free(whole), free(parts);
    }
    free(x), free(turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_splits_cannot_be_seen),
        cmocka_unit_test(test_row_splits_cannot_be_seen),
        cmocka_unit_test(test_norm_gradient_splits_cannot_be_seen),
        cmocka_unit_test(test_activation_splits_cannot_be_seen),
        cmocka_unit_test(test_rope_splits_cannot_be_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
