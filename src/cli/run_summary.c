#include "cli/run_summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/train/control.h"

int run_find(char *rundir, size_t size, const char *workspace, const char *run, struct err *err)
{
    char runs[4096], file[4096 + 16];
    if (file_join(rundir, size, run, "run.json", err))
        return -1;
    if (file_exists(rundir) || strchr(run, '/')) {
        if (strlen(run) >= size)
            return err_set(err, ERR_IO, "the path '%.200s...' is too long", run);
        strcpy(rundir, run);
        return 0;
    }
    if (file_join(runs, sizeof runs, workspace, "runs", err) ||
        file_join(rundir, size, runs, run, err) ||
        file_join(file, sizeof file, rundir, "run.json", err))
        return -1;
    if (!file_exists(file))
        return err_set(err, ERR_INPUT, "no run '%.200s' in '%.200s'; sft runs lists them", run,
                       runs);
    return 0;
}

/* What a run without a result has come to, from its records. */
static void gather(struct run_summary *s, enum trainer_state *last)
{
    struct run_result *r = &s->result;
    for (size_t i = 0; i < s->count; i++) {
        const struct record *rec = &s->records[i];
        if (rec->kind == RECORD_STEP) {
            r->steps = rec->step;
            r->epochs = rec->as.step_sample.epoch;
            r->seconds += rec->as.step_sample.seconds;
            r->tokens += rec->as.step_sample.tokens;
        } else if (rec->kind == RECORD_STATE) {
            *last = rec->as.state.to;
        } else if (rec->kind == RECORD_EVAL && rec->as.eval.split == SPLIT_VALIDATION) {
            r->has_validation = true;
            r->problem = rec->as.eval.problem;
            r->validation_score = eval_figure(&rec->as.eval, metric_first(r->problem));
            r->validation_accuracy = rec->as.eval.accuracy;
            r->validation_loss = rec->as.eval.loss;
        } else if (rec->kind == RECORD_EVAL && rec->as.eval.split == SPLIT_TEST) {
            r->has_test = true;
            r->problem = rec->as.eval.problem;
            r->test_score = eval_figure(&rec->as.eval, metric_first(r->problem));
            r->test_accuracy = rec->as.eval.accuracy;
            r->test_loss = rec->as.eval.loss;
        }
    }
    if (r->seconds > 0)
        r->tokens_per_second = (double)r->tokens / r->seconds;
    r->train_loss = NAN; /* known only at the end */
}

static int read_history(struct run_summary *s, const char *rundir, bool all, struct err *err)
{
    enum trainer_state last = TRAINER_PREPARING;
    struct history *h = history_open(rundir, err);
    if (!h)
        return -1;
    s->has_result = !history_result(h, &s->result, NULL);
    int rc = all || !s->has_result ? history_records(h, &s->records, &s->count, err) : 0;
    history_close(h);
    if (s->has_result) {
        s->state = trainer_state_name(s->result.state);
        return rc;
    }
    gather(s, &last);
    s->state = trainer_state_is_end(last) || control_is_served(rundir) ? trainer_state_name(last)
                                                                       : "interrupted";
    return rc;
}

static void format_settings(struct run_summary *s)
{
    const struct settings *x = &s->info.settings;
    char wanted[24];
    settings_format(x, settings_find("tune"), s->tune, sizeof s->tune);
    settings_format(x, settings_find("learning_rate"), s->rate, sizeof s->rate);
    settings_format(x, settings_find("epochs"), wanted, sizeof wanted);
    if (x->max_steps == 0 && s->result.epochs >= x->epochs - 1e-9)
        snprintf(s->epochs, sizeof s->epochs, "%s", wanted);
    else /* how far it came */
        snprintf(s->epochs, sizeof s->epochs, "%.3g/%s", s->result.epochs, wanted);
}

int run_summary_read(struct run_summary *s, const char *rundir, bool all, struct err *err)
{
    memset(s, 0, sizeof *s);
    if (run_info_read(&s->info, rundir, err))
        return -1;
    size_t n = strlen(rundir);
    while (n > 1 && rundir[n - 1] == '/')
        n--;
    const char *slash = memrchr(rundir, '/', n - 1), *base = slash ? slash + 1 : rundir;
    snprintf(s->name, sizeof s->name, "%.*s", (int)(rundir + n - base), base);
    if (read_history(s, rundir, all, err)) {
        run_summary_clear(s);
        return -1;
    }
    format_settings(s);
    return 0;
}

void run_summary_clear(struct run_summary *s)
{
    free(s->records);
    s->records = NULL;
    s->count = 0;
}

void run_format_share(char *out, size_t size, bool there, double x)
{
    if (there && !isnan(x))
        snprintf(out, size, "%.4f", x);
    else
        snprintf(out, size, "-");
}

static void key_string(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    if (value && value[0])
        json_string(w, value);
    else
        json_null(w);
}

static void key_double(struct json_writer *w, const char *key, bool there, double x)
{
    json_key(w, key);
    json_double(w, there ? x : (double)NAN); /* NaN is written as null */
}

void run_summary_json(const struct run_summary *s, struct json_writer *w)
{
    const struct run_result *r = &s->result;
    key_string(w, "run", s->name);
    key_string(w, "path", s->info.path);
    key_string(w, "state", s->state);
    key_string(w, "created", s->info.created);
    key_string(w, "model", s->info.model);
    for (enum split k = 0; k < SPLIT_COUNT; k++)
        key_string(w, split_name(k), s->info.files[k]);
    key_string(w, "tune", s->tune);
    key_double(w, "learning_rate", true, s->info.settings.learning_rate);
    json_key(w, "steps");
    json_int(w, r->steps);
    key_double(w, "epochs", true, r->epochs);
    key_double(w, "seconds", true, r->seconds);
    json_key(w, "tokens");
    json_int(w, (int64_t)r->tokens);
    key_double(w, "tokens_per_second", true, r->tokens_per_second);
    key_double(w, "train_loss", true, r->train_loss);
    bool single = r->problem <= PROBLEM_SINGLE_LABEL;
    key_string(w, "problem_type", problem_name(s->info.settings.problem_type));
    key_string(w, "metric", metric_name(metric_first(r->problem)));
    key_double(w, "validation_metric", r->has_validation, r->validation_score);
    key_double(w, "test_metric", r->has_test, r->test_score);
    key_double(w, "validation_accuracy", single && r->has_validation, r->validation_accuracy);
    key_double(w, "validation_loss", r->has_validation, r->validation_loss);
    key_double(w, "test_accuracy", single && r->has_test, r->test_accuracy);
    key_double(w, "test_loss", r->has_test, r->test_loss);
    key_string(w, "weights_sha256", r->weights_sha256);
}
