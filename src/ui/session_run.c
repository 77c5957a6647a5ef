/* session_run.c - records of the metrics ring or of run.db become curves and events. */
#include "ui/session_write.h"

#include "engine/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void run_reset(struct run *r, enum run_kind kind, const char *rundir)
{
    for (int i = 0; i < SERIES_COUNT; i++) {
        free(r->series[i].x);
        free(r->series[i].y);
    }
    free(r->events);
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->view.best_metric = NAN;
    snprintf(r->rundir, sizeof r->rundir, "%s", rundir);
}

static bool add_point(struct series *s, double x, double y)
{
    if (mem_grow(&s->x, &s->capacity_x, s->count + 1, sizeof *s->x, "a curve", NULL) ||
        mem_grow(&s->y, &s->capacity_y, s->count + 1, sizeof *s->y, "a curve", NULL))
        return false;
    s->x[s->count] = x;
    s->y[s->count++] = y;
    return true;
}

static bool add_event(struct run *r, const struct record *rec)
{
    if (mem_grow(&r->events, &r->event_capacity, r->event_count + 1, sizeof *r->events,
                 "the events", NULL))
        return false;
    r->events[r->event_count++] = *rec;
    return true;
}

static bool take_step(struct run *r, const struct record *rec)
{
    const struct step_sample *s = &rec->as.step_sample;
    double x = (double)rec->step;
    return add_point(&r->series[SERIES_TRAIN_LOSS], x, s->loss) &
           add_point(&r->series[SERIES_RATE], x, s->learning_rate) &
           add_point(&r->series[SERIES_GRAD_NORM], x, s->grad_norm);
}

enum metric session_score(enum problem p, int which)
{
    static const enum metric seconds[PROBLEM_COUNT] = {METRIC_MACRO_F1, METRIC_MACRO_F1,
                                                       METRIC_SPEARMAN, METRIC_MACRO_F1};
    return which ? seconds[p] : metric_first(p);
}

/* The test split is no curve: it is evaluated once. */
static bool take_evaluation(struct run *r, const struct record *rec)
{
    const struct eval_sample *e = &rec->as.eval;
    double x = (double)rec->step;
    bool ok = add_event(r, rec);
    if (e->split == SPLIT_VALIDATION)
        ok = ok & add_point(&r->series[SERIES_VALIDATION_LOSS], x, e->loss) &
             add_point(&r->series[SERIES_SCORE], x, eval_figure(e, session_score(e->problem, 0))) &
             add_point(&r->series[SERIES_SCORE2], x, eval_figure(e, session_score(e->problem, 1)));
    return ok;
}

void run_take(struct run *r, const struct record *rec)
{
    bool ok;
    if (rec->kind == RECORD_STEP)
        ok = take_step(r, rec);
    else if (rec->kind == RECORD_EVAL)
        ok = take_evaluation(r, rec);
    else
        ok = add_event(r, rec);
    r->lost += !ok;
}

int session_check_test(const struct session *s, struct err *err)
{
    const struct run *r = &s->run;
    if (s->dataset && !dataset_split_rows(s->dataset, SPLIT_TEST))
        return err_set(err, ERR_USAGE, "there are no test rows; start with --test FILE");
    if (r->kind == RUN_NONE || r->kind == RUN_WATCHED || session_run_is_active(s) ||
        r->view.state != TRAINER_FINISHED)
        return err_set(err, ERR_USAGE, "the test rows wait for a run that has finished");
    if (!s->dataset && s->load == LOAD_FAILED)
        return err_set(err, s->load_error.code, "no test rows: %s", s->load_error.text);
    if (!s->dataset)
        return err_set(err, ERR_BUSY, "the data are still being read; press the key again");
    return 0;
}

size_t run_test_looks(const struct run *r)
{
    size_t looks = 0;
    for (size_t i = 0; i < r->event_count; i++)
        looks += r->events[i].kind == RECORD_EVAL && r->events[i].as.eval.split == SPLIT_TEST;
    return looks;
}
