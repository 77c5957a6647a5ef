/* test_dataset.c - files joined into examples, and what is refused. */
#include "engine/base/hash.h"
#include "engine/base/mem.h"
#include "engine/data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data_fixture.h"

static void expect_refused(const struct dataset_spec *spec, int split, const char *place,
                           const char *words)
{
    struct err err = {0};
    assert_null(dataset_open(spec, &err));
    char start[128];
    snprintf(start, sizeof start, "%s%s", data_paths[split], place);
    if (strncmp(err.text, start, strlen(start)) || !strstr(err.text, words))
        fail_msg("'%s' lacks '%s' or '%s'", err.text, start, words);
}

static void three_files_become_one_list(void **state)
{
    (void)state;
    struct dataset_spec spec = data_files_spec("text,label\nb one,zeta\nb two,\xC3\xA4pfel\n",
                                               "label,text\nzeta,v one\n",
                                               "text,label\nt one,zeta\nt two,zeta\n");
    struct dataset *d = must_open(&spec);
    struct example x;
    char sha[65];
    struct err err;
    assert_int_equal(dataset_rows(d), 5);
    assert_int_equal(dataset_labels(d), 2);
    assert_string_equal(dataset_label(d, 0), "zeta"); /* bytewise: z before the first byte of ä */
    assert_int_equal(dataset_label_rows(d, 0, SPLIT_TRAIN), 1);
    assert_int_equal(dataset_label_rows(d, 0, SPLIT_TEST), 2);
    dataset_get(d, 2, &x);
    assert_string_equal(x.text, "v one");
    assert_int_equal(x.split, SPLIT_VALIDATION);
    assert_int_equal(x.line, 2);
    assert_null(x.pair);
    dataset_get(d, 1, &x);
    assert_int_equal(x.label, 1);
    assert_int_equal(dataset_split_rows(d, SPLIT_TEST), 2);
    assert_int_equal(dataset_split_list(d, SPLIT_TEST)[1], 4);
    assert_string_equal(dataset_row_path(d, 2), data_paths[SPLIT_VALIDATION]);
    assert_int_equal(sha256_file(data_paths[SPLIT_TRAIN], sha, &err), 0);
    assert_string_equal(dataset_sha256(d, SPLIT_TRAIN), sha);
    dataset_close(d);
}

static void columns_by_name_by_number_and_by_being_alone(void **state)
{
    (void)state;
    struct dataset_spec spec = data_files_spec("ham\tfree, now\r\nspam\thello\r\n", NULL, NULL);
    struct example x;
    spec.text_column = "1";
    spec.label_column = "0";
    struct dataset *d = must_open(&spec);
    dataset_get(d, 0, &x);
    assert_string_equal(x.text, "free, now");
    assert_string_equal(dataset_label(d, x.label), "ham");
    dataset_close(d);

    spec = data_files_spec(NULL, NULL, "hello there\nfree\n\n");
    spec.labels_optional = true;
    d = must_open(&spec);
    assert_int_equal(dataset_rows(d), 3);
    dataset_get(d, 2, &x);
    assert_string_equal(x.text, "");
    assert_int_equal(x.label, NO_LABEL);
    dataset_close(d);

    spec = data_files_spec("{\"q\":\"why\",\"c\":\"so\",\"y\":1}\n{\"q\":\"who\",\"c\":\"me\",\"y\":0}",
                           NULL, NULL);
    spec.text_column = "q", spec.pair_column = "c", spec.label_column = "y";
    d = must_open(&spec);
    dataset_get(d, 1, &x);
    assert_string_equal(x.pair, "me");
    assert_string_equal(dataset_label(d, x.label), "0");
    dataset_close(d);
}

static void keys_are_of_text_pair_and_label(void **state)
{
    (void)state;
    struct dataset_spec spec = data_files_spec("a,b,label\nab,c,x\na,bc,x\nab,c,x\nab,c,y\n", NULL,
                                               NULL);
    struct example x[4], lone;
    spec.text_column = "a", spec.pair_column = "b";
    struct dataset *d = must_open(&spec);
    for (size_t i = 0; i < 4; i++)
        dataset_get(d, i, &x[i]);
    assert_true(x[0].key == x[2].key && x[0].text_key == x[3].text_key);
    assert_true(x[0].key != x[1].key && x[0].key != x[3].key && x[0].text_key != x[1].text_key);
    dataset_close(d);
    spec = data_files_spec("a,b,label\nab,,x\nq,,y\n", NULL, NULL);
    spec.text_column = "a";
    d = must_open(&spec);
    dataset_get(d, 0, &lone);
    dataset_close(d);
    spec.pair_column = "b"; /* an empty pair is not the absence of one */
    d = must_open(&spec);
    dataset_get(d, 0, &x[0]);
    assert_true(x[0].text_key != lone.text_key);
    dataset_close(d);
}

static void one_file_is_split_only_when_it_is_alone(void **state)
{
    (void)state;
    struct strbuf s = {0};
    strbuf_puts(&s, "text,label\n");
    for (int i = 0; i < 100; i++)
        strbuf_printf(&s, "row %d,%s\n", i, i % 2 ? "odd" : "even");
    struct dataset_spec spec = data_files_spec(s.text, NULL, NULL);
    struct dataset *d = must_open(&spec);
    assert_int_equal(dataset_split_rows(d, SPLIT_TRAIN), 80);
    assert_int_equal(dataset_split_rows(d, SPLIT_VALIDATION), 10);
    assert_int_equal(dataset_label_rows(d, 0, SPLIT_TEST), 5);
    for (size_t i = 1; i < 80; i++)
        assert_true(dataset_split_list(d, SPLIT_TRAIN)[i] > dataset_split_list(d, SPLIT_TRAIN)[i - 1]);
    dataset_close(d);
    spec = data_files_spec(s.text, NULL, "text,label\nx,odd\n");
    d = must_open(&spec);
    assert_int_equal(dataset_split_rows(d, SPLIT_TRAIN), 100);
    assert_int_equal(dataset_split_rows(d, SPLIT_VALIDATION), 0);
    dataset_close(d);
    strbuf_clear(&s);
}

static void a_models_order_of_labels_is_kept(void **state)
{
    (void)state;
    static const char *const labels[] = {"spam", "ham", "eggs"};
    struct dataset_spec spec = data_files_spec(NULL, NULL, "text,label\na,ham\nb,spam\n");
    struct example x;
    spec.labels = labels, spec.label_count = 3;
    struct dataset *d = must_open(&spec);
    assert_int_equal(dataset_labels(d), 3);
    dataset_get(d, 0, &x);
    assert_int_equal(x.label, 1);
    dataset_close(d);
    spec = data_files_spec(NULL, NULL, "text,label\na,ham\nb,bacon\n");
    spec.labels = labels, spec.label_count = 3;
    expect_refused(&spec, SPLIT_TEST, ":3:1:", "label 'bacon' is unknown");
    spec.labels_optional = true;
    d = must_open(&spec);
    dataset_get(d, 1, &x);
    assert_int_equal(x.label, NO_LABEL);
    dataset_close(d);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    struct dataset_spec spec = data_files_spec("text,label\na,x\nb,y\n", NULL,
                                               "text,label\nc,x\n\"d\nd\",z\n");
    expect_refused(&spec, SPLIT_TEST, ":3:1:", "label 'z' is unknown: the train file");
    spec.survey = true; /* the same is a survey's finding */
    struct dataset *d = must_open(&spec);
    struct err err;
    assert_int_equal(dataset_check(d, &err), -1);
    assert_non_null(strstr(err.text, "label 'z' is unknown"));
    dataset_close(d);
    spec = data_files_spec("text,label\na,x\nb,x\n", NULL, NULL);
    expect_refused(&spec, SPLIT_TRAIN, ":2:1:", "every row has the label 'x'");
    spec = data_files_spec("text,label\na,x\nb,\nc,y\n", NULL, NULL);
    expect_refused(&spec, SPLIT_TRAIN, ":3:1:", "no label");
    spec = data_files_spec("text,label\n", NULL, NULL);
    expect_refused(&spec, SPLIT_TRAIN, ":1:1:", "no rows");
    spec = data_files_spec("text,category\na,x\n", NULL, NULL);
    expect_refused(&spec, SPLIT_TRAIN, ":1:1:",
                   "its columns are 'text', 'category'; choose one with --label-column");
    spec = data_files_spec("{\"text\":\"a\",\"label\":\"x\"}\n{\"label\":\"y\"}\n", NULL, NULL);
    expect_refused(&spec, SPLIT_TRAIN, ":2:1:", "no text");
    spec = (struct dataset_spec){0};
    assert_null(dataset_open(&spec, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

/* A text twice, with two labels, must not cost a label its only training row and the run with it. */
static void a_carved_file_is_never_refused_for_its_own_split(void **state)
{
    (void)state;
    struct strbuf s = {0};
    strbuf_puts(&s, "text,label\n");
    for (int i = 0; i < 40; i++)
        strbuf_printf(&s, "row %d,%s\n", i, i % 2 ? "odd" : "even");
    strbuf_puts(&s, "row 3,rare\n");
    struct dataset_spec spec = data_files_spec(s.text, NULL, NULL);
    for (spec.split_seed = 0; spec.split_seed < 40; spec.split_seed++)
        dataset_close(must_open(&spec));
    strbuf_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_files_become_one_list),
        cmocka_unit_test(columns_by_name_by_number_and_by_being_alone),
        cmocka_unit_test(keys_are_of_text_pair_and_label),
        cmocka_unit_test(one_file_is_split_only_when_it_is_alone),
        cmocka_unit_test(a_models_order_of_labels_is_kept),
        cmocka_unit_test(what_cannot_be_trained_is_refused),
        cmocka_unit_test(a_carved_file_is_never_refused_for_its_own_split),
    };
    return cmocka_run_group_tests(tests, data_group_setup, data_group_teardown);
}
