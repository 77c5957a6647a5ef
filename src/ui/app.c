#include "ui/app_state.h"

#include "engine/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often the ring is looked at while a run goes on. */
#define POLL_SECONDS 0.1

static const struct view_ops *const view_table[VIEW_COUNT] = {
    [VIEW_DATA] = &view_data,     [VIEW_SETTINGS] = &view_settings, [VIEW_TRAIN] = &view_train,
    [VIEW_ERRORS] = &view_errors, [VIEW_HELP] = &view_help,
};

const struct session *app_session(const struct app *a)
{
    return &a->session;
}

static int open_views(struct app *a, struct err *err)
{
    for (int i = 0; i < VIEW_COUNT; i++) {
        struct view *v = &a->views[i];
        if (!view_table[i])
            continue;
        v->state = mem_alloc(1, view_table[i]->state_size, "a view", err);
        if (!v->state)
            return -1;
        v->ops = view_table[i];
        if (v->ops->open && v->ops->open(v, a, err))
            return -1;
    }
    return 0;
}

struct app *app_create(const struct app_spec *spec, struct err *err)
{
    struct app *a = mem_alloc(1, sizeof *a, "the workbench", err);
    if (!a)
        return NULL;
    session_init(&a->session);
    a->shown = a->shown_before_help = VIEW_TRAIN;
    a->dirty = true;
    if (!(a->jobs = jobs_create(err)) || open_views(a, err) || app_open_session(a, spec, err)) {
        app_destroy(a);
        return NULL;
    }
    return a;
}

void app_destroy(struct app *a)
{
    if (!a)
        return;
    app_close_run(a);
    jobs_destroy(a->jobs);
    for (int i = 0; i < VIEW_COUNT; i++) {
        if (a->views[i].ops && a->views[i].ops->close)
            a->views[i].ops->close(&a->views[i]);
        free(a->views[i].state);
    }
    a->jobs = NULL;
    app_free_retired(a);
    session_clear(&a->session);
    free(a);
}

void app_say(struct app *a, enum role role, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->message, sizeof a->message, fmt, ap);
    va_end(ap);
    a->message_role = role;
    a->dirty = true;
}

void app_say_err(struct app *a, const struct err *err)
{
    app_say(a, ROLE_BAD, "%s", err->text);
}

static void tell_view(struct app *a, bool changed_view)
{
    struct view *v = app_view(a);
    struct session *s = &a->session;
    bool changed = changed_view || memcmp(a->seen, s->changed, sizeof a->seen);
    if (!changed)
        return;
    bool title = a->seen[CHANGED_RUN] != s->changed[CHANGED_RUN] ||
                 a->seen[CHANGED_DATA] != s->changed[CHANGED_DATA] ||
                 a->seen[CHANGED_SETTINGS] != s->changed[CHANGED_SETTINGS];
    memcpy(a->seen, s->changed, sizeof a->seen);
    bool view = v->ops->update && v->ops->update(v, a);
    a->dirty |= view || title || changed_view;
}

void app_show(struct app *a, enum view_id v)
{
    if (!a->views[v].ops || v == a->shown)
        return;
    if (v == VIEW_HELP)
        a->shown_before_help = a->shown;
    a->shown = v;
    tell_view(a, true);
}

enum view_id app_view_before_help(const struct app *a)
{
    return a->shown_before_help;
}

void app_show_row(struct app *a, size_t row)
{
    a->session.row_asked = row;
    session_touch(&a->session, CHANGED_ROW);
    app_show(a, VIEW_DATA);
}

/* ---- prompts ---- */

static void check_prompt(struct app *a)
{
    a->prompt_err.text[0] = '\0';
    if (a->prompt.typed)
        a->prompt.typed(app_view(a), a, a->input.text, &a->prompt_err);
}

void app_prompt(struct app *a, const struct app_prompt *p)
{
    a->prompt = *p;
    a->prompt_open = true;
    input_set(&a->input, p->initial);
    check_prompt(a);
    a->dirty = true;
}

void app_confirm(struct app *a, const char *question, void (*yes)(struct view *v, struct app *a))
{
    snprintf(a->question, sizeof a->question, "%s", question);
    a->confirmed = yes;
    a->confirm_open = true;
    a->dirty = true;
}

static void prompt_key(struct app *a, uint32_t key)
{
    struct view *v = app_view(a);
    if (key == KEYCODE_ESC || key == KEYCODE_CTRL('c')) {
        a->prompt_open = false;
        if (a->prompt.cancelled)
            a->prompt.cancelled(v, a);
    } else if (key == KEYCODE_ENTER) {
        char text[sizeof a->input.text];
        memcpy(text, a->input.text, sizeof text);
        a->prompt_open = false; /* done may open another */
        if (a->prompt.done(v, a, text, &a->prompt_err)) {
            a->prompt_open = true;
            a->dirty = true;
        }
    } else if (input_key(&a->input, key)) {
        check_prompt(a);
    }
}

static void confirm_key(struct app *a, uint32_t key)
{
    a->confirm_open = false;
    if (key == 'y' || key == 'Y')
        a->confirmed(app_view(a), a);
}

/* ---- actions ---- */

static void stop_and_quit(struct view *v, struct app *a)
{
    struct err err;
    (void)v;
    a->quitting = true;
    if (!a->session.run.stopping && app_run_post(a, COMMAND_STOP, &err))
        app_say_err(a, &err);
    else
        app_say(a, ROLE_WARN, "stopping and saving, then leaving");
}

static void ask_to_quit(struct app *a)
{
    bool ours = a->session.run.kind == RUN_OURS && session_run_is_active(&a->session);
    if (!ours)
        a->wish[APP_WISH_QUIT] = true;
    else if (a->quitting)
        app_say(a, ROLE_WARN, "still saving; the workbench leaves by itself when it is done");
    else
        app_confirm(a, "A training runs. Stop it, save it and leave?", stop_and_quit);
}

/* What the frame does itself; the shown view is asked first. */
static void act_everywhere(struct app *a, enum action act)
{
    switch (act) {
    case ACTION_VIEW_DATA:
        app_show(a, VIEW_DATA);
        break;
    case ACTION_VIEW_SETTINGS:
        app_show(a, VIEW_SETTINGS);
        break;
    case ACTION_VIEW_TRAIN:
        app_show(a, VIEW_TRAIN);
        break;
    case ACTION_VIEW_ERRORS:
        app_show(a, VIEW_ERRORS);
        break;
    case ACTION_HELP:
        app_show(a, a->shown == VIEW_HELP ? a->shown_before_help : VIEW_HELP);
        break;
    case ACTION_BACK:
        if (a->shown == VIEW_HELP)
            app_show(a, a->shown_before_help);
        break;
    case ACTION_PALETTE:
        palette_open(&a->palette, a->shown);
        break;
    case ACTION_THEME:
        a->wish[APP_WISH_THEME] = true;
        break;
    case ACTION_REDRAW:
        a->wish[APP_WISH_REDRAW] = true;
        break;
    case ACTION_SUSPEND:
        a->wish[APP_WISH_SUSPEND] = true;
        break;
    case ACTION_QUIT:
        ask_to_quit(a);
        break;
    case ACTION_START: {
        struct err err;
        if (app_run_start(a, &err))
            app_say_err(a, &err);
        else
            app_show(a, VIEW_TRAIN);
        break;
    }
    default:
        break;
    }
}

void app_act(struct app *a, enum action act)
{
    struct view *v = app_view(a);
    if (act == ACTION_NONE || !action_is_in(act, a->shown))
        return;
    if (!v->ops->action || v->ops->action(v, a, act) == NOT_HANDLED)
        act_everywhere(a, act);
    a->dirty = true;
}

void app_key(struct app *a, uint32_t key)
{
    a->dirty = true;
    if (a->confirm_open) {
        confirm_key(a, key);
    } else if (a->too_small) { /* what cannot be seen must not be steered */
        if (action_for_key(a->shown, key) == ACTION_QUIT)
            ask_to_quit(a);
    } else if (a->prompt_open) {
        prompt_key(a, key);
    } else if (a->palette.open) {
        enum action chosen = palette_key(&a->palette, key);
        app_act(a, chosen);
    } else {
        if (!a->quitting)
            a->message[0] = '\0';
        app_act(a, action_for_key(a->shown, key));
    }
    tell_view(a, false);
}

void app_tick(struct app *a, double now)
{
    jobs_collect(a->jobs);
    app_free_retired(a);
    if (a->control && now >= a->next_poll) {
        app_poll_run(a);
        a->next_poll = now + POLL_SECONDS;
    }
    if (a->quitting && !session_run_is_active(&a->session))
        a->wish[APP_WISH_QUIT] = true;
    tell_view(a, false);
}

int app_wait_ms(const struct app *a)
{
    return a->control ? (int)(POLL_SECONDS * 1000) : -1;
}

int app_jobs_fd(const struct app *a)
{
    return jobs_fd(a->jobs);
}

bool app_is_dirty(const struct app *a)
{
    return a->dirty;
}

bool app_take_wish(struct app *a, enum app_wish w)
{
    bool wished = a->wish[w];
    a->wish[w] = false;
    return wished;
}
