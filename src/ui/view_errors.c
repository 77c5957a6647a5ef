/* view_errors.c - the Errors view: what the model gets wrong, from the newest evaluation.
 *
 * The wrong rows, the worst first (error_table.h); the whole of them as a picture, by problem: the
 * confusion matrix (error_matrix.h), from whose cells one goes to the rows, for sets the labels with
 * their scores, likewise, for values a point a row (error_scatter.h); the row under the cursor with
 * its text and the model's answer (error_row.h). Wide screens show picture and rows side by side,
 * narrow ones the one that has the keys, the picture with the figures below it. It works on what the recorder wrote, so it can be read while
 * the training goes on: a new evaluation replaces the figures, and the cursor stays on its row. */
#include "ui/error_list.h"
#include "ui/error_matrix.h"
#include "ui/error_row.h"
#include "ui/error_scatter.h"
#include "ui/error_table.h"
#include "ui/row_panel.h"
#include "ui/view.h"
#include "ui/widget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct errors_state {
    bool matrix; /* the picture has the keys; else the list */
    bool whole;  /* the row takes the list's place */
    bool tokens, percent;
    enum split split; /* whose evaluation is shown */
    bool split_asked; /* by key; before, it is validation where there is one */
    struct error_list list;
    struct error_scatter scatter;
    struct scroll rows, truth, predicted; /* the last two: the matrix's cursor */
    size_t skip;
    uint32_t row; /* the dataset row under the cursor, to find it in the next evaluation */
    uint64_t seen, seen_data;
};

static const struct inspection *shown(const struct errors_state *st, const struct session *s)
{
    const struct inspection *in = s->dataset ? s->inspection[st->split] : NULL;
    return in && in->metrics.problem == dataset_problem(s->dataset) &&
                   in->evaluation.labels == dataset_labels(s->dataset)
               ? in
               : NULL;
}

/* The index into the evaluation of the row under the cursor. */
static bool current(const struct errors_state *st, size_t *at)
{
    if (st->rows.cursor >= st->list.count)
        return false;
    *at = st->list.at[st->rows.cursor];
    return true;
}

/* ---- where things stand ---- */

struct layout {
    struct rect matrix, scores, list, detail; /* frames; height 0: not shown */
};

/* The columns the picture would like to have. */
static int picture_width(const struct metrics *m)
{
    return m->problem == PROBLEM_SINGLE_LABEL  ? error_matrix_width(m)
           : m->problem == PROBLEM_MULTI_LABEL ? 64
                                               : 60;
}

/* In a wide screen's left half: the matrix takes what its labels need, a scatter is about square, the
 * labels of sets have their scores beside them and need nothing below. */
static int picture_height(const struct metrics *m, struct rect left)
{
    int most = left.h * 3 / 5, wanted = error_matrix_height(m);
    if (m->problem == PROBLEM_MULTI_LABEL)
        return left.h;
    if (m->problem == PROBLEM_REGRESSION)
        return left.h - 8 > left.w / 2 ? left.w / 2 : left.h - 8;
    return wanted < most ? wanted : most;
}

static struct layout lay_out(const struct errors_state *st, const struct metrics *m,
                             struct rect area)
{
    struct layout l = {0};
    struct rect left;
    int below = area.h >= 34 ? 12 : area.h >= 18 ? 8 : 0;
    if (st->whole) {
        l.detail = area;
        return l;
    }
    if (area.w < 120) {
        if (!st->matrix)
            area = rect_cut_bottom(area, below, &l.detail);
        else if (m->problem != PROBLEM_MULTI_LABEL)
            area = rect_cut_bottom(area, below, &l.scores);
        *(st->matrix ? &l.matrix : &l.list) = area;
        return l;
    }
    area = rect_cut_bottom(area, below, &l.detail);
    /* Wide enough for every column of the matrix where the rows keep half of the screen. */
    int wanted = picture_width(m), half = area.w / 2;
    int width = area.w * 2 / 5 > wanted ? area.w * 2 / 5 : wanted < half ? wanted : half;
    l.list = rect_cut_left(area, width, &left);
    l.matrix = rect_cut_bottom(left, left.h - picture_height(m, left), &l.scores);
    return l;
}

static struct matrix_look matrix_look(const struct errors_state *st)
{
    return (struct matrix_look){st->truth, st->predicted, st->percent, st->matrix, st->split};
}

/* Lists keep their place on the screen: the cursor moves, the lines follow only at an edge. */
static void keep_tops(struct view *v, const struct session *s)
{
    struct errors_state *st = v->state;
    const struct inspection *in = shown(st, s);
    size_t at;
    if (!in)
        return;
    struct layout l = lay_out(st, &in->metrics, v->area);
    if (l.list.h > 0)
        st->rows.top = scroll_top(&st->rows, error_table_height(l.list));
    if (l.matrix.h > 0)
        st->truth.top = scroll_top(&st->truth, l.matrix.h - 3);
    if (current(st, &at))
        st->row = in->evaluation.row[at];
}

static void draw_absence(const struct session *s, struct canvas *c, struct rect area)
{
    const char *text =
        s->run.kind == RUN_NONE ? "No run yet. Start one in Train (3, then Space); after its first "
                                  "evaluation the rows it gets wrong are here."
        : session_run_is_active(s) ? "No evaluation yet. In Train, v evaluates now."
                                   : "This run has no evaluation: there were no validation rows.";
    struct rect r = widget_panel(c, area, "errors", NULL, false);
    widget_wrap(c, r, ROLE_DIM, text, strlen(text), 0);
}

static void draw_picture(const struct errors_state *st, const struct session *s, struct canvas *c,
                         const struct layout *l, const struct inspection *in)
{
    struct matrix_look look = matrix_look(st);
    const enum problem p = in->metrics.problem;
    size_t at = SIZE_MAX;
    current(st, &at);
    if (l->matrix.h > 0 && p == PROBLEM_REGRESSION)
        error_scatter_draw(c, l->matrix, &st->scatter, &in->evaluation, at, st->matrix);
    else if (l->matrix.h > 0 && p == PROBLEM_MULTI_LABEL)
        error_scores_draw(c, l->matrix, s, &in->metrics, &look);
    else if (l->matrix.h > 0)
        error_matrix_draw(c, l->matrix, s, &in->metrics, &look);
    if (l->scores.h > 0 && p == PROBLEM_REGRESSION)
        error_figures_draw(c, l->scores, in);
    else if (l->scores.h > 0)
        error_scores_draw(c, l->scores, s, &in->metrics, &look);
}

static void errors_draw(const struct view *v, const struct session *s, struct canvas *c,
                        struct rect area)
{
    const struct errors_state *st = v->state;
    const struct inspection *in = shown(st, s);
    if (!in) {
        draw_absence(s, c, area);
        return;
    }
    struct layout l = lay_out(st, &in->metrics, area);
    struct error_row_look row = {st->whole, st->tokens, st->skip};
    size_t at;
    if (l.detail.h > 0 && current(st, &at))
        error_row_draw(c, l.detail, s, &in->evaluation, at, &row);
    else if (l.detail.h > 0)
        widget_panel(c, l.detail, "row", NULL, false);
    if (l.list.h > 0)
        error_table_draw(c, l.list, s, in, &st->list, &st->rows, !st->matrix);
    draw_picture(st, s, c, &l, in);
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
    if (in->metrics.problem == PROBLEM_REGRESSION)
        error_scatter_make(&st->scatter, &in->evaluation);
}

/* To the row that was under the cursor where the list still has it; false when it has not. */
static bool stay_on_row(struct errors_state *st, const struct session *s)
{
    const struct inspection *in = shown(st, s);
    for (size_t i = 0; in && i < st->list.count; i++)
        if (in->evaluation.row[st->list.at[i]] == st->row) {
            scroll_to(&st->rows, i);
            return true;
        }
    return false;
}

static void show_all(struct errors_state *st, const struct session *s)
{
    if (st->list.truth != NO_LABEL) /* a cell has its rows, all of one kind: leave it */
        st->list.truth = st->list.predicted = NO_LABEL;
    st->list.all = !st->list.all;
    rebuild(st, s);
    stay_on_row(st, s);
}

static void open_chosen(struct errors_state *st, const struct session *s)
{
    if (!st->matrix) {
        st->whole = !st->whole && st->list.count;
        st->skip = 0;
        return;
    }
    if (dataset_problem(s->dataset) != PROBLEM_REGRESSION) {
        st->list.truth = (int32_t)st->truth.cursor;
        st->list.predicted = (int32_t)st->predicted.cursor;
    }
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
    stay_on_row(st, s);
}

/* With the cursor on the cell the row belongs to: of many labels, most cells are empty. */
static void to_matrix(struct errors_state *st, const struct session *s)
{
    const struct evaluation *e = &shown(st, s)->evaluation;
    size_t at;
    if (current(st, &at) && e->truth) {
        scroll_to(&st->truth, (size_t)e->truth[at]);
        scroll_to(&st->predicted, (size_t)e->predicted[at]);
    }
    st->matrix = true;
    st->whole = false;
}

static void next_split(struct errors_state *st, struct app *a)
{
    const struct session *s = app_session(a);
    for (int i = 1; i < SPLIT_COUNT; i++) {
        enum split split = (enum split)((st->split + i) % SPLIT_COUNT);
        if (s->inspection[split]) {
            st->split = split;
            st->split_asked = true;
            rebuild(st, s);
            scroll_to(&st->rows, 0);
            st->whole = false;
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
    st->whole = st->matrix = false;
    rebuild(st, app_session(a));
    scroll_to(&st->rows, 0);
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

/* The whole row scrolls until its last line is seen. */
static void scroll_text(struct view *v, const struct session *s, long by)
{
    struct errors_state *st = v->state;
    struct rect probs, r = {0, 0, v->area.w - 4, v->area.h - 2};
    size_t at, lines;
    if (!current(st, &at))
        return;
    r = error_row_cut_text(r, error_row_lines(&shown(st, s)->evaluation), true, &probs);
    lines = row_text_lines(v->level, r.w, s, shown(st, s)->evaluation.row[at]);
    size_t seen = r.h > 1 ? (size_t)r.h : 1;
    struct scroll text = {.count = lines > seen ? lines - seen + 1 : 1, .cursor = st->skip};
    scroll_move(&text, by);
    st->skip = text.cursor;
}

static void move_sideways(struct errors_state *st, long by)
{
    if (st->whole) {
        scroll_move(&st->rows, by);
        st->skip = 0;
    } else if (st->matrix) {
        scroll_move(&st->predicted, by);
    }
}

static bool move(struct view *v, const struct session *s, enum action act)
{
    enum { FAR = 1 << 30 };
    struct errors_state *st = v->state;
    struct layout l = lay_out(st, &shown(st, s)->metrics, v->area);
    long page = st->whole    ? v->area.h - 3
                : st->matrix ? l.matrix.h - 3
                             : error_table_height(l.list);
    page = page > 1 ? page : 1;
    long by = act == ACTION_UP          ? -1
              : act == ACTION_DOWN      ? 1
              : act == ACTION_PAGE_UP   ? -page
              : act == ACTION_PAGE_DOWN ? page
              : act == ACTION_FIRST     ? -FAR
              : act == ACTION_LAST      ? FAR
                                        : 0;
    if (act == ACTION_LEFT || act == ACTION_RIGHT)
        move_sideways(st, act == ACTION_LEFT ? -1 : 1);
    else if (!by)
        return false;
    else if (st->whole)
        scroll_text(v, s, by);
    else
        scroll_move(st->matrix ? &st->truth : &st->rows, by);
    return true;
}

static enum handled errors_act(struct view *v, struct app *a, enum action act)
{
    struct errors_state *st = v->state;
    const struct session *s = app_session(a);
    if (move(v, s, act))
        return HANDLED;
    switch (act) {
    case ACTION_OPEN:
        open_chosen(st, s);
        return HANDLED;
    case ACTION_MATRIX:
    case ACTION_PANEL:
    case ACTION_PANEL_BACK:
        if (st->whole || !st->matrix)
            to_matrix(st, s);
        else
            st->matrix = false;
        return HANDLED;
    case ACTION_PERCENT:
        st->percent = !st->percent;
        return HANDLED;
    case ACTION_ALL_ROWS:
        show_all(st, s);
        return HANDLED;
    case ACTION_SORT:
        st->list.order = (st->list.order + 1) % ERROR_ORDERS;
        rebuild(st, s);
        stay_on_row(st, s);
        return HANDLED;
    case ACTION_NEXT_SPLIT:
        next_split(st, a);
        return HANDLED;
    case ACTION_SEARCH:
        ask_search(st, a);
        return HANDLED;
    case ACTION_TOKENS:
        st->tokens = !st->tokens && s->encoded;
        if (!s->encoded)
            app_say(a, ROLE_DIM, "tokens need the model the run began with");
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

static enum handled errors_action(struct view *v, struct app *a, enum action act)
{
    if (!shown(v->state, app_session(a)))
        return NOT_HANDLED;
    enum handled handled = errors_act(v, a, act);
    keep_tops(v, app_session(a));
    return handled;
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

/* A new evaluation of the split shown replaces the old one. Which of two is read first is chance, so
 * validation is shown unless a key asked for another or there is none. A cursor at the top stays there, any other stays on its row. */
static bool errors_update(struct view *v, struct app *a)
{
    struct errors_state *st = v->state;
    const struct session *s = app_session(a);
    if (st->seen == s->changed[CHANGED_EVALUATION] && st->seen_data == s->changed[CHANGED_DATA])
        return false;
    st->seen = s->changed[CHANGED_EVALUATION];
    st->seen_data = s->changed[CHANGED_DATA]; /* an evaluation may be read before its data set */
    if (!st->split_asked && s->inspection[SPLIT_VALIDATION])
        st->split = SPLIT_VALIDATION;
    else if (!s->inspection[st->split])
        st->split = s->inspection_newest;
    bool keep = st->list.count && (st->rows.cursor || st->whole);
    st->list.count = 0;
    if (!shown(st, s)) {
        st->whole = false;
        return true;
    }
    rebuild(st, s);
    if (keep && !stay_on_row(st, s) && st->whole) {
        st->whole = false;
        app_say(a, ROLE_DIM, "the row that was open is no longer among these");
    }
    keep_tops(v, s);
    return true;
}

static void errors_summary(const struct view *v, const struct session *s, char *out, size_t size)
{
    const struct errors_state *st = v->state;
    const struct inspection *in = shown(st, s);
    out[0] = '\0';
    if (!in)
        return;
    enum metric first = metric_first(in->metrics.problem);
    int n = snprintf(out, size, "%s  %zu rows  ", split_name(st->split), in->evaluation.rows);
    if (in->metrics.problem != PROBLEM_REGRESSION)
        n += snprintf(out + n, size - (size_t)n, "%zu wrong  ",
                      evaluation_count_wrong(&in->evaluation));
    snprintf(out + n, size - (size_t)n, "%s %.3f", metric_title(first),
             metric_of(&in->metrics, first));
}

static bool has_other_split(const struct errors_state *st, const struct session *s)
{
    for (int i = 0; i < SPLIT_COUNT; i++)
        if (i != (int)st->split && s->inspection[i])
            return true;
    return false;
}

static const char *errors_hint(const struct view *v, const struct session *s, enum action act,
                               const char *hint)
{
    static const struct {
        const char *rows, *picture; /* Enter in the picture; the picture's name */
    } words[PROBLEM_COUNT] = {[PROBLEM_SINGLE_LABEL] = {"the cell's rows", "matrix"},
                              [PROBLEM_REGRESSION] = {"rows", "plot"},
                              [PROBLEM_MULTI_LABEL] = {"the label's rows", "labels"}};
    const struct errors_state *st = v->state;
    const struct inspection *in = shown(st, s);
    if (!in)
        return act == ACTION_QUIT ? hint : NULL;
    const enum problem p = in->metrics.problem;
    switch (act) {
    case ACTION_OPEN:
        return st->whole        ? "back"
               : st->matrix     ? words[p].rows
               : st->list.count ? "whole row"
                                : NULL;
    case ACTION_MATRIX:
        return st->matrix ? "rows" : words[p].picture;
    case ACTION_PERCENT:
        return p != PROBLEM_SINGLE_LABEL || st->whole || (!st->matrix && v->area.w < 120) ? NULL
               : st->percent                                                              ? "counts"
                             : "percent";
    case ACTION_ALL_ROWS:
        return st->whole || st->matrix || p == PROBLEM_REGRESSION ? NULL
               : st->list.all                                     ? "only wrong"
                                                                  : hint;
    case ACTION_SORT:
    case ACTION_PANEL:
        return st->whole || (act == ACTION_SORT && st->matrix) ? NULL : hint;
    case ACTION_TOKENS:
        return !s->encoded || st->matrix ? NULL : st->tokens ? "text" : hint;
    case ACTION_TO_DATA:
        return st->list.count && !st->matrix ? hint : NULL;
    case ACTION_NEXT_SPLIT:
        return has_other_split(st, s) ? hint : NULL;
    default:
        return hint;
    }
}

static void errors_close(struct view *v)
{
    struct errors_state *st = v->state;
    error_list_clear(&st->list);
    error_scatter_clear(&st->scatter);
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
