/* view_settings.c - the Settings view: a form drawn from the settings table.
 *
 * Left the form, a line a setting under its group's heading; right (or, with little width, below) what
 * the setting under the cursor does and what values it takes. Nothing here knows a setting by name:
 * a new row of the table is a new line of the form. A refused value says why, beside the prompt as far as
 * there is room and in full beside the form. While a
 * run goes on, a change of a live setting is staged, shown as old and new, and applied with one
 * key; a change of any other waits for the next run, and the form says so. */
#include "ui/settings_facts.h"
#include "ui/view.h"
#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH    29
#define VALUE_WIDTH   20
#define DEFAULT_WIDTH 12
#define TAKES_LEAST   32 /* a form with room for so much more also says what each setting takes */
#define TAKES_MOST    60

struct settings_state {
    struct scroll scroll; /* over settings, not lines */
    char refusal[256];    /* why what is being typed would be refused; "" */
};

static const struct setting *current(const struct view *v)
{
    const struct settings_state *st = v->state;
    return settings_at(st->scroll.cursor);
}

/* ---- lines: settings with a heading before each group ---- */

static bool starts_group(size_t i)
{
    return i == 0 || strcmp(settings_at(i)->group, settings_at(i - 1)->group) != 0;
}

static size_t line_of(size_t setting)
{
    size_t line = 0;
    for (size_t i = 0; i <= setting; i++)
        line += 1 + starts_group(i);
    return line - 1;
}

/* The first line shown: the cursor's line stays inside, its heading too where there is room. */
static size_t first_line(const struct settings_state *st, int height)
{
    size_t line = line_of(st->scroll.cursor), lines = line_of(settings_count() - 1) + 1;
    size_t rows = height > 0 ? (size_t)height : 1;
    if (lines <= rows || line < rows / 2)
        return 0;
    size_t top = line - rows / 2;
    return top > lines - rows ? lines - rows : top;
}

/* ---- texts of one setting ---- */

static bool is_changed(const struct session *s, const struct setting *w)
{
    return !settings_is_default(&s->settings, w);
}

/* "2e-5", or "2e-5 → 1e-4" while a change waits to be applied. */
static void value_text(const struct canvas *c, const struct session *s, const struct setting *w,
                       char *out, size_t size)
{
    char now[SETTING_TEXT_SIZE], new[SETTING_TEXT_SIZE];
    settings_format(&s->settings, w, new, sizeof new);
    if (!session_setting_is_staged(s, w)) {
        snprintf(out, size, "%s", new);
        return;
    }
    settings_format(&s->run.view.settings, w, now, sizeof now);
    snprintf(out, size, "%s %s %s", now, canvas_glyph(c, GLYPH_ARROW), new);
}

static void default_text(const struct setting *w, char *out, size_t size)
{
    struct settings defaults;
    settings_defaults(&defaults);
    settings_format(&defaults, w, out, size);
}

static const char *when_text(const struct session *s, const struct setting *w)
{
    if (w->when == SETTING_LIVE)
        return "live";
    return session_run_is_active(s) ? "next run" : "at start";
}

/* ---- drawing ---- */

static void draw_setting(const struct view *v, const struct session *s, struct canvas *c,
                         struct rect line, size_t i)
{
    const struct settings_state *st = v->state;
    const struct setting *w = settings_at(i);
    bool here = i == st->scroll.cursor, staged = session_setting_is_staged(s, w);
    char value[2 * SETTING_TEXT_SIZE + 16], text[SETTING_TEXT_SIZE + 2], dflt[SETTING_TEXT_SIZE];
    char allowed[512];
    enum role role = staged ? ROLE_WARN : is_changed(s, w) ? ROLE_STRONG : ROLE_TEXT;
    int x = line.x, end = line.x + line.w, when_width = 8;

    value_text(c, s, w, value, sizeof value);
    default_text(w, dflt, sizeof dflt);
    snprintf(text, sizeof text, "(%s)", dflt);
    if (here)
        canvas_put_glyph(c, x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    canvas_text(c, x + 2, line.y, NAME_WIDTH - 1, ROLE_TEXT, w->name);
    x += 2 + NAME_WIDTH;
    canvas_text(c, x, line.y, VALUE_WIDTH - 1, role, value);
    x += VALUE_WIDTH;
    if (end - x > 10 + when_width) {
        int room = end - x - when_width - 1, takes = room - DEFAULT_WIDTH;
        takes = takes < TAKES_LEAST ? 0 : takes > TAKES_MOST ? TAKES_MOST : takes;
        if (is_changed(s, w) || staged)
            canvas_text(c, x, line.y, room - takes, ROLE_DIM, text);
        settings_allowed(w, allowed, sizeof allowed);
        canvas_text(c, x + room - takes, line.y, takes - 1, ROLE_DIM, allowed);
        canvas_text_right(c, end - when_width, line.y, when_width,
                          w->when == SETTING_LIVE ? ROLE_GOOD : ROLE_DIM, when_text(s, w));
    }
    if (here)
        canvas_paint(c, line, ROLE_SELECTED);
}

/* "2 changed; takes about 41 s" */
static void add_estimate(const struct session *s, char *note, size_t size)
{
    char takes[32];
    size_t at = strlen(note);
    settings_format_estimate(s, takes, sizeof takes);
    snprintf(note + at, size - at, "%stakes %s%s", at ? "; " : "",
             s->estimate.seconds < 1 ? "" : "about ", takes);
}

static void draw_form(const struct view *v, const struct session *s, struct canvas *c,
                      struct rect area)
{
    const struct settings_state *st = v->state;
    char note[96] = "";
    size_t changed = 0, staged = session_staged_count(s);
    for (size_t i = 0; i < settings_count(); i++)
        changed += is_changed(s, settings_at(i));
    if (staged)
        snprintf(note, sizeof note, "%zu staged: a applies them", staged);
    else if (changed)
        snprintf(note, sizeof note, "%zu changed", changed);
    if (s->estimated && !session_run_is_active(s))
        add_estimate(s, note, sizeof note);
    struct rect r = widget_panel(c, area, "settings: value (default)", note, true);
    size_t top = first_line(st, r.h), line = 0;
    for (size_t i = 0; i < settings_count(); i++) {
        if (starts_group(i)) {
            if (line >= top && line - top < (size_t)r.h)
                canvas_text(c, r.x, r.y + (int)(line - top), r.w, ROLE_TITLE,
                            settings_at(i)->group);
            line++;
        }
        if (line >= top && line - top < (size_t)r.h)
            draw_setting(v, s, c, (struct rect){r.x, r.y + (int)(line - top), r.w - 2, 1}, i);
        line++;
    }
    struct scroll lines = {.count = line, .cursor = line_of(st->scroll.cursor), .top = top};
    widget_scroll_marks(c, r, &lines, top);
}

/* What the setting does, what it takes, when it counts; and what does not fit together. */
static void draw_about(const struct view *v, const struct session *s, struct canvas *c,
                       struct rect area)
{
    const struct settings_state *st = v->state;
    const struct setting *w = current(v);
    const char *wrong = st->refusal[0]         ? st->refusal
                        : s->settings_error[0] ? s->settings_error
                                               : s->estimate_error;
    char text[2048], allowed[512], dflt[SETTING_TEXT_SIZE];
    settings_allowed(w, allowed, sizeof allowed);
    default_text(w, dflt, sizeof dflt);
    struct rect r = widget_panel(c, area, w->name, NULL, false);
    if (wrong[0]) {
        int used = widget_wrap(c, r, ROLE_BAD, wrong, strlen(wrong), 0);
        r = rect_cut_top(r, used + (r.h > used + 4), &(struct rect){0});
    }
    const char *when = w->when == SETTING_LIVE ? "While a run goes on: from the next step after a."
                       : session_run_is_active(s) ? "Counts for the next run, not this one."
                                                  : "Counts from the start of a run.";
    snprintf(text, sizeof text, "%s", w->help);
    r = rect_cut_top(r, widget_wrap(c, r, ROLE_TEXT, text, strlen(text), 0) + (r.h > 6),
                     &(struct rect){0});
    snprintf(text, sizeof text, "Takes %s. Default %s. %s", allowed, dflt, when);
    widget_wrap(c, r, ROLE_DIM, text, strlen(text), 0);
}

static void settings_draw(const struct view *v, const struct session *s, struct canvas *c,
                          struct rect area)
{
    struct rect about;
    if (area.w >= 110) {
        struct rect form, facts;
        about = rect_cut_left(area, area.w - (area.w >= 160 ? 52 : 40), &form);
        draw_form(v, s, c, form);
        if (settings_facts_known(s)) {
            about = rect_cut_bottom(about, area.h >= 26 ? 14 : area.h / 2, &facts);
            settings_facts_draw(c, facts, s);
        }
    } else {
        int rows = area.h >= 20 ? 7 : area.h >= 14 ? 5 : 0;
        struct rect form = rect_cut_bottom(area, rows, &about);
        draw_form(v, s, c, form);
        if (!rows)
            return;
    }
    draw_about(v, s, c, about);
}

/* ---- actions ---- */

static int edit_done(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct settings_state *st = v->state;
    st->refusal[0] = '\0';
    if (!app_setting_set(a, current(v), text, err))
        return 0;
    snprintf(st->refusal, sizeof st->refusal, "%.255s", err->text);
    return -1;
}

/* Says while the user types why the text would be refused. */
static int edit_typed(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct settings_state *st = v->state;
    struct settings copy = app_session(a)->settings;
    int refused = settings_parse(&copy, current(v)->name, text, err);
    snprintf(st->refusal, sizeof st->refusal, "%.255s", refused ? err->text : "");
    return refused;
}

static void edit_left(struct view *v, struct app *a)
{
    struct settings_state *st = v->state;
    (void)a;
    st->refusal[0] = '\0';
}

static void edit(struct view *v, struct app *a)
{
    struct app_prompt p = {.done = edit_done, .typed = edit_typed, .cancelled = edit_left};
    snprintf(p.label, sizeof p.label, "%s", current(v)->name);
    settings_format(&app_session(a)->settings, current(v), p.initial, sizeof p.initial);
    app_prompt(a, &p);
}

/* The choice `by` places on, round the end. False when the setting has no choices. */
static bool choose(struct view *v, struct app *a, int by)
{
    static const char *const switches[] = {"false", "true", NULL};
    const struct setting *w = current(v);
    const char *const *choices = w->type == SETTING_ENUM ? w->choices : switches;
    if (w->type != SETTING_ENUM && w->type != SETTING_BOOL)
        return false;
    char value[SETTING_TEXT_SIZE];
    int count = 0, at = 0;
    settings_format(&app_session(a)->settings, w, value, sizeof value);
    for (; choices[count]; count++)
        if (!strcmp(choices[count], value))
            at = count;
    struct err err;
    if (app_setting_set(a, w, choices[(at + by + count) % count], &err))
        app_say_err(a, &err);
    return true;
}

static void reset(struct view *v, struct app *a)
{
    char value[SETTING_TEXT_SIZE];
    struct err err;
    default_text(current(v), value, sizeof value);
    if (app_setting_set(a, current(v), value, &err))
        app_say_err(a, &err);
}

static void apply(struct app *a)
{
    struct err err;
    if (!session_staged_count(app_session(a)))
        app_say(a, ROLE_DIM, "nothing is staged: change a live setting while a run goes on");
    else if (app_settings_apply(a, &err))
        app_say_err(a, &err);
}

static bool move(struct view *v, enum action act)
{
    struct settings_state *st = v->state;
    long page = v->area.h > 6 ? v->area.h - 4 : 4;
    switch (act) {
    case ACTION_UP:
        scroll_move(&st->scroll, -1);
        return true;
    case ACTION_DOWN:
        scroll_move(&st->scroll, 1);
        return true;
    case ACTION_PAGE_UP:
        scroll_move(&st->scroll, -page);
        return true;
    case ACTION_PAGE_DOWN:
        scroll_move(&st->scroll, page);
        return true;
    case ACTION_FIRST:
        scroll_to(&st->scroll, 0);
        return true;
    case ACTION_LAST:
        scroll_to(&st->scroll, settings_count() - 1);
        return true;
    default:
        return false;
    }
}

static enum handled settings_action(struct view *v, struct app *a, enum action act)
{
    struct err err;
    if (move(v, act))
        return HANDLED;
    switch (act) {
    case ACTION_SETTING_EDIT:
        edit(v, a);
        return HANDLED;
    case ACTION_SETTING_NEXT:
        if (!choose(v, a, 1))
            app_say(a, ROLE_DIM, "%s has no list of choices: Enter edits it", current(v)->name);
        return HANDLED;
    case ACTION_SETTING_PREVIOUS:
        if (!choose(v, a, -1))
            app_say(a, ROLE_DIM, "%s has no list of choices: Enter edits it", current(v)->name);
        return HANDLED;
    case ACTION_SETTING_DEFAULT:
        reset(v, a);
        return HANDLED;
    case ACTION_SETTING_UNDO:
        if (app_setting_undo(a, &err))
            app_say_err(a, &err);
        return HANDLED;
    case ACTION_SETTING_APPLY:
        apply(a);
        return HANDLED;
    default:
        return NOT_HANDLED;
    }
}

/* ---- the rest of the table ---- */

static int settings_open(struct view *v, struct app *a, struct err *err)
{
    (void)a;
    (void)err;
    struct settings_state *st = v->state;
    scroll_set_count(&st->scroll, settings_count());
    return 0;
}

static bool settings_update(struct view *v, struct app *a)
{
    (void)v;
    (void)a;
    return true; /* called when the session changed; every line may show something of it */
}

static const char *settings_hint(const struct view *v, const struct session *s, enum action act,
                                 const char *hint)
{
    enum setting_type type = current(v)->type;
    if (act == ACTION_SETTING_NEXT && type != SETTING_ENUM && type != SETTING_BOOL)
        return NULL;
    if (act == ACTION_SETTING_APPLY && !session_staged_count(s))
        return NULL;
    if (act == ACTION_SETTING_DEFAULT && !is_changed(s, current(v)))
        return NULL;
    if (act == ACTION_START && (session_run_is_active(s) || !s->model_dir[0] || !s->dataset))
        return NULL;
    if (act == ACTION_PANEL) /* the form is the only panel that takes keys */
        return NULL;
    return hint;
}

const struct view_ops view_settings = {
    .name = "Settings",
    .state_size = sizeof(struct settings_state),
    .open = settings_open,
    .update = settings_update,
    .draw = settings_draw,
    .action = settings_action,
    .hint = settings_hint,
};
