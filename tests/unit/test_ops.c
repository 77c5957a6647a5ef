/* test_ops.c - every row of the kernel table against the double reference, over shapes that are no
 * multiple of any vector; and that NaN and infinity pass through. Attention has test_attention.c,
 * splits of the work test_splits.c. */
#include "engine/math/reference.h"
#include "math_check.h"

#include "engine/math/ops.h"

#define EPSILON 1e-12f

static const size_t widths[] = {1, 3, 7, 16, 31, 32, 77, 384};
static const struct dropout no_dropout = {0, 0, 1.0f};

#define FOR_EACH_WIDTH(H)                                                                          \
    for (size_t width_i = 0, H = widths[0]; width_i < sizeof widths / sizeof widths[0];            \
         width_i++, H = widths[width_i < sizeof widths / sizeof widths[0] ? width_i : 0])

/* What a norm is given: without extras, no bias, no residual, and backward neither d_o nor dbias. */
struct norm_case {
    bool rms, shifts, extras, past; /* shifts: a beta; past: a gradient past the norm */
    struct dropout d;
};

/* LayerNorm of a width of 1 divides 0 by sqrt(eps): the output is only noise, so it starts at 3. */
static void check_norm(const struct ops *ops, size_t R, size_t H, struct norm_case w)
{
    size_t n = R * H;
    uint64_t first = 5;
    float *o = check_floats(n, 1, 1), *x = check_floats(n, 2, 1), *bias = check_floats(H, 3, 1);
    float *gamma = check_floats(H, 4, 1), *beta = check_floats(H, 5, 1),
          *dy = check_floats(n, 6, 1), *dres = check_floats(n, 10, 1);
    float *y = check_copy(o, n), *z = check_copy(o, n), *mean = check_copy(o, R),
          *rstd = check_copy(o, R);
    float *dz = check_copy(dy, n), *d_o = check_copy(dy, n);
    float *dgamma = check_floats(H, 7, 1), *dbeta = check_floats(H, 8, 1),
          *dbias = check_floats(H, 9, 1);
    double *O = check_widen(o, n), *X = check_widen(x, n), *Bias = check_widen(bias, H);
    double *Gamma = check_widen(gamma, H), *Beta = check_widen(beta, H), *Dy = check_widen(dy, n);
    double *Dres = check_widen(dres, n);
    double *Y = check_widen(o, n), *Z = check_widen(o, n), *Mean = check_widen(o, R),
           *Rstd = check_widen(o, R);
    double *Dz = check_widen(dy, n), *D_o = check_widen(dy, n), *Dgamma = check_widen(dgamma, H);
    double *Dbeta = check_widen(dbeta, H), *Dbias = check_widen(dbias, H);
    struct norm norm = {gamma, w.shifts ? beta : NULL, EPSILON, w.rms};
    struct reference_norm reference = {Gamma, w.shifts ? Beta : NULL, (double)EPSILON, w.rms};

    ops->residual_norm_forward(y, z, w.rms ? NULL : mean, rstd, z, w.extras ? bias : NULL,
                               w.extras ? x : NULL, &norm, R, H, w.d, first);
    reference_residual_norm_forward(Y, Z, Mean, Rstd, O, w.extras ? Bias : NULL,
                                    w.extras ? X : NULL, &reference, R, H, w.d, first);
    CHECK_CLOSE(y, Y, n);
    CHECK_CLOSE(z, Z, n);
    CHECK_CLOSE(mean, Mean, R);
    CHECK_CLOSE(rstd, Rstd, R);
    if (w.past)
        memcpy(dz, dres, n * sizeof *dz); /* in place of dres, else in place of dy */
    ops->residual_norm_backward(dz, w.extras ? d_o : NULL, dgamma, w.shifts ? dbeta : NULL,
                                w.extras ? dbias : NULL, w.past ? dy : dz, w.past ? dz : NULL, z,
                                w.rms ? NULL : mean, rstd, &norm, R, H, w.d, first);
    reference_residual_norm_backward(Dz, w.extras ? D_o : NULL, Dgamma, Dbeta,
                                     w.extras ? Dbias : NULL, Dy, w.past ? Dres : NULL, Z, Mean,
                                     Rstd, &reference, R, H, w.d, first);
    CHECK_CLOSE(dz, Dz, n);
    CHECK_CLOSE(d_o, D_o, n);
    CHECK_CLOSE(dgamma, Dgamma, H);
    CHECK_CLOSE(dbeta, Dbeta, H);
    CHECK_CLOSE(dbias, Dbias, H);
    float *floats[] = {o,    x,    bias, gamma, beta,   dy,    y,     z,
                       mean, rstd, dz,   d_o,   dgamma, dbeta, dbias, dres};
    double *doubles[] = {O,    X,    Bias, Gamma, Beta,   Dy,    Y,     Z,
                         Mean, Rstd, Dz,   D_o,   Dgamma, Dbeta, Dbias, Dres};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        free(floats[i]);
        free(doubles[i]);
    }
}

static void test_residual_norm(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    FOR_EACH_WIDTH(H)
    {
        if (H < 3)
            continue;
        for (int way = 0; way < 16; way++) {
            struct norm_case w = {way & 1, !(way & 1) && way & 2, way & 4, way & 8, no_dropout};
            check_norm(ops, 1, H, w);
            check_norm(ops, 5, H, w);
            w.d = dropout_at(0.3, 1, 2, 3, 4);
            check_norm(ops, 3, H, w);
        }
    }
}

typedef void elementwise_fn(const struct ops *ops, float *a, float *b, float *vector, size_t R,
                            size_t N);
typedef void elementwise_reference_fn(double *a, double *b, double *vector, size_t R, size_t N);

/* Alone, into another matrix and in place; and gated, where N is that of both halves. */
#define ACTIVATION(X, name, act)                                                                   \
    X(name##_forward, bias_act_forward(act, a, b, vector, R, N))                                   \
    X(name##_in_place, bias_act_forward(act, a, a, NULL, R, N))                                    \
    X(name##_backward, bias_act_backward(act, a, vector, a, b, R, N))                              \
    X(name##_no_bias, bias_act_backward(act, a, NULL, a, b, R, N))                                 \
    X(gated_##name##_forward, gated_act_forward(act, a, b, vector, R, N / 2))                      \
    X(gated_##name##_bare, gated_act_forward(act, a, b, NULL, R, N / 2))                           \
    X(gated_##name##_backward, gated_act_backward(act, a, vector, b, b, R, N / 2))                 \
    X(gated_##name##_alone, gated_act_backward(act, a, NULL, b, b, R, N / 2))

/* One row for each kernel that works on a matrix a, a matrix b and a vector. */
#define ELEMENTWISE(X)                                                                             \
    ACTIVATION(X, gelu, ACT_GELU)                                                                  \
    ACTIVATION(X, gelu_tanh, ACT_GELU_TANH)                                                        \
    ACTIVATION(X, relu, ACT_RELU)                                                                  \
    ACTIVATION(X, silu, ACT_SILU)                                                                  \
    ACTIVATION(X, tanh, ACT_TANH)                                                                  \
    X(bias, bias_add(a, vector, R, N))                                                             \
    X(column, column_sum(vector, a, R, N))                                                         \
    X(dropout_off, dropout_rows(a, b, R, N, no_dropout, 9))                                        \
    X(dropout_on, dropout_rows(a, b, R, N, dropout_at(0.4, 5, 6, 7, 8), 0xfffffff0u))
#define CALL(name, call)                                                                           \
    static void run_##name(const struct ops *ops, float *a, float *b, float *vector, size_t R,     \
                           size_t N)                                                               \
    {                                                                                              \
        (void)a, (void)b, (void)vector;                                                            \
        ops->call;                                                                                 \
    }                                                                                              \
    static void reference_##name(double *a, double *b, double *vector, size_t R, size_t N)         \
    {                                                                                              \
        (void)a, (void)b, (void)vector;                                                            \
        reference_##call;                                                                          \
    }
ELEMENTWISE(CALL)
#define ROW(name, call) {#name, run_##name, reference_##name},
static const struct elementwise {
    const char *name;
    elementwise_fn *run;
    elementwise_reference_fn *reference;
} elementwise[] = {ELEMENTWISE(ROW)};

static void check_elementwise(const struct ops *ops, const struct elementwise *e, size_t R,
                              size_t N)
{
    size_t n = R * N;
    float *a = check_floats(n, 11, 2), *b = check_floats(n, 12, 2),
          *vector = check_floats(N, 13, 1);
    double *A = check_widen(a, n), *B = check_widen(b, n), *Vector = check_widen(vector, N);
    e->run(ops, a, b, vector, R, N);
    e->reference(A, B, Vector, R, N);
    CHECK_CLOSE(a, A, n);
    CHECK_CLOSE(b, B, n);
    CHECK_CLOSE(vector, Vector, N);
    free(a), free(b), free(vector), free(A), free(B), free(Vector);
}

static void test_elementwise(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof elementwise / sizeof elementwise[0]; i++)
        FOR_EACH_WIDTH(N)
        {
            check_elementwise(ops, &elementwise[i], 1, N);
            check_elementwise(ops, &elementwise[i], 4, N);
        }
}

/* The largest error of a value, relative, and of a slope, absolute. */
static const struct {
    double value, slope;
} act_bounds[] = {{3e-6, 4e-7}, {3e-6, 6e-7}, {0.0, 0.0}, {3e-7, 4e-7}, {3e-7, 4e-7}};

/* Every activation element by element over its whole range: L2 over a random vector would not notice
 * a bad tail. Bounds are in units of the result, slopes and the far tails absolutely. */
static void test_functions_over_their_range(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    for (enum activation act = ACT_GELU; act <= ACT_TANH; act++)
        for (double at = -20.0; at < 20.0; at += 0.0037) {
            float u = (float)at, a, du = 1.0f;
            ops->bias_act_forward(act, &a, &u, NULL, 1, 1);
            double A = reference_act(act, (double)u), off = fabs((double)a - A);
            if (!(off <= act_bounds[act].value * fabs(A) + (act == ACT_GELU_TANH ? 1e-15 : 1e-30)))
                fail_msg("%s: activation %d of %g is %g, not %g", ops->name, (int)act, (double)u,
                         (double)a, A);
            ops->bias_act_backward(act, &du, NULL, &du, &u, 1, 1);
            off = fabs((double)du - reference_act_slope(act, (double)u));
            if (!(off <= act_bounds[act].slope))
                fail_msg("%s: the slope of activation %d at %g is off by %g", ops->name, (int)act,
                         (double)u, off);
        }
}

/* Heads of any width that is even, rows that are wider than their heads, and back again. */
static void test_rope(void **state)
{
    (void)state;
    static const size_t widths_of_heads[] = {2, 6, 14, 32, 34, 64, 72};
    enum { R = 5, HEADS = 3 };
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof widths_of_heads / sizeof widths_of_heads[0]; i++) {
        size_t D = widths_of_heads[i], ld = HEADS * D + 5, angles = R * D / 2;
        float *x = check_floats(R * ld, 61, 1), *before = check_copy(x, R * ld);
        float *cosine = check_floats(angles, 62, 3), *sine = check_zeros(angles);
        for (size_t j = 0; j < angles; j++) {
            sine[j] = sinf(cosine[j]);
            cosine[j] = cosf(cosine[j]);
        }
        double *X = check_widen(x, R * ld), *Before = check_widen(x, R * ld);
        double *Cosine = check_widen(cosine, angles), *Sine = check_widen(sine, angles);
        ops->rope(x, ld, cosine, sine, R, HEADS, D, false);
        reference_rope(X, ld, Cosine, Sine, R, HEADS, D, false);
        CHECK_CLOSE(x, X, R * ld);
        assert_true(check_error(x, Before, R * ld) > 0.1);
        ops->rope(x, ld, cosine, sine, R, HEADS, D, true);
        CHECK_CLOSE(x, Before, R * ld);
        memcpy(x, before, R * ld * sizeof *x);
        memcpy(X, Before, R * ld * sizeof *X);
        ops->rope(x, ld, cosine, sine, R, HEADS, D, true);
        reference_rope(X, ld, Cosine, Sine, R, HEADS, D, true);
        CHECK_CLOSE(x, X, R * ld);
        free(x), free(before), free(cosine), free(sine);
        free(X), free(Before), free(Cosine), free(Sine);
    }
}

static void check_product(const struct ops *ops, size_t M, size_t N, size_t K, bool a_across,
                          bool b_across, float beta)
{
    size_t ar = a_across ? 1 : K, ac = a_across ? M : 1, br = b_across ? 1 : N,
           bc = b_across ? K : 1;
    float *a = check_floats(M * K, 31, 1), *b = check_floats(K * N, 32, 1),
          *c = check_floats(M * N, 33, 1);
    float *scratch = check_floats(ops_product_scratch(), 34, 1);
    double *A = check_widen(a, M * K), *B = check_widen(b, K * N), *C = check_widen(c, M * N);
    ops->product(c, N, a, ar, ac, b, br, bc, M, N, K, beta, scratch);
    reference_product(C, N, A, ar, ac, B, br, bc, M, N, K, (double)beta);
    CHECK_CLOSE(c, C, M * N);
    free(a), free(b), free(c), free(scratch), free(A), free(B), free(C);
}

static void test_product(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},      {1, 77, 384},    {5, 3, 300},   {6, 64, 256},
                                       {7, 65, 257},   {29, 130, 17},   {40, 40, 600}, {61, 12, 33},
                                       {400, 40, 390}, {200, 1600, 50}, {3, 3100, 20}};
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int way = 0; way < 8; way++)
            check_product(ops, shapes[i][0], shapes[i][1], shapes[i][2], way & 1, way & 2,
                          way & 4 ? 1.0f : 0.0f);
}

/* The same elements are dropped by every row of the table, in attention as in rows, at about p. */
static void test_dropout_is_one_function(void **state)
{
    (void)state;
    enum { R = 40, H = 123 };
    struct dropout d = dropout_at(0.1, 42, 7, 0, 3);
    float *ones = check_zeros(R * H), *y = check_zeros(R * H);
    size_t kept = 0;
    for (size_t i = 0; i < R * H; i++)
        ones[i] = 1.0f;
    FOR_EACH_OPS(ops)
    {
        ops->dropout_rows(y, ones, R, H, d, 1000);
        for (size_t i = 0; i < R * H; i++) {
            float expected = reference_kept(d, 1000 * H + i) ? d.scale : 0.0f;
            assert_true(y[i] == expected);
            kept += ops->name[0] == 'p' && y[i] != 0.0f;
        }
    }
    double share = (double)kept / (R * H), sd = sqrt(0.1 * 0.9 / (R * H));
    assert_true(fabs(share - 0.9) < 4 * sd);
    assert_true(dropout_at(0.1, 42, 7, 0, 4).key != d.key &&
                dropout_at(0.1, 42, 8, 0, 3).key != d.key);
    assert_true(dropout_at(0.1, 42, 7, 1, 3).key != d.key &&
                dropout_at(0.1, 43, 7, 0, 3).key != d.key);
    assert_int_equal(dropout_at(0.0, 1, 1, 1, 1).threshold, 0);
    free(ones), free(y);
}

static void check_poison(const struct ops *ops, float poison)
{
    enum { H = 45 };
    float row[H], y[H], z[H], vector[H], mean, rstd;
    memset(vector, 0, sizeof vector);
    for (size_t at = 0; at < H; at += 11) {
        for (size_t j = 0; j < H; j++)
            row[j] = 0.1f * (float)j;
        row[at] = poison;
        for (int rms = 0; rms < 2; rms++) {
            struct norm norm = {row, rms ? NULL : row, EPSILON, rms};
            ops->residual_norm_forward(y, z, &mean, &rstd, row, NULL, NULL, &norm, 1, H, no_dropout,
                                       0);
            assert_true(isnan(y[at]) && (rms && !isnan(poison) ? y[1] == 0.0f : isnan(y[1])));
        }
        for (enum activation act = ACT_GELU; act <= ACT_TANH; act++) {
            memcpy(z, row, sizeof z);
            ops->bias_act_forward(act, y, z, vector, 1, H);
            assert_true(isnan(poison)     ? isnan(y[at])
                        : act == ACT_TANH ? y[at] == 1.0f
                                          : isinf(y[at]));
            ops->bias_act_backward(act, y, NULL, vector, row, 1, H);
            assert_true(!isnan(poison) || isnan(y[at]));
            ops->bias_act_backward(act, y, NULL, row, vector, 1, H);
            assert_true(act == ACT_RELU || !isfinite(y[at]));
        }
        assert_true(isnan(poison) ? isnan(ops->sum_squares(row, H))
                                  : isinf(ops->sum_squares(row, H)));
    }
}

static void test_nan_and_infinity_are_seen(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    {
        check_poison(ops, NAN);
        check_poison(ops, INFINITY);
    }
}

static void test_sums_and_steps(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    FOR_EACH_WIDTH(n)
    {
        float *x = check_floats(n, 81, 1), *y = check_floats(n, 82, 1);
        double *X = check_widen(x, n), *Y = check_widen(y, n), square = 0.0;
        for (size_t i = 0; i < n; i++)
            square += X[i] * X[i];
        assert_true(fabs(ops->sum_squares(x, n) - square) <= 1e-12 * square);
        ops->sgd(y, x, n, 0.1f, 0.01f, 0.5f);
        reference_sgd(Y, X, n, 0.1, 0.01, 0.5);
        CHECK_CLOSE(y, Y, n);
        ops->scale(y, 3.0f, n);
        ops->add(y, x, n);
        for (size_t i = 0; i < n; i++)
            Y[i] = 3.0 * Y[i] + X[i];
        CHECK_CLOSE(y, Y, n);
        free(x), free(y), free(X), free(Y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_residual_norm),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_functions_over_their_range),
        cmocka_unit_test(test_rope),
        cmocka_unit_test(test_product),
        cmocka_unit_test(test_dropout_is_one_function),
        cmocka_unit_test(test_nan_and_infinity_are_seen),
        cmocka_unit_test(test_sums_and_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
