/* test_loss.c - cross-entropy: its value in closed form, its gradient by central differences. */
#include "model_fixture.h"

#include "engine/base/rng.h"
#include "engine/model/loss.h"

enum { B = 7, K = 5 };

static const float weights[K] = {0.5f, 2.0f, 1.0f, 0.25f, 3.0f};

static void fill(float *logits, int32_t *label, uint64_t seed)
{
    for (size_t i = 0; i < B * K; i++)
        logits[i] = (float)(2 * rng_normal(seed, RNG_TEST, i));
    for (size_t i = 0; i < B; i++)
        label[i] = (int32_t)(rng_bits(seed, RNG_TEST, 1000 + i) % K);
}

static void equal_logits_cost_log_of_the_labels(void **state)
{
    (void)state;
    float logits[B * K], d[B * K];
    int32_t label[B] = {0, 1, 2, 3, 4, 0, 1};
    for (size_t i = 0; i < B * K; i++)
        logits[i] = 3.0f;
    double sum = loss_cross_entropy(d, logits, label, B, K, NULL, 0, B);
    assert_true(fabs(sum - B * log(K)) < 1e-12);
    assert_true(fabs(d[0] - (1.0 / K - 1) / B) < 1e-7 && fabs(d[1] - 1.0 / K / B) < 1e-7);
    /* Smoothing changes nothing where all labels are alike; weights scale each row. */
    assert_true(fabs(loss_cross_entropy(NULL, logits, label, B, K, NULL, 0.3, B) - sum) < 1e-12);
    double weighted = loss_cross_entropy(NULL, logits, label, B, K, weights, 0, B);
    assert_true(fabs(weighted - (0.5 + 2 + 1 + 0.25 + 3 + 0.5 + 2) * log(K)) < 1e-12);
}

static void the_gradient_is_that_of_the_sum_over_the_divisor(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        float logits[B * K], d[B * K];
        int32_t label[B];
        const float *w = seed % 2 ? weights : NULL;
        double smoothing = seed % 4 < 2 ? 0.0 : 0.1, divisor = 3.0 + (double)seed;
        fill(logits, label, seed);
        loss_cross_entropy(d, logits, label, B, K, w, smoothing, divisor);
        for (size_t i = 0; i < B * K; i++) {
            float kept = logits[i];
            double side[2], x[2];
            for (int s = 0; s < 2; s++) {
                logits[i] = kept + (s ? -0x1p-8f : 0x1p-8f);
                x[s] = logits[i];
                side[s] = loss_cross_entropy(NULL, logits, label, B, K, w, smoothing, divisor);
            }
            logits[i] = kept;
            double slope = (side[0] - side[1]) / (x[0] - x[1]) / divisor;
            assert_true(fabs(slope - d[i]) < 2e-6);
        }
    }
}

static void dlogits_may_be_logits(void **state)
{
    (void)state;
    float logits[B * K], d[B * K];
    int32_t label[B];
    fill(logits, label, 3);
    double apart = loss_cross_entropy(d, logits, label, B, K, weights, 0.1, 2);
    double inplace = loss_cross_entropy(logits, logits, label, B, K, weights, 0.1, 2);
    assert_true(apart == inplace);
    assert_memory_equal(d, logits, sizeof d);
}

static void large_logits_stay_finite_and_nan_is_seen(void **state)
{
    (void)state;
    float logits[2 * 2] = {3e38f, -3e38f, 1e4f, 0.0f}, d[4];
    int32_t label[2] = {0, 0};
    assert_true(loss_cross_entropy(d, logits, label, 2, 2, NULL, 0, 2) == 0.0);
    logits[3] = NAN;
    assert_true(isnan(loss_cross_entropy(d, logits, label, 2, 2, NULL, 0, 2)));
    assert_true(d[0] == 0 && isnan(d[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_logits_cost_log_of_the_labels),
        cmocka_unit_test(the_gradient_is_that_of_the_sum_over_the_divisor),
        cmocka_unit_test(dlogits_may_be_logits),
        cmocka_unit_test(large_logits_stay_finite_and_nan_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
