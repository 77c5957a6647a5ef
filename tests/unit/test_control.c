/* The controls: one holder, numbered commands, a full queue, waking across processes, and holders
 * or trainers that die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/train/control.h"

static char directory[64];
static struct control_queue *queue;
static struct ring *ring;

static int begin(void **state)
{
    (void)state;
    char path[128];
    strcpy(directory, "/tmp/sft-control-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/metrics.ring", directory);
    queue = control_queue_create(directory, NULL);
    ring = ring_create(path, 16, 1, NULL);
    return queue && ring ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    control_queue_close(queue);
    ring_close(ring);
    return file_remove_tree(directory, NULL);
}

static struct control *open_for(enum control_mode mode)
{
    struct err err = {0};
    struct control *c = control_open(directory, mode, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}

static struct command set_rate(int i)
{
    struct command cmd = {.kind = COMMAND_SET, .setting = "learning_rate"};
    snprintf(cmd.value, sizeof cmd.value, "%d", i);
    return cmd;
}

static void post(struct control *c, int i, uint64_t number)
{
    struct command cmd = set_rate(i);
    struct err err = {0};
    uint64_t got = 0;
    if (control_post(c, &cmd, &got, &err))
        fail_msg("%s", err.text);
    assert_int_equal(got, number);
}

static void take(int i, uint64_t number)
{
    struct command cmd, want = set_rate(i);
    uint64_t got;
    assert_true(control_queue_take(queue, &cmd, &got));
    assert_int_equal(got, number);
    assert_int_equal(cmd.kind, want.kind);
    assert_string_equal(cmd.setting, want.setting);
    assert_string_equal(cmd.value, want.value);
}

static void test_commands_arrive_in_order(void **state)
{
    (void)state;
    struct control *c = open_for(CONTROL_HOLD);
    struct command cmd;
    uint64_t number;
    assert_false(control_queue_take(queue, &cmd, &number));
    for (int round = 0; round < 100; round++) {
        post(c, round, 2 * (uint64_t)round + 1);
        post(c, -round, 2 * (uint64_t)round + 2);
        take(round, 2 * (uint64_t)round + 1);
        take(-round, 2 * (uint64_t)round + 2);
    }
    assert_false(control_queue_take(queue, &cmd, &number));
    assert_string_equal(control_rundir(c), directory);
    control_close(c);
}

static void test_a_full_queue_is_busy(void **state)
{
    (void)state;
    struct control *c = open_for(CONTROL_HOLD);
    struct command cmd = set_rate(0);
    struct err err = {0};
    uint64_t posted = 0;
    while (posted < 10000 && !control_post(c, &cmd, NULL, &err))
        posted++;
    assert_in_range(posted, 16, 1000);
    assert_int_equal(err.code, ERR_BUSY);
    take(0, 1);
    post(c, 7, posted + 1);
    for (uint64_t n = 2; n <= posted; n++)
        take(0, n);
    take(7, posted + 1);
    control_close(c);
}

static void test_one_holds_the_others_watch(void **state)
{
    (void)state;
    struct control *holder = open_for(CONTROL_HOLD), *watcher = open_for(CONTROL_WATCH);
    struct command cmd = {.kind = COMMAND_PAUSE};
    struct err err = {0};
    char pid[32];
    snprintf(pid, sizeof pid, "process %d ", (int)getpid());
    assert_null(control_open(directory, CONTROL_HOLD, &err));
    assert_int_equal(err.code, ERR_BUSY);
    assert_non_null(strstr(err.text, pid));
    assert_int_equal(control_post(watcher, &cmd, NULL, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
    control_close(holder);
    holder = open_for(CONTROL_HOLD); /* free again */
    control_close(holder);
    control_close(watcher);
}

static void test_one_trainer_serves(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(control_is_served(directory));
    assert_null(control_queue_create(directory, &err));
    assert_int_equal(err.code, ERR_BUSY);
    assert_non_null(strstr(err.text, "trains"));
    assert_true(control_is_served(directory));

    struct control *c = open_for(CONTROL_HOLD);
    post(c, 1, 1);
    control_queue_close(queue);
    assert_false(control_is_served(directory));
    struct command cmd = set_rate(1);
    assert_int_equal(control_post(c, &cmd, NULL, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);

    queue = control_queue_create(directory, &err); /* a resume: what was left is dropped */
    uint64_t number;
    assert_false(control_queue_take(queue, &cmd, &number));
    post(c, 2, 2);
    take(2, 2);
    control_close(c);
}

/* Run `fn` in a child that then dies without a word; returns its pid. */
static pid_t in_child(void (*fn)(void))
{
    pid_t child = fork();
    if (child == 0) {
        fn();
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return child;
}

static void hold_and_post(void)
{
    struct control *c = control_open(directory, CONTROL_HOLD, NULL);
    struct command cmd = set_rate(5);
    if (!c || control_post(c, &cmd, NULL, NULL))
        _exit(1);
}

static void test_a_holder_that_dies_leaves_its_commands(void **state)
{
    (void)state;
    in_child(hold_and_post);
    in_child(hold_and_post);
    struct control *c = open_for(CONTROL_HOLD);
    post(c, 6, 3);
    take(5, 1);
    take(5, 2);
    take(6, 3);
    control_close(c);
}

static void serve(void)
{
    if (!control_queue_create(directory, NULL))
        _exit(1);
}

static void test_a_trainer_that_dies_serves_no_more(void **state)
{
    (void)state;
    control_queue_close(queue);
    in_child(serve);
    assert_false(control_is_served(directory));
    assert_non_null(queue = control_queue_create(directory, NULL));
}

static void test_a_damaged_file_is_made_anew(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/control.ring", directory);
    control_queue_close(queue);
    assert_int_equal(file_write(path, "nonsense", 8, NULL), 0);
    struct err err = {0};
    assert_null(control_open(directory, CONTROL_HOLD, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(queue = control_queue_create(directory, NULL));
    struct control *c = open_for(CONTROL_HOLD);
    post(c, 1, 1);
    take(1, 1);
    control_close(c);
}

static void test_watching_sees_records_and_state(void **state)
{
    (void)state;
    struct control *c = open_for(CONTROL_WATCH);
    struct record rec = {.kind = RECORD_STATE, .step = 4}, out[4];
    struct trainer_view v = {.state = TRAINER_PAUSED, .step = 4}, got;
    uint64_t lost = 0;
    ring_push(ring, &rec);
    ring_set_view(ring, &v);
    assert_int_equal(control_read(c, out, 4, &lost), 1);
    assert_int_equal(out[0].step, 4);
    assert_int_equal(control_read(c, out, 4, &lost), 0);
    control_snapshot(c, &got);
    assert_int_equal(got.state, TRAINER_PAUSED);
    control_close(c);
    struct err err = {0};
    assert_null(control_open("/tmp/sft-no-such-run", CONTROL_WATCH, &err));
    assert_non_null(strstr(err.text, "/tmp/sft-no-such-run"));
}

enum { MANY = 2000 };

/* A trainer that sleeps whenever there is nothing to do. */
static void *take_all(void *arg)
{
    uint64_t *taken = arg, number;
    struct command cmd;
    while (*taken < MANY) {
        control_queue_wait(queue, 100000);
        while (control_queue_take(queue, &cmd, &number))
            if (number != ++*taken || atoi(cmd.value) != (int)number)
                return NULL;
    }
    return taken;
}

static void post_many(struct control *c)
{
    for (int i = 1; i <= MANY;) {
        struct command cmd = set_rate(i);
        if (control_post(c, &cmd, NULL, NULL))
            usleep(50); /* full */
        else
            i++;
    }
}

static void test_posting_wakes_the_trainer(void **state)
{
    (void)state;
    uint64_t taken = 0;
    void *result;
    pthread_t thread;
    struct control *c = open_for(CONTROL_HOLD);
    pthread_create(&thread, NULL, take_all, &taken);
    post_many(c);
    pthread_join(thread, &result);
    assert_non_null(result);
    control_close(c);
}

static void test_posting_from_another_process_wakes_the_trainer(void **state)
{
    (void)state;
    uint64_t taken = 0;
    pid_t child = fork();
    if (child == 0) {
        struct control *c = control_open(directory, CONTROL_HOLD, NULL);
        if (c)
            post_many(c);
        _exit(c ? 0 : 1);
    }
    assert_non_null(take_all(&taken));
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_commands_arrive_in_order),
        TEST(test_a_full_queue_is_busy),
        TEST(test_one_holds_the_others_watch),
        TEST(test_one_trainer_serves),
        TEST(test_a_holder_that_dies_leaves_its_commands),
        TEST(test_a_trainer_that_dies_serves_no_more),
        TEST(test_a_damaged_file_is_made_anew),
        TEST(test_watching_sees_records_and_state),
        TEST(test_posting_wakes_the_trainer),
        TEST(test_posting_from_another_process_wakes_the_trainer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
