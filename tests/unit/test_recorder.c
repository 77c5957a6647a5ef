/* The recorder: everything put comes back, what was waited for survives a kill, a resume
 * supersedes, and a disk that takes nothing loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/train/recorder.h"

static char directory[64];
static struct ring *ring;

static void make_ring(uint64_t first)
{
    char path[128];
    struct err err;
    snprintf(path, sizeof path, "%s/metrics.ring", directory);
    ring_close(ring);
    ring = ring_create(path, 1024, first, &err);
    assert_non_null(ring);
}

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/sft-recorder-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    make_ring(1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ring_close(ring);
    ring = NULL;
    return file_remove_tree(directory, NULL);
}

static struct recorder *start(int64_t resume_step)
{
    struct err err = {0};
    struct recorder *r = recorder_start(directory, resume_step, &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

static void finish(struct recorder *r)
{
    struct err err = {0};
    if (recorder_finish(r, &err))
        fail_msg("%s", err.text);
}

static struct record new_record(enum record_kind kind, int64_t step)
{
    struct record rec;
    memset(&rec, 0, sizeof rec);
    rec.kind = kind;
    rec.step = step;
    rec.time_us = 1000 + step;
    return rec;
}

static struct record step_record(int64_t step)
{
    struct record rec = new_record(RECORD_STEP, step);
    double x = (double)step;
    rec.as.step_sample = (struct step_sample){1 / (x + 1), x * 0.1, 2e-5, x / 7, 1e-3, 300u, 16u};
    return rec;
}

static void push_step(int64_t step)
{
    struct record rec = step_record(step);
    ring_push(ring, &rec);
}

/* As the trainer does: into the ring and, but for steps, to the recorder. */
static void put(struct recorder *r, struct record *rec)
{
    ring_push(ring, rec);
    recorder_put(r, rec);
}

static size_t read_back(struct record **out)
{
    struct err err = {0};
    size_t n = 0;
    struct history *h = history_open(directory, &err);
    if (!h || history_records(h, out, &n, &err))
        fail_msg("%s", err.text);
    history_close(h);
    return n;
}

/* One of every kind, every field set. */
static size_t every_kind(struct record *out)
{
    size_t n = 0;
    for (int kind = RECORD_EVAL; kind <= RECORD_WARNING; kind++)
        out[n++] = new_record((enum record_kind)kind, 3);
    out[0].as.eval = (struct eval_sample){.id = 7,
                                          .split = SPLIT_TEST,
                                          .best = true,
                                          .by_hand = true,
                                          .problem = PROBLEM_MULTI_LABEL,
                                          .loss = 0.25,
                                          .accuracy = 0.5,
                                          .macro_f1 = NAN,
                                          .mcc = -0.5,
                                          .epoch = 1.5,
                                          .micro_f1 = 0.75,
                                          .subset_accuracy = 0.125,
                                          .hamming_loss = 0.0625,
                                          .mse = 3,
                                          .mae = 1.5,
                                          .pearson = -1,
                                          .spearman = 0.1,
                                          .r2 = -7,
                                          .rows = 40,
                                          .wrong = 20};
    out[1].as.state = (struct state_sample){TRAINER_RUNNING, TRAINER_PAUSED};
    out[2].as.edit = (struct edit_sample){9, 3, 2e-5, 1e-5};
    out[3].as.checkpoint = (struct checkpoint_sample){CHECKPOINT_BEST, 1ull << 40};
    out[4].as.answer = (struct answer_sample){5, ERR_USAGE, "learning_rate is 0 to 1"};
    strcpy(out[5].as.warning.text, "it's \"quoted\" \xc3\xa9");
    return n;
}

static void test_every_record_comes_back(void **state)
{
    (void)state;
    struct record want[8], *got;
    size_t n = every_kind(want);
    struct recorder *r = start(-1);
    push_step(1);
    push_step(2);
    for (size_t i = 0; i < n; i++)
        put(r, &want[i]);
    push_step(4);
    finish(r);
    assert_int_equal(read_back(&got), n + 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(want[i].seq, i + 3);
        if (want[i].kind == RECORD_EVAL) { /* a NaN comes back as one, whatever its bits */
            assert_true(isnan(got[i + 2].as.eval.macro_f1));
            got[i + 2].as.eval.macro_f1 = want[i].as.eval.macro_f1;
        }
        assert_memory_equal(&got[i + 2], &want[i], sizeof want[i]);
    }
    struct record last = step_record(4);
    last.seq = n + 3;
    assert_memory_equal(&got[n + 2], &last, sizeof last);
    free(got);
}

static void test_steps_of_a_long_run(void **state)
{
    (void)state;
    enum { STEPS = 900 };
    struct recorder *r = start(-1);
    struct record mark = new_record(RECORD_WARNING, 0), *got;
    for (int64_t i = 1; i <= STEPS; i++) {
        push_step(i);
        if (i % 100 == 0)
            assert_int_equal(recorder_put_and_wait(r, &mark, NULL), 0);
    }
    finish(r);
    size_t n = read_back(&got), steps = 0;
    for (size_t i = 0; i < n; i++)
        steps += got[i].kind == RECORD_STEP;
    assert_int_equal(steps, STEPS);
    assert_int_equal(n, STEPS + STEPS / 100);
    free(got);
}

static void test_overwritten_steps_are_told(void **state)
{
    (void)state;
    struct recorder *r = start(-1);
    struct record mark = new_record(RECORD_ANSWER, 0), *got;
    push_step(1);
    assert_int_equal(recorder_put_and_wait(r, &mark, NULL), 0); /* it has read the first */
    for (int64_t i = 2; i <= 300000; i++)                       /* faster than any disk */
        push_step(i);
    finish(r);
    size_t n = read_back(&got), steps = 0;
    unsigned long long lost = 0, more;
    for (size_t i = 0; i < n; i++) {
        steps += got[i].kind == RECORD_STEP;
        if (got[i].kind == RECORD_WARNING && sscanf(got[i].as.warning.text, "%llu", &more) == 1)
            lost += more;
    }
    assert_true(lost > 0);
    assert_int_equal(steps + lost, 300000);
    free(got);
}

static void test_what_was_waited_for_survives_a_kill(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct recorder *r = recorder_start(directory, -1, NULL);
        struct record edit = new_record(RECORD_EDIT, 2);
        edit.as.edit = (struct edit_sample){1, 3, 2e-5, 1e-5};
        edit.seq = 3;
        push_step(1);
        push_step(2);
        if (r && recorder_put_and_wait(r, &edit, NULL) == 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    struct record *got;
    assert_int_equal(read_back(&got), 3); /* the steps before it as well */
    assert_int_equal(got[2].kind, RECORD_EDIT);
    assert_true(got[2].as.edit.after == 1e-5);
    free(got);
}

static void test_evaluation_rows(void **state)
{
    (void)state;
    enum { ROWS = 300, LABELS = 5 };
    static float logits[ROWS * LABELS];
    static uint32_t row[ROWS];
    static int32_t truth[ROWS];
    for (int i = 0; i < ROWS; i++) {
        row[i] = (uint32_t)i * 3;
        truth[i] = i % LABELS;
        for (int k = 0; k < LABELS; k++)
            logits[i * LABELS + k] =
                (float)(8 * rng_normal(1, RNG_TEST, (uint64_t)(i * LABELS + k)));
    }
    const struct targets targets = {
        .problem = PROBLEM_SINGLE_LABEL, .width = LABELS, .label = truth};
    struct recorder *r = start(-1);
    struct record rec = new_record(RECORD_EVAL, 10);
    rec.as.eval.split = SPLIT_VALIDATION;
    rec.as.eval.accuracy = 0.25;
    int64_t first = recorder_put_evaluation(r, &rec, row, &targets, logits, ROWS, NULL);
    rec.step = 20;
    int64_t second = recorder_put_evaluation(r, &rec, row, &targets, logits, ROWS - 1, NULL);
    assert_true(first >= 0 && second > first);
    memset(logits, 0, sizeof logits / 2); /* copies were taken */
    finish(r);

    struct err err = {0};
    struct evaluation e;
    struct history *h = history_open(directory, &err);
    assert_int_equal(history_evaluation(h, -1, SPLIT_VALIDATION, &e, &err), 0);
    assert_int_equal(e.id, second);
    assert_int_equal(e.rows, ROWS - 1);
    evaluation_clear(&e);
    assert_int_equal(history_evaluation(h, first, SPLIT_TEST, &e, &err), 0);
    assert_int_equal(e.step, 10);
    assert_int_equal(e.rows, ROWS);
    assert_int_equal(e.labels, LABELS);
    assert_true(e.accuracy == 0.25);
    for (size_t i = ROWS / 2 + 1; i < ROWS; i++) { /* those whose logits still stand here */
        float probs[LABELS];
        softmax_row(probs, logits + i * LABELS, LABELS);
        assert_int_equal(e.row[i], row[i]);
        assert_int_equal(e.truth[i], truth[i]);
        assert_int_equal(e.predicted[i], argmax_row(logits + i * LABELS, LABELS));
        assert_memory_equal(e.probs + i * LABELS, probs, sizeof probs);
    }
    evaluation_clear(&e);
    assert_int_equal(history_evaluation(h, -1, SPLIT_TEST, &e, &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(history_evaluation(h, 99, SPLIT_TEST, &e, &err), -1);
    history_close(h);

    r = start(-1); /* ids go on */
    assert_true(recorder_put_evaluation(r, &rec, row, &targets, logits, 0, NULL) > second);
    finish(r);
}

static void put_edit(struct recorder *r, int64_t step, uint64_t command, double after)
{
    struct record rec = new_record(RECORD_EDIT, step);
    rec.as.edit = (struct edit_sample){command, 3, 0, after};
    put(r, &rec);
}

static void test_a_resume_supersedes(void **state)
{
    (void)state;
    struct recorder *r = start(-1);
    struct run_result result = {.state = TRAINER_STOPPED, .steps = 10};
    for (int64_t i = 1; i <= 10; i++)
        push_step(i);
    put_edit(r, 4, 1, 0.4);
    put_edit(r, 8, 2, 0.8);
    assert_int_equal(recorder_put_result(r, &result, NULL), 0);
    finish(r);

    make_ring(7); /* killed; on from step 6 */
    r = start(6);
    struct history *h = history_open(directory, NULL);
    assert_int_equal(history_result(h, &result, NULL), -1); /* this attempt has none */
    push_step(7);
    put_edit(r, 8, 0, 0.8); /* a replay */
    finish(r);
    struct record *got;
    size_t n;
    assert_int_equal(history_records(h, &got, &n, NULL), 0);
    assert_int_equal(n, 6 + 1 + 2);
    assert_int_equal(got[6].kind, RECORD_EDIT);
    assert_int_equal(got[7].step, 7);
    assert_int_equal(got[8].as.edit.command, 0);
    free(got);

    make_ring(7); /* killed again before it came to step 8 */
    r = start(6);
    assert_int_equal(history_edits(h, 6, &got, &n, NULL), 0);
    assert_int_equal(n, 1); /* the edit is still to be made, once */
    assert_int_equal(got[0].step, 8);
    assert_true(got[0].as.edit.after == 0.8);
    free(got);
    finish(r);
    history_close(h);
}

static void test_a_result_comes_back(void **state)
{
    (void)state;
    struct run_result want = {.state = TRAINER_FINISHED,
                              .steps = 100,
                              .epochs = 2.5,
                              .seconds = 12.25,
                              .tokens_per_second = 5000,
                              .train_loss = 0.125,
                              .tokens = 61000,
                              .weights_sha256 = "abc",
                              .problem = PROBLEM_REGRESSION,
                              .has_validation = true,
                              .validation_accuracy = 0.875,
                              .validation_loss = 0.5,
                              .test_accuracy = NAN,
                              .test_loss = NAN,
                              .validation_score = -0.25,
                              .test_score = NAN},
                      got;
    struct recorder *r = start(-1);
    assert_int_equal(recorder_put_result(r, &want, NULL), 0);
    struct history *h = history_open(directory, NULL);
    assert_int_equal(history_result(h, &got, NULL), 0); /* while the recorder still runs */
    assert_int_equal(got.state, want.state);
    assert_int_equal(got.steps, want.steps);
    assert_true(got.epochs == 2.5 && got.seconds == 12.25 && got.train_loss == 0.125);
    assert_int_equal(got.tokens, want.tokens);
    assert_string_equal(got.weights_sha256, "abc");
    assert_true(got.has_validation && !got.has_test && got.validation_accuracy == 0.875);
    assert_true(isnan(got.test_accuracy) && isnan(got.test_score));
    assert_true(got.problem == PROBLEM_REGRESSION && got.validation_score == -0.25);
    history_close(h);
    finish(r);
}

/* A disk that takes nothing more: files may not grow beyond what they are. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes ? bytes : limit.rlim_max;
    signal(SIGXFSZ, bytes ? SIG_IGN : SIG_DFL);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_a_full_disk_loses_nothing(void **state)
{
    (void)state;
    enum { RECORDS = 2000 };
    struct recorder *r = start(-1);
    struct record rec = new_record(RECORD_WARNING, 1), edit = new_record(RECORD_EDIT, 1), *got;
    struct err err = {0};
    edit.as.edit.command = 1;
    limit_files(4096);
    for (int i = 0; i < RECORDS; i++)
        put(r, &rec);
    int refused = recorder_put_and_wait(r, &edit, &err);
    int check = recorder_check(r, NULL);
    limit_files(0);
    assert_int_equal(refused, -1);
    assert_int_equal(err.code, ERR_IO); /* a limit is not quite a full disk to SQLite */
    assert_int_equal(check, -1);
    finish(r);
    size_t n = read_back(&got), edits = 0;
    for (size_t i = 0; i < n; i++)
        edits += got[i].kind == RECORD_EDIT;
    assert_int_equal(edits, 0); /* it was reported as not recorded */
    assert_int_equal(n, RECORDS);
    free(got);
}

static void test_a_disk_that_stays_full_is_told(void **state)
{
    (void)state;
    struct recorder *r = start(-1);
    struct record rec = new_record(RECORD_WARNING, 1);
    struct err err = {0};
    limit_files(4096);
    for (int i = 0; i < 500; i++)
        put(r, &rec);
    int rc = recorder_finish(r, &err);
    limit_files(0);
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "500 records are lost"));
}

static void test_no_place_to_write(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(recorder_start("/tmp/sft-no-such-directory", -1, &err));
    assert_int_not_equal(err.code, ERR_NONE);
    assert_non_null(strstr(err.text, "run.db"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_every_record_comes_back),
        TEST(test_steps_of_a_long_run),
        TEST(test_overwritten_steps_are_told),
        TEST(test_what_was_waited_for_survives_a_kill),
        TEST(test_evaluation_rows),
        TEST(test_a_resume_supersedes),
        TEST(test_a_result_comes_back),
        TEST(test_a_full_disk_loses_nothing),
        TEST(test_a_disk_that_stays_full_is_told),
        TEST(test_no_place_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
