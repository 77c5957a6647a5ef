/* view_data.c - the Data view: every row of the data set under the keyboard.
 *
 * Left, what the data hold (data_panels.h): labels with counts, token lengths, findings. Right the
 * rows (data_table.h). Below, the row under the cursor as text or as the model reads it. A label or a finding that is
 * opened filters the rows and hands them the keys; so does a search; filters add up, and Esc drops the
 * newest kind first and goes back to where it was chosen.
 *
 * The rows shown are a list of row numbers made in update(), never in draw(): a filter is one pass over
 * the rows and an order one counting sort, so a million rows stay under a key press's patience. Where
 * each panel stands is one function, asked by draw and by the keys: a page is what is seen. */
#include "engine/base/mem.h"
#include "ui/data_list.h"
#include "ui/data_panels.h"
#include "ui/data_table.h"
#include "ui/row_panel.h"
#include "ui/search.h"
#include "ui/view.h"
#include "ui/widget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum panel { PANEL_ROWS, PANEL_LABELS, PANEL_FINDINGS, PANEL_COUNT };

struct data_state {
    enum panel focus;
    struct scroll rows, labels, findings;
    struct data_list list;
    bool whole;  /* the row takes the place of the table */
    bool tokens; /* the row as ids */
    bool asking; /* a query is being typed: its syntax stands below */
    size_t skip; /* lines of the whole row scrolled away */
    uint64_t seen[SESSION_PARTS];
};

/* The dataset row under the cursor; false when no row is shown. */
static bool current_row(const struct data_state *st, size_t *row)
{
    if (st->rows.cursor >= st->list.count)
        return false;
    *row = st->list.rows[st->rows.cursor];
    return true;
}

static bool has_twin(const struct session *s, size_t row)
{
    const struct gate *g = s->gate;
    for (size_t i = 0; g && i < dataset_rows(s->dataset); i++)
        if (i != row && g->twin[i] == g->twin[row])
            return true;
    return false;
}

/* ---- where things stand ---- */

struct layout {
    struct rect labels, lengths, findings, rows, detail; /* frames; height 0: not shown */
};

static void lay_out_left(const struct session *s, struct rect area, struct layout *l)
{
    enum finding_kind kinds[FINDING_KINDS];
    size_t n = data_finding_kinds(s, kinds);
    int findings = (int)(n ? n : 1) + 2, lengths = area.h >= 22 ? 5 : area.h >= 15 ? 4 : 0;
    if (findings > area.h / 2)
        findings = area.h / 2;
    area = rect_cut_bottom(area, findings, &l->findings);
    l->labels = rect_cut_bottom(area, lengths, &l->lengths);
}

static struct layout lay_out(const struct data_state *st, const struct session *s, struct rect area)
{
    struct layout l = {0};
    struct rect left;
    if (st->whole) {
        l.detail = area;
        return l;
    }
    area = rect_cut_bottom(area, area.h >= 30 ? 8 : area.h >= 16 ? 5 : 0, &l.detail);
    if (area.w >= 70) {
        l.rows = rect_cut_left(area,
                               area.w >= 140   ? 44
                               : area.w >= 110 ? 38
                               : area.w >= 96  ? 32
                                               : 26,
                               &left);
        lay_out_left(s, left, &l);
    } else if (st->focus == PANEL_ROWS) { /* no room for both: the focus decides */
        l.rows = area;
    } else {
        lay_out_left(s, area, &l);
    }
    return l;
}

static int list_height(const struct data_state *st, const struct layout *l)
{
    int h = st->focus == PANEL_LABELS     ? l->labels.h - 2
            : st->focus == PANEL_FINDINGS ? l->findings.h - 2
                                          : data_table_height(l->rows);
    return h > 1 ? h : 1;
}

/* Lists keep their place on the screen: the cursor moves, the lines follow only at an edge. */
static void keep_tops(struct view *v, const struct session *s)
{
    struct data_state *st = v->state;
    struct layout l = lay_out(st, s, v->area);
    if (l.rows.h > 0)
        st->rows.top = scroll_top(&st->rows, data_table_height(l.rows));
    if (l.labels.h > 0)
        st->labels.top = scroll_top(&st->labels, l.labels.h - 2);
    if (l.findings.h > 0)
        st->findings.top = scroll_top(&st->findings, l.findings.h - 2);
}

/* ---- below: one row ---- */

static void draw_syntax(struct canvas *c, struct rect area, enum problem p)
{
    char text[320];
    snprintf(text, sizeof text,
             "word: the text holds it, whatever the case   \"two words\": as they stand\n"
             "/pattern/: a regular expression   %s  split:train\n"
             "tokens>100  tokens<9   -term: rows for which it does not hold",
             p == PROBLEM_REGRESSION ? "value>2.5  value<1" : "label:NAME  label:=NAME");
    struct rect r =
        widget_panel(c, area, "what a search can say", "Enter: search   Esc: leave it", false);
    widget_wrap(c, r, ROLE_TEXT, text, strlen(text), 0);
}

static void detail_note(const struct session *s, size_t row, char *out, size_t size)
{
    struct example e;
    dataset_get(s->dataset, row, &e);
    const char *path = dataset_row_path(s->dataset, row), *slash = strrchr(path, '/');
    int n = snprintf(out, size, "%.60s:%u  ", slash ? slash + 1 : path, e.line);
    if (s->encoded) {
        uint32_t tokens = s->encoded->full_length[row];
        bool cut = tokens > s->encoded->max_length;
        n += snprintf(out + n, size - (size_t)n,
                      cut ? "%u tokens, cut at %zu  " : "%u tokens of %zu  ", tokens,
                      s->encoded->max_length);
    }
    if (e.given)
        dataset_target_text(s->dataset, &e, out + n, size - (size_t)n);
    else
        snprintf(out + n, size - (size_t)n, "no %s",
                 problem_target_name(dataset_problem(s->dataset)));
}

static void draw_detail(const struct data_state *st, const struct session *s, struct canvas *c,
                        struct rect area)
{
    char title[128], note[160];
    size_t row;
    if (!current_row(st, &row)) {
        widget_panel(c, area, "row", NULL, false);
        return;
    }
    detail_note(s, row, note, sizeof note);
    snprintf(title, sizeof title, "row %zu%s%s", row, st->tokens ? " as the model reads it" : "",
             st->whole ? "   Left, Right: others" : "");
    struct rect r = widget_panel(c, area, title, note, st->whole);
    if (st->tokens && s->encoded && s->tokenizer)
        row_draw_tokens(c, r, s, row);
    else
        row_draw_text(c, r, s, row, st->whole ? st->skip : 0);
}

/* What stands in the view while there is no data set to show. */
static void draw_absence(const struct session *s, struct canvas *c, struct rect area)
{
    const char *text = "reading ...";
    enum role role = ROLE_DIM;
    if (s->load == LOAD_NOTHING)
        text = "No data set is open. Start the workbench with one:\n"
               "sft --model DIR --train FILE [--validation FILE] [--test FILE]";
    if (s->load == LOAD_FAILED) {
        text = s->load_error.text;
        role = ROLE_BAD;
    }
    struct rect r = widget_panel(c, area, "data", NULL, false);
    widget_wrap(c, r, role, text, strlen(text), 0);
}

static void data_draw(const struct view *v, const struct session *s, struct canvas *c,
                      struct rect area)
{
    const struct data_state *st = v->state;
    if (!s->dataset) {
        draw_absence(s, c, area);
        return;
    }
    struct layout l = lay_out(st, s, area);
    if (l.detail.h > 0 && st->asking)
        draw_syntax(c, l.detail, dataset_problem(s->dataset));
    else if (l.detail.h > 0)
        draw_detail(st, s, c, l.detail);
    if (l.rows.h > 0)
        data_table_draw(c, l.rows, s, &st->list, &st->rows, st->focus == PANEL_ROWS);
    if (l.labels.h > 0)
        data_draw_labels(c, l.labels, s, &st->labels, st->list.label, st->focus == PANEL_LABELS);
    if (l.lengths.h > 0)
        data_draw_lengths(c, l.lengths, s);
    if (l.findings.h > 0)
        data_draw_findings(c, l.findings, s, &st->findings, st->list.finding,
                           st->focus == PANEL_FINDINGS);
}

/* ---- actions ---- */

static void rebuild(struct data_state *st, const struct session *s)
{
    size_t row = 0, at = 0;
    bool had = current_row(st, &row);
    data_list_make(&st->list, s);
    scroll_set_count(&st->rows, st->list.count);
    if (had && data_list_find(&st->list, row, &at)) /* stay on the row where it is still shown */
        scroll_to(&st->rows, at);
    else
        scroll_to(&st->rows, 0);
}

static void drop_filters(struct data_state *st, struct app *a)
{
    st->list.label = NO_LABEL;
    st->list.finding = -1;
    if (app_session(a)->search.query[0])
        app_search(a, "");
    rebuild(st, app_session(a));
}

static void go_to_row(struct data_state *st, struct app *a, size_t row)
{
    size_t at;
    if (!data_list_find(&st->list, row, &at))
        drop_filters(st, a);
    if (data_list_find(&st->list, row, &at))
        scroll_to(&st->rows, at);
    st->focus = PANEL_ROWS;
}

static void go_to_twin(struct data_state *st, struct app *a)
{
    const struct gate *g = app_session(a)->gate;
    size_t row, rows = dataset_rows(app_session(a)->dataset);
    if (!g || !current_row(st, &row))
        return;
    size_t first = g->twin[row];
    for (size_t i = 1; i < rows; i++) { /* the next row of the same text, round the end */
        size_t other = (row + i) % rows;
        if (g->twin[other] == first) {
            go_to_row(st, a, other);
            return;
        }
    }
    app_say(a, ROLE_DIM, "no other row has this text");
}

static struct scroll *focused_list(struct data_state *st)
{
    return st->focus == PANEL_LABELS     ? &st->labels
           : st->focus == PANEL_FINDINGS ? &st->findings
                                         : &st->rows;
}

static void open_chosen(struct data_state *st, const struct session *s)
{
    enum finding_kind kinds[FINDING_KINDS];
    size_t n = data_finding_kinds(s, kinds);
    if (st->focus == PANEL_ROWS) {
        st->whole = !st->whole && st->list.count;
        st->skip = 0;
        return;
    }
    bool chosen = false;
    if (st->focus == PANEL_LABELS) {
        int32_t id = (int32_t)st->labels.cursor;
        chosen = st->list.label != id;
        st->list.label = chosen ? id : NO_LABEL;
    } else if (st->findings.cursor < n) {
        int kind = (int)kinds[st->findings.cursor];
        chosen = st->list.finding != kind;
        st->list.finding = chosen ? kind : -1;
    }
    rebuild(st, s);
    if (chosen)
        st->focus = PANEL_ROWS;
}

static int search_done(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct data_state *st = v->state;
    struct query *q = query_compile(text, err);
    if (!q)
        return -1;
    query_destroy(q);
    st->asking = st->whole = false;
    st->focus = PANEL_ROWS;
    app_search(a, text);
    return 0;
}

static int search_typed(struct view *v, struct app *a, const char *text, struct err *err)
{
    struct query *q = query_compile(text, err);
    (void)v;
    (void)a;
    query_destroy(q);
    return q ? 0 : -1;
}

static void search_left(struct view *v, struct app *a)
{
    struct data_state *st = v->state;
    (void)a;
    st->asking = false;
}

static void ask_search(struct data_state *st, struct app *a)
{
    struct app_prompt p = {
        .label = "search", .done = search_done, .typed = search_typed, .cancelled = search_left};
    snprintf(p.initial, sizeof p.initial, "%s", app_session(a)->search.query);
    st->asking = true;
    app_prompt(a, &p);
}

/* The whole row scrolls until its last line is seen. */
static void scroll_text(struct view *v, const struct session *s, long by)
{
    struct data_state *st = v->state;
    size_t row, lines;
    if (!current_row(st, &row))
        return;
    lines = row_text_lines(v->level, v->area.w - 4, s, row);
    size_t seen = v->area.h > 3 ? (size_t)v->area.h - 2 : 1;
    struct scroll text = {.count = lines > seen ? lines - seen + 1 : 1, .cursor = st->skip};
    scroll_move(&text, by);
    st->skip = text.cursor;
}

static bool move(struct view *v, const struct session *s, enum action act)
{
    enum { FAR = 1 << 30 };
    struct data_state *st = v->state;
    struct layout l = lay_out(st, s, v->area);
    long page = st->whole ? v->area.h - 3 : list_height(st, &l);
    long by = act == ACTION_UP          ? -1
              : act == ACTION_DOWN      ? 1
              : act == ACTION_PAGE_UP   ? -page
              : act == ACTION_PAGE_DOWN ? page
              : act == ACTION_FIRST     ? -FAR
              : act == ACTION_LAST      ? FAR
                                        : 0;
    if (st->whole && (act == ACTION_LEFT || act == ACTION_RIGHT)) {
        scroll_move(&st->rows, act == ACTION_LEFT ? -1 : 1);
        st->skip = 0;
        return true;
    }
    if (!by)
        return false;
    if (st->whole)
        scroll_text(v, s, by);
    else
        scroll_move(focused_list(st), by);
    return true;
}

static void go_back(struct data_state *st, struct app *a)
{
    if (st->whole) {
        st->whole = false;
    } else if (st->focus != PANEL_ROWS) {
        st->focus = PANEL_ROWS;
    } else if (app_session(a)->search.query[0]) {
        app_search(a, "");
    } else if (st->list.finding >= 0) {
        st->list.finding = -1;
        st->focus = PANEL_FINDINGS;
    } else if (st->list.label != NO_LABEL) {
        st->list.label = NO_LABEL;
        st->focus = PANEL_LABELS;
    }
    rebuild(st, app_session(a));
}

/* A histogram of values takes no keys. */
static enum panel next_panel(enum panel p, const struct session *s, int step)
{
    do
        p = (enum panel)((p + step) % PANEL_COUNT);
    while (p == PANEL_LABELS && dataset_problem(s->dataset) == PROBLEM_REGRESSION);
    return p;
}

/* Panels are not seen while the row takes their place. */
static void give_keys(struct data_state *st, enum panel p)
{
    st->whole = false;
    st->focus = p;
}

static enum handled data_act(struct view *v, struct app *a, enum action act)
{
    struct data_state *st = v->state;
    const struct session *s = app_session(a);
    if (move(v, s, act))
        return HANDLED;
    switch (act) {
    case ACTION_OPEN:
        open_chosen(st, s);
        return HANDLED;
    case ACTION_SEARCH:
        ask_search(st, a);
        return HANDLED;
    case ACTION_SORT:
        st->list.order = (st->list.order + 1) % ORDER_COUNT;
        if (st->list.order == ORDER_TOKENS && !s->encoded)
            st->list.order++; /* nothing to sort by */
        rebuild(st, s);
        return HANDLED;
    case ACTION_TOKENS:
        st->tokens = !st->tokens && s->encoded;
        if (!s->encoded)
            app_say(a, ROLE_DIM, "tokens need a model: start with --model DIR");
        return HANDLED;
    case ACTION_FINDINGS:
        give_keys(st, PANEL_FINDINGS);
        return HANDLED;
    case ACTION_TWIN:
        go_to_twin(st, a);
        return HANDLED;
    case ACTION_PANEL:
        give_keys(st, next_panel(st->focus, s, 1));
        return HANDLED;
    case ACTION_PANEL_BACK:
        give_keys(st, next_panel(st->focus, s, PANEL_COUNT - 1));
        return HANDLED;
    case ACTION_BACK:
        go_back(st, a);
        return HANDLED;
    default:
        return NOT_HANDLED;
    }
}

static enum handled data_action(struct view *v, struct app *a, enum action act)
{
    if (!app_session(a)->dataset)
        return NOT_HANDLED;
    enum handled handled = data_act(v, a, act);
    keep_tops(v, app_session(a));
    return handled;
}

/* ---- the rest of the table ---- */

static int data_open(struct view *v, struct app *a, struct err *err)
{
    (void)a;
    (void)err;
    struct data_state *st = v->state;
    data_list_init(&st->list);
    return 0;
}

static bool changed(struct data_state *st, const struct session *s, enum session_part part)
{
    bool is = st->seen[part] != s->changed[part];
    st->seen[part] = s->changed[part];
    return is;
}

static bool data_update(struct view *v, struct app *a)
{
    struct data_state *st = v->state;
    const struct session *s = app_session(a);
    bool data = changed(st, s, CHANGED_DATA), search = changed(st, s, CHANGED_SEARCH);
    bool row = changed(st, s, CHANGED_ROW);
    if (!s->dataset)
        return data;
    if (data || (search && !s->search.running)) { /* rows stay while a search looks for others */
        enum finding_kind kinds[FINDING_KINDS];
        rebuild(st, s);
        scroll_set_count(&st->labels, dataset_labels(s->dataset));
        scroll_set_count(&st->findings, data_finding_kinds(s, kinds));
    }
    if (row && s->row_asked < dataset_rows(s->dataset))
        go_to_row(st, a, s->row_asked);
    keep_tops(v, s);
    return data || search || row;
}

static void data_summary(const struct view *v, const struct session *s, char *out, size_t size)
{
    (void)v;
    out[0] = '\0';
    if (s->dataset)
        snprintf(out, size, "%zu rows   %zu labels", dataset_rows(s->dataset),
                 dataset_labels(s->dataset));
}

static const char *data_hint(const struct view *v, const struct session *s, enum action act,
                             const char *hint)
{
    const struct data_state *st = v->state;
    enum finding_kind kinds[FINDING_KINDS];
    size_t row = 0;
    bool on_row = s->dataset && current_row(st, &row);
    if (!s->dataset)
        return act == ACTION_QUIT ? hint : NULL;
    switch (act) {
    case ACTION_OPEN:
        return st->whole                 ? "back"
               : st->focus != PANEL_ROWS ? "only these rows"
               : on_row                  ? "whole row"
                                         : NULL;
    case ACTION_START:
        return session_run_is_active(s) || !s->model_dir[0] ? NULL : hint;
    case ACTION_TOKENS:
        return !s->encoded || !on_row ? NULL : st->tokens ? "text" : hint;
    case ACTION_FINDINGS:
        return st->whole || !data_finding_kinds(s, kinds) ? NULL : hint;
    case ACTION_TWIN:
        return on_row && has_twin(s, row) ? hint : NULL;
    case ACTION_PANEL:
    case ACTION_SORT:
        return st->whole ? NULL : hint;
    default:
        return hint;
    }
}

static void data_close(struct view *v)
{
    struct data_state *st = v->state;
    data_list_clear(&st->list);
}

const struct view_ops view_data = {
    .name = "Data",
    .state_size = sizeof(struct data_state),
    .open = data_open,
    .update = data_update,
    .draw = data_draw,
    .action = data_action,
    .summary = data_summary,
    .hint = data_hint,
    .close = data_close,
};
