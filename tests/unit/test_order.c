/* Which examples make a step, the best evaluation, class weights: the trainer's small arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>

#include "data_fixture.h"
#include "engine/base/rng.h"
#include "engine/train/best.h"
#include "engine/train/class_weights.h"
#include "engine/train/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct settings settings_of(int64_t batch, int64_t accumulation, double epochs)
{
    struct settings s;
    settings_defaults(&s);
    s.batch_size = batch;
    s.gradient_accumulation_steps = accumulation;
    s.epochs = epochs;
    return s;
}

/* Any epoch visits every row once, whatever the sizes; steps asked for out of order agree. */
static void test_an_epoch_visits_every_row_once(void **state)
{
    (void)state;
    for (uint64_t c = 0; c < 200; c++) {
        size_t count = 1 + rng_bits(1, RNG_TEST, 4 * c) % 70;
        struct settings s = settings_of(1 + (int64_t)(rng_bits(1, RNG_TEST, 4 * c + 1) % 20),
                                        1 + (int64_t)(rng_bits(1, RNG_TEST, 4 * c + 2) % 5), 2);
        s.seed = (int64_t)c;
        uint32_t rows[70];
        for (size_t i = 0; i < count; i++)
            rows[i] = (uint32_t)(10 + 3 * i);
        struct order o, later;
        struct err err;
        assert_int_equal(order_init(&o, rows, count, NULL, &s, &err), 0);
        assert_int_equal(order_init(&later, rows, count, NULL, &s, &err), 0);
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            uint8_t seen[70] = {0};
            size_t total = 0;
            for (int64_t k = 0; k < o.steps_per_epoch; k++) {
                int64_t step = epoch * o.steps_per_epoch + k;
                struct order_step a = order_step(&o, step), b = order_step(&later, step);
                assert_true(a.batches >= 1 && a.batches <= o.accumulation);
                assert_int_equal(a.count, b.count);
                assert_memory_equal(a.rows, b.rows, a.count * sizeof *a.rows);
                for (size_t i = 0; i < a.batches; i++) {
                    size_t n = a.start[i + 1] - a.start[i];
                    assert_true(n == (size_t)s.batch_size ||
                                (n >= 1 && i + 1 == a.batches && k + 1 == o.steps_per_epoch));
                }
                for (size_t i = 0; i < a.count; i++)
                    assert_int_equal(seen[(a.rows[i] - 10) / 3]++, 0);
                total += a.count;
            }
            assert_int_equal(total, count);
            assert_true(order_epochs_done(&o, (epoch + 1) * o.steps_per_epoch) ==
                        (double)epoch + 1);
        }
        order_clear(&o);
        order_clear(&later);
    }
}

/* The figures Transformers' Trainer gives for rows, batch, accumulation, epochs, max_steps. */
static void test_steps_are_the_trainers(void **state)
{
    static const struct {
        size_t rows;
        int64_t batch, accumulation;
        double epochs;
        int64_t max_steps, per_epoch, total;
    } cases[] = {
        {10003, 16, 1, 3, 0, 626, 1878}, {100, 16, 2, 1, 0, 4, 4},  {100, 16, 3, 1.5, 0, 3, 5},
        {5, 16, 4, 2, 0, 1, 2},          {64, 16, 1, 0.1, 0, 4, 1}, {64, 16, 1, 3, 7, 4, 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct settings s = settings_of(cases[i].batch, cases[i].accumulation, cases[i].epochs);
        s.max_steps = cases[i].max_steps;
        uint32_t *rows = calloc(cases[i].rows, sizeof *rows);
        struct order o;
        assert_int_equal(order_init(&o, rows, cases[i].rows, NULL, &s, NULL), 0);
        assert_int_equal(o.steps_per_epoch, cases[i].per_epoch);
        assert_int_equal(o.total_steps, cases[i].total);
        order_clear(&o);
        free(rows);
    }
}

static void test_two_epochs_and_two_seeds_differ(void **state)
{
    uint32_t rows[50], first[50];
    struct order o;
    struct err err;
    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        rows[i] = i;
    struct settings s = settings_of(50, 1, 2);
    assert_int_equal(order_init(&o, rows, 50, NULL, &s, &err), 0);
    memcpy(first, order_step(&o, 0).rows, sizeof first);
    assert_memory_not_equal(order_step(&o, 1).rows, first, sizeof first);
    order_clear(&o);
    s.seed++;
    assert_int_equal(order_init(&o, rows, 50, NULL, &s, &err), 0);
    assert_memory_not_equal(order_step(&o, 0).rows, first, sizeof first);
    order_clear(&o);
}

/* Batches keep to their budget but for a row that alone exceeds it, every epoch has every row once, and epochs differ. */
static void test_batches_of_tokens(void **state)
{
    (void)state;
    for (uint64_t c = 0; c < 200; c++) {
        size_t count = 1 + rng_bits(2, RNG_TEST, 3 * c) % 60, budget = 1 + c % 97, most_rows,
               most_tokens;
        uint32_t rows[60];
        uint64_t start[61] = {0};
        for (size_t i = 0; i < count; i++) {
            rows[i] = (uint32_t)i;
            start[i + 1] = start[i] + 1 + rng_bits(3, RNG_TEST, 100 * c + i) % 40;
        }
        struct encoded e = {.rows = count, .start = start, .longest = 40};
        struct settings s = settings_of(1, 1 + (int64_t)(c % 3), 2);
        struct order o;
        struct err err;
        s.max_tokens_per_batch = (int64_t)budget;
        s.seed = (int64_t)c;
        assert_int_equal(order_init(&o, rows, count, &e, &s, &err), 0);
        assert_int_equal(order_largest(&o, &e, &most_rows, &most_tokens, &err), 0);
        assert_int_equal(o.total_steps, 2 * o.steps_per_epoch);
        uint32_t first[60];
        bool moved = false;
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            uint8_t seen[60] = {0};
            size_t total = 0;
            for (int64_t k = 0; k < o.steps_per_epoch; k++) {
                struct order_step a = order_step(&o, epoch * o.steps_per_epoch + k);
                for (size_t i = 0; i < a.batches; i++) {
                    size_t n = a.start[i + 1] - a.start[i], tokens = 0;
                    const uint32_t *batch = a.rows + (a.start[i] - a.start[0]);
                    for (size_t j = 0; j < n; j++)
                        tokens += encoded_length(&e, batch[j]);
                    assert_true(n >= 1 && (tokens <= budget || n == 1));
                    assert_true(n <= most_rows && tokens <= most_tokens);
                }
                for (size_t i = 0; i < a.count; i++, total++) {
                    assert_int_equal(seen[a.rows[i]]++, 0);
                    moved = moved || (epoch && first[total] != a.rows[i]);
                    first[total] = a.rows[i];
                }
            }
            assert_int_equal(total, count);
        }
        assert_true(moved || o.batches < 8);
        order_clear(&o);
    }
}

static void test_best_counts_strict_gains_only(void **state)
{
    static const double values[] = {0.5, 0.5, 0.6, NAN, 0.4, 0.3, 0.45};
    static const bool lower[] = {true, false, false, false, true, true, false};
    static const bool higher[] = {true, false, true, false, false, false, false};
    (void)state;
    for (int metric = METRIC_LOSS; metric <= METRIC_MCC; metric++) {
        struct settings s;
        struct best b;
        settings_defaults(&s);
        s.metric_for_best_model = (enum metric)metric;
        s.early_stopping_patience = 2;
        best_init(&b, &s);
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            struct metrics m = {0};
            m.loss = m.accuracy = m.macro_f1 = m.mcc = values[i];
            bool want = metric == METRIC_LOSS ? lower[i] : higher[i];
            assert_int_equal(best_count(&b, &m, (int64_t)i + 1), want);
        }
        assert_int_equal(b.step, metric == METRIC_LOSS ? 6 : 3);
        assert_int_equal(b.without_gain, metric == METRIC_LOSS ? 1 : 4);
        assert_int_equal(best_gives_up(&b), metric != METRIC_LOSS);
        b.patience = 0;
        assert_false(best_gives_up(&b));
    }
}

static const char three_labels[] = "text,label\na,x\nb,x\nc,x\nd,\"y,1\"\ne,z=2\n f,z=2\n";

static void test_class_weights(void **state)
{
    struct dataset_spec spec = data_files_spec(three_labels, NULL, NULL);
    struct err err;
    float *w;
    (void)state;
    spec.split_lone_train = false;
    struct dataset *d = must_open(&spec);
    assert_int_equal(class_weights_parse("none", d, &w, &err), 0);
    assert_null(w);
    assert_int_equal(class_weights_parse("balanced", d, &w, &err), 0);
    assert_true(w[0] == (float)(6.0 / 9) && w[1] == 2.0f && w[2] == 1.0f);
    free(w);
    if (class_weights_parse("z=2=3.5,y,1=0.5", d, &w, &err))
        fail_msg("%s", err.text);
    assert_true(w[0] == 1.0f && w[1] == 0.5f && w[2] == 3.5f);
    free(w);
    assert_int_equal(class_weights_parse("w=2", d, &w, &err), -1);
    assert_non_null(strstr(err.text, "'w'"));
    assert_int_equal(class_weights_parse("x", d, &w, &err), -1);
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_epoch_visits_every_row_once),
        cmocka_unit_test(test_steps_are_the_trainers),
        cmocka_unit_test(test_two_epochs_and_two_seeds_differ),
        cmocka_unit_test(test_batches_of_tokens),
        cmocka_unit_test(test_best_counts_strict_gains_only),
        cmocka_unit_test(test_class_weights),
    };
    return cmocka_run_group_tests(tests, data_group_setup, data_group_teardown);
}
