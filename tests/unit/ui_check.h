/* ui_check.h - the workbench without a terminal, for tests: data loaded, keys in, text out, and an evaluation
 * whose every figure is known in place of one that a training would make. */
#ifndef UI_CHECK_H
#define UI_CHECK_H
#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/data/targets.h"
#include "ui/app_state.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dataset_spec check_tickets = {.files = {"tests/tui/data/tickets/train.csv",
                                                            "tests/tui/data/tickets/validation.csv",
                                                            "tests/tui/data/tickets/test.csv"}};

static inline void check_wait_jobs(struct app *a)
{
    const struct session *s = app_session(a);
    while ((s->load != LOAD_READY && s->load != LOAD_FAILED) || s->search.running) {
        struct pollfd p = {.fd = app_jobs_fd(a), .events = POLLIN};
        assert_true(poll(&p, 1, 20000) > 0);
        app_tick(a, clock_monotonic());
    }
}

static inline struct app *check_open(const struct dataset_spec *data, const char *model)
{
    struct err err = {0};
    struct app *a = app_create(&(struct app_spec){.data = data, .model_dir = model}, &err);
    if (!a)
        fail_msg("%s", err.text);
    check_wait_jobs(a);
    assert_int_equal(app_session(a)->load, LOAD_READY);
    return a;
}

static inline char *check_draw(struct app *a, int w, int h, enum glyph_level level)
{
    struct strbuf text = {0};
    struct canvas *c = canvas_create(w, h, level, NULL);
    app_draw(a, c);
    canvas_to_text(c, &text);
    canvas_destroy(c);
    return text.text ? text.text : calloc(1, 1);
}

static inline void check_shows(struct app *a, int w, int h, const char *want, bool present)
{
    char *text = check_draw(a, w, h, GLYPHS_BRAILLE);
    if (!strstr(text, want) == present)
        fail_msg("%s '%s' in\n%s", present ? "no" : "there is", want, text);
    free(text);
}

/* '\n' Enter, '\x1b' Esc, '\t' Tab; < > ^ v the arrows, { } page up and down, [ ] Home and End. */
static inline void check_type(struct app *a, const char *keys)
{
    static const struct {
        char c;
        uint32_t key;
    } names[] = {{'\n', KEYCODE_ENTER}, {'\x1b', KEYCODE_ESC},  {'\t', KEYCODE_TAB},
                 {'<', KEYCODE_LEFT},   {'>', KEYCODE_RIGHT},   {'^', KEYCODE_UP},
                 {'v', KEYCODE_DOWN},   {'{', KEYCODE_PAGE_UP}, {'}', KEYCODE_PAGE_DOWN},
                 {'[', KEYCODE_HOME},   {']', KEYCODE_END}};
    for (; *keys; keys++) {
        uint32_t key = (uint32_t)(unsigned char)*keys;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (names[i].c == *keys)
                key = names[i].key;
        app_key(a, key);
    }
}

/* Random answers to sets or values; most are near the truth. */
static inline void check_answers(const struct dataset *d, struct inspection *in, uint64_t seed)
{
    struct evaluation *e = &in->evaluation;
    struct targets t;
    size_t cells = e->rows * e->labels;
    bool values = e->problem == PROBLEM_REGRESSION;
    assert_int_equal(targets_init(&t, d, e->rows, NULL), 0);
    targets_fill(&t, d, e->row, e->rows);
    e->target = t.value;
    for (size_t i = 0; i < cells; i++) {
        float noise = (float)(rng_bits(seed, RNG_TEST, i) % 1000) / 1000;
        e->probs[i] = values ? t.value[i] + noise - 0.5f : t.value[i] * 0.4f + noise * 0.6f;
    }
    if (values)
        assert_int_equal(metrics_of_values(&in->metrics, e->probs, e->target, e->rows, NULL), 0);
    else
        assert_int_equal(
            metrics_of_sets(&in->metrics, e->probs, e->target, e->rows, e->labels, 0.5, NULL), 0);
}

/* An evaluation of a split with random logits; most rows are right. `seed` picks which. */
static inline struct inspection *check_inspection(const struct dataset *d, enum split split,
                                                  uint64_t seed)
{
    struct inspection *in = calloc(1, sizeof *in);
    struct evaluation *e = &in->evaluation;
    size_t n = dataset_split_rows(d, split), labels = dataset_labels(d);
    *e = (struct evaluation){.split = split,
                             .problem = dataset_problem(d),
                             .rows = n,
                             .labels = labels,
                             .step = (int64_t)seed};
    e->row = calloc(n + 1, sizeof *e->row);
    e->probs = calloc(n * labels + 1, sizeof *e->probs);
    for (size_t i = 0; i < n; i++)
        e->row[i] = dataset_split_list(d, split)[i];
    if (e->problem != PROBLEM_SINGLE_LABEL) {
        check_answers(d, in, seed);
        return in;
    }
    float *logits = calloc(n * labels + 1, sizeof *logits);
    e->truth = calloc(n + 1, sizeof *e->truth);
    e->predicted = calloc(n + 1, sizeof *e->predicted);
    for (size_t i = 0; i < n; i++) {
        struct example row;
        dataset_get(d, e->row[i], &row);
        e->truth[i] = row.label;
        for (size_t k = 0; k < labels; k++)
            logits[i * labels + k] = (float)(rng_bits(seed, RNG_TEST, i * labels + k) % 1000) / 500;
        logits[i * labels + (size_t)row.label] += 1;
    }
    assert_int_equal(metrics_compute(&in->metrics, logits, e->truth, n, labels, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        e->predicted[i] = (int32_t)argmax_row(logits + i * labels, labels);
        softmax_row(e->probs + i * labels, logits + i * labels, labels);
    }
    free(logits);
    return in;
}

static inline void check_evaluate(struct app *a, enum split split, uint64_t seed)
{
    struct session *s = &a->session;
    session_set_inspection(s, check_inspection(s->dataset, split, seed));
    app_tick(a, clock_monotonic());
}

/* Every size from 1x1 on, at every glyph level: nothing to find but a sanitizer's report. */
static inline void check_all_sizes(struct app *a)
{
    for (int w = 1; w <= 200; w += w < 60 ? 1 : 20)
        for (int h = 1; h <= 60; h += h < 30 ? 1 : 10)
            free(check_draw(a, w, h, (enum glyph_level)((w + h) % GLYPH_LEVELS)));
}

#endif
