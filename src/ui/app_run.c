/* app_run.c - data and runs: what is asked of the jobs thread and of the trainer, and what comes back. */
#include "ui/app_state.h"

#include "engine/base/mem.h"
#include "ui/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- loading ---- */

void app_free_retired(struct app *a)
{
    if (a->trainer || (a->jobs && !jobs_idle(a->jobs)))
        return;
    while (a->retired) {
        struct retired *r = a->retired;
        a->retired = r->next;
        encoded_destroy(r->encoded);
        dataset_close(r->dataset);
        free(r);
    }
}

/* Without memory for the note, the old data are kept for good: a leak, not a crash. */
static void retire(struct app *a, struct dataset *dataset, struct encoded *encoded)
{
    struct retired *r = dataset || encoded ? mem_alloc(1, sizeof *r, "old data", NULL) : NULL;
    if (!r)
        return;
    *r = (struct retired){dataset, encoded, a->retired};
    a->retired = r;
}

static void set_load(struct app *a, enum load_state state)
{
    a->session.load = state;
    session_touch(&a->session, CHANGED_DATA);
}

static void load_failed(struct app *a, const struct err *failed)
{
    if (failed->code == ERR_CANCELLED)
        return;
    a->session.load_error = *failed;
    set_load(a, LOAD_FAILED);
    app_say_err(a, failed);
}

static void gate_done(void *arg, void *owner, const struct err *failed)
{
    struct load_gate *l = arg;
    struct app *a = owner;
    if (failed) {
        load_failed(a, failed);
    } else {
        gate_destroy(a->session.gate);
        a->session.gate = l->gate;
        l->gate = NULL;
        set_load(a, LOAD_READY);
    }
    load_gate_destroy(l);
}

static void load_gate(struct app *a)
{
    struct load_gate *l = mem_alloc(1, sizeof *l, "a job", &a->session.load_error);
    if (!l) {
        set_load(a, LOAD_FAILED);
        return;
    }
    l->dataset = a->session.dataset;
    l->encoded = a->session.encoded;
    set_load(a, LOAD_CHECKING);
    jobs_submit(a->jobs, load_gate_run, gate_done, l, a);
}

static void tokens_done(void *arg, void *owner, const struct err *failed)
{
    struct load_tokens *l = arg;
    struct app *a = owner;
    bool stale = l->dataset != a->session.dataset;
    if (failed) {
        load_failed(a, failed);
    } else if (!stale) {
        retire(a, NULL, a->session.encoded);
        a->session.encoded = l->encoded;
        a->session.tokenizer = l->tokenizer;
        l->encoded = NULL;
        l->tokenizer_is_ours = false;
        load_gate(a);
    }
    load_tokens_destroy(l);
}

void app_load_tokens(struct app *a)
{
    struct session *s = &a->session;
    if (!s->dataset)
        return;
    if (!s->model_dir[0]) {
        load_gate(a);
        return;
    }
    struct load_tokens *l = mem_alloc(1, sizeof *l, "a job", &s->load_error);
    if (!l) {
        set_load(a, LOAD_FAILED);
        return;
    }
    memcpy(l->model_dir, s->model_dir, sizeof l->model_dir);
    l->max_length = (size_t)s->settings.max_length;
    l->dataset = s->dataset;
    l->tokenizer = s->tokenizer;
    jobs_cancel(a->jobs, a->tokens_job);
    set_load(a, LOAD_TOKENISING);
    a->tokens_job = jobs_submit(a->jobs, load_tokens_run, tokens_done, l, a);
}

static void start_as_asked(struct app *a)
{
    struct err err;
    if (a->start_when_read && app_run_start(a, &err))
        app_say_err(a, &err);
    a->start_when_read = false;
}

static void data_done(void *arg, void *owner, const struct err *failed)
{
    struct load_data *l = arg;
    struct app *a = owner;
    struct session *s = &a->session;
    if (failed) {
        load_failed(a, failed);
    } else {
        jobs_cancel(a->jobs, a->tokens_job);
        jobs_cancel(a->jobs, a->search_job);
        retire(a, s->dataset, s->encoded);
        s->dataset = l->dataset;
        s->encoded = NULL;
        l->dataset = NULL;
        gate_destroy(s->gate);
        s->gate = NULL;
        app_load_tokens(a);
        start_as_asked(a);
    }
    load_data_destroy(l);
}

void app_load_data(struct app *a)
{
    struct session *s = &a->session;
    struct load_data *l = mem_alloc(1, sizeof *l, "a job", &s->load_error);
    if (!l) {
        set_load(a, LOAD_FAILED);
        return;
    }
    s->spec.split_seed = (uint64_t)s->settings.split_seed;
    l->spec = s->spec;
    set_load(a, LOAD_READING);
    jobs_submit(a->jobs, load_data_run, data_done, l, a);
}

/* ---- search ---- */

static void search_done(void *arg, void *owner, const struct err *failed)
{
    struct load_search *l = arg;
    struct app *a = owner;
    struct search *search = &a->session.search;
    if (!failed || failed->code != ERR_CANCELLED) {
        free(search->rows);
        search->rows = l->rows;
        search->count = l->count;
        search->running = false;
        snprintf(search->error, sizeof search->error, "%.159s", failed ? failed->text : "");
        l->rows = NULL;
        session_touch(&a->session, CHANGED_SEARCH);
    }
    load_search_destroy(l);
}

void app_search(struct app *a, const char *text)
{
    struct err err;
    struct session *s = &a->session;
    struct query *q = query_compile(text, &err);
    struct load_search *l = q ? mem_alloc(1, sizeof *l, "a job", &err) : NULL;
    jobs_cancel(a->jobs, a->search_job);
    snprintf(s->search.query, sizeof s->search.query, "%s", text);
    s->search.error[0] = '\0';
    s->search.running = l && text[0] && s->dataset;
    session_touch(s, CHANGED_SEARCH);
    if (!l)
        snprintf(s->search.error, sizeof s->search.error, "%.159s", err.text);
    if (!s->search.running) {
        query_destroy(q);
        free(l);
        if (!text[0]) {
            free(s->search.rows);
            s->search.rows = NULL;
            s->search.count = 0;
        }
        return;
    }
    l->query = q;
    l->dataset = s->dataset;
    l->encoded = s->encoded;
    a->search_job = jobs_submit(a->jobs, load_search_run, search_done, l, a);
}

/* ---- evaluations ---- */

static void inspection_done(void *arg, void *owner, const struct err *failed)
{
    struct load_inspection *l = arg;
    struct app *a = owner;
    bool same_run = !strcmp(l->rundir, a->session.run.rundir);
    if (!failed && same_run) {
        session_set_inspection(&a->session, l->inspection);
        l->inspection = NULL;
    } else if (failed && same_run && failed->code == ERR_INPUT && l->id > 0) {
        a->awaited[l->split] = l->id; /* told before it is written: ask again */
    } else if (failed && failed->code != ERR_CANCELLED && failed->code != ERR_INPUT) {
        app_say_err(a, failed);
    }
    load_inspection_destroy(l);
}

static void load_inspection(struct app *a, int64_t id, enum split split)
{
    struct load_inspection *l = mem_alloc(1, sizeof *l, "a job", NULL);
    if (!l)
        return;
    memcpy(l->rundir, a->session.run.rundir, sizeof l->rundir);
    l->id = id;
    l->split = split;
    jobs_submit(a->jobs, load_inspection_run, inspection_done, l, a);
}

static void ask_again(struct app *a)
{
    for (int i = 0; i < SPLIT_COUNT; i++) {
        int64_t id = a->awaited[i];
        a->awaited[i] = 0;
        if (id)
            load_inspection(a, id, (enum split)i);
    }
}

static void forget_inspections(struct app *a)
{
    for (int i = 0; i < SPLIT_COUNT; i++) {
        a->awaited[i] = 0;
        inspection_destroy(a->session.inspection[i]);
        a->session.inspection[i] = NULL;
    }
    session_touch(&a->session, CHANGED_EVALUATION);
}

/* ---- the run ---- */

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
        load_inspection(a, rec->as.eval.id, rec->as.eval.split);
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
    ask_again(a);
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
    ask_again(a);
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
        app_say(a, ROLE_WARN, "the process that trained this run is gone; go on with sft train "
                              "--resume %s",
                r->rundir);
        end_run(a);
    } else if (trainer_state_is_end(r->view.state) && (!a->trainer || trainer_wait(a->trainer, 0))) {
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
        return err_set(err, ERR_USAGE, "no data to train on; start the workbench with --train FILE");
    if (s->load == LOAD_FAILED) {
        *err = s->load_error;
        return -1;
    }
    if (s->settings_error[0])
        return err_set(err, ERR_USAGE, "%s", s->settings_error);
    return 0;
}

int app_run_start(struct app *a, struct err *err)
{
    struct session *s = &a->session;
    if (check_ready(s, err))
        return -1;
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
    struct trainer *t = trainer_start(&spec, err);
    if (!t)
        return -1;
    struct control *c = control_open(trainer_rundir(t), CONTROL_HOLD, err);
    if (!c) {
        trainer_finish(t, NULL);
        return -1;
    }
    a->trainer = t;
    a->control = c;
    a->last_seq = 0;
    a->next_poll = 0;
    run_reset(&s->run, RUN_OURS, trainer_rundir(t));
    forget_inspections(a);
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
        load_failed(a, failed);
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
        load_inspection(a, -1, (enum split)split);
    watch(a);
    session_touch(s, CHANGED_RUN);
    if (err.code)
        app_say_err(a, &err);
    else
        app_load_data(a);
    if (s->run.kind == RUN_ENDED && !l->has_result)
        app_say(a, ROLE_WARN, "this run was cut off; sft train --resume %s goes on with it", l->rundir);
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
        set_load(a, LOAD_READING);
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
