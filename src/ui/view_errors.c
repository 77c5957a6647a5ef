/* view_errors.c - the Errors view: what the model gets wrong, from the newest evaluation.
 *
 * The misclassified rows, the most confident mistake first; the confusion matrix, from whose cells one
 * goes to the rows; the row under the cursor with its text and every label's probability. Wide
 * screens show matrix and rows side by side, narrow ones the one that has the keys. It works on what
 * the recorder wrote, so it can be read while the training goes on. */
#include "engine/base/mem.h"
#include "ui/error_list.h"
#include "ui/row_panel.h"
#include "ui/view.h"
#include "ui/widget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_WIDTH 5

struct errors_state {
    bool matrix;      /* the matrix has the keys; else the list */
    bool whole;       /* the row takes the list's place */
    bool tokens, percent;
    enum split split; /* whose evaluation is shown */
    struct error_list list;
    struct scroll rows, truth, predicted; /* the last two: the matrix's cursor */
    size_t skip;
    uint64_t seen;
};

static const struct inspection *shown(const struct errors_state *st, const struct session *s)
{
    return s->dataset ? s->inspection[st->split] : NULL;
}

/* The index into the evaluation of the row under the cursor. */
static bool current(const struct errors_state *st, size_t *at)
{
    if (st->rows.cursor >= st->list.count)
        return false;
    *at = st->list.at[st->rows.cursor];
    return true;
}

/* ---- the matrix ---- */

static void cell_text(const struct metrics *m, size_t t, size_t p, bool percent, char *out,
                      size_t size)
{
    uint64_t n = m->confusion[t * m->labels + p];
    if (percent && m->per_label[t].support)
        snprintf(out, size, "%.0f%%", 100.0 * (double)n / (double)m->per_label[t].support);
    else
        snprintf(out, size, "%llu", (unsigned long long)n);
}

static void draw_cell(const struct errors_state *st, struct canvas *c, int x, int y,
                      const struct metrics *m, size_t t, size_t p)
{
    char text[16];
    bool here = st->matrix && st->truth.cursor == t && st->predicted.cursor == p;
    bool zero = !m->confusion[t * m->labels + p];
    enum role role = zero ? ROLE_DIM : t == p ? ROLE_GOOD : ROLE_BAD;
    cell_text(m, t, p, st->percent, text, sizeof text);
    if (zero)
        canvas_put_glyph(c, x + CELL_WIDTH - 1, y, role, GLYPH_DOT);
    else
        canvas_text_right(c, x, y, CELL_WIDTH, role, text);
    if (here)
        canvas_paint(c, (struct rect){x + 1, y, CELL_WIDTH - 1, 1}, ROLE_SELECTED);
}

/* Rows true, columns predicted; both scroll with the cursor when there are more labels than room. */
static void draw_matrix(const struct errors_state *st, const struct session *s, struct canvas *c,
                        struct rect area)
{
    const struct metrics *m = &shown(st, s)->metrics;
    char title[96], note[160];
    size_t t = st->truth.cursor, p = st->predicted.cursor;
    snprintf(title, sizeof title, "%s: rows true, columns predicted", split_name(st->split));
    snprintf(note, sizeof note, "%.40s read as %.40s: %llu", dataset_label(s->dataset, (int32_t)t),
             dataset_label(s->dataset, (int32_t)p),
             (unsigned long long)m->confusion[t * m->labels + p]);
    struct rect r = widget_panel(c, area, title, st->matrix ? note : NULL, st->matrix);
    int name = r.w >= 10 + CELL_WIDTH * (int)m->labels + 8 ? 18 : 10, columns = (r.w - name) / CELL_WIDTH;
    if (columns < 1 || r.h < 2)
        return;
    size_t left = scroll_top(&st->predicted, columns), top = scroll_top(&st->truth, r.h - 1);
    for (int i = 0; i < columns && left + (size_t)i < m->labels; i++) {
        enum role role = st->matrix && left + (size_t)i == p ? ROLE_STRONG : ROLE_DIM;
        /* The first letters, without the ellipsis that would eat them. */
        const char *label = dataset_label(s->dataset, (int32_t)(left + (size_t)i));
        size_t fits = canvas_text_fit(c, label, strlen(label), CELL_WIDTH - 1, NULL);
        canvas_text_n(c, r.x + name + i * CELL_WIDTH + 1, r.y, CELL_WIDTH - 1, role, label, fits);
    }
    for (int y = 0; y < r.h - 1 && top + (size_t)y < m->labels; y++) {
        size_t row = top + (size_t)y;
        canvas_text(c, r.x, r.y + 1 + y, name, st->matrix && row == t ? ROLE_STRONG : ROLE_TEXT,
                    dataset_label(s->dataset, (int32_t)row));
        for (int i = 0; i < columns && left + (size_t)i < m->labels; i++)
            draw_cell(st, c, r.x + name + i * CELL_WIDTH, r.y + 1 + y, m, row, left + (size_t)i);
    }
    widget_scroll_marks(c, r, &st->truth, top);
}

/* Precision, recall and F1 of the labels around the matrix's cursor, then the means. */
static void draw_scores(const struct errors_state *st, const struct session *s, struct canvas *c,
                        struct rect area)
{
    const struct metrics *m = &shown(st, s)->metrics;
    struct rect r = widget_panel(c, area, "label: precision, recall, F1, rows", NULL, false);
    int name = r.w - 27;
    size_t top = scroll_top(&st->truth, r.h - 1);
    for (int y = 0; y < r.h - 1 && top + (size_t)y < m->labels; y++) {
        size_t i = top + (size_t)y;
        const struct label_score *score = &m->per_label[i];
        canvas_text(c, r.x, r.y + y, name, ROLE_TEXT, dataset_label(s->dataset, (int32_t)i));
        canvas_printf(c, r.x + name, r.y + y, 27, ROLE_TEXT, " %6.3f %6.3f %6.3f %4zu",
                      score->precision, score->recall, score->f1, score->support);
    }
    if (r.h > 0) {
        canvas_text(c, r.x, r.y + r.h - 1, name, ROLE_STRONG, "macro mean");
        canvas_printf(c, r.x + name, r.y + r.h - 1, 27, ROLE_STRONG, " %6.3f %6.3f %6.3f %4zu",
                      m->macro_precision, m->macro_recall, m->macro_f1, m->rows);
    }
}

/* ---- the list ---- */

static void draw_line(const struct session *s, const struct evaluation *e, struct canvas *c,
                      struct rect line, size_t at, bool here, bool focused)
{
    struct example row;
    int label = line.w >= 110 ? 22 : line.w >= 76 ? 14 : 9, x = line.x;
    bool wrong = e->truth[at] != e->predicted[at];
    dataset_get(s->dataset, e->row[at], &row);
    if (here)
        canvas_put_glyph(c, x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    canvas_printf(c, x + 2, line.y, 5, wrong ? ROLE_BAD : ROLE_GOOD, "%.3f",
                  (double)evaluation_prob(e, at, e->predicted[at]));
    x += 8;
    canvas_text(c, x, line.y, label - 1, ROLE_TEXT, dataset_label(s->dataset, e->truth[at]));
    x += label;
    canvas_put_glyph(c, x, line.y, ROLE_DIM, wrong ? GLYPH_ARROW : GLYPH_CHECK);
    canvas_text(c, x + 2, line.y, label - 1, wrong ? ROLE_BAD : ROLE_DIM,
                dataset_label(s->dataset, e->predicted[at]));
    x += label + 2;
    canvas_text_n(c, x, line.y, line.x + line.w - x, ROLE_TEXT, row.text, row.text_length);
    if (here)
        canvas_paint(c, line, focused ? ROLE_SELECTED : ROLE_CURSOR);
}

static void list_title(const struct errors_state *st, const struct session *s, char *out,
                       size_t size)
{
    const struct error_list *l = &st->list;
    if (l->truth != NO_LABEL)
        snprintf(out, size, "%zu rows: %.40s read as %.40s", l->count,
                 dataset_label(s->dataset, l->truth), dataset_label(s->dataset, l->predicted));
    else
        snprintf(out, size, "%zu %s rows: confidence, true, predicted", l->count,
                 l->all ? "evaluated" : "misclassified");
}

static void draw_list(const struct errors_state *st, const struct session *s, struct canvas *c,
                      struct rect area)
{
    const struct evaluation *e = &shown(st, s)->evaluation;
    char title[160], note[200];
    bool focused = !st->matrix;
    list_title(st, s, title, sizeof title);
    snprintf(note, sizeof note, "%s, step %lld, by %s%s%.60s", split_name(st->split),
             (long long)e->step, error_order_name(st->list.order), st->list.word[0] ? "  / " : "",
             st->list.word);
    struct rect r = widget_panel(c, area, title, note, focused);
    size_t top = scroll_top(&st->rows, r.h);
    if (!st->list.count)
        canvas_text(c, r.x, r.y, r.w, ROLE_GOOD,
                    st->list.word[0] ? "no row matches" : "nothing misclassified here");
    for (int y = 0; y < r.h && top + (size_t)y < st->list.count; y++)
        draw_line(s, e, c, (struct rect){r.x, r.y + y, r.w, 1}, st->list.at[top + (size_t)y],
                  top + (size_t)y == st->rows.cursor, focused);
    widget_scroll_marks(c, r, &st->rows, top);
}

/* ---- the row ---- */

struct label_prob {
    float p;
    int32_t label;
};

static int compare_prob(const void *a, const void *b)
{
    const struct label_prob *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? 1 : -1;
    return x->label < y->label ? -1 : 1;
}

/* Every label's probability, largest first; the true and the predicted one are marked. What does not
 * fit is summed up in the last line. */
static void draw_probs(const struct session *s, const struct evaluation *e, struct canvas *c,
                       struct rect r, size_t at)
{
    struct label_prob *probs = mem_alloc(e->labels, sizeof *probs, "probabilities", NULL);
    if (!probs || r.h < 1 || r.w < 20) {
        free(probs);
        return;
    }
    for (size_t i = 0; i < e->labels; i++)
        probs[i] = (struct label_prob){evaluation_prob(e, at, (int32_t)i), (int32_t)i};
    qsort(probs, e->labels, sizeof *probs, compare_prob);
    size_t fits = e->labels <= (size_t)r.h ? e->labels : (size_t)r.h - 1;
    int name = r.w > 44 ? 20 : r.w - 18;
    for (size_t i = 0; i < fits; i++) {
        int32_t label = probs[i].label;
        bool truth = label == e->truth[at], predicted = label == e->predicted[at];
        enum role role = truth ? ROLE_GOOD : predicted ? ROLE_BAD : ROLE_TEXT;
        int y = r.y + (int)i;
        canvas_text(c, r.x, y, 2, role, truth ? "t" : predicted ? "p" : " ");
        canvas_text(c, r.x + 2, y, name - 1, role, dataset_label(s->dataset, label));
        canvas_printf(c, r.x + 2 + name, y, 6, ROLE_STRONG, "%.3f", (double)probs[i].p);
        widget_bar(c, r.x + 9 + name, y, r.w - name - 9, role, (double)probs[i].p, 1);
    }
    float rest = 0;
    for (size_t i = fits; i < e->labels; i++)
        rest += probs[i].p;
    if (fits < e->labels)
        canvas_printf(c, r.x + 2, r.y + (int)fits, r.w - 2, ROLE_DIM, "%zu more labels, %.3f in all",
                      e->labels - fits, (double)rest);
    free(probs);
}

static void draw_detail(const struct errors_state *st, const struct session *s, struct canvas *c,
                        struct rect area)
{
    const struct evaluation *e = &shown(st, s)->evaluation;
    struct example row;
    struct rect probs;
    char title[200], note[160];
    size_t at;
    if (!current(st, &at)) {
        widget_panel(c, area, "row", NULL, false);
        return;
    }
    dataset_get(s->dataset, e->row[at], &row);
    snprintf(title, sizeof title, "true %.60s, predicted %.60s %.3f",
             dataset_label(s->dataset, e->truth[at]), dataset_label(s->dataset, e->predicted[at]),
             (double)evaluation_prob(e, at, e->predicted[at]));
    const char *path = dataset_row_path(s->dataset, e->row[at]), *slash = strrchr(path, '/');
    snprintf(note, sizeof note, "row %u  %.60s:%u  loss %.3f", e->row[at],
             slash ? slash + 1 : path, row.line, evaluation_row_loss(e, at));
    struct rect r = widget_panel(c, area, title, note, st->whole);
    if (st->whole && r.w < 70) {
        int rows = (int)(e->labels < (size_t)r.h / 2 ? e->labels : (size_t)r.h / 2);
        r = rect_cut_bottom(r, rows, &probs);
    } else {
        struct rect text;
        probs = rect_cut_left(r, r.w - (r.w >= 100 ? 46 : 34), &text);
        text.w -= 2;
        r = text;
    }
    draw_probs(s, e, c, probs, at);
    if (st->tokens && s->encoded && s->tokenizer)
        row_draw_tokens(c, r, s, e->row[at]);
    else
        row_draw_text(c, r, s, e->row[at], st->whole ? st->skip : 0);
}

static void draw_absence(const struct session *s, struct canvas *c, struct rect area)
{
    const char *text = s->run.kind == RUN_NONE
                           ? "No run yet. Start one in Train (3, then Space); after its first "
                             "evaluation the misclassified rows are here."
                           : "No evaluation yet. In Train, v evaluates now.";
    struct rect r = widget_panel(c, area, "errors", NULL, false);
    widget_wrap(c, r, ROLE_DIM, text, strlen(text), 0);
}

static void errors_draw(const struct view *v, const struct session *s, struct canvas *c,
                        struct rect area)
{
    const struct errors_state *st = v->state;
    const struct inspection *in = shown(st, s);
    struct rect detail, left;
    if (!in || in->evaluation.labels != dataset_labels(s->dataset)) {
        draw_absence(s, c, area);
        return;
    }
    if (st->whole) {
        draw_detail(st, s, c, area);
        return;
    }
    area = rect_cut_bottom(area, area.h >= 34 ? 12 : area.h >= 18 ? 8 : 0, &detail);
    if (detail.h > 0)
        draw_detail(st, s, c, detail);
    if (area.w < 120) {
        if (st->matrix)
            draw_matrix(st, s, c, area);
        else
            draw_list(st, s, c, area);
        return;
    }
    /* Wide enough for every column of the matrix where the rows keep half of the screen. */
    int wanted = 14 + CELL_WIDTH * (int)in->metrics.labels, half = area.w / 2;
    int width = area.w * 2 / 5 > wanted ? area.w * 2 / 5 : wanted < half ? wanted : half;
    struct rect list = rect_cut_left(area, width, &left), scores;
    int matrix = (int)in->metrics.labels + 3;
    if (left.h - matrix >= 6)
        left = rect_cut_bottom(left, left.h - matrix, &scores);
    else
        scores = (struct rect){0};
    draw_matrix(st, s, c, left);
    if (scores.h > 0)
        draw_scores(st, s, c, scores);
    draw_list(st, s, c, list);
}

/* ---- actions ---- */

static void rebuild(struct errors_state *st, const struct session *s)
{
    const struct inspection *in = shown(st, s);
    if (!in)
        return;
    error_list_make(&st->list, &in->evaluation, s->dataset);
    scroll_set_count(&st->rows, st->list.count);
    scroll_set_count(&st->truth, in->metrics.labels);
    scroll_set_count(&st->predicted, in->metrics.labels);
}

static void open_chosen(struct errors_state *st, const struct session *s)
{
    if (!st->matrix) {
        st->whole = !st->whole && st->list.count;
        st->skip = 0;
        return;
    }
    st->list.truth = (int32_t)st->truth.cursor;
    st->list.predicted = (int32_t)st->predicted.cursor;
    st->matrix = false;
    rebuild(st, s);
    scroll_to(&st->rows, 0);
}

static void go_back(struct errors_state *st, const struct session *s)
{
    if (st->whole) {
        st->whole = false;
    } else if (st->list.word[0]) {
        st->list.word[0] = '\0';
    } else if (st->list.truth != NO_LABEL) { /* back to the matrix the cell was chosen in */
        st->list.truth = st->list.predicted = NO_LABEL;
        st->matrix = true;
    } else {
        st->matrix = false;
    }
    rebuild(st, s);
}

static void next_split(struct errors_state *st, struct app *a)
{
    const struct session *s = app_session(a);
    for (int i = 1; i < SPLIT_COUNT; i++) {
        enum split split = (enum split)((st->split + i) % SPLIT_COUNT);
        if (s->inspection[split]) {
            st->split = split;
            rebuild(st, s);
            return;
        }
    }
    app_say(a, ROLE_DIM, "no other split has been evaluated");
}

static int search_done(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct errors_state *st = v->state;
    (void)err;
    snprintf(st->list.word, sizeof st->list.word, "%s", text);
    rebuild(st, app_session(a));
    return 0;
}

static void ask_search(struct errors_state *st, struct app *a)
{
    struct app_prompt p = {.label = "only texts with", .done = search_done};
    snprintf(p.initial, sizeof p.initial, "%s", st->list.word);
    app_prompt(a, &p);
}

static void to_data(struct errors_state *st, struct app *a)
{
    size_t at;
    if (!current(st, &at))
        return;
    app_show_row(a, shown(st, app_session(a))->evaluation.row[at]);
    app_show(a, VIEW_DATA);
}

static bool move_by(struct errors_state *st, enum action act, long by)
{
    bool sideways = act == ACTION_LEFT || act == ACTION_RIGHT;
    if (st->whole)
        st->skip = by < 0 && st->skip < (size_t)-by ? 0 : st->skip + (size_t)by;
    else if (st->matrix)
        scroll_move(sideways ? &st->predicted : &st->truth, by);
    else if (!sideways)
        scroll_move(&st->rows, by);
    return true;
}

static bool move(struct view *v, enum action act)
{
    struct errors_state *st = v->state;
    struct scroll *list = st->matrix ? &st->truth : &st->rows;
    long page = v->area.h > 14 ? v->area.h - 12 : 4;
    switch (act) {
    case ACTION_UP:
    case ACTION_LEFT:
        return move_by(st, act, -1);
    case ACTION_DOWN:
    case ACTION_RIGHT:
        return move_by(st, act, 1);
    case ACTION_PAGE_UP:
        return move_by(st, act, -page);
    case ACTION_PAGE_DOWN:
        return move_by(st, act, page);
    case ACTION_FIRST:
        scroll_to(list, 0);
        return true;
    case ACTION_LAST:
        scroll_to(list, list->count ? list->count - 1 : 0);
        return true;
    default:
        return false;
    }
}

static enum handled errors_action(struct view *v, struct app *a, enum action act)
{
    struct errors_state *st = v->state;
    const struct session *s = app_session(a);
    if (!shown(st, s))
        return NOT_HANDLED;
    if (move(v, act))
        return HANDLED;
    switch (act) {
    case ACTION_OPEN:
        open_chosen(st, s);
        return HANDLED;
    case ACTION_MATRIX:
    case ACTION_PANEL:
    case ACTION_PANEL_BACK:
        st->matrix = !st->matrix;
        return HANDLED;
    case ACTION_PERCENT:
        st->percent = !st->percent;
        return HANDLED;
    case ACTION_ALL_ROWS:
        st->list.all = !st->list.all;
        rebuild(st, s);
        return HANDLED;
    case ACTION_SORT:
        st->list.order = (st->list.order + 1) % ERROR_ORDERS;
        rebuild(st, s);
        return HANDLED;
    case ACTION_NEXT_SPLIT:
        next_split(st, a);
        return HANDLED;
    case ACTION_SEARCH:
        ask_search(st, a);
        return HANDLED;
    case ACTION_TOKENS:
        st->tokens = !st->tokens;
        return HANDLED;
    case ACTION_TO_DATA:
        to_data(st, a);
        return HANDLED;
    case ACTION_BACK:
        go_back(st, s);
        return HANDLED;
    default:
        return NOT_HANDLED;
    }
}

/* ---- the rest of the table ---- */

static int errors_open(struct view *v, struct app *a, struct err *err)
{
    struct errors_state *st = v->state;
    (void)a;
    (void)err;
    error_list_init(&st->list);
    st->split = SPLIT_VALIDATION;
    return 0;
}

/* A new evaluation of the split shown replaces the old one; the first one of any split chooses it. */
static bool errors_update(struct view *v, struct app *a)
{
    struct errors_state *st = v->state;
    const struct session *s = app_session(a);
    if (st->seen == s->changed[CHANGED_EVALUATION])
        return false;
    st->seen = s->changed[CHANGED_EVALUATION];
    if (!s->inspection[st->split])
        st->split = s->inspection_newest;
    st->list.count = 0;
    rebuild(st, s);
    return true;
}

static void errors_summary(const struct view *v, const struct session *s, char *out, size_t size)
{
    const struct errors_state *st = v->state;
    const struct inspection *in = shown(st, s);
    size_t wrong = 0;
    out[0] = '\0';
    if (!in)
        return;
    for (size_t i = 0; i < in->evaluation.rows; i++)
        wrong += in->evaluation.truth[i] != in->evaluation.predicted[i];
    snprintf(out, size, "%s  %zu rows  %zu wrong  accuracy %.3f", split_name(st->split),
             in->evaluation.rows, wrong, in->metrics.accuracy);
}

static const char *errors_hint(const struct view *v, const struct session *s, enum action act,
                               const char *hint)
{
    const struct errors_state *st = v->state;
    if (!shown(st, s))
        return act == ACTION_QUIT ? hint : NULL;
    if (act == ACTION_OPEN)
        return st->matrix ? "the cell's rows" : st->whole ? "back" : "whole row";
    if (act == ACTION_MATRIX)
        return st->matrix ? "rows" : hint;
    if (act == ACTION_PERCENT && !st->matrix && v->area.w < 120)
        return NULL;
    if (act == ACTION_ALL_ROWS)
        return st->list.all ? "only wrong" : hint;
    if (act == ACTION_TOKENS)
        return st->tokens ? "text" : hint;
    return hint;
}

static void errors_close(struct view *v)
{
    struct errors_state *st = v->state;
    error_list_clear(&st->list);
}

const struct view_ops view_errors = {
    .name = "Errors",
    .state_size = sizeof(struct errors_state),
    .open = errors_open,
    .update = errors_update,
    .draw = errors_draw,
    .action = errors_action,
    .summary = errors_summary,
    .hint = errors_hint,
    .close = errors_close,
};
