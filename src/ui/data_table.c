#include "ui/data_table.h"

#include "ui/row_panel.h"

#include <stdio.h>
#include <string.h>

/* Columns of the table, relative to its left edge; width 0: not shown. */
struct columns {
    int number_w, twin, split, split_w, label, label_w, tokens, tokens_w, text;
};

/* Of sets two labels and a bit: most rows have no more. */
static int target_width(const struct canvas *c, const struct session *s, int most)
{
    const enum problem p = dataset_problem(s->dataset);
    int one = row_label_width(c, s, most), some = 2 * one + 4;
    return p == PROBLEM_REGRESSION                   ? 8
           : p == PROBLEM_MULTI_LABEL && some < most ? some
           : p == PROBLEM_MULTI_LABEL                ? most
                                                     : one;
}

static struct columns columns_of(const struct canvas *c, const struct session *s, int w)
{
    struct columns k = {.number_w = 3};
    for (size_t n = dataset_rows(s->dataset) - 1; n >= 1000; n /= 10)
        k.number_w++;
    k.tokens_w = !s->encoded ? 0 : w >= 56 ? 6 : 3;
    for (size_t n = s->gate && s->encoded ? s->gate->longest : 0, digits = 1; n >= 10; n /= 10)
        k.tokens_w = (int)++digits > k.tokens_w ? (int)digits : k.tokens_w;
    k.twin = 3 + k.number_w;
    k.split = k.twin + 2;
    k.split_w = w >= 56 ? 5 : 0;
    k.label = k.split + (k.split_w ? k.split_w + 1 : 0);
    k.label_w = target_width(c, s, w >= 100 ? 24 : w >= 70 ? 18 : 13);
    k.label_w = k.label_w < 5 ? 5 : k.label_w;
    k.tokens = k.label + k.label_w + 1;
    k.text = k.tokens + (k.tokens_w ? k.tokens_w + 1 : 0);
    return k;
}

static void draw_heading(struct canvas *c, struct rect line, const struct columns *k,
                         const char *target)
{
    canvas_text_right(c, line.x + 2, line.y, k->number_w, ROLE_DIM, "row");
    canvas_text(c, line.x + k->split, line.y, k->split_w, ROLE_DIM, "split");
    canvas_text(c, line.x + k->label, line.y, k->label_w, ROLE_DIM, target);
    canvas_text_right(c, line.x + k->tokens, line.y, k->tokens_w, ROLE_DIM,
                      k->tokens_w < 6 ? "tok" : "tokens");
    canvas_text(c, line.x + k->text, line.y, line.w - k->text, ROLE_DIM, "text");
}

static void draw_row(const struct session *s, struct canvas *c, struct rect line,
                     const struct columns *k, size_t row, bool here, bool focused)
{
    struct example e;
    char text[24], target[256];
    dataset_get(s->dataset, row, &e);
    if (here)
        canvas_put_glyph(c, line.x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    snprintf(text, sizeof text, "%zu", row);
    canvas_text_right(c, line.x + 2, line.y, k->number_w, ROLE_DIM, text);
    if (s->gate && s->gate->twin[row] != row)
        canvas_text(c, line.x + k->twin, line.y, 1, ROLE_WARN, "=");
    size_t letters = strnlen(split_name(e.split), (size_t)k->split_w); /* "valid", not "vali…" */
    canvas_text_n(c, line.x + k->split, line.y, k->split_w, ROLE_DIM, split_name(e.split), letters);
    dataset_target_text(s->dataset, &e, target, sizeof target);
    canvas_text(c, line.x + k->label, line.y, k->label_w, ROLE_STRONG, target);
    if (s->encoded) {
        bool cut = s->encoded->full_length[row] > s->encoded->max_length;
        snprintf(text, sizeof text, "%u", s->encoded->full_length[row]);
        canvas_text_right(c, line.x + k->tokens, line.y, k->tokens_w, cut ? ROLE_WARN : ROLE_DIM,
                          text);
    }
    row_draw_line(c, line.x + k->text, line.y, line.w - k->text, &e);
    if (here)
        canvas_paint(c, line, focused ? ROLE_SELECTED : ROLE_CURSOR);
}

/* In which order the table stands, and what narrows it. */
static void list_note(const struct data_list *l, const struct session *s, char *out, size_t size)
{
    int n = snprintf(out, size, "%s", data_order_name(l->order, dataset_problem(s->dataset)));
    if (l->label != NO_LABEL)
        n += snprintf(out + n, size - (size_t)n, ", %.40s", dataset_label(s->dataset, l->label));
    if (l->finding >= 0)
        n += snprintf(out + n, size - (size_t)n, ", %s",
                      finding_name((enum finding_kind)l->finding, dataset_problem(s->dataset)));
    if (s->search.query[0])
        snprintf(out + n, size - (size_t)n, ", / %.60s", s->search.query);
}

static bool is_narrowed(const struct data_list *l, const struct session *s)
{
    return s->search.query[0] || l->label != NO_LABEL || l->finding >= 0;
}

static void table_title(const struct data_list *l, const struct session *s, char *out, size_t size)
{
    size_t all = dataset_rows(s->dataset);
    if (is_narrowed(l, s))
        snprintf(out, size, "%zu of %zu rows%s", l->count, all,
                 s->search.running ? ", searching" : "");
    else
        snprintf(out, size, "%zu rows", all);
}

int data_table_height(struct rect frame)
{
    return frame.h - 2 - (frame.h >= 6);
}

void data_table_draw(struct canvas *c, struct rect frame, const struct session *s,
                     const struct data_list *l, const struct scroll *cursor, bool focused)
{
    char title[64], note[256];
    table_title(l, s, title, sizeof title);
    list_note(l, s, note, sizeof note);
    struct rect r = widget_panel(c, frame, title, note, focused), line = {r.x, r.y, r.w, 1};
    struct columns k = columns_of(c, s, r.w);
    int rows = data_table_height(frame);
    if (rows < r.h)
        draw_heading(c, line, &k, problem_target_name(dataset_problem(s->dataset)));
    r = rect_cut_top(r, r.h - rows, &(struct rect){0});
    size_t top = scroll_top(cursor, rows);
    if (s->search.error[0])
        widget_wrap(c, r, ROLE_BAD, s->search.error, strlen(s->search.error), 0);
    else if (!l->count && r.h > 0)
        canvas_text(c, r.x, r.y, r.w, ROLE_DIM,
                    s->search.running ? "searching ..." : "no row matches; Esc drops the filters");
    for (int y = 0; y < r.h && top + (size_t)y < l->count; y++) {
        size_t at = top + (size_t)y;
        line.y = r.y + y;
        draw_row(s, c, line, &k, l->rows[at], at == cursor->cursor, focused);
    }
    widget_scroll_marks(c, r, cursor, top);
}
