/* Reading runs back: while the recorder writes, from run.json, and as a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "engine/train/recorder.h"

static char directory[64];

static int begin(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/sft-history-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return file_remove_tree(directory, NULL);
}

enum { ROUNDS = 60, ROWS = 50, LABELS = 3 };

/* Evaluations and warnings, one after the other, as fast as the recorder takes them. */
static void *write_records(void *arg)
{
    struct recorder *r = arg;
    uint32_t row[ROWS];
    int32_t truth[ROWS] = {0};
    float logits[ROWS * LABELS] = {0};
    const struct targets targets = {
        .problem = PROBLEM_SINGLE_LABEL, .width = LABELS, .label = truth};
    for (int i = 0; i < ROWS; i++)
        row[i] = (uint32_t)i;
    for (int i = 0; i < ROUNDS; i++) {
        struct record rec;
        memset(&rec, 0, sizeof rec);
        rec.seq = (uint64_t)(2 * i + 1);
        rec.step = i;
        rec.kind = RECORD_WARNING;
        recorder_put(r, &rec);
        rec.seq++;
        rec.kind = RECORD_EVAL;
        rec.as.eval.split = SPLIT_VALIDATION;
        logits[0] = (float)i;
        recorder_put_evaluation(r, &rec, row, &targets, logits, ROWS, NULL);
        if (i % 4 == 0) {
            rec.kind = RECORD_CHECKPOINT;
            memset(&rec.as, 0, sizeof rec.as);
            recorder_put_and_wait(r, &rec, NULL);
        }
    }
    return NULL;
}

/* What is read is always a beginning of what was put, in order and whole. */
static size_t check_beginning(struct history *h)
{
    struct record *got;
    struct err err;
    size_t n, seen = 0;
    if (history_records(h, &got, &n, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++)
        if (got[i].kind != RECORD_CHECKPOINT)
            assert_int_equal(got[i].seq, ++seen);
    struct evaluation e;
    if (seen >= 2) {
        if (history_evaluation(h, -1, SPLIT_VALIDATION, &e, &err))
            fail_msg("%s", err.text);
        assert_true(e.rows == ROWS && e.labels == LABELS);
        evaluation_clear(&e);
    }
    free(got);
    return seen;
}

static void test_reading_while_the_recorder_writes(void **state)
{
    (void)state;
    struct err err = {0};
    struct recorder *r = recorder_start(directory, -1, &err);
    assert_non_null(r);
    pthread_t thread;
    struct history *h = history_open(directory, &err);
    assert_non_null(h);
    pthread_create(&thread, NULL, write_records, r);
    size_t seen = 0;
    for (int reads = 0; reads < 40; reads++) {
        size_t now = check_beginning(h);
        assert_true(now >= seen);
        seen = now;
    }
    pthread_join(thread, NULL);
    assert_int_equal(recorder_finish(r, &err), 0);
    assert_int_equal(check_beginning(h), 2 * ROUNDS);
    history_close(h);
}

static void test_no_run_no_history(void **state)
{
    (void)state;
    struct err err = {0};
    char path[128];
    assert_null(history_open(directory, &err));
    assert_int_equal(err.code, ERR_INPUT);
    snprintf(path, sizeof path, "%s/run.db", directory);
    assert_int_equal(file_write(path, "", 0, NULL), 0); /* the recorder has just made the file */
    assert_null(history_open(directory, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(file_write(path, "no data base at all, but long enough", 36, NULL), 0);
    assert_null(history_open(directory, &err));
    assert_non_null(strstr(err.text, path));
}

static void write_run(const char *name, const char *text)
{
    char path[256];
    struct err err;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(file_make_directories(path, &err), 0);
    strcat(path, "/run.json");
    if (text)
        assert_int_equal(file_write(path, text, strlen(text), &err), 0);
}

static const char run_json[] =
    "{ \"name\": \"one\", \"created\": \"2026-11-23T14:05:00Z\", \"version\": \"0.1.0\",\n"
    "  \"model\": \"/models/mini\", \"data\": { \"files\": {\n"
    "      \"train\": {\"path\": \"/d/train.csv\", \"sha256\": \"ab\"}, \"validation\": null,\n"
    "      \"test\": {\"path\": \"/d/test.csv\", \"sha256\": \"cd\"} },\n"
    "    \"text_column\": \"text\", \"pair_column\": null, \"label_column\": \"1\",\n"
    "    \"format\": \"tsv\", \"header\": \"no\", \"labels\": [\"a\", \"b\"] },\n"
    "  \"settings\": { \"tune\": \"head\", \"learning_rate\": 0.002 },\n"
    "  \"cpu\": \"c\", \"kernel_set\": \"k\", \"later\": 1 }\n";

static void test_run_json_comes_back(void **state)
{
    (void)state;
    static struct run_info info;
    struct err err = {0};
    char path[128];
    write_run("one", run_json);
    snprintf(path, sizeof path, "%s/one", directory);
    if (run_info_read(&info, path, &err))
        fail_msg("%s", err.text);
    assert_string_equal(info.name, "one");
    assert_string_equal(info.path, path);
    assert_string_equal(info.model, "/models/mini");
    assert_string_equal(info.files[SPLIT_TRAIN], "/d/train.csv");
    assert_string_equal(info.files[SPLIT_VALIDATION], "");
    assert_string_equal(info.sha256[SPLIT_TEST], "cd");
    assert_string_equal(info.text_column, "text");
    assert_string_equal(info.pair_column, "");
    assert_int_equal(info.format, TABLE_TSV);
    assert_int_equal(info.header, HEADER_NO);
    assert_int_equal(info.settings.tune, TUNE_HEAD);
    assert_true(info.settings.learning_rate == 0.002);
    assert_int_equal(info.settings.batch_size, 16);
}

static void test_a_damaged_run_json_is_refused(void **state)
{
    (void)state;
    static struct run_info info;
    static const char *const bad[] = {
        "{",
        "[]",
        "{\"data\": {}, \"settings\": {}}",
        "{\"data\": 1, \"settings\": {}}",
        "{\"name\": 5, \"data\": {\"files\": {}}, \"settings\": {}}",
    };
    char path[128];
    snprintf(path, sizeof path, "%s/one", directory);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        write_run("one", bad[i]);
        assert_int_equal(run_info_read(&info, path, &err), -1);
        assert_non_null(strstr(err.text, "run.json"));
    }
    struct err err = {0};
    assert_int_equal(run_info_read(&info, directory, &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
}

static void write_dated(const char *name, const char *created)
{
    char text[128];
    snprintf(text, sizeof text, "{\"created\": \"%s\"}", created);
    write_run(name, text);
}

static void test_runs_are_listed_newest_first(void **state)
{
    (void)state;
    struct err err = {0};
    char **names;
    size_t n;
    assert_int_equal(runs_list(directory, &names, &n, &err), 0);
    assert_int_equal(n, 0);
    free(names);
    write_dated("runs/b", "2026-01-01T00:00:00Z");
    write_dated("runs/a", "2026-01-02T00:00:00Z");
    write_dated("runs/a-2", "2026-01-02T00:00:00Z");
    write_dated("runs/a-10", "2026-01-02T00:00:00Z");
    write_dated("runs/z", "2025-01-02T00:00:00Z");
    write_run("runs/empty", NULL); /* no run */
    assert_int_equal(runs_list(directory, &names, &n, &err), 0);
    static const char *const want[] = {"a-10", "a-2", "a", "b", "z"};
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(names[i], want[i]);
        free(names[i]);
    }
    free(names);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_reading_while_the_recorder_writes),
        TEST(test_no_run_no_history),
        TEST(test_run_json_comes_back),
        TEST(test_a_damaged_run_json_is_refused),
        TEST(test_runs_are_listed_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
