#include "engine/train/trainer_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"
#include "engine/math/cpu.h"
#include "engine/model/weight_files.h"
#include "engine/train/run.h"
#include "engine/train/schedule.h"

static int open_model(struct trainer *t, struct err *err)
{
    size_t labels = dataset_labels(t->dataset);
    const char **names = mem_alloc(labels, sizeof *names, "labels", err);
    if (!names)
        return -1;
    for (size_t k = 0; k < labels; k++)
        names[k] = dataset_label(t->dataset, (int32_t)k);
    const struct head_spec head = {.labels = labels,
                                   .label_names = names,
                                   .problem = dataset_problem(t->dataset),
                                   .pooling = t->settings.pooling,
                                   .seed = (uint64_t)t->settings.seed,
                                   .dropout = t->settings.dropout};
    t->model = model_open(t->model_dir, &head, t->compute, err);
    free(names);
    if (!t->model)
        return -1;
    return model_prepare_training(t->model, t->settings.tune, (size_t)t->settings.freeze_layers,
                                  err);
}

static void count_params(struct trainer *t)
{
    const struct param_counts n = model_count_params(t->model);
    struct trainer_view *v = &t->teller.view;
    v->params = n.all;
    v->params_trained = n.trained;
    v->params_new = n.fresh;
    teller_publish(&t->teller);
}

/* Notices are lines; each becomes a warning of its own. */
static void tell_notices(struct trainer *t)
{
    char line[320];
    compute_notice(t->compute, line, sizeof line);
    if (line[0])
        teller_warn(&t->teller, line);
    if (t->resume && strcmp(t->teller.view.kernels, t->pinned_kernels)) {
        snprintf(line, sizeof line, "other kernels accepted: %.120s", t->teller.view.kernels);
        teller_warn(&t->teller, line);
    }
    if (!t->resume && *dataset_ground(t->dataset)) {
        snprintf(line, sizeof line, "problem_type %s: %s",
                 problem_name(dataset_problem(t->dataset)), dataset_ground(t->dataset));
        teller_warn(&t->teller, line);
    }
    for (const char *at = model_notice(t->model); *at;) {
        size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        teller_warn(&t->teller, line);
        at += n + (at[n] == '\n');
    }
}

/* The bytes of a run depend on the kernels, so a resume uses the same ones or says why not. */
static int check_kernels(struct trainer *t, struct err *err)
{
    char now[160];
    compute_kernel_set(t->compute, now, sizeof now);
    snprintf(t->teller.view.kernels, sizeof t->teller.view.kernels, "%s", now);
    if (!t->resume || !strcmp(now, t->pinned_kernels))
        return 0;
    if (!t->accept_other_kernels)
        return err_set(err, ERR_UNSUPPORTED,
                       "the run was made with other kernels: '%s' then, '%s' "
                       "here; its numbers would differ. Resume it on such a machine, or add "
                       "--accept-other-kernels",
                       t->pinned_kernels, now);
    return run_accept_kernels(t->rundir, now, err);
}

/* What run.json says of the model's weights must still hold: what is frozen is not in a checkpoint,
 * and the tokenizer comes from there too. */
static int check_model(const struct trainer *t, const char *now, struct err *err)
{
    char path[4096];
    const char *then;
    if (file_join(path, sizeof path, t->rundir, "run.json", err))
        return -1;
    cJSON *root = json_read(path, err);
    if (!root)
        return -1;
    int rc = json_get_string(root, "model_sha256", &then, path, err);
    if (!rc && strcmp(then, now))
        rc = err_set(
            err, ERR_INPUT,
            "the model in '%.200s' has changed since the run began: its "
            "SHA-256 was %.12s... and is %.12s...; put the old one back, or start a new run",
            t->model_dir, then, now);
    cJSON_Delete(root);
    return rc;
}

static int write_or_check_json(struct trainer *t, struct err *err)
{
    if (weight_files_sha256(t->model_dir, t->model_sha256, err))
        return -1;
    if (t->resume)
        return check_model(t, t->model_sha256, err);
    const struct run_facts facts = {.rundir = t->rundir,
                                    .created = t->created,
                                    .model_dir = t->model_dir,
                                    .model_sha256 = t->model_sha256,
                                    .dataset = t->dataset,
                                    .data_spec = &t->data_spec,
                                    .settings = &t->settings,
                                    .cpu = cpu_detect()->name,
                                    .kernel_set = t->teller.view.kernels};
    return run_write_json(&facts, err);
}

/* Say now what would else be said after an hour: room for two checkpoints, the one being written,
 * and the result. */
static int check_space(const struct trainer *t, struct err *err)
{
    struct statvfs fs;
    const struct trainer_view *v = &t->teller.view;
    uint64_t copies = t->settings.optim == OPTIM_ADAMW ? 3 : 1;
    uint64_t need = sizeof(float) * (3 * copies * v->params_trained + v->params) + (4 << 20);
    if (statvfs(t->rundir, &fs))
        return 0; /* a file system that cannot say may still have room */
    uint64_t there = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (there >= need)
        return 0;
    return err_set(err, ERR_NOSPACE,
                   "'%.200s': the run's checkpoints and model need %llu MB and %llu "
                   "MB are free; make room, or name another place with --out",
                   t->rundir, (unsigned long long)(need >> 20), (unsigned long long)(there >> 20));
}

static int encode_rows(struct trainer *t, struct err *err)
{
    size_t max_length = (size_t)t->settings.max_length;
    if (max_length > model_max_length(t->model))
        max_length = model_max_length(t->model);
    t->tokenizer = tokenizer_open(t->model_dir, err);
    if (!t->tokenizer)
        return -1;
    if (t->given_encoded && t->given_encoded->max_length == max_length) {
        t->encoded = t->given_encoded;
        return 0;
    }
    teller_phase(&t->teller, "tokenising");
    t->own_encoded = encode_dataset(t->dataset, t->tokenizer, max_length, t->compute->pool,
                                    (const _Atomic int *)&t->stop_asked, err);
    t->encoded = t->own_encoded;
    return t->encoded ? 0 : -1;
}

/* Nowhere to keep features is no reason not to train. */
static void tell_not_kept(struct trainer *t, const struct err *why)
{
    char line[320];
    snprintf(line, sizeof line, "the features are not kept for the next run: %.240s", why->text);
    teller_warn(&t->teller, line);
}

static int make_features(struct trainer *t, struct err *err)
{
    const struct features_origin origin = {.model_dir = t->model_dir,
                                           .weights_sha256 = t->model_sha256,
                                           .kernels = t->teller.view.kernels,
                                           .pooling = model_pooling(t->model),
                                           .encoded = t->encoded};
    struct features_store store;
    struct err why;
    int there = features_store_init(&store, &origin, dataset_rows(t->dataset),
                                    model_feature_width(t->model), &why);
    if (there < 0)
        tell_not_kept(t, &why);
    t->features = features_create(t->model, t->dataset, t->encoded, there > 0 ? &store : NULL, err);
    if (!t->features)
        return -1;
    if (features_found(t->features)) {
        char line[120];
        snprintf(line, sizeof line,
                 "features of %zu rows are those of an earlier run; SFT_FEATURES=off computes anew",
                 features_found(t->features));
        teller_warn(&t->teller, line);
    }
    return 0;
}

static int make_means(struct trainer *t, struct err *err)
{
    if (t->settings.tune == TUNE_HEAD && make_features(t, err))
        return -1;
    const uint32_t *rows = dataset_split_list(t->dataset, SPLIT_TRAIN);
    size_t count = dataset_split_rows(t->dataset, SPLIT_TRAIN);
    if (order_init(&t->order, rows, count, t->encoded, &t->settings, err))
        return -1;
    trainer_tell_plan(t, &t->order);
    t->warmup = schedule_warmup(t->settings.warmup_steps, t->order.total_steps);
    best_init(&t->best, &t->settings);
    const struct learner_spec spec = {.model = t->model,
                                      .compute = t->compute,
                                      .dataset = t->dataset,
                                      .encoded = t->encoded,
                                      .features = t->features,
                                      .settings = &t->settings,
                                      .class_weight = t->class_weight,
                                      .order = &t->order};
    t->learner = learner_create(&spec, err);
    if (!t->learner)
        return -1;
    t->evaluator = evaluator_create(t->model, t->dataset, t->encoded, t->features, err);
    return t->evaluator ? 0 : -1;
}

/* Of the rows the rest of the run will see. */
static int compute_features(struct trainer *t, struct err *err)
{
    if (!t->features || t->step == t->order.total_steps)
        return 0;
    struct watch watch = trainer_watch(t);
    for (enum split s = SPLIT_TRAIN; s <= SPLIT_VALIDATION; s++)
        if (features_compute(t->features, dataset_split_list(t->dataset, s),
                             dataset_split_rows(t->dataset, s), &watch, err))
            return -1;
    struct err not_kept = features_not_kept(t->features);
    if (not_kept.code)
        tell_not_kept(t, &not_kept);
    return 0;
}

/* From a checkpoint back to the moment it was written. */
static int restore(struct trainer *t, int64_t step, struct err *err)
{
    struct checkpoint_state s;
    if (checkpoint_read_state(t->rundir, step, &s, err) ||
        checkpoint_read(t->rundir, step, learner_tensors(t->learner), true, err))
        return -1;
    t->step = t->saved_step = s.step;
    t->evaluated_step = s.evaluated_step;
    t->tokens = s.tokens;
    t->seconds = s.seconds;
    t->loss_sum = s.loss_sum;
    t->loss_weight = s.loss_weight;
    t->settings.learning_rate = s.learning_rate;
    t->best.value = s.best_metric;
    t->best.step = s.best_step;
    t->best.without_gain = s.evaluations_without_gain;
    struct trainer_view *v = &t->teller.view;
    v->step = s.step;
    v->tokens = s.tokens;
    v->epoch = order_epochs_done(&t->order, s.step);
    v->best_metric = s.best_metric;
    v->best_step = s.best_step;
    v->settings = t->settings;
    teller_publish(&t->teller);
    return 0;
}

/* A learning rate given with --resume is an edit like any other. It comes after all those the
 * journal holds, since it was asked for later. It has no command; a number no command has tells it
 * from a replay. */
static int take_resume_edit(struct trainer *t, struct err *err)
{
    struct record rec;
    char text[32];
    if (isnan(t->resume_learning_rate))
        return 0;
    snprintf(text, sizeof text, "%.17g", t->resume_learning_rate);
    if (trainer_make_edit(t, "learning_rate", text, &rec, err))
        return -1;
    rec.step = journal_last_step(&t->journal, t->step);
    rec.as.edit.command = INT64_MAX;
    if (teller_commit(&t->teller, &rec, err))
        return -1;
    journal_clear(&t->journal);
    return journal_load(&t->journal, t->rundir, t->step, err);
}

static int restore_if_resumed(struct trainer *t, int64_t checkpoint, struct err *err)
{
    if (!t->resume)
        return 0;
    if (checkpoint >= 0 && restore(t, checkpoint, err))
        return -1;
    return journal_load(&t->journal, t->rundir, t->step, err) || take_resume_edit(t, err) ? -1 : 0;
}

int trainer_prepare(struct trainer *t, struct err *err)
{
    int64_t checkpoint = t->resume ? checkpoint_newest(t->rundir) : -1;
    int64_t resume_step = t->resume && checkpoint < 0 ? 0 : checkpoint;
    teller_phase(&t->teller, "loading the model");
    t->compute = compute_create((int)t->settings.threads, err);
    if (!t->compute)
        return -1;
    if (t->resume)
        compute_follow(t->compute, t->pinned_kernels);
    /* A resumed run is held to its kernels, not to today's speed. */
    if (t->settings.bf16 && compute_use_bf16(t->compute, !t->resume, err))
        return -1;
    if (open_model(t, err))
        return -1;
    count_params(t);
    if (check_kernels(t, err) || write_or_check_json(t, err) || check_space(t, err))
        return -1;
    /* Only now that nothing refuses the run any more: rows after the checkpoint are superseded. */
    t->teller.recorder = recorder_start(t->rundir, resume_step, err);
    if (!t->teller.recorder)
        return -1;
    tell_notices(t);
    if (encode_rows(t, err) || make_means(t, err) || restore_if_resumed(t, checkpoint, err))
        return -1;
    return compute_features(t, err);
}
