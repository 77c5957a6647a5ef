#include "ui/error_matrix.h"

#include "ui/row_panel.h"

#include <stdio.h>
#include <string.h>

#define CELL_WIDTH  5
#define SCORE_WIDTH 28
#define WRONG_WIDTH 15

int error_matrix_height(const struct metrics *m)
{
    return (int)m->labels + 3;
}

int error_matrix_width(const struct metrics *m)
{
    return 16 + CELL_WIDTH * (int)m->labels;
}

static void cell_text(const struct metrics *m, size_t t, size_t p, bool percent, char *out,
                      size_t size)
{
    uint64_t n = m->confusion[t * m->labels + p];
    if (percent && m->per_label[t].support)
        snprintf(out, size, "%.0f%%", 100.0 * (double)n / (double)m->per_label[t].support);
    else
        snprintf(out, size, "%llu", (unsigned long long)n);
}

/* The bracket after a number stands in the column that is empty before the next cell. */
static void draw_cell(struct canvas *c, int x, int y, const struct metrics *m, size_t t, size_t p,
                      const struct matrix_look *look)
{
    char text[24];
    bool here = look->focused && look->truth.cursor == t && look->predicted.cursor == p;
    bool zero = !m->confusion[t * m->labels + p];
    enum role role = zero ? ROLE_DIM : t == p ? ROLE_GOOD : ROLE_BAD;
    cell_text(m, t, p, look->percent, text, sizeof text);
    if (zero)
        snprintf(text, sizeof text, "%s", canvas_glyph(c, GLYPH_DOT));
    canvas_text_right(c, x, y, CELL_WIDTH, role, text);
    if (!here)
        return;
    int used = canvas_text_width(c, text, strlen(text));
    used = used < CELL_WIDTH ? used : CELL_WIDTH;
    canvas_text(c, x + CELL_WIDTH - used - 1, y, 1, ROLE_STRONG, "[");
    canvas_text(c, x + CELL_WIDTH, y, 1, ROLE_STRONG, "]");
    canvas_paint(c, (struct rect){x + CELL_WIDTH - used - 1, y, used + 2, 1}, ROLE_SELECTED);
}

/* The first letters of the predicted labels, without the ellipsis that would eat them. */
static void draw_heads(struct canvas *c, int x, int y, const struct session *s,
                       const struct matrix_look *look, size_t left, size_t end)
{
    for (size_t p = left; p < end; p++, x += CELL_WIDTH) {
        enum role role = look->focused && p == look->predicted.cursor ? ROLE_STRONG : ROLE_DIM;
        const char *label = dataset_label(s->dataset, (int32_t)p);
        size_t fits = canvas_text_fit(c, label, strlen(label), CELL_WIDTH - 1, NULL);
        canvas_text_n(c, x + 1, y, CELL_WIDTH - 1, role, label, fits);
    }
}

static void draw_note(const struct session *s, const struct metrics *m,
                      const struct matrix_look *look, char *out, size_t size)
{
    size_t t = look->truth.cursor, p = look->predicted.cursor;
    const char *truth = dataset_label(s->dataset, (int32_t)t);
    unsigned long long n = (unsigned long long)m->confusion[t * m->labels + p];
    if (t == p)
        snprintf(out, size, "%llu of %zu %.40s read right", n, m->per_label[t].support, truth);
    else
        snprintf(out, size, "%llu of %zu %.40s read as %.40s", n, m->per_label[t].support, truth,
                 dataset_label(s->dataset, (int32_t)p));
}

void error_matrix_draw(struct canvas *c, struct rect panel, const struct session *s,
                       const struct metrics *m, const struct matrix_look *look)
{
    char title[96], note[160];
    snprintf(title, sizeof title, "%s: rows true, columns predicted%s", split_name(look->split),
             look->percent ? ", percent" : "");
    draw_note(s, m, look, note, sizeof note);
    struct rect r = widget_panel(c, panel, title, look->focused ? note : NULL, look->focused);
    int room = r.w - 1 - CELL_WIDTH * (int)m->labels;
    int least = r.w / 4 > 10 ? r.w / 4 : 10; /* names keep a quarter when columns have to scroll */
    int name = row_label_width(c, s, room > 20 ? 20 : room > least ? room : least);
    int columns = (r.w - name - 1) / CELL_WIDTH;
    if (columns < 1 || r.h < 2)
        return;
    size_t left = scroll_top(&look->predicted, columns), top = scroll_top(&look->truth, r.h - 1);
    size_t end = left + (size_t)columns < m->labels ? left + (size_t)columns : m->labels;
    draw_heads(c, r.x + name, r.y, s, look, left, end);
    for (int y = 1; y < r.h && top + (size_t)y - 1 < m->labels; y++) {
        size_t t = top + (size_t)y - 1;
        bool here = look->focused && t == look->truth.cursor;
        canvas_text(c, r.x, r.y + y, name, here ? ROLE_STRONG : ROLE_TEXT,
                    dataset_label(s->dataset, (int32_t)t));
        for (size_t p = left; p < end; p++)
            draw_cell(c, r.x + name + (int)(p - left) * CELL_WIDTH, r.y + y, m, t, p, look);
    }
    widget_scroll_marks(c, rect_cut_top(r, 1, &(struct rect){0}), &look->truth, top);
    if (left > 0)
        canvas_text(c, r.x + name - 1, r.y, 1, ROLE_DIM, "<");
    if (end < m->labels)
        canvas_text(c, r.x + r.w - 1, r.y, 1, ROLE_DIM, ">");
}

static void draw_means(struct canvas *c, struct rect line, int name, const char *what,
                       double precision, double recall, double f1, size_t rows)
{
    canvas_text(c, line.x, line.y, name, ROLE_STRONG, what);
    canvas_printf(c, line.x + line.w - SCORE_WIDTH, line.y, SCORE_WIDTH, ROLE_STRONG,
                  " %6.3f %6.3f %6.3f %6zu", precision, recall, f1, rows);
}

/* Of sets, how often a label was missed and how often it is surplus stand before its scores. */
void error_scores_draw(struct canvas *c, struct rect panel, const struct session *s,
                       const struct metrics *m, const struct matrix_look *look)
{
    const bool sets = m->problem == PROBLEM_MULTI_LABEL;
    struct rect r = widget_panel(c, panel, sets ? "labels" : "scores", NULL, sets && look->focused);
    int wrong = sets && r.w >= SCORE_WIDTH + WRONG_WIDTH + 8 ? WRONG_WIDTH : 0;
    int name = r.w - SCORE_WIDTH - wrong, last = r.h - 1 - sets, indent = sets ? 2 : 0;
    if (name < 4 || last < 2)
        return;
    size_t top = scroll_top(&look->truth, last - 1);
    canvas_text(c, r.x + indent, r.y, name - indent, ROLE_DIM, "label");
    canvas_text(c, r.x + name, r.y, wrong, ROLE_DIM, " missed surplus");
    canvas_text(c, r.x + name + wrong, r.y, SCORE_WIDTH, ROLE_DIM, "  prec. recall     F1   rows");
    for (int y = 1; y < last && top + (size_t)y - 1 < m->labels; y++) {
        size_t i = top + (size_t)y - 1;
        const struct label_score *score = &m->per_label[i];
        bool here = look->focused && i == look->truth.cursor;
        enum role role = here ? ROLE_STRONG : ROLE_TEXT;
        canvas_text(c, r.x + indent, r.y + y, name - indent, role,
                    dataset_label(s->dataset, (int32_t)i));
        if (here && sets)
            canvas_put_glyph(c, r.x, r.y + y, ROLE_STRONG, GLYPH_CURSOR);
        if (wrong) {
            const uint64_t *cell = m->confusion + 4 * i;
            canvas_printf(c, r.x + name, r.y + y, wrong, role, " %6llu %7llu",
                          (unsigned long long)cell[2], (unsigned long long)cell[1]);
        }
        canvas_printf(c, r.x + name + wrong, r.y + y, SCORE_WIDTH, role, " %6.3f %6.3f %6.3f %6zu",
                      score->precision, score->recall, score->f1, score->support);
        if (here && sets)
            canvas_paint(c, (struct rect){r.x, r.y + y, r.w, 1}, ROLE_SELECTED);
    }
    struct rect line = {r.x, r.y + last, r.w, 1};
    draw_means(c, line, name, "macro mean", m->macro_precision, m->macro_recall, m->macro_f1,
               m->rows);
    line.y++;
    if (sets)
        draw_means(c, line, name, "micro mean", m->micro_precision, m->micro_recall, m->micro_f1,
                   m->rows);
    struct scroll all = {.count = m->labels, .cursor = look->truth.cursor};
    if (last > 2) /* one line has no room for both marks */
        widget_scroll_marks(c, (struct rect){r.x, r.y + 1, name, last - 1}, &all, top);
}
