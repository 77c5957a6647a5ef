/* test_targets.c - what cells become: labels, sets, numbers; which problem they pose; what is refused
 * and where; what the gate says of each kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>

#include "data_fixture.h"
#include "engine/data/gate.h"
#include "engine/data/targets.h"

#include <math.h>

static struct dataset *open_train(const char *text, struct dataset_spec how)
{
    struct dataset_spec spec = data_files_spec(text, NULL, NULL);
    spec.problem = how.problem;
    spec.label_column = how.label_column;
    spec.label_separator = how.label_separator;
    spec.pair_column = how.pair_column;
    spec.labels = how.labels;
    spec.label_count = how.label_count;
    spec.labels_optional = how.labels_optional;
    spec.survey = how.survey;
    spec.split_lone_train = false;
    return must_open(&spec);
}

/* The rows' targets, one after the other: "a, b;none;c". */
static void expect_targets(const struct dataset *d, const char *want)
{
    char all[1000] = "", one[200];
    for (size_t r = 0; r < dataset_rows(d); r++) {
        struct example x;
        dataset_get(d, r, &x);
        dataset_target_text(d, &x, one, sizeof one);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", r ? ";" : "", one);
    }
    assert_string_equal(all, want);
}

static void the_data_say_which_problem_they_pose(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct dataset_spec how;
        enum problem problem;
        const char *ground; /* part of it; "" none */
    } cases[] = {
        {"text,label\na,x\nb,y\n", {.problem = PROBLEM_AUTO}, PROBLEM_SINGLE_LABEL, ""},
        {"text,label\na,1\nb,2\nc,3\n",
         {.problem = PROBLEM_AUTO},
         PROBLEM_SINGLE_LABEL,
         ""}, /* stars or classes */
        {"text,label\na,1.0\nb,0.0\n",
         {.problem = PROBLEM_AUTO},
         PROBLEM_SINGLE_LABEL,
         ""}, /* whole all the same */
        {"text,label\na,1\nb,2.5\nc,3\n", {.problem = PROBLEM_AUTO}, PROBLEM_REGRESSION, "2.5"},
        {"text,label\na,1.5\nb,x\n",
         {.problem = PROBLEM_AUTO},
         PROBLEM_SINGLE_LABEL,
         ""}, /* one is no number */
        {"text,label\na,1.5\nb,nan\n", {.problem = PROBLEM_AUTO}, PROBLEM_SINGLE_LABEL, ""},
        {"text,label\na,0x1.8\nb,2\n", {.problem = PROBLEM_AUTO}, PROBLEM_SINGLE_LABEL, ""},
        {"text,label\na,x|y\nb,y\n",
         {.problem = PROBLEM_AUTO},
         PROBLEM_SINGLE_LABEL,
         ""}, /* nobody named | */
        {"text,label\na,x|y\nb,y\n", {.label_separator = "|"}, PROBLEM_MULTI_LABEL, "separator"},
        {"text,x,y\na,1,0\nb,0,1\n",
         {.label_column = "x,y"},
         PROBLEM_MULTI_LABEL,
         "2 label columns"},
        {"{\"text\":\"a\",\"label\":[\"x\"]}\n{\"text\":\"b\",\"label\":[]}\n",
         {.problem = PROBLEM_AUTO},
         PROBLEM_MULTI_LABEL,
         "arrays"},
        {"text,label\na,1\nb,2\n", {.problem = PROBLEM_REGRESSION}, PROBLEM_REGRESSION, ""},
        {"text,label\na,1.5\nb,2\n", {.problem = PROBLEM_SINGLE_LABEL}, PROBLEM_SINGLE_LABEL, ""},
        {"text,label\na,x|y\nb,y\n", {.problem = PROBLEM_MULTI_LABEL}, PROBLEM_MULTI_LABEL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dataset *d = open_train(cases[i].text, cases[i].how);
        assert_int_equal(dataset_problem(d), cases[i].problem);
        assert_int_equal(!*cases[i].ground, !*dataset_ground(d));
        assert_non_null(strstr(dataset_ground(d), cases[i].ground));
        dataset_close(d);
    }
}

static void sets_are_read_from_every_form(void **state)
{
    (void)state;
    const char *want = "a, b;none;c;b";
    static const struct {
        const char *text;
        struct dataset_spec how;
    } forms[] = {
        {"{\"text\":\"1\",\"label\":[\"b\",\"a\"]}\n{\"text\":\"2\",\"label\":[]}\n"
         "{\"text\":\"3\",\"label\": [ \"c\" ] }\n{\"text\":\"4\",\"label\":\"b\"}\n",
         {.problem = PROBLEM_MULTI_LABEL}},
        {"[{\"label\":[\"\\u0061\",\"b\"],\"text\":\"1\"},{\"label\":[ ],\"text\":\"2\"},\n"
         "{\"label\":[\"c\"],\"text\":\"3\"},{\"label\":[\"b\"],\"text\":\"4\"}]",
         {.problem = PROBLEM_AUTO}},
        {"text,label\n1,b|a\n2,\n3,c\n4, b \n", {.label_separator = "|"}},
        {"text,label\n1,\"a, b\"\n2,\n3,c\n4,b\n", {.label_separator = ","}},
        {"text\tlabel\n1\ta <> b\n2\t\n3\tc\n4\tb\n", {.label_separator = "<>"}},
        {"text,c,a,b\n1,0,1,1\n2,0,0,0\n3,1.0,0,0.0\n4,false,false,true\n",
         {.label_column = "c,a,b"}},
        {"{\"text\":\"1\",\"a\":1,\"b\":true,\"c\":0}\n{\"text\":\"2\",\"a\":0,\"b\":0,\"c\":0}\n"
         "{\"text\":\"3\",\"c\":1,\"b\":0,\"a\":0}\n{\"text\":\"4\",\"a\":0,\"b\":1,\"c\":0}\n",
         {.label_column = "a,b,c"}},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct dataset *d = open_train(forms[i].text, forms[i].how);
        expect_targets(d, want);
        assert_int_equal(dataset_labels(d), 3);
        assert_string_equal(dataset_label(d, 0), "a");
        assert_int_equal(dataset_label_rows(d, 1, SPLIT_TRAIN), 2);
        dataset_close(d);
    }
    /* Numbers in an array are names like any other; long ones keep their digits. */
    struct dataset *d = open_train("{\"text\":\"1\",\"label\":[1,12345678901234567890]}\n"
                                   "{\"text\":\"2\",\"label\":[1]}\n",
                                   (struct dataset_spec){.problem = PROBLEM_AUTO});
    expect_targets(d, "1, 12345678901234567890;1");
    dataset_close(d);
    /* A column whose own name holds a comma is one column. */
    d = open_train("text,\"x,y\"\n1,p\n2,q\n", (struct dataset_spec){.label_column = "x,y"});
    assert_int_equal(dataset_problem(d), PROBLEM_SINGLE_LABEL);
    dataset_close(d);
}

static void what_cannot_be_a_target_is_refused_by_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct dataset_spec how;
        const char *says, *also;
    } cases[] = {
        {"text,label\na,1.5\nb,many\n", {.problem = PROBLEM_REGRESSION}, ":3:1:", "'many'"},
        {"text,label\na,1.5\nb,inf\n", {.problem = PROBLEM_REGRESSION}, ":3:1:", "'inf'"},
        {"text,label\na,NaN\nb,1\n", {.problem = PROBLEM_REGRESSION}, ":2:1:", "'NaN'"},
        {"text,label\na,1e39\nb,1\n", {.problem = PROBLEM_REGRESSION}, ":2:1:", "'1e39'"},
        {"text,label\na,1e999\nb,1\n", {.problem = PROBLEM_REGRESSION}, ":2:1:", "'1e999'"},
        {"text,label\na, 1\nb,1\n", {.problem = PROBLEM_REGRESSION}, ":2:1:", "finite"},
        {"text,label\na,\nb,1\n", {.problem = PROBLEM_REGRESSION}, ":2:1:", "no value"},
        {"text,x,y\na,1,2\n",
         {.problem = PROBLEM_REGRESSION, .label_column = "x,y"},
         "one column",
         ""},
        {"text,x,y\na,1,2\nb,1,0\n",
         {.label_column = "x,y"},
         ":2:1:",
         "'2' in the label column 'y'"},
        {"text,x,y\na,1,\n", {.label_column = "x,y"}, ":2:1:", "must be 0 or 1"},
        {"text,x\na,1\n", {.label_column = "x,y"}, "no column 'y'", "--label-column"},
        {"text,x,y\na,1,0\n", {.label_column = "x,,y"}, "empty name", ""},
        {"text,x,y\na,1,0\n", {.label_column = "x,x"}, "'x' twice", ""},
        {"text,x,y\na,1,0\n",
         {.problem = PROBLEM_SINGLE_LABEL, .label_column = "x,y"},
         "2 label columns",
         "multi_label"},
        {"text,label\na,x|x\n", {.label_separator = "|"}, ":2:1:", "twice"},
        {"text,label\na,x||y\n", {.label_separator = "|"}, ":2:1:", "empty name"},
        {"text,label\na,x|\n", {.label_separator = "|"}, ":2:1:", "empty name"},
        {"text,label\na,\nb,\n", {.label_separator = "|"}, "no row has any label", ""},
        {"{\"text\":\"a\",\"label\":[\"x\"]}\n{\"text\":\"b\"}\n",
         {.problem = PROBLEM_AUTO},
         ":2:1:",
         "no label"},
        {"{\"text\":\"a\",\"label\":[0,1,1]}\n",
         {.problem = PROBLEM_AUTO},
         ":1:1:",
         "--label a,b,c"},
        {"{\"text\":\"a\",\"label\":[\"x\",null]}\n", {.problem = PROBLEM_AUTO}, ":1:", "null"},
        {"{\"text\":\"a\",\"label\":[\"x\",[\"y\"]]}\n", {.problem = PROBLEM_AUTO}, ":1:", "array"},
        {"{\"text\":\"a\",\"label\":[\"\"]}\n", {.problem = PROBLEM_AUTO}, ":1:", "names"},
        {"{\"text\":\"a\",\"label\":[\"x\" \"y\"]}\n", {.problem = PROBLEM_AUTO}, ":1:", "comma"},
        {"{\"text\":\"a\",\"label\":[\"x\",]}\n", {.problem = PROBLEM_AUTO}, ":1:", "value"},
        {"{\"text\":\"a\",\"label\":[\"x\"\n", {.problem = PROBLEM_AUTO}, ":1:", "]"},
        {"{\"text\":[\"a\"],\"label\":[\"x\"]}\n",
         {.problem = PROBLEM_AUTO},
         ":1:",
         "\"text\" holds"},
        {"{\"text\":\"a\",\"label\":[\"x\"]}\n{\"text\":\"b\",\"label\":[\"y\"]}\n",
         {.problem = PROBLEM_SINGLE_LABEL},
         ":1:1:",
         "multi_label_classification"},
        {"{\"text\":\"a\",\"label\":[1.5]}\n", {.problem = PROBLEM_REGRESSION}, ":1:1:", "finite"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dataset_spec spec = data_files_spec(cases[i].text, NULL, NULL);
        struct err err = {0};
        spec.problem = cases[i].how.problem;
        spec.label_column = cases[i].how.label_column;
        spec.label_separator = cases[i].how.label_separator;
        struct dataset *d = dataset_open(&spec, &err);
        if (d)
            fail_msg("case %zu was taken: %s", i, cases[i].text);
        if (!strstr(err.text, cases[i].says) || !strstr(err.text, cases[i].also))
            fail_msg("case %zu: %s", i, err.text);
    }
}

/* Labels that the train file lacks, or the model. */
static void unknown_labels_of_a_set_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct dataset_spec spec =
        data_files_spec("text,label\na,x|y\nb,x\n", NULL, "text,label\nc,x|z\n");
    spec.label_separator = "|";
    assert_null(dataset_open(&spec, &err));
    assert_true(strstr(err.text, "'z'") && strstr(err.text, ":2:1:") &&
                strstr(err.text, "train file"));

    static const char *const labels[] = {"y", "x"};
    spec = data_files_spec(NULL, NULL, "text,label\nc,x|z\nd,x\n");
    spec.problem = PROBLEM_MULTI_LABEL;
    spec.labels = labels, spec.label_count = 2;
    assert_null(dataset_open(&spec, &err));
    assert_true(strstr(err.text, "'z'") && strstr(err.text, "the model"));
    spec.labels_optional = true; /* predict: what the model cannot say is left out */
    struct dataset *d = must_open(&spec);
    expect_targets(d, "x;x");
    assert_string_equal(dataset_label(d, 0), "y"); /* the model's order */
    dataset_close(d);
    spec = data_files_spec(NULL, NULL, "text\nc\n");
    spec.problem = PROBLEM_MULTI_LABEL;
    spec.labels = labels, spec.label_count = 2, spec.label_column = "x,y",
    spec.labels_optional = true;
    d = must_open(&spec);
    expect_targets(d, "-");
    dataset_close(d);
}

static void targets_are_rows_of_numbers(void **state)
{
    (void)state;
    struct targets t;
    struct err err;
    const uint32_t rows[] = {2, 0};
    struct dataset *d =
        open_train("text,label\na,x|z\nb,\nc,y\n", (struct dataset_spec){.label_separator = "|"});
    assert_int_equal(targets_init(&t, d, 2, &err), 0);
    targets_fill(&t, d, rows, 2);
    const float want[] = {0, 1, 0, 1, 0, 1};
    assert_int_equal(t.width, 3);
    assert_memory_equal(t.value, want, sizeof want);
    targets_clear(&t);
    dataset_close(d);
    d = open_train("text,label\na,1.5\nb,-2\nc,1e-3\n",
                   (struct dataset_spec){.problem = PROBLEM_AUTO});
    assert_int_equal(targets_init(&t, d, 2, &err), 0);
    targets_fill(&t, d, rows, 2);
    assert_true(t.width == 1 && t.value[0] == 1e-3f && t.value[1] == 1.5f && !t.label);
    assert_string_equal(dataset_label(d, 0), "label"); /* the output is called after its column */
    targets_clear(&t);
    dataset_close(d);
}

static size_t found(const struct dataset *d, enum finding_kind k)
{
    struct err err;
    struct gate *g = gate_run(d, NULL, &err);
    assert_non_null(g);
    size_t n = g->findings[k].count;
    gate_destroy(g);
    return n;
}

static void the_gate_understands_sets_and_values(void **state)
{
    (void)state;
    struct dataset *d = open_train("text,label\na,x|y\na,y|x\nb,x\nb,x|y\nc,z\n",
                                   (struct dataset_spec){.label_separator = "|"});
    assert_int_equal(found(d, FINDING_CONFLICT), 2); /* of b; the order in a set is nothing */
    assert_int_equal(found(d, FINDING_RARE_LABEL), 5);
    assert_int_equal(found(d, FINDING_CONSTANT), 0);
    dataset_close(d);
    d = open_train("text,label\na,1.5\na,1.50\nb,2\nb,2.25\nc,0\n",
                   (struct dataset_spec){.problem = PROBLEM_AUTO});
    assert_int_equal(found(d, FINDING_CONFLICT), 2);
    assert_int_equal(found(d, FINDING_RARE_LABEL), 0);
    struct value_summary v;
    gate_values(d, SPLIT_TRAIN, &v);
    assert_true(v.rows == 5 && v.least == 0 && v.most == 2.25 && v.mean == 1.45);
    assert_true(fabs(v.deviation - 0.7810249675906654) < 1e-12);
    assert_true(v.bins[0] == 1 && v.bins[VALUE_BINS - 1] == 1);
    gate_values(d, SPLIT_TEST, &v);
    assert_int_equal(v.rows, 0);
    dataset_close(d);
    d = open_train("text,label\na,1.5\nb,1.5\nc,1.5\n",
                   (struct dataset_spec){.problem = PROBLEM_AUTO});
    assert_int_equal(found(d, FINDING_CONSTANT), 3);
    gate_values(d, SPLIT_COUNT, &v);
    assert_true(v.deviation == 0 && v.bins[0] == 3);
    dataset_close(d);
    d = open_train("text,label\na,x\nb,x\n", (struct dataset_spec){.label_separator = "|"});
    assert_int_equal(found(d, FINDING_CONSTANT), 2);
    dataset_close(d);
    d = open_train("text,label\na,\nb,1.5\n",
                   (struct dataset_spec){.problem = PROBLEM_REGRESSION, .survey = true});
    assert_int_equal(found(d, FINDING_NO_LABEL), 1);
    expect_targets(d, "-;1.5");
    dataset_close(d);
}

/* A lone file of values is split though no label says how. */
static void values_and_sets_are_carved_without_strata(void **state)
{
    (void)state;
    char text[4000] = "text,label\n";
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "row %d,%d.5\n", i, i % 7);
    struct dataset_spec spec = data_files_spec(text, NULL, NULL);
    struct dataset *d = must_open(&spec);
    assert_int_equal(dataset_problem(d), PROBLEM_REGRESSION);
    assert_int_equal(dataset_split_rows(d, SPLIT_TRAIN), 80);
    assert_int_equal(dataset_split_rows(d, SPLIT_TEST), 10);
    assert_int_equal(dataset_label_rows(d, 0, SPLIT_VALIDATION), 10);
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_say_which_problem_they_pose),
        cmocka_unit_test(sets_are_read_from_every_form),
        cmocka_unit_test(what_cannot_be_a_target_is_refused_by_place),
        cmocka_unit_test(unknown_labels_of_a_set_are_refused),
        cmocka_unit_test(targets_are_rows_of_numbers),
        cmocka_unit_test(the_gate_understands_sets_and_values),
        cmocka_unit_test(values_and_sets_are_carved_without_strata),
    };
    return cmocka_run_group_tests(tests, data_group_setup, data_group_teardown);
}
