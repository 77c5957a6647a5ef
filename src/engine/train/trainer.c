#include "engine/train/trainer_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/base/thread.h"
#include "engine/train/class_weights.h"
#include "engine/train/history.h"
#include "engine/train/run.h"

/* What the run was is on the disk before its end is told. */
static void tell_end(struct trainer *t, enum trainer_state state)
{
    struct teller *l = &t->teller;
    struct run_result r = {.state = state,
                           .steps = t->step,
                           .epochs = t->result.epochs,
                           .seconds = t->seconds,
                           .tokens_per_second = t->result.tokens_per_second,
                           .train_loss = t->result.train_loss,
                           .tokens = t->tokens,
                           .has_validation = t->result.validation != NULL,
                           .has_test = t->result.test != NULL,
                           .validation_accuracy = t->validation.accuracy,
                           .validation_loss = t->validation.loss,
                           .test_accuracy = t->test.accuracy,
                           .test_loss = t->test.loss,
                           .problem = dataset_problem(t->dataset)};
    r.validation_score = metric_of(&t->validation, metric_first(r.problem));
    r.test_score = metric_of(&t->test, metric_first(r.problem));
    memcpy(r.weights_sha256, t->result.weights_sha256, sizeof r.weights_sha256);
    struct err err;
    int rc = l->recorder ? recorder_put_result(l->recorder, &r, &err) : 0;
    l->view.seconds_left = 0;
    if (rc && state != TRAINER_FAILED) {
        t->failure = err;
        state = TRAINER_FAILED;
    }
    if (state == TRAINER_FAILED)
        l->view.last_error = t->failure;
    teller_state(l, state);
    rc = l->recorder ? recorder_finish(l->recorder, &err) : 0;
    l->recorder = NULL;
    if (rc && state != TRAINER_FAILED) {
        t->failure = err;
        l->view.last_error = err;
        teller_state(l, TRAINER_FAILED);
    }
}

/* A new run that ended before it had anything to keep leaves nothing behind: when it could not be
 * prepared, was stopped before its first step, or filled the disk before its first checkpoint. */
static bool is_worthless(const struct trainer *t, enum trainer_state state, bool prepared)
{
    if (t->resume || state == TRAINER_FINISHED || checkpoint_newest(t->rundir) >= 0)
        return false;
    return !prepared || t->step == 0 || t->failure.code == ERR_NOSPACE;
}

/* The loop, then what is made of its outcome. A stop that interrupts either is no failure. */
static int run_to_end(struct trainer *t, struct err *err)
{
    struct err why;
    if (trainer_loop(t, &why) && why.code != ERR_CANCELLED)
        goto fail;
    if (t->stopping && t->step == 0)
        return 0;
    if (trainer_conclude(t, &why))
        goto fail;
    return 0;
fail:
    *err = why;
    return -1;
}

static void *thread_main(void *arg)
{
    struct trainer *t = arg;
    enum trainer_state state = TRAINER_FAILED;
    pthread_setname_np(pthread_self(), "trainer"); /* for top and /proc */
    teller_state(&t->teller, TRAINER_PREPARING);
    bool prepared = !trainer_prepare(t, &t->failure);
    if (prepared) {
        teller_state(&t->teller, TRAINER_RUNNING);
        if (!run_to_end(t, &t->failure))
            state = t->stopping ? TRAINER_STOPPED : TRAINER_FINISHED;
    } else if (t->failure.code == ERR_CANCELLED) {
        state = TRAINER_STOPPED;
        t->failure.code = ERR_NONE;
    }
    tell_end(t, state);
    if (is_worthless(t, state, prepared))
        file_remove_tree(t->rundir, NULL);
    pthread_mutex_lock(&t->lock);
    t->ended = true;
    pthread_cond_broadcast(&t->end);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static int copy_columns(struct trainer *t, struct err *err)
{
    const char **of[] = {&t->data_spec.text_column, &t->data_spec.pair_column,
                         &t->data_spec.label_column, &t->data_spec.label_separator};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        if (!*of[i])
            continue;
        t->columns[i] = mem_strdup(*of[i], err);
        if (!t->columns[i])
            return -1;
        *of[i] = t->columns[i];
    }
    return 0;
}

static int check_spec(const struct trainer_spec *spec, struct err *err)
{
    const struct settings *s = &spec->settings;
    if (!dataset_split_rows(spec->dataset, SPLIT_TRAIN))
        return err_set(err, ERR_INPUT, "'%s' holds no rows to train on",
                       dataset_path(spec->dataset, SPLIT_TRAIN));
    enum problem problem = dataset_problem(spec->dataset);
    if (problem == PROBLEM_SINGLE_LABEL && dataset_labels(spec->dataset) < 2)
        return err_set(err, ERR_INPUT,
                       "'%s' holds one label only ('%s'): there is nothing to "
                       "tell apart; name the right column with --label",
                       dataset_path(spec->dataset, SPLIT_TRAIN), dataset_label(spec->dataset, 0));
    bool needs = s->early_stopping_patience > 0 || s->load_best_model_at_end;
    if (needs && !dataset_split_rows(spec->dataset, SPLIT_VALIDATION))
        return err_set(err, ERR_USAGE, "%s needs validation rows; give --validation",
                       s->early_stopping_patience > 0 ? "early_stopping_patience"
                                                      : "load_best_model_at_end");
    return settings_check_problem(s, problem, err);
}

/* The data must be what the run began with. */
static int check_data(const struct run_info *info, const struct dataset *d, struct err *err)
{
    for (enum split s = 0; s < SPLIT_COUNT; s++) {
        const char *path = dataset_path(d, s), *now = path ? dataset_sha256(d, s) : "";
        if (!strcmp(now, info->sha256[s]))
            continue;
        if (!path || !info->sha256[s][0])
            return err_set(err, ERR_INPUT, "the run %s a %s file; resume it with the files it has",
                           path ? "had not" : "had", split_name(s));
        return err_set(err, ERR_INPUT,
                       "'%.200s' has changed since the run began: its SHA-256 was "
                       "%.12s... and is %.12s...; put the old file back, or start a new run",
                       path, info->sha256[s], now);
    }
    return 0;
}

static int open_resumed(struct trainer *t, const struct trainer_spec *spec, struct err *err)
{
    struct run_info info;
    if (!spec->out)
        return err_set(err, ERR_USAGE, "a resume needs the run's directory");
    if (run_info_read(&info, spec->out, err) || check_data(&info, spec->dataset, err))
        return -1;
    snprintf(t->rundir, sizeof t->rundir, "%s", spec->out);
    snprintf(t->model_dir, sizeof t->model_dir, "%s", info.model);
    snprintf(t->created, sizeof t->created, "%s", info.created);
    snprintf(t->pinned_kernels, sizeof t->pinned_kernels, "%s", info.kernel_set);
    t->resume_learning_rate = spec->settings.learning_rate;
    t->settings = info.settings;
    return class_weights_parse(t->settings.class_weights, t->dataset, &t->class_weight, err);
}

static int open_new(struct trainer *t, const struct trainer_spec *spec, struct err *err)
{
    char name[96];
    t->settings = spec->settings;
    t->settings.problem_type = dataset_problem(spec->dataset);
    t->resume_learning_rate = NAN;
    if (class_weights_parse(t->settings.class_weights, t->dataset, &t->class_weight, err))
        return -1;
    snprintf(t->model_dir, sizeof t->model_dir, "%s", spec->model_dir);
    run_timestamp(t->created);
    run_name(name, sizeof name, dataset_path(spec->dataset, SPLIT_TRAIN), spec->model_dir);
    return run_create(t->rundir, sizeof t->rundir, spec->out, spec->workspace, name, err);
}

/* Records are numbered on from the newest anyone may have seen. */
static uint64_t first_seq(const struct trainer *t)
{
    char path[4096];
    uint64_t newest = 0;
    if (!t->resume || file_join(path, sizeof path, t->rundir, "metrics.ring", NULL))
        return 1;
    struct ring *old = ring_attach(path, NULL);
    if (old)
        newest = ring_newest(old);
    ring_close(old);
    struct checkpoint_state s;
    int64_t step = checkpoint_newest(t->rundir);
    if (step >= 0 && !checkpoint_read_state(t->rundir, step, &s, NULL) && s.last_seq > newest)
        newest = s.last_seq;
    return newest + 1;
}

void trainer_tell_plan(struct trainer *t, const struct order *o)
{
    struct trainer_view *v = &t->teller.view;
    v->total_steps = o->total_steps;
    v->epochs = (double)o->total_steps / (double)o->steps_per_epoch;
}

/* Before the run is prepared, where the tokens are known or not needed. */
static void plan_early(struct trainer *t)
{
    struct order o;
    if (t->settings.max_tokens_per_batch && !t->given_encoded)
        return;
    if (order_init(&o, dataset_split_list(t->dataset, SPLIT_TRAIN),
                   dataset_split_rows(t->dataset, SPLIT_TRAIN), t->given_encoded, &t->settings,
                   NULL))
        return;
    trainer_tell_plan(t, &o);
    order_clear(&o);
}

static void fill_view(struct trainer *t)
{
    struct trainer_view *v = &t->teller.view;
    size_t n;
    const char *name = run_base_name(t->rundir, &n);
    v->state = TRAINER_IDLE;
    v->pid = (int32_t)getpid();
    v->started_us = clock_wall_us();
    v->settings = t->settings;
    v->best_metric = NAN;
    v->seconds_left = -1;
    v->problem = dataset_problem(t->dataset);
    v->labels = dataset_labels(t->dataset);
    for (enum split s = 0; s < SPLIT_COUNT; s++)
        v->rows[s] = dataset_split_rows(t->dataset, s);
    plan_early(t);
    snprintf(v->run_name, sizeof v->run_name, "%.*s", (int)n, name);
}

static int start_thread(struct trainer *t, struct err *err)
{
    int rc = thread_start(&t->thread, thread_main, t);
    return rc ? err_set(err, ERR_NOMEM, "cannot start the trainer's thread: %s", strerror(rc)) : 0;
}

static void free_all(struct trainer *t)
{
    evaluator_destroy(t->evaluator);
    learner_destroy(t->learner);
    features_destroy(t->features);
    order_clear(&t->order);
    journal_clear(&t->journal);
    metrics_clear(&t->validation);
    metrics_clear(&t->test);
    free(t->class_weight);
    encoded_destroy(t->own_encoded);
    tokenizer_close(t->tokenizer);
    model_close(t->model);
    compute_destroy(t->compute);
    control_queue_close(t->queue);
    teller_close(&t->teller);
    for (size_t i = 0; i < sizeof t->columns / sizeof *t->columns; i++)
        free(t->columns[i]);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->end);
    free(t);
}

struct trainer *trainer_start(const struct trainer_spec *spec, struct err *err)
{
    struct trainer *t = mem_alloc(1, sizeof *t, "the trainer", err);
    bool made = false;
    if (!t)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&t->lock, NULL);
    t->dataset = spec->dataset;
    t->given_encoded = spec->encoded;
    t->data_spec = *spec->data_spec;
    t->resume = spec->resume;
    t->accept_other_kernels = spec->accept_other_kernels;
    t->evaluate_test = spec->evaluate_test && dataset_split_rows(spec->dataset, SPLIT_TEST);
    t->validation_step = -1;
    if (copy_columns(t, err) || (!t->resume && check_spec(spec, err)))
        goto fail;
    if ((t->resume ? open_resumed : open_new)(t, spec, err))
        goto fail;
    made = !t->resume;
    fill_view(t);
    t->queue = control_queue_create(t->rundir, err);
    if (!t->queue || teller_open(&t->teller, t->rundir, first_seq(t), err) || start_thread(t, err))
        goto fail;
    return t;
fail:
    if (made)
        file_remove_tree(t->rundir, NULL);
    free_all(t);
    return NULL;
}

const char *trainer_rundir(const struct trainer *t)
{
    return t->rundir;
}

bool trainer_wait(struct trainer *t, int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000)
        until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&t->lock);
    for (int rc = 0; !t->ended && !rc;)
        rc = wait_ms < 0 ? pthread_cond_wait(&t->end, &t->lock)
                         : pthread_cond_timedwait(&t->end, &t->lock, &until);
    bool ended = t->ended;
    pthread_mutex_unlock(&t->lock);
    return ended;
}

const struct trainer_result *trainer_result(const struct trainer *t)
{
    return &t->result;
}

int trainer_finish(struct trainer *t, struct err *err)
{
    if (!t)
        return 0;
    atomic_store(&t->stop_asked, 1);
    pthread_join(t->thread, NULL);
    int rc = 0;
    if (t->failure.code) {
        if (err)
            *err = t->failure;
        rc = -1;
    }
    free_all(t);
    return rc;
}
