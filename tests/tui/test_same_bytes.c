/* A training started, watched, paused and gone on with in the workbench leaves the same bytes as one
 * without a screen. */
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

#define DATA "tests/tui/data/tickets/train.csv"
#define STEPS "400"

static char program[4096], root[4096], directory[] = "/tmp/sft-same-bytes-XXXXXX";

static int make_directory(void **state)
{
    char from[8300], to[128];
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(from, sizeof from, "%s/tests", root);
    snprintf(to, sizeof to, "%s/tests", directory);
    return symlink(from, to);
}

static int remove_directory(void **state)
{
    (void)state;
    return file_remove_tree(directory, NULL);
}

/* SHA-256 of the weights of the only run whose directory fits the pattern. */
static void hash_weights(const char *pattern, char hex[65])
{
    char path[4300];
    glob_t found;
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s/model/model.safetensors", directory, pattern);
    assert_int_equal(glob(path, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    if (sha256_file(found.gl_pathv[0], hex, &err))
        fail_msg("%s", err.text);
    globfree(&found);
}

static void train_without_a_screen(void)
{
    char command[9000];
    snprintf(command, sizeof command,
             "cd %s && %s train --model tests/fixtures/tiny_bert --train " DATA " --max-steps " STEPS
             " --threads 1 --out headless >/dev/null 2>&1 </dev/null",
             directory, program);
    assert_int_equal(system(command), 0);
}

static void train_in_the_workbench(void)
{
    const char *argv[] = {program, "ui",          "--model", "tests/fixtures/tiny_bert", "--train",
                          DATA,    "--max-steps", STEPS,     "--threads",                "2",
                          NULL};
    struct harness *h = harness_start(&(struct harness_spec){argv, NULL, directory, 100, 30});
    assert_true(harness_wait(h, "Press Space", true));
    harness_keys(h, "<Space>");
    assert_true(harness_wait(h, "running", true));
    harness_keys(h, "<Space>");
    assert_true(harness_wait(h, "paused", true));
    harness_keys(h, "1<Down><Down>243v"); /* look around, ask for an evaluation */
    assert_true(harness_wait(h, "Train]", true));
    harness_keys(h, "<Space>");
    assert_true(harness_wait(h, "finished", true));
    harness_keys(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    harness_stop(h);
}

static void test_watched_or_not(void **state)
{
    char headless[65], watched[65];
    (void)state;
    train_without_a_screen();
    train_in_the_workbench();
    hash_weights("headless", headless);
    hash_weights("runs/*", watched);
    assert_string_equal(headless, watched);
}

int main(int argc, char **argv)
{
    const char *sft = getenv("SFT");
    char beside[4096];
    (void)argc;
    snprintf(beside, sizeof beside, "%.*s/../../sft", (int)(strrchr(argv[0], '/') - argv[0]), argv[0]);
    if (!harness_is_possible() || !realpath(sft ? sft : beside, program) || !getcwd(root, sizeof root))
        return 77;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_watched_or_not)};
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
