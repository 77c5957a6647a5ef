#include "ui/error_table.h"

#include "ui/row_panel.h"

#include <stdio.h>
#include <string.h>

/* Columns, relative to the list's left edge. */
struct columns {
    int loss_w, truth, label_w, predicted, text;
};

static struct columns columns_of(const struct canvas *c, const struct session *s, int w)
{
    struct columns k = {.loss_w = w >= 76 ? 6 : 0};
    k.truth = 8 + (k.loss_w ? k.loss_w + 1 : 0);
    k.label_w = row_label_width(c, s, w >= 110 ? 20 : w >= 70 ? 14 : 9);
    k.label_w = k.label_w < 5 ? 5 : k.label_w;
    k.predicted = k.truth + k.label_w + 3;
    k.text = k.predicted + k.label_w + 1;
    return k;
}

static void draw_heading(struct canvas *c, struct rect line, const struct columns *k)
{
    canvas_text(c, line.x + 2, line.y, 5, ROLE_DIM, "conf.");
    canvas_text_right(c, line.x + 8, line.y, k->loss_w, ROLE_DIM, "loss");
    canvas_text(c, line.x + k->truth, line.y, k->label_w, ROLE_DIM, "true");
    canvas_text(c, line.x + k->predicted, line.y, k->label_w, ROLE_DIM,
                k->label_w >= 9 ? "predicted" : "pred.");
    canvas_text(c, line.x + k->text, line.y, line.w - k->text, ROLE_DIM, "text");
}

static void draw_line(const struct session *s, const struct evaluation *e, struct canvas *c,
                      struct rect line, const struct columns *k, size_t at, bool here, bool focused)
{
    struct example row;
    bool wrong = e->truth[at] != e->predicted[at];
    dataset_get(s->dataset, e->row[at], &row);
    if (here)
        canvas_put_glyph(c, line.x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    canvas_printf(c, line.x + 2, line.y, 5, wrong ? ROLE_BAD : ROLE_GOOD, "%.3f",
                  (double)evaluation_prob(e, at, e->predicted[at]));
    if (k->loss_w) {
        char text[32];
        snprintf(text, sizeof text, "%.3f", evaluation_row_loss(e, at));
        canvas_text_right(c, line.x + 8, line.y, k->loss_w, ROLE_DIM, text);
    }
    canvas_text(c, line.x + k->truth, line.y, k->label_w, ROLE_TEXT,
                dataset_label(s->dataset, e->truth[at]));
    canvas_put_glyph(c, line.x + k->predicted - 2, line.y, ROLE_DIM,
                     wrong ? GLYPH_ARROW : GLYPH_CHECK);
    canvas_text(c, line.x + k->predicted, line.y, k->label_w, wrong ? ROLE_BAD : ROLE_DIM,
                dataset_label(s->dataset, e->predicted[at]));
    row_draw_line(c, line.x + k->text, line.y, line.w - k->text, &row);
    if (here)
        canvas_paint(c, line, focused ? ROLE_SELECTED : ROLE_CURSOR);
}

static void table_title(const struct inspection *in, const struct error_list *l,
                        const struct session *s, char *out, size_t size)
{
    if (l->truth != NO_LABEL && l->truth == l->predicted)
        snprintf(out, size, "%zu rows: %.40s read right", l->count,
                 dataset_label(s->dataset, l->truth));
    else if (l->truth != NO_LABEL)
        snprintf(out, size, "%zu rows: %.40s read as %.40s", l->count,
                 dataset_label(s->dataset, l->truth), dataset_label(s->dataset, l->predicted));
    else if (l->word[0])
        snprintf(out, size, "%zu %s rows with '%.60s'", l->count, l->all ? "evaluated" : "wrong",
                 l->word);
    else
        snprintf(out, size, "%s%zu of %zu rows wrong, accuracy %.3f", l->all ? "all rows, " : "",
                 evaluation_count_wrong(&in->evaluation), in->evaluation.rows,
                 in->metrics.accuracy);
}

static void table_note(const struct evaluation *e, const struct error_list *l, char *out,
                       size_t size)
{
    bool both = l->truth != NO_LABEL && l->word[0]; /* the title names one of them */
    snprintf(out, size, "%s, step %lld, %s%s%.60s", split_name(e->split), (long long)e->step,
             error_order_name(l->order), both ? ", / " : "", both ? l->word : "");
}

static const char *empty_text(const struct error_list *l)
{
    return l->word[0]             ? "no row matches; Esc drops the search"
           : l->truth != NO_LABEL ? "this cell is empty; Esc: back to the matrix"
                                  : "no row is misclassified";
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
    struct columns k = columns_of(c, s, r.w);
    if (rows < r.h)
        draw_heading(c, line, &k);
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
