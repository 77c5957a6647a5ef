/* app_run.c - the run: started here, watched in another process, or opened from the disk. */
#include "ui/app_state.h"

#include "engine/base/mem.h"
#include "ui/load.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void say_answer(struct app *a, const struct record *rec)
{
    const struct answer_sample *answer = &rec->as.answer;
    if (answer->text[0])
        app_say(a, answer->code ? ROLE_BAD : ROLE_GOOD, "%.*s", (int)sizeof answer->text,
                answer->text);
}

static void take_record(struct app *a, const struct record *rec)
{
    if (rec->seq <= a->last_seq)
        return; /* known from run.db */
    a->last_seq = rec->seq;
    run_take(&a->session.run, rec);
    if (rec->kind == RECORD_EVAL && rec->as.eval.id >= 0)
        app_load_inspection(a, rec->as.eval.id, rec->as.eval.split);
    else if (rec->kind == RECORD_ANSWER)
        say_answer(a, rec);
}

static void say_end(struct app *a, const struct err *failed)
{
    const struct run *r = &a->session.run;
    if (failed)
        app_say(a, ROLE_BAD, "the run failed: %s", failed->text);
    else if (r->view.state == TRAINER_FINISHED)
        app_say(a, ROLE_GOOD, "finished: %s   Enter: what it gets wrong", r->rundir);
    else
        app_say(a, ROLE_WARN, "stopped and saved: %s", r->rundir);
}

/* Our trainer has ended: collect it. A watched one is not ours to end. */
static void end_run(struct app *a)
{
    struct err err = {0};
    if (a->trainer) {
        bool failed = trainer_finish(a->trainer, &err) != 0;
        a->trainer = NULL;
        say_end(a, failed ? &err : NULL);
    }
    control_close(a->control);
    a->control = NULL;
    app_ask_again(a);
    app_load_estimate(a);
    session_touch(&a->session, CHANGED_RUN);
}

/* A process that was killed leaves "running" behind. */
static bool is_deserted(const struct app *a)
{
    return !a->trainer && !control_is_served(a->session.run.rundir);
}

void app_poll_run(struct app *a)
{
    struct run *r = &a->session.run;
    struct record records[64];
    struct trainer_view before = r->view;
    uint64_t lost = r->lost;
    size_t n, total = 0;
    app_ask_again(a);
    /* The snapshot first: once it says "ended", every record is in the ring. */
    control_snapshot(a->control, &r->view);
    while ((n = control_read(a->control, records, sizeof records / sizeof records[0], &r->lost))) {
        for (size_t i = 0; i < n; i++)
            take_record(a, &records[i]);
        total += n;
    }
    if (total || r->lost != lost || memcmp(&before, &r->view, sizeof before))
        session_touch(&a->session, CHANGED_RUN);
    if (!trainer_state_is_end(r->view.state) && !a->trainer && is_deserted(a)) {
        r->view.state = TRAINER_STOPPED;
        app_say(a, ROLE_WARN,
                "the process that trained this run is gone; go on with sft train "
                "--resume %s",
                r->rundir);
        end_run(a);
    } else if (trainer_state_is_end(r->view.state) &&
               (!a->trainer || trainer_wait(a->trainer, 0))) {
        end_run(a);
    }
}

void app_close_run(struct app *a)
{
    if (a->trainer)
        trainer_finish(a->trainer, NULL);
    a->trainer = NULL;
    control_close(a->control);
    a->control = NULL;
}

static int check_ready(const struct session *s, struct err *err)
{
    if (session_run_is_active(s))
        return err_set(err, ERR_BUSY, "a training runs already; s stops it");
    if (!s->model_dir[0])
        return err_set(err, ERR_USAGE, "no model to train; start the workbench with --model DIR");
    if (s->load == LOAD_NOTHING)
        return err_set(err, ERR_USAGE,
                       "no data to train on; start the workbench with --train FILE");
    if (s->load == LOAD_FAILED) {
        *err = s->load_error;
        return -1;
    }
    if (s->settings_error[0])
        return err_set(err, ERR_USAGE, "%s", s->settings_error);
    return 0;
}

/* Start a trainer in this process and take its controls. */
static int serve(struct app *a, const struct trainer_spec *spec, struct err *err)
{
    struct trainer *t = trainer_start(spec, err);
    if (!t)
        return -1;
    struct control *c = control_open(trainer_rundir(t), CONTROL_HOLD, err);
    if (!c) {
        trainer_finish(t, NULL);
        return -1;
    }
    a->trainer = t;
    a->control = c;
    a->next_poll = 0;
    return 0;
}

/* The rows were read under other settings than those of the next run. */
static bool is_stale(const struct session *s)
{
    return s->spec.problem != s->settings.problem_type ||
           (s->spec.split_lone_train && s->spec.split_seed != (uint64_t)s->settings.split_seed);
}

bool app_run_take_back(struct app *a)
{
    if (!a->start_when_read)
        return false;
    a->start_when_read = false;
    app_say(a, ROLE_WARN, "taken back: the training does not start");
    return true;
}

int app_run_start(struct app *a, struct err *err)
{
    struct session *s = &a->session;
    if (check_ready(s, err))
        return -1;
    if (s->dataset && is_stale(s)) /* changed while another training ran */
        app_load_data(a);
    a->start_when_read = !s->dataset || s->load == LOAD_READING;
    if (a->start_when_read) {
        app_say(a, ROLE_WARN, "the training starts as soon as the data are read");
        return 0;
    }
    struct trainer_spec spec = {.model_dir = s->model_dir,
                                .dataset = s->dataset,
                                .data_spec = &s->spec,
                                .settings = s->resolved,
                                .workspace = s->workspace[0] ? s->workspace : NULL};
    if (serve(a, &spec, err))
        return -1;
    a->last_seq = 0;
    run_reset(&s->run, RUN_OURS, trainer_rundir(a->trainer));
    app_forget_inspections(a);
    app_poll_run(a);
    session_touch(s, CHANGED_RUN);
    return 0;
}

int app_run_test(struct app *a, struct err *err)
{
    struct session *s = &a->session;
    struct run *r = &s->run;
    if (session_check_test(s, err))
        return -1;
    char rundir[sizeof r->rundir];
    snprintf(rundir, sizeof rundir, "%s", r->rundir);
    struct trainer_spec spec = {.model_dir = s->model_dir,
                                .dataset = s->dataset,
                                .data_spec = &s->spec,
                                .settings = r->view.settings,
                                .out = rundir,
                                .resume = true,
                                .evaluate_test = true};
    spec.settings.learning_rate = NAN; /* no edit: the run stays what it is */
    if (serve(a, &spec, err))
        return -1;
    r->kind = RUN_OURS;
    app_poll_run(a);
    session_touch(s, CHANGED_RUN);
    return 0;
}

int app_run_post(struct app *a, enum command_kind kind, struct err *err)
{
    struct command cmd = {.kind = kind};
    if (!a->control || !session_run_is_active(&a->session))
        return err_set(err, ERR_USAGE, "no training runs");
    if (control_post(a->control, &cmd, NULL, err))
        return -1;
    a->session.run.stopping |= kind == COMMAND_STOP;
    session_touch(&a->session, CHANGED_RUN);
    return 0;
}

/* ---- opening ---- */

static void take_info(struct session *s, const struct run_info *info, struct err *err)
{
    struct dataset_spec spec = {.format = info->format, .header = info->header};
    for (int i = 0; i < SPLIT_COUNT; i++)
        spec.files[i] = info->files[i][0] ? info->files[i] : NULL;
    spec.text_column = info->text_column[0] ? info->text_column : NULL;
    spec.pair_column = info->pair_column[0] ? info->pair_column : NULL;
    spec.label_column = info->label_column[0] ? info->label_column : NULL;
    spec.label_separator = info->label_separator[0] ? info->label_separator : NULL;
    spec.split_lone_train = !spec.files[SPLIT_VALIDATION] && !spec.files[SPLIT_TEST];
    snprintf(s->model_dir, sizeof s->model_dir, "%s", info->model);
    s->settings = info->settings;
    session_resolve(s);
    session_set_spec(s, &spec, err);
}

static void take_result(struct run *r, const struct load_run *l)
{
    struct trainer_view *v = &r->view;
    v->settings = l->info.settings;
    v->problem = l->has_result ? l->result.problem : l->info.settings.problem_type;
    snprintf(v->run_name, sizeof v->run_name, "%s", l->info.name);
    snprintf(v->kernels, sizeof v->kernels, "%s", l->info.kernel_set);
    v->state = l->has_result ? l->result.state : TRAINER_STOPPED;
    v->step = v->total_steps = l->result.steps;
    v->epoch = v->epochs = l->result.epochs;
    v->tokens = l->result.tokens;
    v->tokens_per_second = l->result.tokens_per_second;
    const struct series *loss = &r->series[SERIES_TRAIN_LOSS];
    if (!l->has_result && loss->count)
        v->step = (int64_t)loss->x[loss->count - 1];
}

/* Watch it where a trainer serves it; the ring then brings what is newer than run.db. */
static void watch(struct app *a)
{
    struct err err;
    struct run *r = &a->session.run;
    if (!control_is_served(r->rundir))
        return;
    if (!(a->control = control_open(r->rundir, CONTROL_WATCH, &err))) {
        app_say_err(a, &err);
        return;
    }
    r->kind = RUN_WATCHED;
    a->next_poll = 0;
    app_poll_run(a);
}

static void run_done(void *arg, void *owner, const struct err *failed)
{
    struct load_run *l = arg;
    struct app *a = owner;
    struct session *s = &a->session;
    struct err err = {0};
    if (failed) {
        app_load_failed(a, failed);
        load_run_destroy(l);
        return;
    }
    run_reset(&s->run, RUN_ENDED, l->rundir);
    for (size_t i = 0; i < l->record_count; i++) {
        run_take(&s->run, &l->records[i]);
        if (l->records[i].seq > a->last_seq)
            a->last_seq = l->records[i].seq;
    }
    take_info(s, &l->info, &err);
    take_result(&s->run, l);
    for (int split = 0; split < SPLIT_COUNT; split++)
        app_load_inspection(a, -1, (enum split)split);
    watch(a);
    session_touch(s, CHANGED_RUN);
    if (err.code)
        app_say_err(a, &err);
    else
        app_load_data(a);
    if (s->run.kind == RUN_ENDED && !l->has_result)
        app_say(a, ROLE_WARN, "this run was cut off; sft train --resume %s goes on with it",
                l->rundir);
    load_run_destroy(l);
}

int app_open_session(struct app *a, const struct app_spec *spec, struct err *err)
{
    struct session *s = &a->session;
    if (spec->settings)
        s->settings = *spec->settings;
    session_resolve(s);
    snprintf(s->model_dir, sizeof s->model_dir, "%s", spec->model_dir ? spec->model_dir : "");
    snprintf(s->workspace, sizeof s->workspace, "%s", spec->workspace ? spec->workspace : "");
    if (spec->rundir) {
        struct load_run *l = mem_alloc(1, sizeof *l, "a job", err);
        if (!l)
            return -1;
        snprintf(l->rundir, sizeof l->rundir, "%s", spec->rundir);
        app_set_load(a, LOAD_READING);
        jobs_submit(a->jobs, load_run_run, run_done, l, a);
        return 0;
    }
    if (!spec->data)
        return 0;
    if (session_set_spec(s, spec->data, err))
        return -1;
    app_load_data(a);
    return 0;
}
