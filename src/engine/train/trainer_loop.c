#include "engine/train/trainer_internal.h"

#include <math.h>
#include <stdio.h>

#include "engine/base/clock.h"
#include "engine/train/run.h"
#include "engine/train/schedule.h"

static bool due(const struct trainer *t, int64_t every)
{
    if (t->step == 0)
        return false;
    if (t->step == t->order.total_steps)
        return true;
    return t->step % (every > 0 ? every : t->order.steps_per_epoch) == 0;
}

/* Rows that are not right as a whole. */
static uint32_t count_wrong(const struct metrics *m)
{
    uint64_t right = 0;
    if (m->problem == PROBLEM_REGRESSION)
        return 0;
    if (m->problem == PROBLEM_MULTI_LABEL)
        return (uint32_t)lround((1 - m->subset_accuracy) * (double)m->rows);
    for (size_t k = 0; k < m->labels; k++)
        right += m->confusion[k * m->labels + k];
    return (uint32_t)(m->rows - right);
}

struct eval_sample trainer_sample(const struct trainer *t, enum split split,
                                  const struct metrics *m)
{
    return (struct eval_sample){.split = split,
                                .problem = m->problem,
                                .loss = m->loss,
                                .accuracy = m->accuracy,
                                .macro_f1 = m->macro_f1,
                                .mcc = m->mcc,
                                .micro_f1 = m->micro_f1,
                                .subset_accuracy = m->subset_accuracy,
                                .hamming_loss = m->hamming_loss,
                                .mse = m->mse,
                                .mae = m->mae,
                                .pearson = m->pearson,
                                .spearman = m->spearman,
                                .r2 = m->r2,
                                .epoch = order_epochs_done(&t->order, t->step),
                                .rows = (uint32_t)m->rows,
                                .wrong = count_wrong(m)};
}

int trainer_evaluate(struct trainer *t, bool by_hand, struct err *err)
{
    enum trainer_state before = t->teller.view.state;
    struct watch watch = trainer_watch(t);
    struct metrics m = {0};
    double begin = clock_monotonic();
    teller_state(&t->teller, TRAINER_EVALUATING);
    int rc = evaluator_run(t->evaluator, SPLIT_VALIDATION, &watch, &m, err);
    teller_state(&t->teller, before);
    if (rc)
        return -1;
    t->teller.evaluation_seconds = clock_monotonic() - begin;
    metrics_clear(&t->validation);
    t->validation = m;
    t->validation_step = t->step;
    struct eval_sample s = trainer_sample(t, SPLIT_VALIDATION, &m);
    s.by_hand = by_hand;
    if (!by_hand) {
        t->evaluated_step = t->step;
        s.best = best_count(&t->best, &m, t->step);
        t->teller.view.best_metric = t->best.value;
        t->teller.view.best_step = t->best.step;
    }
    struct evaluated rows = evaluator_last(t->evaluator);
    teller_evaluation(&t->teller, s, &rows);
    return 0;
}

int trainer_save(struct trainer *t, enum checkpoint_kind kind, struct err *err)
{
    struct checkpoint_state s = {.step = t->step,
                                 .tokens = t->tokens,
                                 .seconds = t->seconds,
                                 .loss_sum = t->loss_sum,
                                 .loss_weight = t->loss_weight,
                                 .learning_rate = t->settings.learning_rate,
                                 .evaluated_step = t->evaluated_step,
                                 .best_metric = t->best.value,
                                 .best_step = t->best.step,
                                 .evaluations_without_gain = t->best.without_gain,
                                 .last_seq = ring_newest(t->teller.ring)};
    struct record rec = {.kind = RECORD_CHECKPOINT, .step = t->step};
    rec.as.checkpoint.kind = kind;
    if (checkpoint_write(t->rundir, learner_tensors(t->learner), &s, &rec.as.checkpoint.size_bytes,
                         err) ||
        teller_commit(&t->teller, &rec, err))
        return -1;
    t->saved_step = t->step;
    t->saved_at = clock_monotonic();
    checkpoint_prune(t->rundir, t->settings.load_best_model_at_end ? t->best.step : 0);
    return 0;
}

/* A head's epoch takes milliseconds, a checkpoint's syncs more: of the checkpoints that nobody
 * asked for by save_steps or best, one a second is enough. The weights do not depend on which are
 * kept. */
static bool is_too_soon(const struct trainer *t)
{
    return t->settings.tune == TUNE_HEAD && t->settings.save_steps == 0 &&
           t->step < t->order.total_steps && clock_monotonic() - t->saved_at < 1.0;
}

/* What is due now that `step` steps are done: first the evaluation, so that the checkpoint knows
 * its outcome. A resume comes through here before its first step and does what a kill left out. */
static int keep_appointments(struct trainer *t, struct err *err)
{
    bool best = false;
    if (dataset_split_rows(t->dataset, SPLIT_VALIDATION) && due(t, t->settings.eval_steps) &&
        t->evaluated_step < t->step) {
        if (trainer_evaluate(t, false, err))
            return -1;
        best = t->settings.load_best_model_at_end && t->best.step == t->step;
    }
    bool save = best || (due(t, t->settings.save_steps) && !is_too_soon(t));
    enum checkpoint_kind kind = t->step == t->order.total_steps ? CHECKPOINT_FINAL
                                : best                          ? CHECKPOINT_BEST
                                                                : CHECKPOINT_SCHEDULED;
    if (save && t->saved_step < t->step)
        return trainer_save(t, kind, err);
    return 0;
}

/* Name the rows of a step that broke: "train.csv:12, 40, 7 and 13 more". */
static void name_rows(const struct trainer *t, const struct learner_step *s, char *out, size_t size)
{
    const char *path = dataset_row_path(t->dataset, s->rows[0]);
    size_t length, at = 0;
    const char *base = run_base_name(path, &length);
    at += (size_t)snprintf(out, size, "%.*s:", length > 60 ? 60 : (int)length, base);
    for (size_t i = 0; i < s->count && at < size; i++) {
        struct example x;
        if (i == 16) {
            snprintf(out + at, size - at, " and %zu more", s->count - i);
            return;
        }
        dataset_get(t->dataset, s->rows[i], &x);
        at += (size_t)snprintf(out + at, size - at, "%s%u", i ? "," : "", x.line);
    }
}

static int fail_not_finite(struct trainer *t, const struct learner_step *s, double rate,
                           struct err *err)
{
    char rows[220];
    name_rows(t, s, rows, sizeof rows);
    return err_set(err, ERR_NUMERIC,
                   "step %lld: the %s is not finite, at learning rate %g, in the "
                   "batch of %s; the run keeps its checkpoints, start again with a lower "
                   "learning_rate",
                   (long long)t->step + 1, s->norm_broke ? "gradient norm" : "loss", rate, rows);
}

static int64_t evaluations_left(const struct trainer *t)
{
    int64_t every = t->settings.eval_steps > 0 ? t->settings.eval_steps : t->order.steps_per_epoch;
    return (t->order.total_steps - t->step + every - 1) / every;
}

/* 1 when a stop came first, 0 when the step is done. */
static int take_step(struct trainer *t, struct err *err)
{
    struct watch watch = trainer_watch(t);
    double begin = clock_monotonic();
    const struct order_step batches = order_step(&t->order, t->step);
    double rate = schedule_rate(t->settings.lr_scheduler_type, t->settings.learning_rate, t->step,
                                t->warmup, t->order.total_steps);
    struct learner_step s;
    switch (learner_step(t->learner, &batches, t->step + 1, rate, &watch, &s)) {
    case LEARNER_DONE:
        break;
    case LEARNER_INTERRUPTED:
        return 1;
    case LEARNER_NOT_FINITE:
        return fail_not_finite(t, &s, rate, err);
    }
    if (t->step % t->order.steps_per_epoch == 0)
        t->loss_sum = t->loss_weight = 0.0;
    t->loss_sum += s.loss_sum;
    t->loss_weight += s.weight_sum;
    t->tokens += s.tokens;
    t->step++;
    double took = clock_monotonic() - begin;
    t->seconds += took;
    const struct step_sample sample = {.loss = s.weight_sum > 0 ? s.loss_sum / s.weight_sum : 0,
                                       .grad_norm = s.grad_norm,
                                       .learning_rate = rate,
                                       .epoch = order_epochs_done(&t->order, t->step),
                                       .seconds = took,
                                       .tokens = s.tokens,
                                       .examples = s.examples};
    teller_step(&t->teller, t->step, &sample, evaluations_left(t));
    return 0;
}

int trainer_loop(struct trainer *t, struct err *err)
{
    while (!t->stopping) {
        if (keep_appointments(t, err))
            return -1;
        if (t->step == t->order.total_steps || best_gives_up(&t->best))
            return 0;
        if (trainer_obey(t, err))
            return -1;
        if (!t->stopping && take_step(t, err) < 0)
            return -1;
    }
    return 0;
}
