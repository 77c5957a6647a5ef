#include "engine/train/trainer_internal.h"

#include <math.h>
#include <string.h>

#include "engine/train/result.h"

/* The weights the result is made of: the last ones, unless the best were asked for. */
static int choose_weights(struct trainer *t, int64_t *step, struct err *err)
{
    *step = t->step;
    if (t->stopping || !t->settings.load_best_model_at_end || t->best.step == 0 ||
        t->best.step == t->step)
        return 0;
    *step = t->best.step;
    return checkpoint_read(t->rundir, t->best.step, learner_tensors(t->learner), false, err);
}

/* A pass over `split` under the state "evaluating"; a stop cancels it. */
static int measure(struct trainer *t, enum split split, struct metrics *m, struct err *err)
{
    struct watch watch = trainer_watch(t);
    enum trainer_state before = t->teller.view.state;
    metrics_clear(m);
    memset(m, 0, sizeof *m);
    teller_state(&t->teller, TRAINER_EVALUATING);
    int rc = evaluator_run(t->evaluator, split, &watch, m, err);
    teller_state(&t->teller, before);
    return rc;
}

/* The validation figures of exactly these weights. */
static int measure_validation(struct trainer *t, int64_t step, struct err *err)
{
    if (!dataset_split_rows(t->dataset, SPLIT_VALIDATION) || t->stopping ||
        t->validation_step == step)
        return 0;
    if (measure(t, SPLIT_VALIDATION, &t->validation, err))
        return -1;
    t->validation_step = step;
    return 0;
}

static int measure_test(struct trainer *t, struct err *err)
{
    if (!t->evaluate_test || t->stopping)
        return 0;
    if (measure(t, SPLIT_TEST, &t->test, err))
        return -1;
    struct eval_sample s = trainer_sample(t, SPLIT_TEST, &t->test);
    struct evaluated rows = evaluator_last(t->evaluator);
    teller_evaluation(&t->teller, s, &rows);
    t->has_test = true;
    return 0;
}

static void fill_result(struct trainer *t, int64_t weights_step)
{
    struct trainer_result *r = &t->result;
    r->steps = t->step;
    r->epochs = order_epochs_done(&t->order, t->step);
    r->train_loss = t->loss_weight > 0 ? t->loss_sum / t->loss_weight : NAN;
    r->seconds = t->seconds;
    r->tokens = t->tokens;
    r->tokens_per_second = t->seconds > 0 ? (double)t->tokens / t->seconds : 0;
    r->validation = t->validation_step == weights_step ? &t->validation : NULL;
    r->test = t->has_test ? &t->test : NULL;
}

static int write_result(struct trainer *t, struct err *err)
{
    const struct result_facts facts = {.model_dir = t->model_dir,
                                       .data_path = dataset_path(t->dataset, SPLIT_TRAIN),
                                       .created = t->created,
                                       .view = &t->teller.view,
                                       .steps = t->step,
                                       .epochs = t->result.epochs,
                                       .seconds = t->seconds,
                                       .train_loss = t->result.train_loss,
                                       .validation = t->result.validation,
                                       .test = t->result.test};
    teller_phase(&t->teller, "writing the model");
    return result_write(t->rundir, t->model, t->tokenizer, &facts, t->result.weights_sha256, err);
}

int trainer_conclude(struct trainer *t, struct err *err)
{
    int64_t weights_step;
    if (t->stopping && t->saved_step < t->step && trainer_save(t, CHECKPOINT_STOP, err))
        return -1;
    if (choose_weights(t, &weights_step, err))
        return -1;
    if (measure_validation(t, weights_step, err) || measure_test(t, err)) {
        /* A stop that comes this late ends the reports, not the run's work. */
        if (err->code != ERR_CANCELLED)
            return -1;
    }
    fill_result(t, weights_step);
    return write_result(t, err);
}
