#include "ui/palette.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Every word typed stands somewhere in the name or the help. */
static bool answers(enum action a, const char *typed)
{
    char words[sizeof((struct input *)0)->text], *rest = words, *word;
    const struct action_info *info = action_info(a);
    snprintf(words, sizeof words, "%s", typed);
    while ((word = strtok_r(rest, " ", &rest)))
        if (!strcasestr(info->name, word) && !strcasestr(info->help, word))
            return false;
    return true;
}

static void find(struct palette *p)
{
    size_t n = 0;
    for (int by_name = 1; by_name >= 0; by_name--) /* whose name begins so come first */
        for (int a = ACTION_NONE + 1; a < ACTION_COUNT; a++) {
            size_t typed = strlen(p->input.text);
            bool begins = !strncasecmp(action_info(a)->name, p->input.text, typed);
            if (begins == by_name && action_is_in(a, p->view) && a != ACTION_PALETTE &&
                answers(a, p->input.text))
                p->found[n++] = a;
        }
    scroll_set_count(&p->scroll, n);
}

void palette_open(struct palette *p, enum view_id view)
{
    memset(p, 0, sizeof *p);
    p->open = true;
    p->view = view;
    find(p);
}

enum action palette_key(struct palette *p, uint32_t key)
{
    if (key == KEYCODE_ESC || key == KEYCODE_CTRL('c')) {
        p->open = false;
    } else if (key == KEYCODE_ENTER) {
        p->open = false;
        return p->scroll.count ? p->found[p->scroll.cursor] : ACTION_NONE;
    } else if (key == KEYCODE_UP) {
        scroll_move(&p->scroll, -1);
    } else if (key == KEYCODE_DOWN || key == KEYCODE_TAB) {
        scroll_move(&p->scroll, 1);
    } else if (input_key(&p->input, key)) {
        p->scroll.cursor = p->scroll.top = 0;
        find(p);
    }
    return ACTION_NONE;
}

void palette_draw(struct canvas *c, struct rect area, const struct palette *p)
{
    int w = area.w < 78 ? area.w : 78, h = area.h < 16 ? area.h : 16;
    struct rect box = {area.x + (area.w - w) / 2, area.y + (area.h - h) / 4, w, h}, line;
    canvas_fill(c, box, ROLE_TEXT, ' ');
    struct rect in = widget_panel(c, box, "commands", "Enter does it, Esc closes", true);
    in = rect_cut_top(in, 1, &line);
    canvas_text(c, line.x, line.y, 2, ROLE_KEY, ":");
    input_draw(c, line.x + 2, line.y, line.w - 2, &p->input);
    size_t top = scroll_top(&p->scroll, in.h);
    for (int y = 0; y < in.h && top + (size_t)y < p->scroll.count; y++) {
        char key[16];
        enum action a = p->found[top + (size_t)y];
        const struct action_info *info = action_info(a);
        bool here = top + (size_t)y == p->scroll.cursor;
        canvas_text(c, in.x, in.y + y, 9, ROLE_KEY, keycode_name(info->key, key, sizeof key));
        canvas_text(c, in.x + 10, in.y + y, 20, ROLE_STRONG, info->name);
        canvas_text(c, in.x + 31, in.y + y, in.w - 32, ROLE_DIM, info->help);
        if (here)
            canvas_paint(c, (struct rect){in.x, in.y + y, in.w, 1}, ROLE_SELECTED);
    }
    if (!p->scroll.count)
        canvas_text(c, in.x, in.y, in.w, ROLE_DIM, "no command has that in its name");
    widget_scroll_marks(c, in, &p->scroll, top);
}
