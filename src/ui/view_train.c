/* view_train.c - the curves of a run, what happened in it, and the keys that steer it.
 *
 * Three charts (loss, the problem's scores, learning rate). As many stand side by side as the width allows;
 * with little room the one that has the keys is among those shown. All share one x axis (steps):
 * everything, a window that follows the newest step, or a window that stands still; which of the
 * three is said in the first chart's title. Axes live in the state because a range once shown is
 * kept until data leave it. */
#include "ui/train_events.h"
#include "ui/view.h"
#include "ui/plot.h"
#include "ui/settings_facts.h"
#include "ui/widget.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum chart { CHART_LOSS, CHART_SCORE, CHART_RATE, CHARTS };

#define MARKS_MAX       256
#define CHART_MIN_WIDTH 36
#define WINDOW_MIN      10

struct train_state {
    enum chart focus;
    bool log_loss, cursor_on;
    double cursor;      /* step */
    double window;      /* steps shown; 0: all */
    double window_end;  /* last step shown when the window stands still; NaN: it follows */
    size_t events_back; /* lines scrolled away from the newest */
    struct plot_axis x, y[CHARTS];
};

struct chart_line {
    enum run_series series;
    const char *name, *brief; /* brief: for a narrow legend */
    enum role role;
    enum plot_dash dash;
};

struct chart_spec {
    const char *title;
    size_t count;
    struct chart_line line[2];
};
static const struct chart_spec chart_specs[CHARTS] = {
    [CHART_LOSS] = {"loss",
                    2,
                    {{SERIES_TRAIN_LOSS, "train", "train", ROLE_TRAIN, DASH_SOLID},
                     {SERIES_VALIDATION_LOSS, "validation", "valid.", ROLE_VALIDATION,
                      DASH_DOTTED}}},
    [CHART_RATE] = {"learning rate", 1, {{SERIES_RATE, "rate", "rate", ROLE_RATE, DASH_SOLID}}},
};

/* The chart of scores is the problem's: title, names of the two curves, names for a narrow legend. */
#define SCORES(title, one, brief1, two, brief2)                                                    \
    {                                                                                              \
        title, 2,                                                                                  \
        {                                                                                          \
            {SERIES_SCORE, one, brief1, ROLE_VALIDATION, DASH_SOLID},                              \
                {SERIES_SCORE2, two, brief2, ROLE_GOOD, DASH_DOTTED},                              \
        }                                                                                          \
    }
static const struct chart_spec score_specs[PROBLEM_COUNT] = {
    [PROBLEM_AUTO] = SCORES("validation accuracy", "accuracy", "acc.", "macro F1", "F1"),
    [PROBLEM_SINGLE_LABEL] = SCORES("validation accuracy", "accuracy", "acc.", "macro F1", "F1"),
    [PROBLEM_REGRESSION] = SCORES("validation correlation", "Pearson", "r", "Spearman", "rho"),
    [PROBLEM_MULTI_LABEL] = SCORES("validation F1", "micro F1", "micro", "macro F1", "macro"),
};

static const struct chart_spec *spec_of(enum chart which, const struct session *s)
{
    return which == CHART_SCORE ? &score_specs[s->run.view.problem] : &chart_specs[which];
}

/* ---- ranges ---- */

static double newest_step(const struct session *s)
{
    const struct series *loss = &s->run.series[SERIES_TRAIN_LOSS];
    return loss->count ? loss->x[loss->count - 1] : 0;
}

static void fit_x(struct train_state *t, const struct session *s)
{
    double newest = newest_step(s), total = (double)s->run.view.total_steps;
    if (t->window > 0) {
        double end = isnan(t->window_end) ? fmax(newest, t->window) : t->window_end;
        t->x = (struct plot_axis){end - t->window, end, false};
        return;
    }
    struct plot_axis whole = t->x.low == 0 ? t->x : (struct plot_axis){0, 0, false};
    double least = total >= 1 ? fmin(total, WINDOW_MIN) : WINDOW_MIN;
    t->x = plot_axis_fit(&whole, 0, fmax(newest, least), false);
    if (total >= newest && total >= 1 && t->x.high > total)
        t->x.high = total; /* no room for steps that will never be */
}

/* Least and largest drawable value inside the x range. */
static void widen(const struct series *c, const struct plot_axis *x, bool logarithmic, double *low,
                  double *high)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->x[i] >= x->low && c->x[i] <= x->high && isfinite(c->y[i]) &&
            (!logarithmic || c->y[i] > 0)) {
            *low = fmin(*low, c->y[i]);
            *high = fmax(*high, c->y[i]);
        }
}

static void fit_axes(struct train_state *t, const struct session *s)
{
    fit_x(t, s);
    for (int i = 0; i < CHARTS; i++) {
        double low = INFINITY, high = -INFINITY;
        bool logarithmic = i == CHART_LOSS && t->log_loss;
        const struct chart_spec *spec = spec_of((enum chart)i, s);
        for (size_t l = 0; l < spec->count; l++)
            widen(&s->run.series[spec->line[l].series], &t->x, logarithmic, &low, &high);
        if (low > high) {
            t->y[i] = (struct plot_axis){0, 1, false};
            continue;
        }
        if (i == CHART_RATE)
            low = fmin(low, 0);
        if (i == CHART_SCORE && high - low < 0.2) { /* a few points in a thousand are no cliff */
            low = fmax(low < 0 ? -1 : 0, fmin(low, high - 0.2)); /* a correlation may be negative */
            high = low + 0.2;
        }
        t->y[i] = plot_axis_fit(&t->y[i], low, high, logarithmic);
    }
}

/* ---- drawing ---- */

/* The series' value at the newest point not after `step`; NaN when there is none. */
static double value_at(const struct series *c, double step)
{
    size_t begin = 0, end = c->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (c->x[middle] <= step)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin ? c->y[begin - 1] : NAN;
}

static void legend_sample(struct canvas *c, int x, int y, size_t line, const struct chart_line *l)
{
    enum glyph g = l->dash == DASH_DOTTED ? GLYPH_DOT : GLYPH_HORIZONTAL;
    for (int i = 0; i < 2; i++)
        if (canvas_level(c) == GLYPHS_ASCII)
            canvas_put(c, x + i, y, l->role, line ? 'o' : '*');
        else
            canvas_put_glyph(c, x + i, y, l->role, g);
}

/* "train ── 0.141  validation ·· 0.203" in the panel's lower edge; values at the cursor when it is
 * on. */
static void draw_legend(struct canvas *c, struct rect r, const struct chart_spec *spec,
                        const struct train_state *t, const struct session *s)
{
    int x = r.x + 2, y = r.y + r.h - 1, end = r.x + r.w - 2;
    bool brief = r.w < (t->cursor_on ? 56 : 46);
    if (t->cursor_on)
        x += canvas_printf(c, x, y, end - x, ROLE_STRONG, brief ? " %.0f" : " step %.0f ",
                           t->cursor);
    for (size_t i = 0; i < spec->count; i++) {
        const struct chart_line *l = &spec->line[i];
        const struct series *series = &s->run.series[l->series];
        double value = value_at(series, t->cursor_on ? t->cursor : INFINITY);
        const char *name = brief ? l->brief : l->name;
        char text[32];
        snprintf(text, sizeof text, "%.*g", brief && t->cursor_on ? 3 : 4, value);
        if (isnan(value) && !series->count)
            strcpy(text, "-");
        int need = (int)strlen(name) + (int)strlen(text) + 5;
        if (x + need > end)
            return;
        x += canvas_printf(c, x, y, need, ROLE_DIM, " %s ", name);
        legend_sample(c, x, y, i, l);
        enum role role = series->count && !isfinite(value) ? ROLE_BAD : ROLE_STRONG;
        x += 2 + canvas_printf(c, x + 2, y, need, role, brief ? " %s" : " %s ", text);
    }
    canvas_put(c, x, y, ROLE_TEXT, ' ');
}

static void window_text(const struct train_state *t, char *out, size_t size)
{
    if (t->window <= 0)
        snprintf(out, size, "all steps");
    else if (isnan(t->window_end))
        snprintf(out, size, "last %.0f steps", t->window);
    else
        snprintf(out, size, "steps %.0f to %.0f", fmax(t->x.low, 0), t->x.high);
}

static size_t collect_marks(const struct session *s, double marks[MARKS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->run.event_count && n < MARKS_MAX; i++)
        if (s->run.events[i].kind == RECORD_EDIT)
            marks[n++] = (double)s->run.events[i].step;
    return n;
}

static void draw_chart(struct canvas *c, struct rect r, enum chart which,
                       const struct train_state *t, const struct session *s)
{
    const struct chart_spec *spec = spec_of(which, s);
    double marks[MARKS_MAX];
    char window[48], title[96];
    window_text(t, window, sizeof window);
    snprintf(title, sizeof title, "%s%s, %s", spec->title,
             t->y[which].logarithmic ? ", logarithmic" : "", window);
    struct rect in = widget_panel(c, r, title, NULL, t->focus == which);
    struct plot p = {.series_count = spec->count,
                     .x = t->x,
                     .y = t->y[which],
                     .marks = marks,
                     .mark_count = collect_marks(s, marks),
                     .has_cursor = t->cursor_on,
                     .cursor = t->cursor};
    for (size_t i = 0; i < spec->count; i++) {
        const struct series *from = &s->run.series[spec->line[i].series];
        p.series[i] =
            (struct plot_series){spec->line[i].name, from->x,           from->y, from->count,
                                 spec->line[i].role, spec->line[i].dash};
    }
    plot_draw(c, in, &p);
    draw_legend(c, r, spec, t, s);
}

static void draw_charts(struct canvas *c, struct rect area, const struct train_state *t,
                        const struct session *s)
{
    int n = area.w / CHART_MIN_WIDTH;
    n = n < 1 ? 1 : n > CHARTS ? CHARTS : n;
    if (n == 3 && area.w < 3 * 46) /* two wide charts read better than three narrow ones */
        n = 2;
    int first = (int)t->focus < n ? 0 : (int)t->focus - n + 1;
    for (int i = 0; i < n; i++) {
        struct rect r;
        area = rect_cut_left(area, area.w / (n - i), &r);
        draw_chart(c, r, (enum chart)(first + i), t, s);
    }
}

/* A line of its own, or none. */
static void describe_estimate(const struct session *s, char *out, size_t size)
{
    char takes[32];
    settings_format_estimate(s, takes, sizeof takes);
    if (s->estimate_error[0])
        snprintf(out, size, "it would be refused: %.255s\n", s->estimate_error);
    else if (s->estimated)
        snprintf(out, size, "it takes %s%s and %.0f MB of memory\n",
                 s->estimate.seconds < 1 ? "" : "about ", takes, s->estimate.peak_bytes / 1e6);
}

/* What a first run will do, in place of empty charts. */
static void draw_invitation(struct canvas *c, struct rect area, const struct session *s)
{
    char text[1000], data[64], model[64], rate[32], rows[96] = "the rows are being read";
    char takes[400] = "";
    const int64_t budget = s->resolved.max_tokens_per_batch;
    struct rect in = widget_panel(c, area, "train", NULL, true);
    session_data_name(s, data, sizeof data);
    session_model_name(s, model, sizeof model);
    format_rate(rate, sizeof rate, s->resolved.learning_rate);
    if (s->dataset)
        snprintf(rows, sizeof rows, "train rows %zu, validation %zu, test %zu",
                 dataset_split_rows(s->dataset, SPLIT_TRAIN),
                 dataset_split_rows(s->dataset, SPLIT_VALIDATION),
                 dataset_split_rows(s->dataset, SPLIT_TEST));
    describe_estimate(s, takes, sizeof takes);
    if (!s->model_dir[0] || s->load == LOAD_NOTHING)
        snprintf(text, sizeof text,
                 "Nothing to train yet.\n\nStart the workbench with a model directory "
                 "and labelled rows:\nsft ui --model DIR --train FILE\n\nor open a "
                 "run: sft ui RUNDIR");
    else if (s->load == LOAD_FAILED)
        snprintf(text, sizeof text, "The data cannot be used:\n%.500s", s->load_error.text);
    else if (s->settings_error[0])
        snprintf(text, sizeof text,
                 "These settings do not fit together:\n%.255s\n\n2 goes to them.",
                 s->settings_error);
    else
        snprintf(text, sizeof text,
                 "Press Space to train %s on %s.\n\nepochs %g, %s %lld, learning_rate %s, tune "
                 "%s\n%s\n%s\n2 changes the settings, 1 shows the data "
                 "and what is wrong with them.",
                 model, data, s->resolved.epochs, budget ? "max_tokens_per_batch" : "batch_size",
                 (long long)(budget ? budget : s->resolved.batch_size), rate,
                 s->resolved.tune == TUNE_HEAD ? "head" : "full", rows, takes);
    in = rect_cut_top(in, in.h > 8 ? 2 : 0, &(struct rect){0});
    widget_wrap(c, in, ROLE_TEXT, text, strlen(text), 0);
}

static void train_draw(const struct view *v, const struct session *s, struct canvas *c,
                       struct rect area)
{
    const struct train_state *t = v->state;
    if (s->run.kind == RUN_NONE) {
        draw_invitation(c, area, s);
        return;
    }
    struct rect events;
    int events_height = area.h < 12 ? 0 : area.h < 24 ? 6 : area.h / 4 + 1;
    area = rect_cut_bottom(area, events_height, &events);
    draw_charts(c, area, t, s);
    if (events_height)
        train_events_draw(c, events, s, t->events_back);
}

/* ---- keys ---- */

static void confirm_stop(struct view *v, struct app *a)
{
    struct err err;
    (void)v;
    if (app_run_post(a, COMMAND_STOP, &err))
        app_say_err(a, &err);
    else
        app_say(a, ROLE_WARN, "stopping after this step, then saving");
}

static int rate_typed(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct settings copy = app_session(a)->run.view.settings;
    (void)v;
    return settings_parse(&copy, "learning_rate", text, err);
}

static int rate_done(struct view *v, struct app *a, const char *text, struct err *err)
{
    char before[32];
    format_rate(before, sizeof before, app_session(a)->run.view.settings.learning_rate);
    (void)v;
    if (app_run_set(a, settings_find("learning_rate"), text, err))
        return -1;
    app_say(a, ROLE_WARN, "learning_rate %s to %.40s: asked for, counts from the next step", before,
            text);
    return 0;
}

static void edit_rate(struct app *a)
{
    const struct session *s = app_session(a);
    struct app_prompt p = {.done = rate_done, .typed = rate_typed};
    if (!session_run_is_active(s)) {
        app_say(a, ROLE_WARN, "no training runs; 2 changes the learning rate of the next one");
        return;
    }
    if (s->run.kind == RUN_WATCHED) {
        app_say(a, ROLE_WARN, "another process trains this run; here it is only watched");
        return;
    }
    format_rate(p.initial, sizeof p.initial, s->run.view.settings.learning_rate);
    snprintf(p.label, sizeof p.label, "learning_rate %.40s to", p.initial);
    app_prompt(a, &p);
}

static void post(struct app *a, enum command_kind kind)
{
    struct err err;
    if (app_run_post(a, kind, &err))
        app_say_err(a, &err);
}

static void start_or_pause(struct app *a)
{
    struct err err;
    const struct session *s = app_session(a);
    if (session_run_is_active(s))
        post(a, s->run.view.state == TRAINER_PAUSED ? COMMAND_RESUME : COMMAND_PAUSE);
    else if (s->run.kind != RUN_NONE)
        app_say(a, ROLE_WARN,
                "this run is over; r starts another one with the settings as they stand");
    else if (!app_run_take_back(a) && app_run_start(a, &err))
        app_say_err(a, &err);
}

static void zoom(struct train_state *t, const struct session *s, double factor)
{
    double whole = fmax(newest_step(s), WINDOW_MIN);
    double window = (t->window > 0 ? t->window : whole) * factor;
    if (window >= whole) { /* everything */
        t->window = 0;
        t->window_end = NAN;
        return;
    }
    bool follows = t->window <= 0 || isnan(t->window_end);
    if (!follows || (t->cursor_on && t->cursor < whole - window)) {
        double middle = t->cursor_on ? t->cursor : (t->x.low + t->x.high) / 2;
        t->window_end = fmin(fmax(middle + window / 2, window), whole);
    }
    t->window = fmax(window, WINDOW_MIN);
}

static void pan(struct train_state *t, const struct session *s, int direction)
{
    double whole = newest_step(s), by = fmax(1, floor((t->x.high - t->x.low) / 40));
    if (t->cursor_on) {
        t->cursor = fmin(fmax(t->cursor + direction * by, 0), whole);
        if (t->window > 0 && (t->cursor < t->x.low || t->cursor > t->x.high))
            t->window_end = fmin(fmax(t->cursor + t->window / 2, t->window), whole);
    } else if (t->window > 0) {
        double end = isnan(t->window_end) ? whole : t->window_end;
        end = fmax(end + direction * by * 5, t->window);
        t->window_end = end >= whole ? NAN : end;
    }
}

static void toggle_cursor(struct train_state *t, const struct session *s)
{
    t->cursor_on = !t->cursor_on && s->run.series[SERIES_TRAIN_LOSS].count;
    if (t->cursor_on)
        t->cursor = fmin(newest_step(s), floor(t->x.high));
}

static void confirm_test(struct view *v, struct app *a)
{
    struct err err;
    (void)v;
    if (app_run_test(a, &err))
        app_say_err(a, &err);
}

/* A test set is a test once; whoever looks again should know. */
static void ask_for_test(struct app *a, const struct session *s)
{
    char question[96];
    struct err err;
    if (session_check_test(s, &err)) {
        app_say_err(a, &err);
        return;
    }
    size_t looks = run_test_looks(&s->run);
    if (!looks)
        snprintf(question, sizeof question, "Open the test set? It has been closed so far.");
    else
        snprintf(question, sizeof question, "Open the test set again? Looks at it so far: %zu.",
                 looks);
    app_confirm(a, question, confirm_test);
}

static enum handled train_action(struct view *v, struct app *a, enum action act)
{
    struct train_state *t = v->state;
    const struct session *s = app_session(a);
    switch (act) {
    case ACTION_START_PAUSE:
        start_or_pause(a);
        break;
    case ACTION_STOP:
        if (session_run_is_active(s))
            app_confirm(a, "Stop the training and save it?", confirm_stop);
        break;
    case ACTION_EVALUATE:
        post(a, COMMAND_EVALUATE);
        break;
    case ACTION_TEST:
        ask_for_test(a, s);
        break;
    case ACTION_EDIT_RATE:
        edit_rate(a);
        break;
    case ACTION_SHOW_ERRORS:
        app_show(a, VIEW_ERRORS);
        break;
    case ACTION_CHART:
        t->focus = (t->focus + 1) % CHARTS;
        break;
    case ACTION_CURSOR:
        toggle_cursor(t, s);
        break;
    case ACTION_LOG_Y:
        t->log_loss = !t->log_loss;
        break;
    case ACTION_ZOOM_IN:
        zoom(t, s, 0.5);
        break;
    case ACTION_ZOOM_OUT:
        zoom(t, s, 2);
        break;
    case ACTION_FOLLOW:
        t->window = 0;
        t->window_end = NAN;
        break;
    case ACTION_LEFT_STEP:
        pan(t, s, -1);
        break;
    case ACTION_RIGHT_STEP:
        pan(t, s, 1);
        break;
    case ACTION_EVENTS_UP:
        t->events_back += t->events_back + 1 < train_events_count(s);
        break;
    case ACTION_EVENTS_DOWN:
        t->events_back -= t->events_back > 0;
        break;
    case ACTION_BACK:
        if (!t->cursor_on)
            return NOT_HANDLED;
        t->cursor_on = false;
        break;
    default:
        return NOT_HANDLED;
    }
    fit_axes(t, s);
    return HANDLED;
}

/* ---- the rest of the view ---- */

static int train_open(struct view *v, struct app *a, struct err *err)
{
    struct train_state *t = v->state;
    (void)err;
    t->window_end = NAN;
    fit_axes(t, app_session(a));
    return 0;
}

static bool train_update(struct view *v, struct app *a)
{
    fit_axes(v->state, app_session(a));
    return true;
}

static const char *train_hint(const struct view *v, const struct session *s, enum action act,
                              const char *hint)
{
    const struct train_state *t = v->state;
    bool active = session_run_is_active(s), ours = s->run.kind == RUN_OURS;
    bool curves = s->run.series[SERIES_TRAIN_LOSS].count > 0;
    switch (act) {
    case ACTION_START_PAUSE:
        if (s->run.kind == RUN_NONE)
            return "start";
        return !active || !ours ? NULL : s->run.view.state == TRAINER_PAUSED ? "go on" : "pause";
    case ACTION_START:
        return !active && s->run.kind != RUN_NONE ? "run again" : NULL;
    case ACTION_STOP:
    case ACTION_EVALUATE:
    case ACTION_EDIT_RATE:
        return active && ours ? hint : NULL;
    case ACTION_TEST:
        return session_check_test(s, NULL) ? NULL : hint;
    case ACTION_SHOW_ERRORS:
        return s->inspection[s->inspection_newest] ? hint : NULL;
    case ACTION_CHART:
    case ACTION_CURSOR:
    case ACTION_LOG_Y:
    case ACTION_ZOOM_IN:
        return curves ? hint : NULL;
    case ACTION_FOLLOW:
        return t->window > 0 ? "all steps" : NULL;
    default:
        return hint;
    }
}

const struct view_ops view_train = {
    .name = "Train",
    .state_size = sizeof(struct train_state),
    .open = train_open,
    .update = train_update,
    .draw = train_draw,
    .action = train_action,
    .hint = train_hint,
};
