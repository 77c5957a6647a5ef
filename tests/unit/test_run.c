/* The run directory: its name, its place, run.json there and back. */
#include "model_fixture.h"

#include "data_fixture.h"
#include "engine/base/json.h"
#include "engine/train/history.h"
#include "engine/train/run.h"

static char place[256];

static int setup(void **state)
{
    fixture_place(place, sizeof place, "run");
    return file_make_directories(place, NULL) || data_group_setup(state);
}

static int teardown(void **state)
{
    return file_remove_tree(place, NULL) || data_group_teardown(state);
}

static void expect_name(const char *data, const char *model, const char *want)
{
    char name[96];
    run_name(name, sizeof name, data, model);
    assert_true(strlen(name) > 16);
    assert_string_equal(name + 16, want); /* after "2026-11-23-1405-" */
}

static void test_names_say_data_and_model(void **state)
{
    (void)state;
    expect_name("sms.csv", "/models/all-MiniLM-L6-v2/", "sms-all-minilm-l6-v2");
    expect_name("data/banking77/train.csv", "minilm", "banking77-minilm");
    expect_name("/a/SMS Spam.v2.tsv", "m", "sms-spam-m");
    expect_name("train.csv", "m", "train-m");
    expect_name("../train.csv", "m", "m");
    expect_name("caf\xc3\xa9/x.csv", "m", "x-m");
    expect_name("a-name-far-too-long-to-be-read-in-a-list.csv", "m", "a-name-far-too-long-to-b-m");
}

static void test_a_taken_name_gets_a_number(void **state)
{
    char a[300], b[300];
    struct err err;
    (void)state;
    assert_int_equal(run_create(a, sizeof a, NULL, place, "name", &err), 0);
    assert_int_equal(run_create(b, sizeof b, NULL, place, "name", &err), 0);
    assert_true(file_is_directory(a) && file_is_directory(b));
    assert_string_equal(b + strlen(a), "-2");
    assert_int_equal(run_create(b, sizeof b, a, NULL, "name", &err), 0); /* empty: free */
    fixture_write(a, "file", "x");
    assert_int_equal(run_create(b, sizeof b, a, NULL, "name", &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
}

static void test_run_json_comes_back(void **state)
{
    struct dataset_spec spec =
        data_files_spec("say,is\na,x\nb,y\n\xc3\xa9 \"c\",x\n", NULL, "say,is\nd,y\n");
    struct settings settings;
    struct run_info info;
    struct err err = {0};
    char created[32];
    (void)state;
    spec.text_column = "say";
    spec.label_column = "is";
    spec.format = TABLE_CSV;
    settings_defaults(&settings);
    settings.learning_rate = 1.0 / 3e4;
    assert_int_equal(settings_resolve(&settings, &err), 0);
    struct dataset *d = must_open(&spec);
    run_timestamp(created);
    const struct run_facts facts = {.rundir = place,
                                    .created = created,
                                    .model_dir = TINY,
                                    .model_sha256 = "abc",
                                    .dataset = d,
                                    .data_spec = &spec,
                                    .settings = &settings,
                                    .cpu = "a \"CPU\"",
                                    .kernel_set = "plain"};
    if (run_write_json(&facts, &err) || run_info_read(&info, place, &err))
        fail_msg("%s", err.text);
    assert_string_equal(info.created, created);
    assert_true(info.model[0] == '/');
    assert_string_equal(info.files[SPLIT_TRAIN], data_paths[SPLIT_TRAIN]);
    assert_string_equal(info.files[SPLIT_VALIDATION], "");
    assert_string_equal(info.sha256[SPLIT_TEST], dataset_sha256(d, SPLIT_TEST));
    assert_string_equal(info.text_column, "say");
    assert_string_equal(info.pair_column, "");
    assert_int_equal(info.format, TABLE_CSV);
    assert_string_equal(info.cpu, "a \"CPU\"");
    assert_memory_equal(&info.settings.learning_rate, &settings.learning_rate, sizeof(double));
    assert_int_equal(run_accept_kernels(place, "other", &err), 0);
    assert_int_equal(run_accept_kernels(place, "third", &err), 0);
    assert_int_equal(run_info_read(&info, place, &err), 0);
    assert_string_equal(info.kernel_set, "third");
    assert_memory_equal(&info.settings.learning_rate, &settings.learning_rate, sizeof(double));
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_say_data_and_model),
        cmocka_unit_test(test_a_taken_name_gets_a_number),
        cmocka_unit_test(test_run_json_comes_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
