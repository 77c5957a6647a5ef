/* test_progress.c - what a log of a run says, line by line. */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char said[1000];

/* Run progress_view with standard error in a file, so that it is no terminal; what it wrote is in `said`. */
static void say(const struct trainer_view *v, int times)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    struct progress p;
    progress_init(&p);
    for (int i = 0; i < times; i++) {
        p.last = 0; /* long ago */
        progress_view(&p, v);
    }
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    rewind(file);
    size_t n = fread(said, 1, sizeof said - 1, file);
    said[n] = '\0';
    fclose(file);
}

static struct trainer_view a_run(int64_t step)
{
    return (struct trainer_view){.state = TRAINER_RUNNING,
                                 .step = step,
                                 .total_steps = 40,
                                 .epoch = (double)step / 20,
                                 .epochs = 2,
                                 .seconds_left = -1};
}

static void test_what_is_not_known_yet_is_not_said(void **state)
{
    (void)state;
    struct trainer_view v = a_run(0);
    say(&v, 1);
    assert_string_equal(said, "step 0/40  epoch 0.00\n");
    v = a_run(20); /* resumed */
    v.loss = 0.25;
    say(&v, 1);
    assert_string_equal(said, "step 20/40  epoch 1.00\n");
}

static void test_a_step_is_said_with_its_speed(void **state)
{
    (void)state;
    struct trainer_view v = a_run(10);
    v.loss = 0.25;
    v.tokens_per_second = 1234.5;
    v.seconds_left = 30;
    say(&v, 1);
    assert_string_equal(said, "step 10/40  epoch 0.50  loss 0.2500  1234 tokens/s  30 s left\n");
    v.state = TRAINER_PAUSED;
    v.seconds_left = -1;
    say(&v, 1);
    assert_string_equal(said, "step 10/40  epoch 0.50  loss 0.2500  1234 tokens/s  paused\n");
}

static void test_a_log_says_a_thing_once(void **state)
{
    (void)state;
    struct trainer_view v = a_run(0);
    strcpy(v.phase, "features 40 %");
    say(&v, 3);
    assert_string_equal(said, "features 40 %\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_known_yet_is_not_said),
        cmocka_unit_test(test_a_step_is_said_with_its_speed),
        cmocka_unit_test(test_a_log_says_a_thing_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
