/* What a run will take stands on the screen before it begins, follows the settings, and a run that would
 * be refused says so; the stored screens leave it out, since it is the machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/harness.h"

static char program[4096], root[4096];

static void must_show(struct harness *h, const char *text, bool present)
{
    struct strbuf screen = {0};
    if (harness_wait(h, text, present))
        return;
    harness_screen(h, &screen);
    fprintf(stderr, "%s\n", screen.text);
    fail_msg("the screen %s '%s'", present ? "lacks" : "still has", text);
}

static void test_an_estimate_before_the_run(void **state)
{
    (void)state;
    const char *const environment[] = {"SFT_TEST_SCREEN=0", NULL};
    const char *argv[] = {program,       "ui",
                          "--model",     "tests/fixtures/tiny_bert",
                          "--train",     "tests/tui/data/tickets/train.csv",
                          "--workspace", "/nonexistent",
                          NULL};
    struct harness *h = harness_start(&(struct harness_spec){argv, environment, root, 120, 40});
    must_show(h, "it takes", true);
    harness_keys(h, "2");
    must_show(h, "estimate", true);
    must_show(h, "25.9 k", true); /* parameters trained */
    harness_keys(h, "<Down><Enter><C-u>1<Enter>");
    must_show(h, "1 changed; takes", true);
    harness_keys(h, "<Enter><C-u>2<Enter>");
    must_show(h, "freeze_layers 2: the", true);
    must_show(h, "changed; takes", false);
    harness_keys(h, "3");
    must_show(h, "it would be refused", true);
    harness_keys(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    harness_stop(h);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_estimate_before_the_run)};
    if (!harness_prepare(argv[0], program, root))
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
