#include "tui/recorded.h"

#include "engine/base/file.h"
#include "engine/train/control.h"
#include "engine/train/run.h"
#include "engine/train/teller.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS          423
#define SERVED_UNTIL   262
#define EVALUATE_EVERY 40
#define EDIT_AT        120

struct recorded {
    enum recorded_kind kind;
    struct dataset *dataset;
    struct control_queue *queue;
    struct teller teller;
    double best; /* loss */
    char rundir[4096];
};

/* Only + - * / in all figures: the same bits everywhere. */
static double wiggle(int64_t step)
{
    return (double)(step * 7919 % 101) / 101 - 0.5;
}

static double train_loss(int64_t step)
{
    return 2.1 / (1 + (double)step / 45) + 0.05 + wiggle(step) * 0.12 + (step == 200 ? 0.9 : 0);
}

static double rate(int64_t step)
{
    return (step >= EDIT_AT ? 1e-4 : 2e-5) * (double)(STEPS - step) / STEPS;
}

static void tell_step(struct recorded *r, int64_t step)
{
    struct step_sample s = {.loss = train_loss(step),
                            .grad_norm = 1.5,
                            .learning_rate = rate(step),
                            .epoch = 3.0 * (double)step / STEPS,
                            .seconds = 0.1,
                            .tokens = 300,
                            .examples = 16};
    teller_step(&r->teller, step, &s, 0.1 * (double)(STEPS - step));
}

static struct settings settings_for(void)
{
    struct settings s;
    settings_defaults(&s);
    s.learning_rate = 2e-5;
    settings_resolve(&s, NULL);
    return s;
}

/* Logits for row i of a split: right but for some rows, fewer as the run goes on. */
static void answer_label(const struct recorded *r, int64_t step, size_t i, int32_t label,
                         float *logits, size_t labels)
{
    bool confused = r->kind == RECORDED_CONFUSED;
    size_t every = confused ? 2 : 2 + (size_t)step / 60;
    size_t off = i % every != every - 1 ? 0 : confused ? 1 + i / 2 % (labels - 1) : 1;
    logits[((size_t)label + off) % labels] = 2 + (float)(i % 5);
}

/* A value read some tenths too high or too low, by less as the run goes on. */
static float answer_value(int64_t step, size_t i, float value)
{
    return value + (float)((int)(i * 7 % 11) - 4) * (float)(1 + (STEPS - step) / 100) / 8;
}

/* Sets: one label in every second row is not as it should be. */
static void answer_set(size_t i, const float *set, float *logits, size_t labels)
{
    for (size_t k = 0; k < labels; k++) {
        bool wrong = i % 2 && k == i / 2 % labels;
        logits[k] = (wrong ? 1 - set[k] : set[k]) > 0 ? 1 + (float)(i % 3) : -1 - (float)(k % 3);
    }
}

static void tell_evaluation(struct recorded *r, int64_t step, enum split split)
{
    size_t n = dataset_split_rows(r->dataset, split);
    const uint32_t *rows = dataset_split_list(r->dataset, split);
    struct targets t;
    struct metrics m;
    if (targets_init(&t, r->dataset, n, NULL))
        abort();
    targets_fill(&t, r->dataset, rows, n);
    float *logits = calloc(n * t.width, sizeof *logits);
    for (size_t i = 0; i < n; i++) {
        float *to = logits + i * t.width;
        if (t.problem == PROBLEM_REGRESSION)
            *to = answer_value(step, i, t.value[i]);
        else if (t.problem == PROBLEM_MULTI_LABEL)
            answer_set(i, t.value + i * t.width, to, t.width);
        else
            answer_label(r, step, i, t.label[i], to, t.width);
    }
    if (metrics_of_targets(&m, logits, &t, n, NULL))
        abort();
    size_t wrong =
        t.problem == PROBLEM_MULTI_LABEL    ? (size_t)lround((1 - m.subset_accuracy) * (double)n)
        : t.problem == PROBLEM_SINGLE_LABEL ? (size_t)lround((1 - m.accuracy) * (double)n)
                                            : 0;
    struct eval_sample s = {.split = split,
                            .problem = m.problem,
                            .best = split == SPLIT_VALIDATION && (step == 40 || m.loss < r->best),
                            .loss = m.loss,
                            .accuracy = m.accuracy,
                            .macro_f1 = m.macro_f1,
                            .mcc = m.mcc,
                            .micro_f1 = m.micro_f1,
                            .subset_accuracy = m.subset_accuracy,
                            .hamming_loss = m.hamming_loss,
                            .mse = m.mse,
                            .mae = m.mae,
                            .pearson = m.pearson,
                            .spearman = m.spearman,
                            .r2 = m.r2,
                            .epoch = 3.0 * (double)step / STEPS,
                            .rows = (uint32_t)n,
                            .wrong = (uint32_t)wrong};
    struct evaluated rows_of = {rows, &t, logits, n};
    teller_evaluation(&r->teller, s, &rows_of);
    if (s.best)
        r->best = m.loss;
    metrics_clear(&m);
    targets_clear(&t);
    free(logits);
}

static int tell_edit(struct recorded *r, struct err *err)
{
    struct record rec;
    memset(&rec, 0, sizeof rec);
    rec.kind = RECORD_EDIT;
    rec.step = r->teller.view.step;
    for (size_t i = 0; i < settings_count(); i++)
        if (!strcmp(settings_at(i)->name, "learning_rate"))
            rec.as.edit.setting = (uint32_t)i;
    rec.as.edit.command = 1;
    rec.as.edit.before = 2e-5;
    rec.as.edit.after = 1e-4;
    r->teller.view.settings.learning_rate = 1e-4;
    return teller_commit(&r->teller, &rec, err);
}

static int tell_all(struct recorded *r, int64_t until, struct err *err)
{
    teller_state(&r->teller, TRAINER_PREPARING);
    teller_state(&r->teller, TRAINER_RUNNING);
    for (int64_t step = 1; step <= until; step++) {
        tell_step(r, step);
        if (step == EDIT_AT && tell_edit(r, err))
            return -1;
        if (step % EVALUATE_EVERY == 0) {
            teller_state(&r->teller, TRAINER_EVALUATING);
            tell_evaluation(r, step, SPLIT_VALIDATION);
            teller_state(&r->teller, TRAINER_RUNNING);
        }
    }
    teller_publish(&r->teller);
    return 0;
}

static int tell_result(struct recorded *r, struct err *err)
{
    struct run_result result = {.state = TRAINER_FINISHED,
                                .steps = STEPS,
                                .epochs = 3,
                                .seconds = 42,
                                .tokens_per_second = 3000,
                                .train_loss = 0.2,
                                .problem = dataset_problem(r->dataset),
                                .tokens = 300 * STEPS};
    tell_evaluation(r, STEPS, SPLIT_TEST);
    teller_state(&r->teller, TRAINER_FINISHED);
    return recorder_put_result(r->teller.recorder, &result, err);
}

static void fill_view(struct recorded *r)
{
    struct trainer_view *v = &r->teller.view;
    v->pid = 4242;
    v->total_steps = STEPS;
    v->epochs = 3;
    v->best_metric = NAN;
    v->problem = dataset_problem(r->dataset);
    v->labels = dataset_labels(r->dataset);
    for (int s = 0; s < SPLIT_COUNT; s++)
        v->rows[s] = dataset_split_rows(r->dataset, (enum split)s);
    v->settings = settings_for();
    snprintf(v->run_name, sizeof v->run_name, "recorded");
    snprintf(v->kernels, sizeof v->kernels, "test");
}

/* run.json and the directory itself. */
static int describe(struct recorded *r, const char *directory, struct err *err)
{
    char model[4200], files[SPLIT_COUNT][4300];
    static const char *const sets[] = {[RECORDED_FINISHED] = "tickets",
                                       [RECORDED_CONFUSED] = "tickets",
                                       [RECORDED_VALUES] = "similar",
                                       [RECORDED_SETS] = "topics",
                                       [RECORDED_SERVED] = "tickets"};
    struct dataset_spec spec = {0};
    struct settings settings = settings_for();
    if (r->kind == RECORDED_VALUES) {
        spec.text_column = "first";
        spec.pair_column = "second";
        spec.label_column = "similarity";
        spec.problem = PROBLEM_REGRESSION;
    } else if (r->kind == RECORDED_SETS) {
        spec.problem = PROBLEM_MULTI_LABEL;
    }
    settings.problem_type = spec.problem;
    snprintf(model, sizeof model, "%s/fixtures/tiny_bert", directory);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        snprintf(files[s], sizeof files[s], "%s/screens/%s/%s.csv", directory, sets[r->kind],
                 split_name((enum split)s));
        spec.files[s] = files[s];
    }
    if (!(r->dataset = dataset_open(&spec, err)) || file_make_directories(r->rundir, err))
        return -1;
    struct run_facts facts = {.rundir = r->rundir,
                              .created = "2026-11-23T14:05:00Z",
                              .model_dir = model,
                              .model_sha256 = "",
                              .dataset = r->dataset,
                              .data_spec = &spec,
                              .settings = &settings,
                              .cpu = "test",
                              .kernel_set = "test"};
    return run_write_json(&facts, err);
}

struct recorded *recorded_make(const char *rundir, const char *directory, enum recorded_kind kind,
                               struct err *err)
{
    struct recorded *r = calloc(1, sizeof *r);
    bool served = kind == RECORDED_SERVED;
    r->kind = kind;
    setenv("SFT_TEST_CLOCK", "1795442700", 1);
    snprintf(r->rundir, sizeof r->rundir, "%s", rundir);
    bool ok = !describe(r, directory, err) && (r->queue = control_queue_create(rundir, err));
    if (ok)
        fill_view(r);
    ok = ok && !teller_open(&r->teller, rundir, 1, err) &&
         (r->teller.recorder = recorder_start(rundir, -1, err)) &&
         !tell_all(r, served ? SERVED_UNTIL : STEPS, err) && (served || !tell_result(r, err));
    if (!ok) {
        recorded_close(r);
        return NULL;
    }
    return r;
}

void recorded_close(struct recorded *r)
{
    if (!r)
        return;
    if (r->teller.recorder)
        recorder_finish(r->teller.recorder, NULL);
    teller_close(&r->teller);
    control_queue_close(r->queue);
    dataset_close(r->dataset);
    free(r);
}
