/* A training in the workbench, watched, paused, looked at and resized, gives the bytes that `sft
 * train` gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "tui/harness.h"

static char program[4096], root[4096], directory[64];

#define TRAINING                                                                                   \
    "--model", "tests/fixtures/tiny_bert", "--train", "tests/tui/data/tickets/train.csv",          \
        "--validation", "tests/tui/data/tickets/validation.csv", "--epochs", "1500",               \
        "--eval-steps", "500", "--save-steps", "1000", "--learning-rate", "1e-3"

static int setup(void **state)
{
    char from[8300], to[128];
    (void)state;
    strcpy(directory, "/tmp/sft-weights-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(from, sizeof from, "%s/tests", root);
    snprintf(to, sizeof to, "%s/tests", directory);
    return symlink(from, to);
}

static int teardown(void **state)
{
    (void)state;
    return file_remove_tree(directory, NULL);
}

static void weights_of(const char *under, char hex[65])
{
    char pattern[128];
    glob_t found;
    struct err err;
    snprintf(pattern, sizeof pattern, "%s/%s/model/model.safetensors", directory, under);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    assert_int_equal(sha256_file(found.gl_pathv[0], hex, &err), 0);
    globfree(&found);
}

static void train_headless(void)
{
    const char *argv[] = {program, "train", TRAINING, "--out", "headless", NULL};
    struct harness *h = harness_start(&(struct harness_spec){argv, NULL, directory, 80, 24});
    assert_int_equal(harness_wait_exit(h), 0);
    harness_stop(h);
}

static void train_in_the_workbench(void)
{
    const char *argv[] = {program, "ui", TRAINING, NULL};
    struct harness *h = harness_start(&(struct harness_spec){argv, NULL, directory, 80, 24});
    assert_true(harness_wait(h, "Press Space", true));
    harness_keys(h, " ");
    assert_true(harness_wait(h, "started:", true)); /* before, there is nothing to pause */
    harness_keys(h, " ");
    assert_true(harness_wait(h, "paused", true));
    harness_keys(h, "1");
    harness_resize(h, 120, 40);
    harness_keys(h, "43v"); /* errors, train, an evaluation by hand */
    assert_true(harness_wait(h, "asked for", true));
    harness_keys(h,
                 " "); /* on; the event "finished;" may be seen before q would not ask any more */
    assert_true(harness_wait(h, "finished:", true));
    harness_keys(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    harness_stop(h);
}

static void same_bytes(void **state)
{
    char headless[65], workbench[65];
    (void)state;
    train_headless();
    train_in_the_workbench();
    weights_of("headless", headless);
    weights_of("runs/*", workbench);
    assert_string_equal(headless, workbench);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!harness_prepare(argv[0], program, root))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
