/* The terminal is put back after every kind of end, whatever the workbench was doing, and a
 * training that was asked to end has saved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "tui/harness.h"

static char program[4096], root[4096], directory[64];

enum doing { IDLE, TYPING, TRAINING };

static int make_directory(void **state)
{
    char from[8300], to[128];
    (void)state;
    strcpy(directory, "/tmp/sft-signals-XXXXXX");
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

static struct harness *start(enum doing doing)
{
    const char *argv[] = {program,
                          "ui",
                          "--model",
                          "tests/fixtures/tiny_bert",
                          "--train",
                          "tests/tui/data/tickets/train.csv",
                          "--max-steps",
                          "1000000",
                          "--eval-steps",
                          "1000000",
                          "--save-steps",
                          "1000000",
                          NULL};
    struct harness *h = harness_start(&(struct harness_spec){argv, NULL, directory, 80, 24});
    if (!harness_wait(h, "Press Space", true))
        fail_msg("the workbench did not start");
    if (doing == TYPING) {
        harness_keys(h, "?/");
        harness_keys(h, "theme");
        assert_true(harness_wait(h, "keys with \"theme\"", true));
    } else if (doing == TRAINING) {
        harness_keys(h, " ");
        if (!harness_wait(h, "running", true)) {
            struct strbuf s = {0};
            harness_screen(h, &s);
            fail_msg("no training:\n%s", s.text);
        }
    }
    return h;
}

/* Where the last `what` stands in what the program wrote; 0: nowhere. */
static size_t last_place(const char *raw, size_t n, const char *what)
{
    size_t length = strlen(what), last = 0;
    for (size_t i = 0; i + length <= n; i++)
        if (!memcmp(raw + i, what, length))
            last = i + 1;
    return last;
}

/* The alternate screen is left and the cursor shown, and nothing took that back. */
static void check_restored(struct harness *h)
{
    size_t n;
    const char *raw = harness_raw(h, &n);
    assert_true(last_place(raw, n, "\x1b[?1049l") > last_place(raw, n, "\x1b[?1049h"));
    assert_true(last_place(raw, n, "\x1b[?25h") > last_place(raw, n, "\x1b[?25l"));
    assert_true(harness_is_cooked(h));
}

static void check_saved(void)
{
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/runs/*/model/model.safetensors", directory);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    globfree(&found);
}

/* To a thread that is not the first, as a fault in it would be. */
static void signal_another_thread(struct harness *h, int sig)
{
    char pattern[64];
    glob_t found;
    snprintf(pattern, sizeof pattern, "/proc/%d/task/*", harness_pid(h));
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 1);
    int thread = atoi(strrchr(found.gl_pathv[found.gl_pathc - 1], '/') + 1);
    assert_int_not_equal(thread, harness_pid(h));
    assert_int_equal(syscall(SYS_tgkill, harness_pid(h), thread, sig), 0);
    globfree(&found);
}

static void end_by(int sig, enum doing doing, void (*send)(struct harness *, int))
{
    struct harness *h = start(doing);
    send(h, sig);
    int status = harness_wait_exit(h);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    assert_true(status > 0); /* the sanitizer makes its own end of a fault */
#else
    assert_int_equal(status, 256 + sig);
#endif
    check_restored(h);
    harness_stop(h);
    if (doing == TRAINING && (sig == SIGTERM || sig == SIGHUP || sig == SIGINT))
        check_saved();
    char runs[128];
    snprintf(runs, sizeof runs, "%s/runs", directory);
    file_remove_tree(runs, NULL);
}

static void every_signal(enum doing doing)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL,
                                  SIGTERM, SIGHUP,  SIGINT, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        end_by(signals[i], doing, harness_signal);
}

static void signals_while_idle(void **state)
{
    (void)state;
    every_signal(IDLE);
}

static void signals_while_typing(void **state)
{
    (void)state;
    every_signal(TYPING);
}

static void signals_while_training(void **state)
{
    (void)state;
    every_signal(TRAINING);
}

static void faults_of_other_threads(void **state)
{
    (void)state;
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        end_by(faults[i], TRAINING, signal_another_thread);
}

static void quit_asks_and_saves(void **state)
{
    (void)state;
    struct harness *h = start(TRAINING);
    harness_keys(h, "q");
    assert_true(harness_wait(h, "Stop it, save it and leave?", true));
    harness_keys(h, "n");
    assert_true(harness_wait(h, "Stop it, save it and leave?", false));
    harness_keys(h, "qy");
    assert_int_equal(harness_wait_exit(h), 0);
    check_restored(h);
    check_saved();
    harness_stop(h);
}

static void ctrl_c_leaves(void **state)
{
    (void)state;
    struct harness *h = start(IDLE);
    harness_keys(h, "<C-c>");
    assert_int_equal(harness_wait_exit(h), 0);
    check_restored(h);
    harness_stop(h);
}

int main(int argc, char **argv)
{
    (void)argc;
    if (!harness_prepare(argv[0], program, root))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(signals_while_idle, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(signals_while_typing, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(signals_while_training, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(faults_of_other_threads, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(quit_asks_and_saves, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(ctrl_c_leaves, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
