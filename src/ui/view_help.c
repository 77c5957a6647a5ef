/* view_help.c - every key, from the table of actions, filtered by `/`. */
#include "ui/view.h"
#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

struct help_state {
    enum view_id from; /* its keys come first */
    char filter[64];
    struct scroll scroll;
};

struct help_line {
    enum action act; /* ACTION_NONE: a heading */
    const char *title;
};

#define HELP_LINES_MAX (ACTION_COUNT * 2 + VIEW_COUNT + 2)

static bool matches(enum action act, const char *filter)
{
    char one[16], two[16];
    const struct action_info *info = action_info(act);
    return strcasestr(info->name, filter) || strcasestr(info->help, filter) ||
           strcasestr(keycode_name(info->key, one, sizeof one), filter) ||
           (info->key2 && strcasestr(keycode_name(info->key2, two, sizeof two), filter));
}

static size_t add_section(struct help_line *lines, size_t n, const char *title, unsigned bit,
                          const char *filter)
{
    size_t heading = n++;
    lines[heading] = (struct help_line){ACTION_NONE, title};
    for (int act = ACTION_NONE + 1; act < ACTION_COUNT; act++) {
        unsigned views = action_info(act)->views;
        bool here = bit == IN_ALL ? views == IN_ALL : views != IN_ALL && (views & bit);
        if (here && matches(act, filter) && n < HELP_LINES_MAX)
            lines[n++] = (struct help_line){act, NULL};
    }
    return n == heading + 1 ? heading : n; /* a heading over nothing is no line */
}

static size_t make_lines(struct help_line lines[HELP_LINES_MAX], const struct help_state *h)
{
    size_t n = add_section(lines, 0, view_id_name(h->from), 1u << h->from, h->filter);
    n = add_section(lines, n, "Everywhere", IN_ALL, h->filter);
    for (int v = 0; v < VIEW_COUNT; v++)
        if ((enum view_id)v != h->from)
            n = add_section(lines, n, view_id_name((enum view_id)v), 1u << v, h->filter);
    return n;
}

static void draw_line(struct canvas *c, struct rect r, const struct help_line *line)
{
    char one[16], two[16], keys[40];
    if (line->act == ACTION_NONE) {
        canvas_text(c, r.x, r.y, r.w, ROLE_TITLE, line->title);
        return;
    }
    const struct action_info *info = action_info(line->act);
    snprintf(keys, sizeof keys, "%s%s%s", keycode_name(info->key, one, sizeof one),
             info->key2 ? "  " : "", info->key2 ? keycode_name(info->key2, two, sizeof two) : "");
    canvas_text(c, r.x + 2, r.y, 12, ROLE_KEY, keys);
    int x = 15;
    if (r.w >= 110) { /* the name is what the command line of `:` knows it by */
        canvas_text(c, r.x + x, r.y, 19, ROLE_TEXT, info->name);
        x += 20;
    }
    canvas_text(c, r.x + x, r.y, r.w - x - 1, ROLE_TEXT, info->help);
}

static void help_draw(const struct view *v, const struct session *s, struct canvas *c,
                      struct rect area)
{
    const struct help_state *h = v->state;
    struct help_line lines[HELP_LINES_MAX];
    char title[96];
    (void)s;
    size_t n = make_lines(lines, h);
    snprintf(title, sizeof title, h->filter[0] ? "keys with \"%s\"" : "keys", h->filter);
    struct rect in = widget_panel(c, area, title, "/ filters, Esc leaves", true);
    struct scroll scroll = h->scroll;
    scroll_set_count(&scroll, n);
    size_t top = scroll_top(&scroll, in.h);
    for (int y = 0; y < in.h && top + (size_t)y < n; y++)
        draw_line(c, (struct rect){in.x, in.y + y, in.w, 1}, &lines[top + (size_t)y]);
    if (n)
        canvas_paint(c, (struct rect){in.x, in.y + (int)(scroll.cursor - top), in.w - 1, 1},
                     ROLE_SELECTED);
    else
        canvas_text(c, in.x, in.y, in.w, ROLE_DIM, "no key does that; Esc shows all");
    widget_scroll_marks(c, in, &scroll, top);
}

static int filter_typed(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct help_state *h = v->state;
    (void)a;
    (void)err;
    snprintf(h->filter, sizeof h->filter, "%.63s", text);
    h->scroll.cursor = h->scroll.top = 0;
    return 0;
}

static void filter_cancelled(struct view *v, struct app *a)
{
    filter_typed(v, a, "", NULL);
}

static enum handled help_action(struct view *v, struct app *a, enum action act)
{
    struct help_state *h = v->state;
    struct help_line lines[HELP_LINES_MAX];
    int page = v->area.h > 4 ? v->area.h - 3 : 1;
    scroll_set_count(&h->scroll, make_lines(lines, h));
    switch (act) {
    case ACTION_UP:
        scroll_move(&h->scroll, -1);
        break;
    case ACTION_DOWN:
        scroll_move(&h->scroll, 1);
        break;
    case ACTION_PAGE_UP:
        scroll_move(&h->scroll, -page);
        break;
    case ACTION_PAGE_DOWN:
        scroll_move(&h->scroll, page);
        break;
    case ACTION_FIRST:
        scroll_to(&h->scroll, 0);
        break;
    case ACTION_LAST:
        scroll_to(&h->scroll, h->scroll.count);
        break;
    case ACTION_SEARCH: {
        struct app_prompt p = {.label = "/",
                               .done = filter_typed,
                               .typed = filter_typed,
                               .cancelled = filter_cancelled};
        snprintf(p.initial, sizeof p.initial, "%s", h->filter);
        app_prompt(a, &p);
        break;
    }
    case ACTION_BACK:
        if (!h->filter[0])
            return NOT_HANDLED;
        filter_typed(v, a, "", NULL);
        break;
    default:
        return NOT_HANDLED;
    }
    h->scroll.top = scroll_top(&h->scroll, page);
    return HANDLED;
}

static bool help_update(struct view *v, struct app *a)
{
    struct help_state *h = v->state;
    bool moved = h->from != app_view_before_help(a);
    h->from = app_view_before_help(a);
    if (moved)
        h->scroll.cursor = h->scroll.top = 0;
    return moved;
}

const struct view_ops view_help = {
    .name = "Help",
    .state_size = sizeof(struct help_state),
    .update = help_update,
    .draw = help_draw,
    .action = help_action,
};
