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

/* Logits under which every row but some is right; fewer are wrong as the run goes on. */
static void tell_evaluation(struct recorded *r, int64_t step, enum split split)
{
    size_t n = dataset_split_rows(r->dataset, split), labels = dataset_labels(r->dataset);
    const uint32_t *rows = dataset_split_list(r->dataset, split);
    int32_t *truth = calloc(n, sizeof *truth);
    float *logits = calloc(n * labels, sizeof *logits);
    struct metrics m;
    bool confused = r->kind == RECORDED_CONFUSED;
    size_t every = confused ? 2 : 2 + (size_t)step / 60;
    for (size_t i = 0; i < n; i++) {
        struct example e;
        dataset_get(r->dataset, rows[i], &e);
        truth[i] = e.label;
        size_t off = i % every != every - 1 ? 0 : confused ? 1 + i / 2 % (labels - 1) : 1;
        size_t said = ((size_t)e.label + off) % labels;
        logits[i * labels + said] = 2 + (float)(i % 5);
    }
    metrics_compute(&m, logits, truth, n, labels, NULL);
    struct eval_sample s = {.split = split,
                            .best = split == SPLIT_VALIDATION && (step == 40 || m.loss < r->best),
                            .loss = m.loss,
                            .accuracy = m.accuracy,
                            .macro_f1 = m.macro_f1,
                            .mcc = m.mcc,
                            .epoch = 3.0 * (double)step / STEPS,
                            .rows = (uint32_t)n,
                            .wrong = (uint32_t)lround((1 - m.accuracy) * (double)n)};
    const struct targets targets = {
        .problem = PROBLEM_SINGLE_LABEL, .width = labels, .label = truth};
    struct evaluated rows_of = {rows, &targets, logits, n};
    teller_evaluation(&r->teller, s, &rows_of);
    if (s.best)
        r->best = m.loss;
    metrics_clear(&m);
    free(truth);
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
    struct dataset_spec spec = {0};
    struct settings settings = settings_for();
    snprintf(model, sizeof model, "%s/fixtures/tiny_bert", directory);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        snprintf(files[s], sizeof files[s], "%s/screens/tickets/%s.csv", directory,
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
