/* app_load.c - what the app asks of the jobs thread, and what it does with what comes back: the
 * data in three steps (rows, tokens, findings), searches, evaluations. */
#include "ui/app_state.h"

#include "engine/base/mem.h"
#include "ui/load.h"

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

void app_set_load(struct app *a, enum load_state state)
{
    a->session.load = state;
    session_touch(&a->session, CHANGED_DATA);
}

void app_load_failed(struct app *a, const struct err *failed)
{
    if (failed->code == ERR_CANCELLED)
        return;
    a->session.load_error = *failed;
    app_set_load(a, LOAD_FAILED);
    app_say_err(a, failed);
}

/* ---- what a run would take ---- */

static void estimate_done(void *arg, void *owner, const struct err *failed)
{
    struct load_estimate *l = arg;
    struct app *a = owner;
    struct session *s = &a->session;
    a->pace = l->pace; /* holds whatever became of the settings */
    if (!failed || failed->code != ERR_CANCELLED) {
        s->estimate = l->estimate;
        s->estimated = !failed;
        snprintf(s->estimate_error, sizeof s->estimate_error, "%.255s", failed ? failed->text : "");
        session_touch(s, CHANGED_SETTINGS);
    }
    load_estimate_destroy(l);
}

void app_load_estimate(struct app *a)
{
    struct session *s = &a->session;
    jobs_cancel(a->jobs, a->estimate_job);
    s->estimated = false;
    s->estimate_error[0] = '\0';
    if (app_is_frozen() || s->load != LOAD_READY || !s->model_dir[0] || s->settings_error[0] ||
        session_run_is_active(s))
        return;
    struct load_estimate *l = mem_alloc(1, sizeof *l, "a job", NULL);
    if (!l) /* then there is none; the next thing that needs memory says so */
        return;
    memcpy(l->model_dir, s->model_dir, sizeof l->model_dir);
    l->settings = s->resolved;
    l->dataset = s->dataset;
    l->encoded = s->encoded;
    l->pace = a->pace;
    a->estimate_job = jobs_submit(a->jobs, load_estimate_run, estimate_done, l, a);
}

static void gate_done(void *arg, void *owner, const struct err *failed)
{
    struct load_gate *l = arg;
    struct app *a = owner;
    if (failed) {
        app_load_failed(a, failed);
    } else {
        gate_destroy(a->session.gate);
        a->session.gate = l->gate;
        l->gate = NULL;
        app_set_load(a, LOAD_READY);
        app_load_estimate(a);
    }
    load_gate_destroy(l);
}

static void load_gate(struct app *a)
{
    struct load_gate *l = mem_alloc(1, sizeof *l, "a job", &a->session.load_error);
    if (!l) {
        app_set_load(a, LOAD_FAILED);
        return;
    }
    l->dataset = a->session.dataset;
    l->encoded = a->session.encoded;
    app_set_load(a, LOAD_CHECKING);
    jobs_submit(a->jobs, load_gate_run, gate_done, l, a);
}

static void tokens_done(void *arg, void *owner, const struct err *failed)
{
    struct load_tokens *l = arg;
    struct app *a = owner;
    bool stale = l->dataset != a->session.dataset;
    if (failed) {
        app_load_failed(a, failed);
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
        app_set_load(a, LOAD_FAILED);
        return;
    }
    memcpy(l->model_dir, s->model_dir, sizeof l->model_dir);
    l->settings = s->settings;
    l->dataset = s->dataset;
    l->tokenizer = s->tokenizer;
    jobs_cancel(a->jobs, a->tokens_job);
    app_set_load(a, LOAD_TOKENISING);
    a->tokens_job = jobs_submit(a->jobs, load_tokens_run, tokens_done, l, a);
}

static void start_as_asked(struct app *a)
{
    struct err err;
    bool asked = a->start_when_read;
    a->start_when_read = false; /* the start asks again if the data turn out to be stale */
    if (asked && app_run_start(a, &err))
        app_say_err(a, &err);
}

static void data_done(void *arg, void *owner, const struct err *failed)
{
    struct load_data *l = arg;
    struct app *a = owner;
    struct session *s = &a->session;
    if (failed) {
        a->start_when_read = false;
        app_load_failed(a, failed);
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
        app_set_load(a, LOAD_FAILED);
        return;
    }
    s->spec.split_seed = (uint64_t)s->settings.split_seed;
    s->spec.problem = s->settings.problem_type;
    l->spec = s->spec;
    memcpy(l->model_dir, s->model_dir, sizeof l->model_dir);
    app_set_load(a, LOAD_READING);
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

void app_load_inspection(struct app *a, int64_t id, enum split split)
{
    struct load_inspection *l = mem_alloc(1, sizeof *l, "a job", NULL);
    if (!l)
        return;
    memcpy(l->rundir, a->session.run.rundir, sizeof l->rundir);
    l->id = id;
    l->split = split;
    jobs_submit(a->jobs, load_inspection_run, inspection_done, l, a);
}

void app_ask_again(struct app *a)
{
    for (int i = 0; i < SPLIT_COUNT; i++) {
        int64_t id = a->awaited[i];
        a->awaited[i] = 0;
        if (id)
            app_load_inspection(a, id, (enum split)i);
    }
}

void app_forget_inspections(struct app *a)
{
    for (int i = 0; i < SPLIT_COUNT; i++) {
        a->awaited[i] = 0;
        inspection_destroy(a->session.inspection[i]);
        a->session.inspection[i] = NULL;
    }
    session_touch(&a->session, CHANGED_EVALUATION);
}
