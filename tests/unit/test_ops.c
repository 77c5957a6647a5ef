/* test_ops.c - every row of the kernel table against the double reference, over shapes that are no
 * multiple of any vector; that no split of rows, columns or depth-free dimensions can be seen in a
 * result; and that NaN and infinity pass through. */
#include "engine/math/reference.h"
#include "math_check.h"

#include "engine/math/ops.h"

#define EPSILON 1e-12f

static const size_t widths[] = {1, 3, 7, 16, 31, 32, 77, 384};
static const struct dropout no_dropout = {0, 0, 1.0f};

#define FOR_EACH_WIDTH(H)                                                                          \
    for (size_t width_i = 0, H = widths[0]; width_i < sizeof widths / sizeof widths[0];            \
         width_i++, H = widths[width_i < sizeof widths / sizeof widths[0] ? width_i : 0])

/* LayerNorm of a width of 1 divides 0 by sqrt(eps): the output is only noise, so it starts at 3. */
static void check_norm(const struct ops *ops, size_t R, size_t H, struct dropout d, bool extras)
{
    size_t n = R * H;
    uint64_t first = 5;
    float *o = check_floats(n, 1, 1), *x = check_floats(n, 2, 1), *bias = check_floats(H, 3, 1);
    float *gamma = check_floats(H, 4, 1), *beta = check_floats(H, 5, 1),
          *dy = check_floats(n, 6, 1);
    float *y = check_copy(o, n), *z = check_copy(o, n), *mean = check_copy(o, R),
          *rstd = check_copy(o, R);
    float *dz = check_copy(dy, n), *d_o = check_copy(dy, n);
    float *dgamma = check_floats(H, 7, 1), *dbeta = check_floats(H, 8, 1),
          *dbias = check_floats(H, 9, 1);
    double *O = check_widen(o, n), *X = check_widen(x, n), *Bias = check_widen(bias, H);
    double *Gamma = check_widen(gamma, H), *Beta = check_widen(beta, H), *Dy = check_widen(dy, n);
    double *Y = check_widen(o, n), *Z = check_widen(o, n), *Mean = check_widen(o, R),
           *Rstd = check_widen(o, R);
    double *Dz = check_widen(dy, n), *D_o = check_widen(dy, n), *Dgamma = check_widen(dgamma, H);
    double *Dbeta = check_widen(dbeta, H), *Dbias = check_widen(dbias, H);

    ops->residual_norm_forward(y, z, mean, rstd, z, extras ? bias : NULL, extras ? x : NULL, gamma,
                               beta, EPSILON, R, H, d, first);
    reference_residual_norm_forward(Y, Z, Mean, Rstd, O, extras ? Bias : NULL, extras ? X : NULL,
                                    Gamma, Beta, (double)EPSILON, R, H, d, first);
    CHECK_CLOSE(y, Y, n);
    CHECK_CLOSE(z, Z, n);
    CHECK_CLOSE(mean, Mean, R);
    CHECK_CLOSE(rstd, Rstd, R);
    ops->residual_norm_backward(dz, extras ? d_o : NULL, dgamma, dbeta, extras ? dbias : NULL, dz,
                                z, mean, rstd, gamma, R, H, d, first);
    reference_residual_norm_backward(Dz, extras ? D_o : NULL, Dgamma, Dbeta, extras ? Dbias : NULL,
                                     Dy, Z, Mean, Rstd, Gamma, R, H, d, first);
    CHECK_CLOSE(dz, Dz, n);
    CHECK_CLOSE(d_o, D_o, n);
    CHECK_CLOSE(dgamma, Dgamma, H);
    CHECK_CLOSE(dbeta, Dbeta, H);
    CHECK_CLOSE(dbias, Dbias, H);
    float *floats[] = {o,    x,    bias, gamma, beta,   dy,    y,    z,
                       mean, rstd, dz,   d_o,   dgamma, dbeta, dbias};
    double *doubles[] = {O,    X,    Bias, Gamma, Beta,   Dy,    Y,    Z,
                         Mean, Rstd, Dz,   D_o,   Dgamma, Dbeta, Dbias};
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
        check_norm(ops, 1, H, no_dropout, true);
        check_norm(ops, 5, H, no_dropout, false);
        check_norm(ops, 3, H, dropout_at(0.3, 1, 2, 3, 4), true);
    }
}

typedef void elementwise_fn(const struct ops *ops, float *a, float *b, float *vector, size_t R,
                            size_t N);
typedef void elementwise_reference_fn(double *a, double *b, double *vector, size_t R, size_t N);

/* One row for each kernel that works on a matrix a, a matrix b and a vector. */
#define ELEMENTWISE(X)                                                                             \
    X(gelu_forward, bias_gelu_forward(a, b, vector, R, N))                                         \
    X(gelu_backward, bias_gelu_backward(a, vector, a, b, R, N))                                    \
    X(tanh_forward, bias_tanh_forward(a, vector, R, N))                                            \
    X(tanh_backward, bias_tanh_backward(a, vector, b, R, N))                                       \
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

/* GELU and tanh element by element over their whole range: L2 over a random vector would not notice
 * a bad tail. Bounds are in units of the result, far tails absolutely. */
static void test_functions_over_their_range(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    for (double at = -20.0; at < 20.0; at += 0.0037) {
        float zero = 0.0f, u = (float)at, a = 0.0f, y = (float)at, du = 1.0f, dbias = 0.0f;
        double x = (double)u, Zero = 0.0, A, U = x, Y = x, Du = 1.0, Dbias = 0.0;
        ops->bias_gelu_forward(&a, &u, &zero, 1, 1);
        reference_bias_gelu_forward(&A, &U, &Zero, 1, 1);
        assert_true(fabs((double)a - A) <= 3e-6 * fabs(A) + 1e-30);
        ops->bias_gelu_backward(&du, &dbias, &du, &u, 1, 1);
        reference_bias_gelu_backward(&Du, &Dbias, &Du, &U, 1, 1);
        assert_true(fabs((double)du - Du) <= 4e-7);
        ops->bias_tanh_forward(&y, &zero, 1, 1);
        reference_bias_tanh_forward(&Y, &Zero, 1, 1);
        assert_true(fabs((double)y - Y) <= 3e-7 * fabs(Y));
    }
}

static void check_attention(const struct ops *ops, size_t S, size_t D, struct dropout d)
{
    size_t ld = 3 * D + 5, ldo = D + 3, stride = ops_attention_stride(S);
    float *qkv = check_floats(S * ld, 21, 1.5), *d_o = check_floats(S * ldo, 22, 1);
    float *o = check_copy(d_o, S * ldo), *dqkv = check_copy(qkv, S * ld);
    float *P = check_floats(S * stride, 23, 1),
          *scratch = check_floats(ops_attention_scratch(S, D), 24, 1);
    double *Qkv = check_widen(qkv, S * ld), *D_o = check_widen(d_o, S * ldo);
    double *O = check_widen(o, S * ldo), *Dqkv = check_widen(dqkv, S * ld),
           *PP = malloc(S * S * sizeof *PP);
    assert_non_null(PP);

    ops->attention_forward(o, ldo, P, qkv, qkv + D, qkv + 2 * D, ld, S, D, scratch, d);
    reference_attention_forward(O, ldo, PP, Qkv, Qkv + D, Qkv + 2 * D, ld, S, D, d);
    for (size_t i = 0; i < S; i++)
        CHECK_CLOSE(P + i * stride, PP + i * S, S);
    CHECK_CLOSE(o, O, S * ldo);
    ops->attention_backward(dqkv, dqkv + D, dqkv + 2 * D, ld, d_o, ldo, P, qkv, qkv + D,
                            qkv + 2 * D, ld, S, D, scratch, d);
    reference_attention_backward(Dqkv, Dqkv + D, Dqkv + 2 * D, ld, D_o, ldo, PP, Qkv, Qkv + D,
                                 Qkv + 2 * D, ld, S, D, d);
    CHECK_CLOSE(dqkv, Dqkv, S * ld);
    free(qkv), free(d_o), free(o), free(dqkv), free(P), free(scratch);
    free(Qkv), free(D_o), free(O), free(Dqkv), free(PP);
}

static void test_attention(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 5, 11, 16, 17, 33, 100}, heads[] = {1, 12, 32, 64, 72};
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t j = 0; j < sizeof heads / sizeof heads[0]; j++) {
            check_attention(ops, lengths[i], heads[j], no_dropout);
            check_attention(ops, lengths[i], heads[j], dropout_at(0.2, 1, 1, 0, i));
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
    static const size_t shapes[][3] = {{1, 1, 1},    {1, 77, 384},  {5, 3, 300},   {6, 64, 256},
                                       {7, 65, 257}, {29, 130, 17}, {40, 40, 600}, {61, 12, 33}};
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int way = 0; way < 8; way++)
            check_product(ops, shapes[i][0], shapes[i][1], shapes[i][2], way & 1, way & 2,
                          way & 4 ? 1.0f : 0.0f);
}

/* Any rectangle of a product, computed alone, has the bytes it has in the whole. */
static void test_product_splits_cannot_be_seen(void **state)
{
    (void)state;
    enum { M = 47, N = 150, K = 300 };
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
    FOR_EACH_OPS(ops)
    for (size_t cut = 0; cut <= R; cut++) {
        float *y1 = check_copy(x, LENGTH), *z1 = check_copy(x, LENGTH);
        float *y2 = check_copy(x, LENGTH), *z2 = check_copy(x, LENGTH);
        ops->residual_norm_forward(y1, z1, mean, rstd, o, g, x, g, g, EPSILON, R, H, d, 7);
        ops->residual_norm_forward(y2, z2, mean, rstd, o, g, x, g, g, EPSILON, cut, H, d, 7);
        ops->residual_norm_forward(y2 + cut * H, z2 + cut * H, mean, rstd, o + cut * H, g,
                                   x + cut * H, g, g, EPSILON, R - cut, H, d, 7 + cut);
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
    enum { S = 11, D = 12, H = 45 };
    float *x = check_floats(S * 3 * D, 71, 1), *o = check_floats(S * D, 72, 1);
    float *P = check_floats(S * 16, 73, 1),
          *scratch = check_floats(ops_attention_scratch(S, D), 74, 1);
    float row[H], y[H], z[H], vector[H], mean, rstd;
    memset(vector, 0, sizeof vector);
    x[4 * 3 * D + 3] = poison; /* one query */
    ops->attention_forward(o, D, P, x, x + D, x + 2 * D, 3 * D, S, D, scratch, no_dropout);
    assert_true(isnan(o[4 * D]) && !isnan(o[3 * D]));
    for (size_t at = 0; at < H; at += 11) {
        for (size_t j = 0; j < H; j++)
            row[j] = 0.1f * (float)j;
        row[at] = poison;
        ops->residual_norm_forward(y, z, &mean, &rstd, row, NULL, NULL, row, row, EPSILON, 1, H,
                                   no_dropout, 0);
        assert_true(isnan(y[0]) && isnan(y[at]));
        memcpy(z, row, sizeof z);
        ops->bias_gelu_forward(y, z, vector, 1, H);
        assert_true(isnan(poison) ? isnan(y[at]) : isinf(y[at]));
        memcpy(z, row, sizeof z);
        ops->bias_tanh_forward(z, vector, 1, H);
        assert_true(isnan(poison) ? isnan(z[at]) : z[at] == 1.0f);
        assert_true(isnan(poison) ? isnan(ops->sum_squares(row, H))
                                  : isinf(ops->sum_squares(row, H)));
    }
    free(x), free(o), free(P), free(scratch);
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

/* Scores beyond exp's range: softmax must neither overflow nor lose the row. */
static void test_attention_with_large_scores(void **state)
{
    (void)state;
    enum { S = 5, D = 4 };
    float q[S * 3 * D], o[S * D], P[S * 16], scratch[16 * (D + 2 * S)];
    for (size_t i = 0; i < S * 3 * D; i++)
        q[i] = i % (3 * D) < 2 * D ? -300.0f : (float)(i / (3 * D));
    for (size_t c = 0; c < D; c++)
        q[2 * 3 * D + D + c] =
            300.0f; /* key 2 points the other way: scores -180000 against 180000 */
    FOR_EACH_OPS(ops)
    {
        ops->attention_forward(o, D, P, q, q + D, q + 2 * D, 3 * D, S, D, scratch, no_dropout);
        assert_true(P[2] == 0.0f && fabsf(P[0] - 0.25f) < 1e-6f);
        assert_true(fabsf(o[0] - 2.0f) < 1e-6f);
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
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_with_large_scores),
        cmocka_unit_test(test_product),
        cmocka_unit_test(test_product_splits_cannot_be_seen),
        cmocka_unit_test(test_row_splits_cannot_be_seen),
        cmocka_unit_test(test_dropout_is_one_function),
        cmocka_unit_test(test_nan_and_infinity_are_seen),
        cmocka_unit_test(test_sums_and_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
