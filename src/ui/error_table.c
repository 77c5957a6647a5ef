#include "ui/error_table.h"

#include "ui/error_cells.h"
#include "ui/row_panel.h"

#include <stdio.h>
#include <string.h>

static void draw_line(const struct session *s, const struct evaluation *e, struct canvas *c,
                      struct rect line, const struct error_cells *k, size_t at, bool here,
                      bool focused)
{
    struct example row;
    dataset_get(s->dataset, e->row[at], &row);
    if (here)
        canvas_put_glyph(c, line.x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    error_cells_draw(c, line, k, s, e, at);
    row_draw_line(c, line.x + k->text, line.y, line.w - k->text, &row);
    if (here)
        canvas_paint(c, line, focused ? ROLE_SELECTED : ROLE_CURSOR);
}

/* "5 of 10 rows wrong, accuracy 0.500", or what takes its place. */
static void sum_up(const struct inspection *in, char *out, size_t size)
{
    const struct metrics *m = &in->metrics;
    enum metric first = metric_first(m->problem);
    if (m->problem == PROBLEM_REGRESSION)
        snprintf(out, size, "%zu rows, %s %.3f, MAE %.4g", in->evaluation.rows, metric_title(first),
                 metric_of(m, first), m->mae);
    else
        snprintf(out, size, "%zu of %zu rows wrong, %s %.3f",
                 evaluation_count_wrong(&in->evaluation), in->evaluation.rows, metric_title(first),
                 metric_of(m, first));
}

static void table_title(const struct inspection *in, const struct error_list *l,
                        const struct session *s, char *out, size_t size)
{
    const enum problem p = in->metrics.problem;
    char sum[120];
    sum_up(in, sum, sizeof sum);
    if (l->truth != NO_LABEL && p == PROBLEM_MULTI_LABEL)
        snprintf(out, size, "%zu rows with %.40s wrong", l->count,
                 dataset_label(s->dataset, l->truth));
    else if (l->truth != NO_LABEL && l->truth == l->predicted)
        snprintf(out, size, "%zu rows: %.40s read right", l->count,
                 dataset_label(s->dataset, l->truth));
    else if (l->truth != NO_LABEL)
        snprintf(out, size, "%zu rows: %.40s read as %.40s", l->count,
                 dataset_label(s->dataset, l->truth), dataset_label(s->dataset, l->predicted));
    else if (l->word[0])
        snprintf(out, size, "%zu %s rows with '%.60s'", l->count,
                 l->all || p == PROBLEM_REGRESSION ? "evaluated" : "wrong", l->word);
    else
        snprintf(out, size, "%s%s", l->all && p != PROBLEM_REGRESSION ? "all rows, " : "", sum);
}

static void table_note(const struct evaluation *e, const struct error_list *l, char *out,
                       size_t size)
{
    bool both = l->truth != NO_LABEL && l->word[0]; /* the title names one of them */
    snprintf(out, size, "%s, step %lld, %s%s%.60s", split_name(e->split), (long long)e->step,
             error_order_name(l->order, e->problem), both ? ", / " : "", both ? l->word : "");
}

static const char *empty_text(const struct error_list *l)
{
    return l->word[0]             ? "no row matches; Esc drops the search"
           : l->truth != NO_LABEL ? "there are none of these; Esc: back to where it was chosen"
                                  : "no row is wrong";
}

int error_table_height(struct rect frame)
{
    return frame.h - 2 - (frame.h >= 6);
}

void error_table_draw(struct canvas *c, struct rect frame, const struct session *s,
                      const struct inspection *in, const struct error_list *l,
                      const struct scroll *cursor, bool focused)
{
    char title[160], note[200];
    int rows = error_table_height(frame);
    table_title(in, l, s, title, sizeof title);
    table_note(&in->evaluation, l, note, sizeof note);
    struct rect r = widget_panel(c, frame, title, note, focused), line = {r.x, r.y, r.w, 1};
    struct error_cells k = error_cells_fit(c, s, r.w);
    if (rows < r.h)
        error_cells_heading(c, line, &k);
    r = rect_cut_top(r, r.h - rows, &(struct rect){0});
    size_t top = scroll_top(cursor, rows);
    if (!l->count && r.h > 0)
        canvas_text(c, r.x, r.y, r.w, ROLE_DIM, empty_text(l));
    for (int y = 0; y < r.h && top + (size_t)y < l->count; y++) {
        size_t i = top + (size_t)y;
        line.y = r.y + y;
        draw_line(s, &in->evaluation, c, line, &k, l->at[i], i == cursor->cursor, focused);
    }
    widget_scroll_marks(c, r, cursor, top);
}
