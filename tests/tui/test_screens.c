/* test_screens.c - every tests/tui/NAME.keys against its NAME.screen, through a pseudo-terminal.
 * SFT names the binary under test; SFT_GOLDEN=1 writes the screens instead; arguments pick scripts.
 */
#include "tui/harness.h"
#include "tui/script.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char program[4096];

static void run_script(void **state)
{
    enum script_result r = script_run(*state, program, getenv("SFT_GOLDEN") != NULL);
    if (r == SCRIPT_SKIPPED)
        skip();
    assert_int_equal(r, SCRIPT_PASSED);
}

static int is_wanted(const char *path, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(path, argv[i]))
            return 1;
    return argc < 2;
}

int main(int argc, char **argv)
{
    glob_t found;
    char root[4096];
    if (!harness_prepare(argv[0], program, root))
        return 77;
    if (glob("tests/tui/*.keys", 0, NULL, &found))
        return 77;
    struct CMUnitTest *tests = calloc(found.gl_pathc, sizeof *tests);
    size_t n = 0;
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (is_wanted(found.gl_pathv[i], argc, argv))
            tests[n++] =
                (struct CMUnitTest){found.gl_pathv[i], run_script, NULL, NULL, found.gl_pathv[i]};
    int failed = _cmocka_run_group_tests("screens", tests, n, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
