/* test_child.c - an answer comes back whole, and a child that crashes, hangs, ends early or refuses
 * harms nobody. */
#include "engine/base/child.h"
#include "engine/base/clock.h"

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

enum { LONG = 300000 }; /* more than a pipe holds */

static int answer_long(void *arg, void *answer)
{
    puts("this must not be seen");
    memset(answer, *(char *)arg, LONG);
    return 0;
}

static int crash(void *arg, void *answer)
{
    (void)arg, (void)answer;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would turn it into an exit */
    raise(SIGSEGV);
    return 0;
}

static int hang(void *arg, void *answer)
{
    (void)arg, (void)answer;
    while (pause())
        ;
    return 0;
}

static int end_early(void *arg, void *answer)
{
    (void)arg, (void)answer;
    _exit(0);
}

static int refuse(void *arg, void *answer)
{
    (void)arg, (void)answer;
    return -1;
}

static void test_answers(void **state)
{
    (void)state;
    static char answer[LONG];
    char letter = 'x';
    assert_int_equal(child_run(answer_long, &letter, answer, LONG, 20), CHILD_ANSWERED);
    for (size_t i = 0; i < LONG; i++)
        assert_int_equal(answer[i], 'x');
}

static void test_failures_leave_the_answer_alone(void **state)
{
    (void)state;
    int answer = 7;
    assert_int_equal(child_run(crash, NULL, &answer, sizeof answer, 20), CHILD_CRASHED);
    assert_int_equal(child_run(end_early, NULL, &answer, sizeof answer, 20), CHILD_FAILED);
    assert_int_equal(child_run(refuse, NULL, &answer, sizeof answer, 20), CHILD_FAILED);
    double start = clock_monotonic();
    assert_int_equal(child_run(hang, NULL, &answer, sizeof answer, 0.1), CHILD_HUNG);
    assert_true(clock_monotonic() - start < 15);
    assert_int_equal(answer, 7);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_failures_leave_the_answer_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
