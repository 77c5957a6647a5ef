/* The learning rate of every step, against Transformers' own (tests/fixtures/schedule/make.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "engine/train/schedule.h"

static void test_rates_are_those_of_transformers(void **state)
{
    (void)state;
    FILE *f = fopen("tests/fixtures/schedule/rates.tsv", "r");
    assert_non_null(f);
    char kind[32];
    double base, asked, want;
    long long warmup, total, step;
    int lines = 0, got;
    while ((got = fscanf(f, "%31s %lf %lf %lld %lld %lld %lf", kind, &base, &asked, &warmup, &total,
                         &step, &want)) == 7) {
        struct settings s;
        struct err err;
        settings_defaults(&s);
        assert_int_equal(settings_parse(&s, "lr_scheduler_type", kind, &err), 0);
        assert_int_equal(schedule_warmup(asked, total), warmup);
        double rate = schedule_rate(s.lr_scheduler_type, base, step, warmup, total);
        if (fabs(rate - want) > 1e-15 * fabs(base))
            fail_msg("%s %g warm-up %lld of %lld step %lld: %.17g, Transformers has %.17g", kind,
                     base, warmup, total, step, rate, want);
        lines++;
    }
    assert_int_equal(got, EOF);
    fclose(f);
    assert_true(lines > 400);
}

static void test_a_new_base_scales_the_rest(void **state)
{
    (void)state;
    for (int64_t step = 0; step < 40; step++) {
        double one = schedule_rate(SCHEDULE_COSINE, 1e-4, step, 5, 40);
        double two = schedule_rate(SCHEDULE_COSINE, 2e-4, step, 5, 40);
        assert_true(fabs(two - 2 * one) <= 1e-18);
    }
    assert_true(fabs(schedule_rate(SCHEDULE_POLYNOMIAL, 3e-4, 40, 0, 40) - 1e-7) < 1e-20);
    assert_true(schedule_rate(SCHEDULE_POLYNOMIAL, 0, 3, 0, 40) == 0);
}

static void test_rates_stay_in_range_whatever_the_shape(void **state)
{
    (void)state;
    for (int kind = SCHEDULE_LINEAR; kind <= SCHEDULE_POLYNOMIAL; kind++)
        for (int64_t total = 0; total < 6; total++)
            for (int64_t warmup = 0; warmup < 8; warmup++)
                for (int64_t step = 0; step < 10; step++) {
                    double rate = schedule_rate((enum schedule_kind)kind, 0.5, step, warmup, total);
                    assert_true(rate >= 0 && rate <= 0.5);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_those_of_transformers),
        cmocka_unit_test(test_a_new_base_scales_the_rest),
        cmocka_unit_test(test_rates_stay_in_range_whatever_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
