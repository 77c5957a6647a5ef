/* Checkpoints: what is written comes back, damaged ones are refused by name, old ones go. */
#include "model_fixture.h"

#include "engine/base/rng.h"
#include "engine/train/checkpoint.h"

#include <math.h>

enum { TENSORS = 3 };
static struct param params[TENSORS] = {
    {.name = "table", .rows = 5, .cols = 4, .dims = 2},
    {.name = "weight", .rows = 3, .cols = 7, .dims = 2},
    {.name = "bias", .rows = 1, .cols = 6, .dims = 1},
};
static const struct param *list[TENSORS] = {&params[0], &params[1], &params[2]};
static float values[TENSORS][3][32];
static uint8_t touched[5];
static struct optim_tensor tensors[TENSORS];
static const struct checkpoint_tensors all = {list, tensors, TENSORS};
static char place[256];

static int setup(void **state)
{
    (void)state;
    fixture_place(place, sizeof place, "checkpoint");
    for (int i = 0; i < TENSORS; i++) {
        params[i].w = values[i][0];
        tensors[i] = (struct optim_tensor){.w = values[i][0],
                                           .m = values[i][1],
                                           .v = values[i][2],
                                           .rows = params[i].rows,
                                           .cols = params[i].cols};
    }
    tensors[0].touched = touched;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return file_remove_tree(place, NULL);
}

static void fill(uint64_t seed)
{
    uint64_t c = 0;
    for (int i = 0; i < TENSORS; i++)
        for (int j = 0; j < 3; j++)
            for (size_t k = 0; k < params[i].rows * params[i].cols; k++)
                values[i][j][k] = (float)rng_normal(seed, RNG_TEST, c++);
    memset(values[0][1] + 2 * 4, 0, 4 * sizeof(float)); /* row 2 was never touched */
    memset(values[0][2] + 2 * 4, 0, 4 * sizeof(float));
}

static struct checkpoint_state some_state(int64_t step)
{
    return (struct checkpoint_state){.step = step,
                                     .tokens = 123456789012,
                                     .seconds = 1.0 / 3,
                                     .loss_sum = 2.0 / 7,
                                     .loss_weight = 48,
                                     .learning_rate = 1.1e-5,
                                     .evaluated_step = step - 1,
                                     .best_metric = NAN,
                                     .best_step = 0,
                                     .evaluations_without_gain = 2,
                                     .last_seq = 99};
}

static void must_write(int64_t step)
{
    struct checkpoint_state s = some_state(step);
    struct err err = {0};
    uint64_t size = 0;
    if (checkpoint_write(place, &all, &s, &size, &err))
        fail_msg("%s", err.text);
    assert_true(size > 3 * (20 + 21 + 6) * sizeof(float));
}

static void test_what_is_written_comes_back(void **state)
{
    struct checkpoint_state s, want = some_state(400);
    float before[TENSORS][3][32];
    struct err err;
    (void)state;
    assert_int_equal(checkpoint_newest(place), -1);
    fill(1);
    memcpy(before, values, sizeof values);
    must_write(400);
    fill(2);
    assert_int_equal(checkpoint_newest(place), 400);
    assert_int_equal(checkpoint_read_state(place, 400, &s, &err), 0);
    assert_true(isnan(s.best_metric));
    s.best_metric = want.best_metric = 0;
    assert_memory_equal(&s, &want, sizeof s);
    assert_int_equal(checkpoint_read(place, 400, &all, true, &err), 0);
    assert_memory_equal(values, before, sizeof values);
    const uint8_t rows[5] = {1, 1, 0, 1, 1};
    assert_memory_equal(touched, rows, sizeof rows);
}

static void test_the_weights_alone(void **state)
{
    float weights[32], moments[32];
    struct err err;
    (void)state;
    fill(3);
    must_write(500);
    memcpy(weights, values[1][0], sizeof weights);
    fill(4);
    memcpy(moments, values[1][1], sizeof moments);
    assert_int_equal(checkpoint_read(place, 500, &all, false, &err), 0);
    assert_memory_equal(values[1][0], weights, sizeof weights);
    assert_memory_equal(values[1][1], moments, sizeof moments);
}

static void test_written_again_only_the_state_changes(void **state)
{
    struct checkpoint_state s = some_state(510);
    struct err err;
    (void)state;
    must_write(510);
    s.evaluated_step = 510;
    assert_int_equal(checkpoint_write(place, &all, &s, NULL, &err), 0);
    memset(&s, 0, sizeof s);
    assert_int_equal(checkpoint_read_state(place, 510, &s, &err), 0);
    assert_int_equal(s.evaluated_step, 510);
}

static void test_damage_is_named(void **state)
{
    char path[400];
    struct checkpoint_state s;
    struct err err;
    (void)state;
    must_write(600);
    params[1].cols = 8; /* another model */
    assert_int_equal(checkpoint_read(place, 600, &all, true, &err), -1);
    assert_non_null(strstr(err.text, "weight"));
    params[1].cols = 7;
    snprintf(path, sizeof path, "%s/checkpoints/step-000600", place);
    fixture_write(path, "optimizer.safetensors", "not this");
    assert_int_equal(checkpoint_read(place, 600, &all, true, &err), -1);
    assert_non_null(strstr(err.text, "optimizer.safetensors"));
    fixture_write(path, "state.json", "{\"step\": -3}");
    assert_int_equal(checkpoint_read_state(place, 600, &s, &err), -1);
    assert_non_null(strstr(err.text, "step"));
    fixture_write(path, "state.json", "{\"step\": 3");
    assert_int_equal(checkpoint_read_state(place, 600, &s, &err), -1);
    assert_non_null(strstr(err.text, "state.json"));
}

static bool there(int64_t step)
{
    char path[400];
    snprintf(path, sizeof path, "%s/checkpoints/step-%06lld", place, (long long)step);
    return file_exists(path);
}

static void test_pruning_keeps_two_and_the_best(void **state)
{
    char path[400];
    struct err err;
    (void)state;
    snprintf(path, sizeof path, "%s/checkpoints", place);
    file_remove_tree(path, NULL);
    for (int64_t step = 10; step <= 50; step += 10)
        must_write(step);
    must_write(1000000); /* the seventh digit sorts after the sixth */
    snprintf(path, sizeof path, "%s/checkpoints/step-000060.aside", place);
    assert_int_equal(file_make_directories(path, &err), 0);
    assert_int_equal(checkpoint_newest(place), 1000000);
    checkpoint_prune(place, 20);
    assert_true(there(1000000) && there(50) && there(20));
    assert_false(there(10) || there(30) || there(40));
    assert_false(file_exists(path));
    checkpoint_prune(place, 0);
    assert_false(there(20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_comes_back),
        cmocka_unit_test(test_the_weights_alone),
        cmocka_unit_test(test_written_again_only_the_state_changes),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_pruning_keeps_two_and_the_best),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
