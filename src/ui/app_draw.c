/* app_draw.c - the frame: title line, tabs, the view, and the last line with hints, a message, a
 * question or a prompt. Pure but for remembering where the view stood. */
#include "ui/app_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct state_look {
    enum glyph glyph;
    enum role role;
};

static const struct state_look state_looks[] = {
    [TRAINER_IDLE] = {GLYPH_IDLE, ROLE_DIM},
    [TRAINER_PREPARING] = {GLYPH_RUNNING, ROLE_WARN},
    [TRAINER_RUNNING] = {GLYPH_RUNNING, ROLE_GOOD},
    [TRAINER_PAUSED] = {GLYPH_PAUSED, ROLE_WARN},
    [TRAINER_EVALUATING] = {GLYPH_RUNNING, ROLE_TRAIN},
    [TRAINER_FINISHED] = {GLYPH_CHECK, ROLE_GOOD},
    [TRAINER_STOPPED] = {GLYPH_IDLE, ROLE_WARN},
    [TRAINER_FAILED] = {GLYPH_TIMES, ROLE_BAD},
};

/* The right end of the title line: pieces in the order shown, each with a rank; what does not fit
 * is left out from the highest rank down. */
struct piece {
    char text[64];
    int rank;
};

static size_t run_pieces(const struct session *s, struct piece p[6])
{
    const struct run *r = &s->run;
    const struct trainer_view *v = &r->view;
    size_t n = 0;
    char left[16], speed[16];
    bool preparing = v->state == TRAINER_PREPARING && v->phase[0];
    snprintf(p[n].text, sizeof p[n].text, "%s%s%s",
             r->stopping && session_run_is_active(s) ? "stopping, was " : "",
             trainer_state_name(v->state), r->kind == RUN_WATCHED ? " elsewhere" : "");
    p[n++].rank = 0;
    if (preparing) {
        snprintf(p[n].text, sizeof p[n].text, "%.60s", v->phase);
        p[n++].rank = 1;
        return n;
    }
    snprintf(p[n].text, sizeof p[n].text, "epoch %.2g/%.3g", floor(v->epoch * 10) / 10, v->epochs);
    p[n++].rank = 4;
    snprintf(p[n].text, sizeof p[n].text, "step %lld/%lld", (long long)v->step,
             (long long)v->total_steps);
    p[n++].rank = 1;
    if (r->lost) {
        snprintf(p[n].text, sizeof p[n].text, "%llu lost", (unsigned long long)r->lost);
        p[n++].rank = 1;
    }
    if (!session_run_is_active(s))
        return n;
    format_count(speed, sizeof speed, floor(v->tokens_per_second));
    format_duration(left, sizeof left, v->seconds_left);
    snprintf(p[n].text, sizeof p[n].text, "%s tok/s", app_is_frozen() ? "-" : speed);
    p[n++].rank = 3;
    snprintf(p[n].text, sizeof p[n].text, "%s left", app_is_frozen() ? "-" : left);
    p[n++].rank = 2;
    return n;
}

static const char *load_text(const struct session *s)
{
    switch (s->load) {
    case LOAD_READING:
        return "reading the data";
    case LOAD_TOKENISING:
        return "tokenising";
    case LOAD_CHECKING:
        return "checking the data";
    case LOAD_FAILED:
        return "the data cannot be used";
    default:
        return NULL;
    }
}

static int pieces_width(const struct canvas *c, const struct piece *p, size_t n, int most_rank)
{
    int w = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i].rank <= most_rank)
            w += canvas_text_width(c, p[i].text, strlen(p[i].text)) + 2;
    return w;
}

/* Returns the columns used at the right end. */
static int draw_run_state(struct canvas *c, const struct session *s, int room)
{
    struct piece p[6];
    size_t n = run_pieces(s, p);
    struct state_look look = state_looks[s->run.view.state];
    int rank = 4;
    while (rank > 0 && pieces_width(c, p, n, rank) + 2 > room)
        rank--;
    int used = pieces_width(c, p, n, rank) + 1, x = canvas_width(c) - used;
    canvas_put_glyph(c, x - 1, 0, look.role, look.glyph);
    for (size_t i = 0; i < n; i++) {
        if (p[i].rank > rank)
            continue;
        x += 1 + canvas_text(c, x + 1, 0, canvas_width(c) - x - 1, i ? ROLE_TEXT : look.role,
                             p[i].text);
        x++;
    }
    return used + 2;
}

static void draw_title(struct app *a, struct canvas *c)
{
    char data[64], model[64], text[192] = "";
    const struct session *s = &a->session;
    const struct view *v = app_view(a);
    const char *dot = canvas_glyph(c, GLYPH_DOT), *load = load_text(s);
    const struct setting *tune = settings_find("tune");
    char tune_text[SETTING_TEXT_SIZE] = "";
    int w = canvas_width(c), right = 0;
    session_data_name(s, data, sizeof data);
    session_model_name(s, model, sizeof model);
    if (tune)
        settings_format(&s->resolved, tune, tune_text, sizeof tune_text);
    snprintf(text, sizeof text, "%s %s %s %s %.16s", data, dot, model, dot, tune_text);
    int natural = canvas_text_width(c, text, strlen(text)) + 7;
    if (s->run.kind != RUN_NONE) {
        right = draw_run_state(c, s, w - (natural < 22 ? natural : 22));
    } else {
        char summary[96] = "";
        if (load)
            snprintf(summary, sizeof summary, "%s", load);
        else if (v->ops->summary)
            v->ops->summary(v, s, summary, sizeof summary);
        else
            snprintf(summary, sizeof summary, "no run yet");
        right = canvas_text_width(c, summary, strlen(summary)) + 2;
        canvas_text(c, w - right + 1, 0, right, ROLE_DIM, summary);
    }
    canvas_text(c, 1, 0, 3, ROLE_STRONG, "sft");
    canvas_text(c, 6, 0, w - right - 7, ROLE_TEXT, text);
}

static void draw_tabs(struct app *a, struct canvas *c)
{
    int x = 1, w = canvas_width(c);
    int gap = w >= 70 ? 3 : w >= 56 ? 1 : 0;
    for (int i = 0; i < VIEW_HELP; i++) {
        const char *name = view_id_name((enum view_id)i);
        bool here = (enum view_id)i == a->shown;
        if (!a->views[i].ops)
            continue;
        canvas_text(c, x, 1, 1, ROLE_TAB, here ? "[" : " ");
        canvas_printf(c, x + 1, 1, 1, here ? ROLE_TAB : ROLE_KEY, "%d", i + 1);
        int used = canvas_text(c, x + 3, 1, w - x - 3, here ? ROLE_TAB : ROLE_TEXT, name);
        canvas_text(c, x + 3 + used, 1, 1, ROLE_TAB, here ? "]" : " ");
        x += used + 4 + gap;
    }
    const char *right = "? help   : commands";
    int room = w - x - 1, n = room >= 20 ? 19 : room >= 7 ? 6 : 0;
    canvas_text_n(c, w - n - 1, 1, n, a->shown == VIEW_HELP ? ROLE_TAB : ROLE_DIM, right,
                  (size_t)n);
}

static void draw_hints(struct app *a, struct canvas *c, int y)
{
    const struct view *v = app_view(a);
    int x = 1, w = canvas_width(c);
    for (int act = ACTION_NONE + 1; act < ACTION_COUNT; act++) {
        const struct action_info *info = action_info(act);
        const char *hint = info->hint;
        char name[16];
        if (!action_is_in(act, a->shown) || !hint[0])
            continue;
        if (v->ops->hint && !(hint = v->ops->hint(v, &a->session, act, hint)))
            continue;
        const char *key = keycode_name(info->key, name, sizeof name);
        int key_w = canvas_text_width(c, key, strlen(key));
        int need = key_w + 1 + canvas_text_width(c, hint, strlen(hint));
        if (x + need > w - 1)
            continue;
        canvas_text(c, x, y, key_w, ROLE_KEY, key);
        canvas_text(c, x + key_w + 1, y, w, ROLE_DIM, hint);
        x += need + 3;
    }
}

static void draw_prompt(struct app *a, struct canvas *c, int y)
{
    int w = canvas_width(c);
    int x = 1 + canvas_text(c, 1, y, w / 3, ROLE_KEY, a->prompt.label) + 1;
    const char *why = a->prompt_err.text;
    int room = why[0] ? (w - x) / 3 : w - x - 1;
    if (room < 8)
        room = w - x - 1;
    input_draw(c, x, y, room, &a->input);
    if (why[0])
        canvas_text(c, x + room + 1, y, w - x - room - 2, ROLE_BAD, why);
}

static void draw_last_line(struct app *a, struct canvas *c)
{
    int y = canvas_height(c) - 1, w = canvas_width(c);
    if (a->confirm_open) {
        int used = canvas_text(c, 1, y, w - 10, ROLE_WARN, a->question);
        canvas_text(c, used + 2, y, 8, ROLE_KEY, "y / No");
    } else if (a->prompt_open) {
        draw_prompt(a, c, y);
    } else if (a->message[0]) {
        canvas_text(c, 1, y, w - 2, a->message_role, a->message);
    } else {
        draw_hints(a, c, y);
    }
}

/* What fits anywhere: the size there is, the size needed, and how to leave. */
static void draw_too_small(struct app *a, struct canvas *c)
{
    char text[256];
    struct rect all = {0, 0, canvas_width(c), canvas_height(c)};
    if (a->confirm_open)
        snprintf(text, sizeof text, "%s y / No", a->question);
    else
        snprintf(text, sizeof text, "This window is %dx%d; the workbench needs %dx%d.\n%s", all.w,
                 all.h, APP_MIN_WIDTH, APP_MIN_HEIGHT,
                 session_run_is_active(&a->session) ? "Training goes on. q: quit" : "q: quit");
    widget_wrap(c, all, ROLE_TEXT, text, strlen(text), 0);
}

void app_draw(struct app *a, struct canvas *c)
{
    struct view *v = app_view(a);
    a->dirty = false;
    canvas_clear(c);
    a->too_small = canvas_width(c) < APP_MIN_WIDTH || canvas_height(c) < APP_MIN_HEIGHT;
    if (a->too_small) {
        draw_too_small(a, c);
        return;
    }
    v->area = (struct rect){0, 2, canvas_width(c), canvas_height(c) - 3};
    v->level = canvas_level(c);
    draw_title(a, c);
    draw_tabs(a, c);
    v->ops->draw(v, &a->session, c, v->area);
    draw_last_line(a, c);
    if (a->palette.open)
        palette_draw(c, v->area, &a->palette);
}
