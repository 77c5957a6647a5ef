/* test_metrics.c - metrics against scikit-learn's figures (tests/fixtures/metrics/make.py). */
#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/eval/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static void expect_close(double got, double want, double tolerance, const char *what)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.17g, not %.17g", what, got, want);
}

/* Logits whose argmax is the prediction, a row for each count of the matrix, in matrix order. */
static size_t expand(const uint64_t *confusion, size_t labels, float **logits, int32_t **truth)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < labels * labels; i++)
        n += confusion[i];
    *logits = calloc(n * labels, sizeof **logits);
    *truth = calloc(n, sizeof **truth);
    assert_non_null(*logits);
    assert_non_null(*truth);
    for (size_t i = 0; i < labels * labels; i++) {
        for (uint64_t k = 0; k < confusion[i]; k++, at++) {
            for (size_t j = 0; j < labels; j++)
                (*logits)[at * labels + j] = (float)(j == i % labels);
            (*truth)[at] = (int32_t)(i / labels);
        }
    }
    return n;
}

static double next_number(char **at)
{
    char *end;
    double x = strtod(*at, &end);
    assert_ptr_not_equal(end, *at);
    *at = end;
    return x;
}

static void check_figures(const struct metrics *m, char **at)
{
    const struct {
        double got;
        const char *what;
    } figures[] = {{m->accuracy, "accuracy"},         {m->macro_precision, "macro precision"},
                   {m->macro_recall, "macro recall"}, {m->macro_f1, "macro F1"},
                   {m->weighted_f1, "weighted F1"},   {m->mcc, "MCC"}};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        expect_close(figures[i].got, next_number(at), 1e-12, figures[i].what);
    for (size_t i = 0; i < m->labels; i++) {
        expect_close(m->per_label[i].precision, next_number(at), 1e-12, "precision");
        expect_close(m->per_label[i].recall, next_number(at), 1e-12, "recall");
        expect_close(m->per_label[i].f1, next_number(at), 1e-12, "F1");
    }
}

static void figures_are_scikit_learns(void **state)
{
    (void)state;
    struct err err;
    char *text = file_read("tests/fixtures/metrics/cases.txt", &(size_t){0}, &err);
    if (!text)
        fail_msg("%s", err.text);
    size_t cases = 0;
    for (char *at = text; *at && *at != '\n'; at += strspn(at, "\n"), cases++) {
        size_t labels = (size_t)next_number(&at);
        uint64_t confusion[144];
        struct metrics a, b;
        for (size_t i = 0; i < labels * labels; i++)
            confusion[i] = (uint64_t)next_number(&at);
        float *logits;
        int32_t *truth;
        size_t n = expand(confusion, labels, &logits, &truth);
        assert_int_equal(metrics_compute(&a, logits, truth, n, labels, &err), 0);
        assert_int_equal(metrics_from_confusion(&b, confusion, labels, .5, &err), 0);
        assert_memory_equal(a.confusion, confusion, labels * labels * sizeof *confusion);
        assert_memory_equal(a.per_label, b.per_label, labels * sizeof *a.per_label);
        assert_int_equal(a.rows, n);
        char *again = at;
        check_figures(&a, &at);
        check_figures(&b, &again);
        metrics_clear(&a);
        metrics_clear(&b);
        free(logits);
        free(truth);
    }
    assert_true(cases > 30);
    free(text);
}

/* ------------------------------------------------- sets and values */

static void expect_same(double got, double want, double tolerance, const char *what)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
        fail_msg("%s: %.17g, not %.17g", what, got, want);
}

static void next_floats(char **at, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)next_number(at);
}

static void check_set_figures(const struct metrics *m, char **at)
{
    const double figures[] = {m->micro_precision,    m->micro_recall,    m->micro_f1,
                              m->macro_precision,    m->macro_recall,    m->macro_f1,
                              m->weighted_precision, m->weighted_recall, m->weighted_f1,
                              m->subset_accuracy,    m->hamming_loss};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        expect_same(figures[i], next_number(at), 1e-12, "a figure of sets");
    for (size_t k = 0; k < m->labels; k++) {
        expect_same(m->per_label[k].precision, next_number(at), 1e-12, "precision");
        expect_same(m->per_label[k].recall, next_number(at), 1e-12, "recall");
        expect_same(m->per_label[k].f1, next_number(at), 1e-12, "F1");
        for (int c = 0; c < 4; c++)
            assert_int_equal(m->confusion[4 * k + (size_t)c], next_number(at));
    }
}

static void sets_are_scikit_learns(void **state)
{
    (void)state;
    struct err err;
    char *text = file_read("tests/fixtures/metrics/sets.txt", &(size_t){0}, &err);
    size_t cases = 0;
    assert_non_null(text);
    for (char *at = text; *at && *at != '\n'; at += strspn(at, "\n"), cases++) {
        size_t labels = (size_t)next_number(&at), rows = (size_t)next_number(&at);
        float truth[256], said[256];
        assert_true(labels * rows <= 256);
        next_floats(&at, truth, labels * rows);
        next_floats(&at, said, labels * rows);
        /* As logits: a half is no yes, the next number above it is one. */
        for (size_t i = 0; i < labels * rows; i++)
            said[i] = said[i] > 0 ? 1e-6f : i % 2 ? 0.0f : -3.0f;
        const struct targets t = {.problem = PROBLEM_MULTI_LABEL, .width = labels, .value = truth};
        struct metrics m;
        assert_int_equal(metrics_of_targets(&m, said, &t, rows, &err), 0);
        assert_true(m.rows == rows && isnan(m.accuracy) && isnan(m.pearson));
        check_set_figures(&m, &at);
        metrics_clear(&m);
    }
    assert_int_equal(cases, 9);
    free(text);
}

static void values_are_scikit_learns_and_scipys(void **state)
{
    (void)state;
    struct err err;
    char *text = file_read("tests/fixtures/metrics/values.txt", &(size_t){0}, &err);
    size_t cases = 0;
    assert_non_null(text);
    for (char *at = text; *at && *at != '\n'; at += strspn(at, "\n"), cases++) {
        size_t rows = (size_t)next_number(&at);
        float truth[64], said[64];
        assert_true(rows <= 64);
        next_floats(&at, truth, rows);
        next_floats(&at, said, rows);
        const struct targets t = {.problem = PROBLEM_REGRESSION, .width = 1, .value = truth};
        struct metrics m;
        assert_int_equal(metrics_of_targets(&m, said, &t, rows, &err), 0);
        const double figures[] = {m.mse, m.mae, m.pearson, m.spearman, m.r2};
        for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
            expect_same(figures[i], next_number(&at), 1e-9, "a figure of values");
        assert_true(m.loss == m.mse && isnan(m.accuracy) && isnan(m.macro_f1));
        metrics_clear(&m);
    }
    assert_int_equal(cases, 10);
    free(text);
}

static void a_broken_value_breaks_what_it_enters(void **state)
{
    (void)state;
    const float truth[] = {1, 2, 3}, said[] = {1, NAN, 2};
    struct metrics m;
    struct err err;
    assert_int_equal(metrics_of_values(&m, said, truth, 3, &err), 0);
    assert_true(isnan(m.loss) && isnan(m.mae) && isnan(m.pearson) && isnan(m.spearman));
    metrics_clear(&m);
    assert_int_equal(metrics_of_values(&m, said, truth, 1, &err), 0);
    assert_true(m.mse == 0 && isnan(m.pearson) && isnan(m.r2)); /* undefined of one row */
    metrics_clear(&m);
    assert_int_equal(metrics_of_values(&m, NULL, NULL, 0, &err), 0);
    assert_true(m.rows == 0 && m.mse == 0 && isnan(m.pearson));
    metrics_clear(&m);
    const float certain[] = {-90, 90, NAN}, sets[] = {0, 1, 1};
    const struct targets t = {
        .problem = PROBLEM_MULTI_LABEL, .width = 3, .value = (float *)(uintptr_t)sets};
    assert_int_equal(metrics_of_targets(&m, certain, &t, 1, &err), 0);
    assert_true(isnan(m.loss) && m.subset_accuracy == 0);
    metrics_clear(&m);
    assert_int_equal(metrics_of_sets(&m, NULL, NULL, 0, 3, 0, &err), 0);
    assert_true(m.micro_f1 == 0 && m.hamming_loss == 0);
    metrics_clear(&m);
}

static void every_metric_is_some_problems(void **state)
{
    (void)state;
    struct metrics m;
    struct err err;
    const float one[] = {1, 2};
    assert_int_equal(metrics_of_values(&m, one, one, 2, &err), 0);
    for (enum metric k = 0; k < METRIC_COUNT; k++) {
        assert_false(metric_serves(k, PROBLEM_AUTO));
        assert_true(metric_serves(k, PROBLEM_SINGLE_LABEL) ||
                    metric_serves(k, PROBLEM_REGRESSION) || metric_serves(k, PROBLEM_MULTI_LABEL));
        assert_true(metric_serves(k, PROBLEM_REGRESSION) == !isnan(metric_of(&m, k)));
        bool error = strstr(metric_name(k), "loss") || k == METRIC_MSE || k == METRIC_MAE;
        assert_int_equal(metric_falls(k), error);
    }
    metrics_clear(&m);
}

static void loss_and_softmax_are_the_textbooks(void **state)
{
    (void)state;
    double loss = 0;
    float logits[20 * 5], probs[5];
    int32_t truth[20];
    struct metrics m;
    struct err err;
    for (size_t i = 0; i < 20; i++) {
        double sum = 0, total = 0;
        for (size_t j = 0; j < 5; j++)
            logits[i * 5 + j] = (float)rng_normal(3, RNG_TEST, i * 5 + j);
        for (size_t j = 0; j < 5; j++)
            sum += exp(logits[i * 5 + j]);
        truth[i] = (int32_t)(i % 5);
        loss -= log(exp(logits[i * 5 + i % 5]) / sum);
        softmax_row(probs, logits + i * 5, 5);
        for (size_t j = 0; j < 5; j++) {
            expect_close(probs[j], exp(logits[i * 5 + j]) / sum, 1e-7, "probability");
            total += probs[j];
        }
        expect_close(total, 1, 1e-6, "sum of probabilities");
    }
    assert_int_equal(metrics_compute(&m, logits, truth, 20, 5, &err), 0);
    expect_close(m.loss, loss / 20, 1e-12, "loss");
    metrics_clear(&m);
}

static void extremes_stay_finite_and_ties_go_to_the_lowest(void **state)
{
    (void)state;
    const float huge[] = {-3e38f, 3e38f, 3e38f}, equal[] = {2, 2, 2};
    float probs[3];
    const int32_t truth[] = {1};
    struct metrics m;
    struct err err;
    softmax_row(probs, huge, 3);
    assert_true(probs[0] == 0.f && probs[1] == .5f && probs[2] == .5f);
    assert_int_equal(argmax_row(huge, 3), 1);
    assert_int_equal(argmax_row(equal, 3), 0);
    assert_int_equal(metrics_compute(&m, huge, truth, 1, 3, &err), 0);
    assert_true(isfinite(m.loss));
    metrics_clear(&m);
    const float nan_row[] = {NAN, 1, 2}; /* a NaN is seen, not hidden */
    assert_int_equal(metrics_compute(&m, nan_row, truth, 1, 3, &err), 0);
    assert_true(isnan(m.loss));
    metrics_clear(&m);
}

static void nothing_gives_zeros(void **state)
{
    (void)state;
    struct metrics m;
    struct err err;
    assert_int_equal(metrics_compute(&m, NULL, NULL, 0, 3, &err), 0);
    assert_true(m.rows == 0 && m.loss == 0 && m.accuracy == 0 && m.macro_f1 == 0 && m.mcc == 0);
    metrics_clear(&m);
}

/* ------------------------------------------------- examples of a public collection, where present */

/* The figures of an example, in the order it shows them; returns how many, 0 when it asks for what
 * we do not have. */
static size_t figures_named(const struct metrics *m, const char *metric, const cJSON *args,
                            double *out)
{
    const cJSON *average = cJSON_GetObjectItem(args, "average");
    const cJSON *positive = cJSON_GetObjectItem(args, "pos_label");
    const char *mean = cJSON_GetStringValue(average);
    int which = !strcmp(metric, "precision") ? 0
                : !strcmp(metric, "recall")  ? 1
                : !strcmp(metric, "f1")      ? 2
                                             : -1;
    if (which < 0) {
        *out = !strcmp(metric, "accuracy") ? m->accuracy : m->mcc;
        return m->problem == PROBLEM_SINGLE_LABEL && !average &&
               (!strcmp(metric, "accuracy") || !strcmp(metric, "matthews_correlation"));
    }
    const double *means[] = {&m->micro_precision, &m->macro_precision, &m->weighted_precision};
    static const char *const names[] = {"micro", "macro", "weighted"};
    for (int i = 0; mean && i < 3; i++)
        if (!strcmp(mean, names[i])) {
            *out = means[i][which];
            return 1;
        }
    if (mean && strcmp(mean, "binary"))
        return 0;
    size_t first = positive ? (size_t)positive->valueint : 1, n = 0;
    for (size_t k = cJSON_IsNull(average) ? 0 : first; k < m->labels; k++) {
        const double scores[] = {m->per_label[k].precision, m->per_label[k].recall,
                                 m->per_label[k].f1};
        out[n++] = scores[which];
        if (!cJSON_IsNull(average))
            break;
    }
    return n;
}

/* The numbers of "{'f1': array([0.8, 0. , 0. ])}" or "0.67", in order; names may hold digits. */
static void check_shown(const char *shown, const char *rounded, const double *got, size_t n,
                        const char *metric)
{
    double tolerance = !strstr(rounded, "round") ? 1e-8 : strstr(rounded, ", 1)") ? .0501 : .00501;
    const char *colon = strchr(shown, ':');
    const char *at = colon ? colon + 1 : shown;
    for (size_t i = 0; i < n; i++) {
        char *end;
        at += strcspn(at, "-0123456789");
        double want = strtod(at, &end);
        assert_ptr_not_equal(at, end);
        expect_close(got[i], want, tolerance, metric);
        at = end;
    }
}

/* Numbers of an array, or of an array of arrays of one width. */
static size_t read_array(const cJSON *array, float *out, size_t room, size_t *width)
{
    size_t n = 0;
    const cJSON *row, *cell;
    *width = 1;
    cJSON_ArrayForEach(row, array)
    {
        if (cJSON_IsNumber(row) && n < room)
            out[n++] = (float)row->valuedouble;
        *width = cJSON_IsArray(row) ? (size_t)cJSON_GetArraySize(row) : *width;
        cJSON_ArrayForEach(cell, row)
        {
            if (!cJSON_IsNumber(cell) || n == room)
                return 0;
            out[n++] = (float)cell->valuedouble;
        }
    }
    return n;
}

static bool metrics_of_example(struct metrics *m, const char *metric, const cJSON *args)
{
    float truth[64], said[64];
    size_t width, other, n = read_array(cJSON_GetObjectItem(args, "references"), truth, 64, &width);
    bool values = !strcmp(metric, "mse") || !strcmp(metric, "mae") || !strcmp(metric, "pearsonr") ||
                  !strcmp(metric, "spearmanr") || !strcmp(metric, "r_squared");
    if (!n || read_array(cJSON_GetObjectItem(args, "predictions"), said, 64, &other) != n ||
        other != width)
        return false;
    struct err err;
    if (values)
        return !metrics_of_values(m, said, truth, n, &err); /* of several columns the mean is one */
    if (width > 1)
        return !metrics_of_sets(m, said, truth, n / width, width, 0, &err);
    uint64_t confusion[16] = {0};
    int labels = 2;
    for (size_t i = 0; i < n; i++) {
        int t = (int)truth[i], s = (int)said[i];
        if (t != truth[i] || s != said[i] || t < 0 || s < 0 || t > 3 || s > 3)
            return false;
        labels = t >= labels ? t + 1 : s >= labels ? s + 1 : labels;
    }
    for (size_t i = 0; i < n; i++)
        confusion[(int)truth[i] * labels + (int)said[i]]++;
    return !metrics_from_confusion(m, confusion, (size_t)labels, 0, &err);
}

static size_t value_figures(const struct metrics *m, const char *metric, double *out)
{
    const struct {
        const char *name;
        double value;
    } all[] = {{"mse", m->mse},
               {"mae", m->mae},
               {"pearsonr", m->pearson},
               {"spearmanr", m->spearman},
               {"r_squared", round(m->r2 * 1000) / 1000}}; /* evaluate rounds that one */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].name, metric)) {
            *out = all[i].value;
            return 1;
        }
    return 0;
}

/* 1 when the example was one of ours and agreed, 0 when it asks for what we do not have. */
static size_t check_example(const cJSON *example)
{
    static const char *const foreign[] = {"sample_weight", "normalize",     "squared",
                                          "multioutput",   "zero_division", "labels"};
    const char *metric = cJSON_GetStringValue(cJSON_GetObjectItem(example, "metric"));
    const cJSON *args = cJSON_GetObjectItem(example, "args");
    const char *expected = cJSON_GetStringValue(cJSON_GetObjectItem(example, "expected"));
    const char *shown = cJSON_GetStringValue(cJSON_GetObjectItem(example, "shown_by"));
    double got[8];
    struct metrics m;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (cJSON_GetObjectItem(args, foreign[i]))
            return 0;
    if (strstr(shown, "value']") || strstr(shown, "keys()") ||
        !metrics_of_example(&m, metric, args))
        return 0; /* a p-value, or the names of the results */
    size_t n = m.problem == PROBLEM_REGRESSION ? value_figures(&m, metric, got)
                                               : figures_named(&m, metric, args, got);
    check_shown(expected, shown, got, n, metric);
    metrics_clear(&m);
    return n > 0;
}

static void examples_of_evaluate(void **state)
{
    (void)state;
    static const char path[] = "../shared/reference/metrics-golden/evaluate_examples.jsonl";
    if (!file_exists(path))
        skip();
    struct err err;
    char *text = file_read(path, &(size_t){0}, &err);
    size_t checked = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *example = cJSON_Parse(line);
        assert_non_null(example);
        checked += check_example(example);
        cJSON_Delete(example);
    }
    assert_int_equal(checked, 39); /* none falls out unseen */
    print_message("%zu examples agree\n", checked);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_scikit_learns),
        cmocka_unit_test(sets_are_scikit_learns),
        cmocka_unit_test(values_are_scikit_learns_and_scipys),
        cmocka_unit_test(a_broken_value_breaks_what_it_enters),
        cmocka_unit_test(every_metric_is_some_problems),
        cmocka_unit_test(loss_and_softmax_are_the_textbooks),
        cmocka_unit_test(extremes_stay_finite_and_ties_go_to_the_lowest),
        cmocka_unit_test(nothing_gives_zeros),
        cmocka_unit_test(examples_of_evaluate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
