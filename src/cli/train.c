/* train.c - `sft train`: the same trainer as the workbench's, watched through the same control.
 *
 * Everything a user can get wrong is found before the first line is printed, so that an error is
 * one line. A wish to stop (stop.h) is passed on to the trainer, which saves; the second kills, and
 * what was saved stays whole. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/data_options.h"
#include "cli/preamble.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/stop.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/train/checkpoint.h"
#include "engine/train/control.h"
#include "engine/train/estimate.h"
#include "engine/train/history.h"
#include "engine/train/run.h"
#include "engine/train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct train {
    struct data_options data;
    const char *model, *config, *out, *workspace, *resume;
    bool dry_run, json, accept_other_kernels;
    double begin; /* clock_monotonic() */

    struct run_info *run; /* of --resume */
    struct settings settings;
    struct dataset_spec spec;
    struct dataset *dataset;
    struct tokenizer *tokenizer;
    struct encoded *encoded;
    struct gate *gate;
};

/* ---- what was asked for ---- */

static int read_config(struct train *c, struct err *err)
{
    cJSON *object = json_read(c->config, err);
    if (!object)
        return err_wrap(err, "--config");
    int rc = settings_from_json(&c->settings, object, c->config, err);
    cJSON_Delete(object);
    return rc;
}

static int ask_new(struct train *c, const struct args *a, struct err *err)
{
    if (!c->model)
        return err_set(err, ERR_USAGE,
                       "sft train needs --model DIR, a Hugging Face model directory");
    if (!c->data.train)
        return err_set(err, ERR_USAGE, "sft train needs --train FILE");
    if (c->out && !file_is_free(c->out))
        return err_set(err, ERR_USAGE,
                       "--out '%.200s' exists and is not an empty directory; name a "
                       "new one, or go on with it by --resume",
                       c->out);
    if (c->config && read_config(c, err))
        return -1;
    if (args_apply_settings(a, &c->settings, err) || settings_resolve(&c->settings, err))
        return -1;
    if (data_options_resolve(&c->data, &c->spec, err))
        return -1;
    c->spec.split_seed = (uint64_t)c->settings.split_seed;
    c->spec.problem = c->settings.problem_type;
    return 0;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static int refuse_with_resume(const struct train *c, const struct args *a, struct err *err)
{
    const struct data_options *d = &c->data;
    if (c->model || c->config || c->out || d->train || d->validation || d->test || d->text ||
        d->label || d->label_separator || d->format || d->header)
        return err_set(err, ERR_USAGE,
                       "--resume takes the model, the data and the settings of the "
                       "run; leave the other flags out");
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].setting->when != SETTING_LIVE)
            return err_set(err, ERR_USAGE, "--%s cannot change on resume; start a new run with it",
                           a->given[i].setting->name);
    return 0;
}

/* A run goes on with what it began with; a learning_rate given now is an edit. */
static int ask_resume(struct train *c, const struct args *a, struct err *err)
{
    c->run = mem_alloc(1, sizeof *c->run, "run.json", err);
    if (!c->run || refuse_with_resume(c, a, err) || run_info_read(c->run, c->resume, err))
        return -1;
    c->settings = c->run->settings;
    c->settings.learning_rate = NAN;
    if (args_apply_settings(a, &c->settings, err))
        return -1;
    c->model = c->run->model;
    for (enum split s = 0; s < SPLIT_COUNT; s++)
        c->spec.files[s] = or_null(c->run->files[s]);
    c->spec.text_column = or_null(c->run->text_column);
    c->spec.pair_column = or_null(c->run->pair_column);
    c->spec.label_column = or_null(c->run->label_column);
    c->spec.label_separator = or_null(c->run->label_separator);
    c->spec.problem = c->run->settings.problem_type;
    c->spec.format = c->run->format;
    c->spec.header = c->run->header;
    c->spec.split_seed = (uint64_t)c->settings.split_seed;
    c->spec.split_lone_train = true;
    return 0;
}

/* ---- what the data are ---- */

static int open_data(struct train *c, struct err *err)
{
    size_t max_length;
    if (trainer_max_length(c->model, &c->settings, &max_length, err))
        return -1;
    c->dataset = trainer_open_dataset(c->model, &c->spec, err);
    if (!c->dataset || settings_check_problem(&c->settings, dataset_problem(c->dataset), err))
        return -1;
    c->tokenizer = tokenizer_open(c->model, err);
    if (!c->tokenizer)
        return -1;
    struct pool *pool =
        pool_create(c->settings.threads ? (int)c->settings.threads : pool_cores(), err);
    if (!pool)
        return -1;
    c->encoded = encode_dataset(c->dataset, c->tokenizer, max_length, pool, NULL, err);
    pool_destroy(pool);
    if (!c->encoded)
        return -1;
    c->gate = gate_run(c->dataset, c->encoded, err);
    return c->gate ? 0 : -1;
}

static void clear(struct train *c)
{
    gate_destroy(c->gate);
    encoded_destroy(c->encoded);
    tokenizer_close(c->tokenizer);
    dataset_close(c->dataset);
    free(c->run);
}

static const char *dataset_name(const void *dataset, size_t id)
{
    return dataset_label(dataset, (int32_t)id);
}

/* ---- the run ---- */

/* True once nothing can fail any more that a user could have known before. */
static bool is_under_way(const struct trainer_view *v)
{
    if (v->state == TRAINER_PREPARING)
        return v->params && strcmp(v->phase, "loading the model");
    return v->state != TRAINER_IDLE && v->state != TRAINER_FAILED && v->params;
}

struct watching {
    const struct train *c;
    struct control *control;
    struct progress progress;
    bool introduced, stop_posted;
};

static void drain_records(struct watching *w)
{
    struct record r[64];
    uint64_t lost = 0;
    for (size_t n; (n = control_read(w->control, r, 64, &lost)) > 0;)
        for (size_t i = 0; i < n; i++)
            progress_record(&w->progress, &r[i]);
}

static void look(struct watching *w)
{
    struct trainer_view v;
    control_snapshot(w->control, &v);
    if (!w->introduced && is_under_way(&v)) {
        const struct preamble p = {.model_dir = w->c->model,
                                   .rundir = control_rundir(w->control),
                                   .dataset = w->c->dataset,
                                   .encoded = w->c->encoded,
                                   .gate = w->c->gate,
                                   .view = &v};
        preamble_print(stderr, &p);
        w->introduced = true;
    }
    if (w->introduced) {
        drain_records(w);
        if (!trainer_state_is_end(v.state))
            progress_view(&w->progress, &v);
    }
    if (stop_wanted() && !w->stop_posted) {
        const struct command stop = {.kind = COMMAND_STOP};
        progress_clear(&w->progress);
        fprintf(stderr, "stopping and saving; once more kills\n");
        w->stop_posted = !control_post(w->control, &stop, NULL, NULL);
    }
}

static int watch_run(const struct train *c, struct trainer *t, struct trainer_view *end,
                     struct err *err)
{
    struct watching w = {.c = c};
    w.control = control_open(trainer_rundir(t), CONTROL_HOLD, err);
    if (!w.control)
        return -1;
    progress_init(&w.progress);
    for (bool ended = false; !ended;) {
        ended = trainer_wait(t, 50);
        look(&w);
    }
    progress_clear(&w.progress);
    control_snapshot(w.control, end);
    control_close(w.control);
    return 0;
}

/* ---- what came out ---- */

static int print_json(const struct train *c, const char *run, const struct trainer_result *r,
                      struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    struct rusage usage;
    const struct report_labels names = {dataset_name, c->dataset};
    getrusage(RUSAGE_SELF, &usage);
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "run");
    json_string(&w, run);
    json_key(&w, "steps");
    json_int(&w, r->steps);
    json_key(&w, "epochs");
    json_double(&w, r->epochs);
    json_key(&w, "seconds");
    json_double(&w, clock_monotonic() - c->begin);
    json_key(&w, "tokens");
    json_int(&w, (int64_t)r->tokens);
    json_key(&w, "tokens_per_second");
    json_double(&w, r->tokens_per_second);
    json_key(&w, "train_loss");
    json_double(&w, r->train_loss);
    json_key(&w, "validation");
    report_json(&w, r->validation, names);
    json_key(&w, "test");
    report_json(&w, r->test, names);
    json_key(&w, "peak_rss_mb");
    json_double(&w, (double)usage.ru_maxrss / 1024.0);
    json_key(&w, "weights_sha256");
    json_string(&w, r->weights_sha256);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

static int print_text(const struct train *c, const char *run, const struct trainer_result *r,
                      struct err *err)
{
    char took[32];
    const struct report_labels names = {dataset_name, c->dataset};
    cli_format_duration(took, sizeof took, clock_monotonic() - c->begin);
    printf("%lld steps, %.4g epochs in %s; %.0f tokens/s; mean loss of the last epoch %.4f\n",
           (long long)r->steps, r->epochs, took, r->tokens_per_second, r->train_loss);
    printf("model     %s/model\nsha256    %s\n\n", run, r->weights_sha256);
    if (r->test)
        report_text(stdout, "test", r->test, names);
    else if (r->validation)
        report_text(stdout, "validation", r->validation, names);
    return cli_flush("the report", err);
}

static int report(const struct train *c, struct trainer *t, const struct trainer_view *end,
                  struct err *err)
{
    const char *run = trainer_rundir(t);
    if (end->state == TRAINER_STOPPED && !end->step)
        return err_set(err, ERR_CANCELLED, "stopped before the first step; nothing was kept");
    if (end->state == TRAINER_STOPPED)
        fprintf(stderr, "stopped after step %lld; sft train --resume %s goes on from there\n",
                (long long)end->step, run);
    return (c->json ? print_json : print_text)(c, run, trainer_result(t), err);
}

static int run(struct train *c, struct err *err)
{
    const struct trainer_spec spec = {.model_dir = c->model,
                                      .dataset = c->dataset,
                                      .data_spec = &c->spec,
                                      .encoded = c->encoded,
                                      .settings = c->settings,
                                      .out = c->resume ? c->resume : c->out,
                                      .workspace = c->workspace,
                                      .resume = c->resume != NULL,
                                      .accept_other_kernels = c->accept_other_kernels,
                                      .evaluate_test = c->spec.files[SPLIT_TEST] != NULL};
    struct trainer_view end;
    stop_catch_signals();
    struct trainer *t = trainer_start(&spec, err);
    if (!t)
        return -1;
    int rc = watch_run(c, t, &end, err);
    if (!rc && end.state != TRAINER_FAILED)
        rc = report(c, t, &end, err);
    struct err failure;
    if (trainer_finish(t, &failure)) {
        *err = failure;
        rc = -1;
    }
    return rc;
}

/* ---- a dry run ---- */

static int64_t steps_behind(const struct train *c)
{
    int64_t newest = c->resume ? checkpoint_newest(c->resume) : 0;
    return newest > 0 ? newest : 0;
}

static int fill_view(const struct train *c, struct trainer_view *v, struct estimate *e,
                     struct err *err)
{
    struct pace pace = {0};
    memset(v, 0, sizeof *v);
    v->settings = c->settings;
    v->settings.problem_type = dataset_problem(c->dataset);
    if (c->run && isnan(v->settings.learning_rate))
        v->settings.learning_rate = c->run->settings.learning_rate;
    const struct estimate_ask ask = {.model_dir = c->model,
                                     .dataset = c->dataset,
                                     .encoded = c->encoded,
                                     .settings = &v->settings,
                                     .resumed = c->run != NULL,
                                     .tests = c->spec.files[SPLIT_TEST] != NULL,
                                     .done = steps_behind(c)};
    if (estimate_run(&ask, &pace, e, err))
        return -1;
    v->total_steps = e->steps;
    v->epochs = e->epochs;
    v->params = e->params;
    v->params_trained = e->params_trained;
    v->params_new = e->params_new;
    snprintf(v->kernels, sizeof v->kernels, "%s", e->kernels);
    return 0;
}

static int print_plan_json(const struct preamble *p, const struct estimate *e, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    const struct trainer_view *v = p->view;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "run");
    json_string(&w, p->rundir);
    json_key(&w, "steps");
    json_int(&w, v->total_steps);
    json_key(&w, "epochs");
    json_double(&w, v->epochs);
    for (enum split s = 0; s < SPLIT_COUNT; s++) {
        char key[32];
        snprintf(key, sizeof key, "%s_rows", split_name(s));
        json_key(&w, key);
        json_int(&w, (int64_t)dataset_split_rows(p->dataset, s));
    }
    json_key(&w, "labels");
    json_int(&w, (int64_t)dataset_labels(p->dataset));
    json_key(&w, "truncated");
    json_int(&w, (int64_t)p->encoded->truncated);
    json_key(&w, "parameters");
    json_int(&w, (int64_t)v->params);
    json_key(&w, "parameters_trained");
    json_int(&w, (int64_t)v->params_trained);
    json_key(&w, "estimated_seconds");
    json_double(&w, e->seconds);
    json_key(&w, "estimated_peak_rss_mb");
    json_double(&w, e->peak_bytes / 1048576.0);
    json_key(&w, "settings");
    settings_to_json(&v->settings, &w);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

static int dry_run(const struct train *c, struct err *err)
{
    struct trainer_view v;
    struct estimate e;
    char name[96], rundir[4096], takes[32];
    if (fill_view(c, &v, &e, err))
        return -1;
    run_name(name, sizeof name, dataset_path(c->dataset, SPLIT_TRAIN), c->model);
    snprintf(rundir, sizeof rundir, "%.2000s/runs/%s", c->workspace ? c->workspace : ".", name);
    const struct preamble p = {.model_dir = c->model,
                               .rundir = c->resume ? c->resume
                                         : c->out  ? c->out
                                                   : rundir,
                               .dataset = c->dataset,
                               .encoded = c->encoded,
                               .gate = c->gate,
                               .view = &v};
    if (c->json)
        return print_plan_json(&p, &e, err);
    preamble_print(stdout, &p);
    cli_format_duration(takes, sizeof takes, e.seconds);
    printf("estimate  %s, %.0f MB of memory; a step %.3g s, as this machine is now\n", takes,
           e.peak_bytes / 1048576.0, e.step_seconds);
    puts("dry run   nothing was written");
    return cli_flush("the plan", err);
}

int cli_train(int argc, char **argv)
{
    struct train c = {.begin = clock_monotonic()};
    struct err err;
    int status;
    const struct arg table[] = {
        {"model", ARG_TEXT, &c.model, "DIR", "the pretrained model, a Hugging Face directory"},
        DATA_ARGS_FILES(&c.data),
        DATA_ARGS_SHORT_COLUMNS(&c.data),
        DATA_ARGS_COLUMNS(&c.data),
        DATA_ARGS_FORMAT(&c.data),
        {"config", ARG_TEXT, &c.config, "FILE", "settings as a JSON object; flags beat it"},
        {"out", ARG_TEXT, &c.out, "RUNDIR", "the run's directory, new or empty (runs/<date>...)"},
        {"workspace", ARG_TEXT, &c.workspace, "DIR", "where runs/ is (the current directory)"},
        {"resume", ARG_TEXT, &c.resume, "RUNDIR", "go on with a run as if it had never stopped"},
        {"accept-other-kernels", ARG_FLAG, &c.accept_other_kernels, NULL,
         "resume although this machine computes with other kernels"},
        {"dry-run", ARG_FLAG, &c.dry_run, NULL, "say what would be done and write nothing"},
        {"json", ARG_FLAG, &c.json, NULL, "the result as one JSON object"},
    };
    struct args a = {.command = "train",
                     .usage = "--model DIR --train FILE [--test FILE] [OPTION]...",
                     .summary = "Fine-tune a pretrained model on labelled rows.",
                     .table = table,
                     .count = sizeof table / sizeof table[0],
                     .takes_settings = true};
    settings_defaults(&c.settings);
    if (cli_begin(&a, argc, argv, &status))
        return status;
    int rc = a.positional_count ? err_set(&err, ERR_USAGE,
                                          "'%.60s' is no option of sft train; see sft train --help",
                                          a.positional[0])
                                : (c.resume ? ask_resume : ask_new)(&c, &a, &err);
    if (!rc)
        rc = open_data(&c, &err);
    if (!rc)
        rc = c.dry_run ? dry_run(&c, &err) : run(&c, &err);
    clear(&c);
    return rc ? cli_fail(&err) : 0;
}
