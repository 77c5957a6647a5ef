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

static const double *figure_named(const struct metrics *m, const char *metric, const char *average,
                                  size_t positive)
{
    bool macro = average && !strcmp(average, "macro");
    if (!strcmp(metric, "accuracy"))
        return &m->accuracy;
    if (!strcmp(metric, "matthews_correlation"))
        return average ? NULL : &m->mcc;
    if (average && !strcmp(average, "weighted"))
        return !strcmp(metric, "f1") ? &m->weighted_f1 : NULL;
    if (average && !macro)
        return NULL;
    if (!strcmp(metric, "f1"))
        return macro ? &m->macro_f1 : &m->per_label[positive].f1;
    if (!strcmp(metric, "precision"))
        return macro ? &m->macro_precision : &m->per_label[positive].precision;
    if (!strcmp(metric, "recall"))
        return macro ? &m->macro_recall : &m->per_label[positive].recall;
    return NULL;
}

/* 1 when the example was one of ours and agreed, 0 when it asks for what we do not have. */
static size_t check_example(const cJSON *example)
{
    const cJSON *args = cJSON_GetObjectItem(example, "args");
    const cJSON *truth = cJSON_GetObjectItem(args, "references");
    const cJSON *guess = cJSON_GetObjectItem(args, "predictions");
    const cJSON *average = cJSON_GetObjectItem(args, "average");
    const cJSON *positive = cJSON_GetObjectItem(args, "pos_label");
    int n = cJSON_GetArraySize(truth);
    uint64_t confusion[16] = {0};
    if (cJSON_GetObjectItem(args, "sample_weight") || cJSON_GetObjectItem(args, "normalize") ||
        cJSON_IsNull(average) || !n || n != cJSON_GetArraySize(guess))
        return 0;
    for (int i = 0; i < n; i++) {
        const cJSON *t = cJSON_GetArrayItem(truth, i), *g = cJSON_GetArrayItem(guess, i);
        if (!cJSON_IsNumber(t) || !cJSON_IsNumber(g) || t->valueint > 3 || g->valueint > 3)
            return 0;
        confusion[t->valueint * 4 + g->valueint]++;
    }
    struct metrics m;
    struct err err;
    assert_int_equal(metrics_from_confusion(&m, confusion, 4, 0, &err), 0);
    const char *metric = cJSON_GetStringValue(cJSON_GetObjectItem(example, "metric"));
    const char *expected = cJSON_GetStringValue(cJSON_GetObjectItem(example, "expected"));
    const char *shown = cJSON_GetStringValue(cJSON_GetObjectItem(example, "shown_by"));
    const double *got = figure_named(&m, metric, cJSON_GetStringValue(average),
                                     positive ? (size_t)positive->valueint : 1);
    if (got) {
        const char *colon = strchr(expected, ':');
        expect_close(*got, atof(colon ? colon + 1 : expected), strstr(shown, "round") ? .00501 : 1e-12,
                     metric);
    }
    metrics_clear(&m);
    return got != NULL;
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
    assert_true(checked >= 15);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_scikit_learns),
        cmocka_unit_test(loss_and_softmax_are_the_textbooks),
        cmocka_unit_test(extremes_stay_finite_and_ties_go_to_the_lowest),
        cmocka_unit_test(nothing_gives_zeros),
        cmocka_unit_test(examples_of_evaluate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
