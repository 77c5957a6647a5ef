/* test_dropout.c - the statistics of dropout: the share of zeros and the scale of the rest; that
 * elements, rows, sites, steps, micro-batches and seeds have masks that know nothing of each other;
 * and that the mean of 2 000 passes is the pass without dropout wherever the output is linear in
 * what is dropped.
 *
 * Seeds are fixed, so nothing here fails by chance; bounds are in standard deviations, wide enough
 * for the number of comparisons made. */
#include "math_check.h"
#include "model_fixture.h"

#include "engine/math/ops.h"

enum { PASSES = 2000 };

/* All rows of the table have one hash (test_ops.c), so the widest serves for statistics. */
static const struct ops *widest(void)
{
    struct err err = {0};
    const struct ops *ops = cpu_choose_ops(&err);
    assert_non_null(ops);
    return ops;
}

/* Which of n elements, rows of H, are kept: one bit each, n a multiple of 64. */
static void kept_bits(uint64_t *bits, size_t n, size_t H, struct dropout d, uint64_t first)
{
    float *y = check_zeros(n), *ones = check_zeros(n);
    for (size_t i = 0; i < n; i++)
        ones[i] = 1.0f;
    widest()->dropout_rows(y, ones, n / H, H, d, first);
    memset(bits, 0, n / 8);
    for (size_t i = 0; i < n; i++)
        bits[i / 64] |= (uint64_t)(y[i] != 0.0f) << i % 64;
    free(y), free(ones);
}

/* The correlation of two masks in standard deviations of that of independent ones. */
static double correlation(const uint64_t *a, const uint64_t *b, size_t n)
{
    double in_a = 0.0, in_b = 0.0, both = 0.0, size = (double)n;
    for (size_t i = 0; i < n / 64; i++) {
        in_a += __builtin_popcountll(a[i]);
        in_b += __builtin_popcountll(b[i]);
        both += __builtin_popcountll(a[i] & b[i]);
    }
    double pa = in_a / size, pb = in_b / size;
    return (both / size - pa * pb) / sqrt(pa * (1.0 - pa) * pb * (1.0 - pb)) * sqrt(size);
}

/* How uneven sums of independent masks are over `cells` cells of `each` elements: chi-square, as
 * standard deviations from its mean. Too even is as wrong as too uneven. */
static double unevenness(const double *kept, size_t cells, double each, double share)
{
    double sum = 0.0;
    for (size_t i = 0; i < cells; i++)
        sum += (kept[i] - each * share) * (kept[i] - each * share) / (each * share * (1.0 - share));
    return (sum - (double)cells) / sqrt(2.0 * (double)cells);
}

static void check_share(const struct ops *ops, double p, size_t R, size_t H)
{
    size_t n = R * H;
    struct dropout d = dropout_at(p, 42, (uint64_t)(p * 1000.0), 0, 3);
    float *y = check_zeros(n), *ones = check_zeros(n);
    double *rows = calloc(R, sizeof *rows), *columns = calloc(H, sizeof *columns), kept = 0.0;
    assert_true(rows && columns);
    for (size_t i = 0; i < n; i++)
        ones[i] = 1.0f;
    ops->dropout_rows(y, ones, R, H, d, 77);
    for (size_t i = 0; i < n; i++) {
        assert_true(y[i] == 0.0f || y[i] == (float)(1.0 / (1.0 - p)));
        kept += y[i] != 0.0f;
        rows[i / H] += y[i] != 0.0f;
        columns[i % H] += y[i] != 0.0f;
    }
    double sd = sqrt((double)n * p * (1.0 - p));
    assert_true(fabs(kept - (double)n * (1.0 - p)) <= 4.0 * sd);
    assert_true(fabs(unevenness(rows, R, (double)H, 1.0 - p)) < 4.0);
    assert_true(fabs(unevenness(columns, H, (double)R, 1.0 - p)) < 4.0);
    free(y), free(ones), free(rows), free(columns);
}

static void test_share_and_scale(void **state)
{
    (void)state;
    static const double shares[] = {0.01, 0.1, 0.25, 0.5, 0.9};
    static const size_t widths[] = {45, 384, 768, 1024};
    FOR_EACH_OPS(ops)
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        for (size_t j = 0; j < sizeof widths / sizeof widths[0]; j++)
            check_share(ops, shares[i], 256, widths[j]);
}

/* Elements some way apart in one mask: neighbours, and the same column of rows near and far. */
static void test_elements_and_rows_are_independent(void **state)
{
    (void)state;
    enum { N = 1 << 17, WORDS = N / 64 };
    static const size_t widths[] = {64, 384, 768, 1024};
    static uint64_t here[WORDS], there[WORDS];
    struct dropout d = dropout_at(0.3, 7, 1, 0, 2);
    kept_bits(here, N, N, d, 0);
    for (size_t apart = 1; apart <= 128; apart++) {
        float *y = check_zeros(N + apart), *ones = check_zeros(N + apart);
        for (size_t i = 0; i < N + apart; i++)
            ones[i] = 1.0f;
        widest()->dropout_rows(y, ones, 1, N + apart, d, 0);
        memset(there, 0, sizeof there);
        for (size_t i = 0; i < N; i++)
            there[i / 64] |= (uint64_t)(y[i + apart] != 0.0f) << i % 64;
        assert_true(fabs(correlation(here, there, N)) < 4.5);
        free(y), free(ones);
    }
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        size_t H = widths[w], n = N / 64 / H * H * 64;
        kept_bits(here, n, H, d, 0);
        for (uint64_t apart = 1; apart <= 64; apart++) {
            kept_bits(there, n, H, d, apart);
            assert_true(fabs(correlation(here, there, n)) < 4.5);
        }
        /* Counters whose lower halves are the same. */
        for (uint64_t lap = 1; lap <= 8; lap++) {
            kept_bits(there, n, 1024, d, lap << 22);
            kept_bits(here, n, 1024, d, 0);
            assert_true(fabs(correlation(here, there, n)) < 4.5);
        }
    }
}

/* Every pair among masks that differ in one of seed, step, micro-batch and site, or in several. */
static void test_sites_steps_micro_batches_and_seeds_are_independent(void **state)
{
    (void)state;
    enum { EACH = 64, MASKS = 5 * EACH, N = 1 << 14, WORDS = N / 64 };
    uint64_t(*masks)[WORDS] = calloc(MASKS, sizeof *masks);
    uint32_t keys[MASKS];
    assert_non_null(masks);
    for (uint32_t i = 0; i < MASKS; i++) {
        uint32_t k = i % EACH + (i >= EACH); /* 0 is the base, which is there once */
        struct dropout d = i < EACH       ? dropout_at(0.1, 1, 1, 0, k)
                           : i < 2 * EACH ? dropout_at(0.1, 1, 1 + k, 0, 0)
                           : i < 3 * EACH ? dropout_at(0.1, 1, 1, k, 0)
                           : i < 4 * EACH ? dropout_at(0.1, 1 + k, 1, 0, 0)
                                          : dropout_at(0.1, 1 + k, 1 + k, k, k);
        keys[i] = d.key;
        kept_bits(masks[i], N, 128, d, 0);
    }
    double most = 0.0;
    for (size_t i = 0; i < MASKS; i++)
        for (size_t j = 0; j < i; j++) {
            assert_true(keys[i] != keys[j]);
            most = fmax(most, fabs(correlation(masks[i], masks[j], N)));
        }
    assert_true(most < 5.5); /* the largest of 51 040; about 4.4 is to be expected */
    assert_true(most > 3.0); /* and less than this would be too good */
    free(masks);
}

/* Attention drops weights by the same function: with equal scores and unit vectors for values the
 * output is the dropped P. */
static void test_attention_drops_its_weights(void **state)
{
    (void)state;
    enum { S = 128, HEADS = 16 };
    static uint64_t masks[HEADS][S * S / 64];
    size_t stride = ops_attention_stride(S);
    float *zeros = check_zeros(S * S), *unit = check_zeros(S * S), *o = check_zeros(S * S);
    float *P = check_zeros(S * stride), *scratch = check_zeros(ops_attention_scratch(S, S));
    for (size_t i = 0; i < S; i++)
        unit[i * S + i] = 1.0f;
    for (uint32_t head = 0; head < HEADS; head++) {
        struct attention a = {.S = S, .D = S, .scale = 1.0f, .d = dropout_at(0.2, 3, 1, 0, head)};
        double kept = 0.0;
        widest()->attention_forward(o, S, P, (struct qkv){zeros, zeros, unit, S, S}, &a, scratch);
        for (size_t i = 0; i < S * S; i++) {
            assert_true(P[i / S * stride + i % S] == 1.0f / S);
            assert_true(o[i] == 0.0f || fabsf(o[i] - 1.25f / S) < 1e-8f);
            masks[head][i / 64] |= (uint64_t)(o[i] != 0.0f) << i % 64;
            kept += o[i] != 0.0f;
        }
        assert_true(fabs(kept - 0.8 * S * S) < 4.0 * sqrt(0.16 * S * S));
        for (uint32_t other = 0; other < head; other++)
            assert_true(fabs(correlation(masks[head], masks[other], S * S)) < 4.5);
        for (size_t apart = 1; apart < S; apart++) /* one query against another */
            assert_true(fabs(correlation(masks[head], masks[head] + apart * S / 64,
                                         (S - apart) * S)) < 5.0);
    }
    free(zeros), free(unit), free(o), free(P), free(scratch);
}

/* Sums over passes, and whether their mean is what it must be: within 5 standard deviations of a
 * mean of so many, each of them measured. */
struct moments {
    size_t n;
    double *sum, *square;
};

static struct moments moments_create(size_t n)
{
    struct moments m = {n, calloc(n, sizeof *m.sum), calloc(n, sizeof *m.square)};
    assert_true(m.sum && m.square);
    return m;
}

static void moments_add(struct moments *m, const float *y)
{
    for (size_t i = 0; i < m->n; i++) {
        m->sum[i] += (double)y[i];
        m->square[i] += (double)y[i] * (double)y[i];
    }
}

static void moments_check(struct moments *m, const float *want)
{
    size_t varied = 0;
    for (size_t i = 0; i < m->n; i++) {
        double mean = m->sum[i] / PASSES, variance = m->square[i] / PASSES - mean * mean;
        double sd = sqrt(fmax(variance, 0.0) / PASSES);
        if (!(fabs(mean - (double)want[i]) <= 5.0 * sd + 1e-6))
            fail_msg("element %zu has a mean of %g, %g from the pass without dropout, sd %g", i,
                     mean, fabs(mean - (double)want[i]), sd);
        varied += variance > 1e-8;
    }
    assert_true(varied > m->n / 2); /* dropout was on */
    free(m->sum), free(m->square);
}

static void test_mean_of_rows(void **state)
{
    (void)state;
    enum { R = 5, H = 37, N = R * H };
    float *o = check_floats(N, 61, 1), *x = check_floats(N, 62, 1), *bias = check_floats(H, 63, 1);
    float *gamma = check_floats(H, 64, 1), *y = check_zeros(N), *z = check_zeros(N);
    float mean[R], rstd[R], *plain = check_zeros(N);
    struct norm n = {gamma, gamma, 1e-5f, false};
    struct moments rows = moments_create(N), residual = moments_create(N);
    const struct ops *ops = widest();
    for (uint64_t step = 1; step <= PASSES; step++) {
        struct dropout d = dropout_at(0.3, 9, step, 0, 1);
        ops->dropout_rows(y, x, R, H, d, 3);
        moments_add(&rows, y);
        ops->residual_norm_forward(y, z, mean, rstd, o, bias, x, &n, R, H, d, 3);
        moments_add(&residual, z);
    }
    ops->residual_norm_forward(y, plain, mean, rstd, o, bias, x, &n, R, H,
                               (struct dropout){.scale = 1.0f}, 3);
    moments_check(&rows, x);
    moments_check(&residual, plain);
    free(o), free(x), free(bias), free(gamma), free(y), free(z), free(plain);
}

/* The output of attention is linear in the weights that are dropped. */
static void test_mean_of_attention(void **state)
{
    (void)state;
    enum { S = 11, D = 12, LD = 3 * D };
    size_t stride = ops_attention_stride(S);
    float *qkv = check_floats(S * LD, 65, 1), *o = check_zeros(S * D), *plain = check_zeros(S * D);
    float *P = check_zeros(S * stride), *scratch = check_zeros(ops_attention_scratch(S, D));
    struct qkv x = {qkv, qkv + D, qkv + 2 * D, LD, LD};
    struct moments outputs = moments_create(S * D);
    struct attention a = {.S = S, .D = D, .scale = 0.3f, .d = {.scale = 1.0f}};
    widest()->attention_forward(plain, D, P, x, &a, scratch);
    for (uint64_t step = 1; step <= PASSES; step++) {
        a.d = dropout_at(0.2, 10, step, 0, 5);
        widest()->attention_forward(o, D, P, x, &a, scratch);
        moments_add(&outputs, o);
    }
    moments_check(&outputs, plain);
    free(qkv), free(o), free(plain), free(P), free(scratch);
}

/* With a frozen backbone only the classifier's input is dropped, and logits are linear in it. */
static void test_mean_of_logits(void **state)
{
    (void)state;
    struct err err = {0};
    struct safetensors s;
    struct batch b;
    struct compute *c = fixture_compute(1);
    struct model *m = fixture_model(TINY, (struct head_spec){.dropout = 0.3, .seed = 2}, c);
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    fixture_batch(&b, &s, 0);
    safetensors_close(&s);
    assert_int_equal(model_prepare_training(m, TUNE_HEAD, 0, &err), 0);
    struct workspace *ws = fixture_workspace(m, &b, true);
    size_t n = b.B * model_labels(m);
    float *features = check_zeros(b.B * model_feature_width(m));
    float *logits = check_zeros(n), *plain = check_zeros(n);
    struct moments outputs = moments_create(n);
    struct pass p = {0};
    model_features(m, &b, ws, features);
    model_head_forward(m, features, b.B, ws, &p, plain);
    p = (struct pass){.training = true, .seed = 4};
    for (p.step = 1; p.step <= PASSES; p.step++) {
        model_head_forward(m, features, b.B, ws, &p, logits);
        moments_add(&outputs, logits);
    }
    moments_check(&outputs, plain);
    free(features), free(logits), free(plain);
    workspace_destroy(ws);
    batch_clear(&b);
    model_close(m);
    compute_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_and_scale),
        cmocka_unit_test(test_elements_and_rows_are_independent),
        cmocka_unit_test(test_sites_steps_micro_batches_and_seeds_are_independent),
        cmocka_unit_test(test_attention_drops_its_weights),
        cmocka_unit_test(test_mean_of_rows),
        cmocka_unit_test(test_mean_of_attention),
        cmocka_unit_test(test_mean_of_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
