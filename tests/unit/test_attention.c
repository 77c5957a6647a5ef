/* test_attention.c - attention of every row of the kernel table against the double reference: with
 * and without a causal mask, a window, a bias, dropout and shared key-value heads, over lengths and
 * widths that are no multiple of any vector; that what is masked is exactly 0; and that NaN,
 * infinity and scores past exp's range are handled. */
#include "engine/math/reference.h"
#include "math_check.h"

#include "engine/math/ops.h"

static const struct dropout no_dropout = {0, 0, 1.0f};

/* Heads side by side in rows of ld, as in a model. */
static struct qkv floats_at(float *rows, size_t D, size_t ld)
{
    return (struct qkv){rows, rows + D, rows + 2 * D, ld, ld};
}
static struct reference_qkv doubles_at(double *rows, size_t D, size_t ld)
{
    return (struct reference_qkv){rows, rows + D, rows + 2 * D, ld, ld};
}

static bool sees(const struct attention *a, size_t i, size_t j)
{
    size_t apart = i > j ? i - j : j - i;
    return j < a->S && (!a->causal || j <= i) && (!a->window || apart <= a->window);
}

static void check_masked(const struct attention *a, const float *P)
{
    size_t stride = ops_attention_stride(a->S);
    for (size_t i = 0; i < a->S; i++)
        for (size_t j = 0; j < stride; j++)
            if (!sees(a, i, j) && P[i * stride + j] != 0.0f)
                fail_msg("%zu sees %zu of %zu: %g", i, j, a->S, (double)P[i * stride + j]);
}

/* Scratch and P start as NaN, so that nothing is read that was not written. */
static void check_attention(const struct ops *ops, struct attention a, bool biased, bool add_kv)
{
    size_t S = a.S, D = a.D, ld = 3 * D + 5, ldo = D + 3, stride = ops_attention_stride(S);
    float *qkv = check_floats(S * ld, 21, 1.5), *d_o = check_floats(S * ldo, 22, 1);
    float *o = check_copy(d_o, S * ldo), *dqkv = check_copy(qkv, S * ld);
    float *P = check_floats(S * stride, 23, (double)NAN), *dbias = check_copy(P, S * stride);
    float *scratch = check_floats(ops_attention_scratch(S, D), 24, (double)NAN);
    float *bias = check_floats(S * stride, 25, 1);
    double *Qkv = check_widen(qkv, S * ld), *D_o = check_widen(d_o, S * ldo);
    double *O = check_widen(o, S * ldo), *Dqkv = check_widen(dqkv, S * ld);
    double *PP = malloc(S * S * sizeof *PP), *Bias = malloc(S * S * sizeof *Bias);
    double *Dbias = malloc(S * S * sizeof *Dbias);
    assert_true(PP && Bias && Dbias);
    for (size_t i = 0; i < S * S; i++)
        Bias[i] = (double)bias[i / S * stride + i % S];
    a.bias = biased ? bias : NULL;
    struct reference_attention A = {
        S, D, (double)a.scale, a.causal, a.window, biased ? Bias : NULL, a.d};

    ops->attention_forward(o, ldo, P, floats_at(qkv, D, ld), &a, scratch);
    reference_attention_forward(O, ldo, PP, doubles_at(Qkv, D, ld), &A);
    for (size_t i = 0; i < S; i++)
        CHECK_CLOSE(P + i * stride, PP + i * S, S);
    CHECK_CLOSE(o, O, S * ldo);
    check_masked(&a, P);
    ops->attention_backward(floats_at(dqkv, D, ld), dbias, d_o, ldo, P, floats_at(qkv, D, ld), &a,
                            add_kv, scratch);
    reference_attention_backward(doubles_at(Dqkv, D, ld), Dbias, D_o, ldo, PP,
                                 doubles_at(Qkv, D, ld), &A, add_kv);
    CHECK_CLOSE(dqkv, Dqkv, S * ld);
    check_masked(&a, dbias);
    double size = 0.0, off = 0.0; /* rows of one seen key have no gradient but noise */
    for (size_t i = 0; i < S * S; i++) {
        double difference = (double)dbias[i / S * stride + i % S] - Dbias[i];
        size += Dbias[i] * Dbias[i];
        off += difference * difference;
    }
    assert_true(sqrt(off) <= 1e-5 * sqrt(size) + 1e-6);
    float *floats[] = {qkv, d_o, o, dqkv, P, dbias, scratch, bias};
    double *doubles[] = {Qkv, D_o, O, Dqkv, PP, Bias, Dbias};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++)
        free(floats[i]);
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++)
        free(doubles[i]);
}

static void test_attention(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 5, 11, 16, 17, 33, 100}, heads[] = {1, 12, 32, 64, 72};
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t j = 0; j < sizeof heads / sizeof heads[0]; j++) {
            struct attention a = {.S = lengths[i], .D = heads[j], .d = no_dropout};
            a.scale = 1.0f / sqrtf((float)a.D);
            check_attention(ops, a, false, false);
            a.d = dropout_at(0.2, 1, 1, 0, (uint32_t)i);
            check_attention(ops, a, false, false);
        }
}

/* Random lengths, widths and windows, all options in turn. */
static void test_masks(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    for (uint64_t trial = 0; trial < 192; trial++) {
        struct attention a = {
            .S = 1 + (size_t)(90.0 * rng_uniform(26, RNG_TEST, trial * 4)),
            .D = 1 + (size_t)(40.0 * rng_uniform(26, RNG_TEST, trial * 4 + 1)),
            .scale = 0.4f,
            .causal = trial & 1,
            .d = trial & 8 ? dropout_at(0.2, 1, 1, 0, (uint32_t)trial) : no_dropout,
        };
        if (trial & 2)
            a.window = 1 + (size_t)(1.2 * (double)a.S * rng_uniform(26, RNG_TEST, trial * 4 + 2));
        check_attention(ops, a, trial & 4, trial & 16);
    }
}

/* A query that is no number, or infinite, spoils its own row only; a key, the rows that see it; and
 * what is masked stays 0. */
static void check_poison(const struct ops *ops, float poison, bool causal)
{
    enum { S = 37, D = 12, LD = 3 * D, AT = 20 };
    size_t stride = ops_attention_stride(S);
    struct attention a = {.S = S, .D = D, .scale = 0.3f, .causal = causal, .d = no_dropout};
    float *P = check_floats(S * stride, 73, 1), *scratch = check_zeros(ops_attention_scratch(S, D));
    float *o = check_zeros(S * D);
    for (int key = 0; key < 2; key++) {
        float *x = check_floats(S * LD, 71, 1);
        x[AT * LD + (size_t)key * D + 3] = poison;
        ops->attention_forward(o, D, P, floats_at(x, D, LD), &a, scratch);
        for (size_t i = 0; i < S; i++)
            if (!key)
                assert_true(isnan(o[i * D]) == (i == AT));
            else if (isnan(poison))
                assert_true(isnan(o[i * D]) == (!causal || i >= AT));
        if (causal) /* else there is padding only, which nobody reads */
            check_masked(&a, P);
        free(x);
    }
    free(o), free(P), free(scratch);
}

static void test_nan_and_infinity_are_seen(void **state)
{
    (void)state;
    FOR_EACH_OPS(ops)
    for (int causal = 0; causal < 2; causal++) {
        check_poison(ops, NAN, causal);
        check_poison(ops, INFINITY, causal);
    }
}

/* Scores beyond exp's range: softmax must neither overflow nor lose the row. */
static void test_large_scores(void **state)
{
    (void)state;
    enum { S = 5, D = 4 };
    float q[S * 3 * D], o[S * D], P[S * 16], scratch[16 * (D + 2 * S)];
    struct attention a = {.S = S, .D = D, .scale = 0.5f, .d = no_dropout};
    for (size_t i = 0; i < S * 3 * D; i++)
        q[i] = i % (3 * D) < 2 * D ? -300.0f : (float)(i / (3 * D));
    for (size_t c = 0; c < D; c++)
        q[2 * 3 * D + D + c] =
            300.0f; /* key 2 points the other way: scores -180000 against 180000 */
    FOR_EACH_OPS(ops)
    {
        ops->attention_forward(o, D, P, floats_at(q, D, 3 * D), &a, scratch);
        assert_true(P[2] == 0.0f && fabsf(P[0] - 0.25f) < 1e-6f);
        assert_true(fabsf(o[0] - 2.0f) < 1e-6f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_nan_and_infinity_are_seen),
        cmocka_unit_test(test_large_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
