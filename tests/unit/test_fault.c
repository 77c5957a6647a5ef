/* test_fault.c - a file that is cut short while it is mapped ends the program with its name, once, and not
 * with a signal; other faults stay what they are. */
#include "cli/fault.h"
#include "engine/base/file.h"
#include "engine/base/file_map.h"
#include "engine/base/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 100000, THREADS = 4 };
static char path[] = "/tmp/sft-test-fault-XXXXXX";
static char said[3000];

static int make_file(void **state)
{
    static char bytes[SIZE];
    (void)state;
    close(mkstemp(path));
    memset(bytes, 'x', sizeof bytes);
    return file_write(path, bytes, sizeof bytes, NULL);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* How a child ends that runs `act`; what it wrote to standard error is in `said`. */
static int status_of(void (*act)(void))
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGBUS, SIG_DFL); /* not cmocka's */
        fault_explain_cut_files();
        act();
        _exit(7); /* nothing happened */
    }
    close(ends[1]);
    size_t at = 0;
    for (ssize_t n; (n = read(ends[0], said + at, sizeof said - 1 - at)) > 0;)
        at += (size_t)n;
    said[at] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static struct file_map map;
static pthread_barrier_t together;

static void *read_the_end(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&together);
    return (void *)(uintptr_t)((const volatile unsigned char *)map.data)[SIZE - 1];
}

static void read_past_the_end(void)
{
    pthread_t thread[THREADS];
    if (file_map_open(&map, path, NULL) || truncate(path, 10))
        _exit(3);
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        thread_start(&thread[i], read_the_end, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
}

static void test_a_cut_file_is_named_once(void **state)
{
    (void)state;
    char want[200];
    int status = status_of(read_past_the_end);
    snprintf(
        want, sizeof want,
        "sft: '%s' was cut short by another program while it was read; make it whole and start "
        "again\n",
        path);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_string_equal(said, want);
}

static void send_it(void)
{
    raise(SIGBUS);
}

static void test_a_signal_that_is_sent_ends_as_before(void **state)
{
    (void)state;
    int status = status_of(send_it);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_cut_file_is_named_once, make_file, remove_file),
        cmocka_unit_test(test_a_signal_that_is_sent_ends_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
