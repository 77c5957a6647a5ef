/* view_data.c - the Data view: every row of the data set under the keyboard.
 *
 * Left, what the data hold: labels with counts, token lengths, findings. Right the rows. Below, the
 * row under the cursor as text or as the model reads it. A label or a finding that is opened filters
 * the rows; so does a search; filters add up and Esc drops them.
 *
 * The rows shown are a list of row numbers made in update(), never in draw(): a filter is one pass over
 * the rows and an order one counting sort, so a million rows stay under a key press's patience. */
#include "engine/base/mem.h"
#include "ui/data_list.h"
#include "ui/row_panel.h"
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
    bool whole;          /* the row takes the place of the table */
    bool tokens;         /* the row as ids */
    size_t skip;         /* lines of the whole row scrolled away */
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

/* Findings that have rows, in the order of their kind. */
static size_t finding_kinds(const struct session *s, enum finding_kind out[FINDING_KINDS])
{
    size_t n = 0;
    for (int k = 0; s->gate && k < FINDING_KINDS; k++)
        if (s->gate->findings[k].count)
            out[n++] = (enum finding_kind)k;
    return n;
}

/* ---- left: what the data hold ---- */

static void draw_labels(const struct data_state *st, const struct session *s, struct canvas *c,
                        struct rect r, bool focused)
{
    const struct dataset *d = s->dataset;
    size_t n = dataset_labels(d), most = 1, top = scroll_top(&st->labels, r.h);
    for (size_t i = 0; i < n; i++) {
        size_t rows = data_list_label_rows(d, (int32_t)i);
        most = rows > most ? rows : most;
    }
    int bar = r.w > 24 ? r.w - 22 : 0, name = r.w - 7 - bar - (bar > 0);
    for (int y = 0; y < r.h && top + (size_t)y < n; y++) {
        int32_t id = (int32_t)(top + (size_t)y);
        size_t rows = data_list_label_rows(d, id);
        char count[16];
        snprintf(count, sizeof count, "%zu", rows);
        bool chosen = st->list.label == id;
        canvas_text(c, r.x, r.y + y, name, chosen ? ROLE_MATCH : ROLE_TEXT, dataset_label(d, id));
        canvas_text_right(c, r.x + name, r.y + y, 6, ROLE_STRONG, count);
        widget_bar(c, r.x + name + 7, r.y + y, bar, ROLE_BAR, (double)rows, (double)most);
        if (st->labels.cursor == (size_t)id && focused)
            canvas_paint(c, (struct rect){r.x, r.y + y, r.w, 1}, ROLE_SELECTED);
    }
    widget_scroll_marks(c, r, &st->labels, top);
}

/* Two lines: the figures, then the histogram with the place where max_length cuts. */
static void draw_lengths(const struct session *s, struct canvas *c, struct rect r)
{
    if (!s->encoded || !s->gate || r.h < 2 || r.w < 10)
        return;
    enum { BINS = 128 };
    double bins[BINS] = {0};
    size_t n = (size_t)r.w < BINS ? (size_t)r.w : BINS, longest = s->gate->longest;
    for (size_t i = 0; i < s->encoded->rows; i++) {
        size_t at = (size_t)s->encoded->full_length[i] * n / (longest + 1);
        bins[at < n ? at : n - 1]++;
    }
    canvas_printf(c, r.x, r.y, r.w, ROLE_DIM, "tokens  median %zu  max %zu", s->gate->median,
                  longest);
    widget_histogram(c, (struct rect){r.x, r.y + 1, (int)n, r.h - 1}, ROLE_BAR, bins, n);
    size_t cut = s->encoded->max_length * n / (longest + 1);
    if (s->encoded->max_length < longest && cut < n)
        for (int y = 1; y < r.h; y++)
            canvas_put_glyph(c, r.x + (int)cut, r.y + y, ROLE_WARN, GLYPH_CUT);
}

static void draw_findings(const struct data_state *st, const struct session *s, struct canvas *c,
                          struct rect r, bool focused)
{
    enum finding_kind kinds[FINDING_KINDS];
    size_t n = finding_kinds(s, kinds);
    if (!s->gate)
        canvas_text(c, r.x, r.y, r.w, ROLE_DIM, "checking ...");
    else if (!n)
        canvas_text(c, r.x, r.y, r.w, ROLE_GOOD, "nothing found wrong");
    for (int y = 0; y < r.h && (size_t)y < n; y++) {
        const struct finding *f = &s->gate->findings[kinds[y]];
        bool chosen = st->list.finding == (int)f->kind;
        int used = canvas_printf(c, r.x, r.y + y, r.w, ROLE_WARN, "%zu ", f->count);
        canvas_text(c, r.x + used, r.y + y, r.w - used, chosen ? ROLE_MATCH : ROLE_TEXT,
                    finding_name(f->kind));
        if (st->findings.cursor == (size_t)y && focused)
            canvas_paint(c, (struct rect){r.x, r.y + y, r.w, 1}, ROLE_SELECTED);
    }
}

static void draw_left(const struct data_state *st, const struct session *s, struct canvas *c,
                      struct rect area)
{
    enum finding_kind kinds[FINDING_KINDS];
    size_t n = finding_kinds(s, kinds);
    int findings = (int)(n ? n : 1) + 2, lengths = area.h >= 22 ? 5 : area.h >= 16 ? 4 : 0;
    struct rect panel, length_area;
    if (findings > area.h / 2)
        findings = area.h / 2;
    area = rect_cut_bottom(area, findings, &panel);
    struct rect r = widget_panel(c, panel, "findings", NULL, st->focus == PANEL_FINDINGS);
    draw_findings(st, s, c, r, st->focus == PANEL_FINDINGS);
    area = rect_cut_bottom(area, lengths, &length_area);
    r = widget_panel(c, area, "labels", NULL, st->focus == PANEL_LABELS);
    draw_labels(st, s, c, r, st->focus == PANEL_LABELS);
    if (lengths) {
        r = widget_panel(c, length_area, "lengths", NULL, false);
        draw_lengths(s, c, r);
    }
}

/* ---- right: the rows ---- */

static void draw_row(const struct session *s, struct canvas *c, struct rect line, size_t row,
                     bool here, bool focused)
{
    struct example e;
    char text[24];
    dataset_get(s->dataset, row, &e);
    int x = line.x, end = line.x + line.w, label = line.w >= 70 ? 18 : 12;
    bool twin = s->gate && s->gate->twin[row] != row;
    if (here)
        canvas_put_glyph(c, x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    snprintf(text, sizeof text, "%zu", row);
    canvas_text_right(c, x + 1, line.y, 6, ROLE_DIM, text);
    canvas_text(c, x + 7, line.y, 1, ROLE_WARN, twin ? "=" : " ");
    x += 9;
    if (line.w >= 56) {
        canvas_text(c, x, line.y, 5, ROLE_DIM, split_name(e.split));
        x += 6;
    }
    canvas_text(c, x, line.y, label - 1, ROLE_STRONG,
                e.label == NO_LABEL ? "-" : dataset_label(s->dataset, e.label));
    x += label;
    if (s->encoded) {
        bool cut = s->encoded->full_length[row] > s->encoded->max_length;
        snprintf(text, sizeof text, "%u", s->encoded->full_length[row]);
        canvas_text_right(c, x, line.y, 5, cut ? ROLE_WARN : ROLE_DIM, text);
        x += 6;
    }
    canvas_text_n(c, x, line.y, end - x, ROLE_TEXT, e.text, e.text_length);
    if (here)
        canvas_paint(c, line, focused ? ROLE_SELECTED : ROLE_CURSOR);
}

/* What narrows the table, and in which order it stands. */
static void list_note(const struct data_state *st, const struct session *s, char *out, size_t size)
{
    const struct data_list *l = &st->list;
    int n = 0;
    out[0] = '\0';
    if (s->search.query[0])
        n += snprintf(out + n, size - (size_t)n, "/ %.60s  ", s->search.query);
    if (l->label != NO_LABEL)
        n += snprintf(out + n, size - (size_t)n, "label %.40s  ", dataset_label(s->dataset, l->label));
    if (l->finding >= 0)
        n += snprintf(out + n, size - (size_t)n, "%s  ", finding_name((enum finding_kind)l->finding));
    if (n)
        n += snprintf(out + n, size - (size_t)n, "%zu of %zu", l->count, dataset_rows(s->dataset));
    if (l->order != ORDER_FILE)
        snprintf(out + n, size - (size_t)n, "%ssorted by %s", n ? "  " : "",
                 data_order_name(l->order));
}

static void draw_rows(const struct data_state *st, const struct session *s, struct canvas *c,
                      struct rect area)
{
    char title[64], note[256];
    bool focused = st->focus == PANEL_ROWS;
    snprintf(title, sizeof title, "%zu rows", st->list.count);
    list_note(st, s, note, sizeof note);
    struct rect r = widget_panel(c, area, title, note[0] ? note : NULL, focused);
    size_t top = scroll_top(&st->rows, r.h);
    if (s->search.error[0])
        canvas_text(c, r.x, r.y, r.w, ROLE_BAD, s->search.error);
    else if (!st->list.count)
        canvas_text(c, r.x, r.y, r.w, ROLE_DIM,
                    s->search.running ? "searching ..." : "no row matches; Esc drops the filters");
    for (int y = 0; y < r.h && top + (size_t)y < st->list.count; y++)
        draw_row(s, c, (struct rect){r.x, r.y + y, r.w, 1}, st->list.rows[top + (size_t)y],
                 top + (size_t)y == st->rows.cursor, focused);
    widget_scroll_marks(c, r, &st->rows, top);
}

/* ---- below: one row ---- */

static void draw_detail(const struct data_state *st, const struct session *s, struct canvas *c,
                        struct rect area)
{
    char title[128], note[160];
    struct example e;
    size_t row;
    if (!current_row(st, &row)) {
        widget_panel(c, area, "row", NULL, false);
        return;
    }
    dataset_get(s->dataset, row, &e);
    snprintf(title, sizeof title, "row %zu%s", row,
             st->tokens ? " as the model reads it" : "");
    const char *path = dataset_row_path(s->dataset, row), *slash = strrchr(path, '/');
    int n = snprintf(note, sizeof note, "%.40s  %.60s:%u",
                     e.label == NO_LABEL ? "no label" : dataset_label(s->dataset, e.label),
                     slash ? slash + 1 : path, e.line);
    if (s->encoded && n < (int)sizeof note)
        snprintf(note + n, sizeof note - (size_t)n, "  %u tokens of %zu",
                 s->encoded->full_length[row], s->encoded->max_length);
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
    struct rect left, detail;
    if (!s->dataset) {
        draw_absence(s, c, area);
        return;
    }
    if (st->whole) {
        draw_detail(st, s, c, area);
        return;
    }
    area = rect_cut_bottom(area, area.h >= 30 ? 8 : area.h >= 16 ? 5 : 0, &detail);
    if (detail.h > 0)
        draw_detail(st, s, c, detail);
    if (area.w >= 70) {
        area = rect_cut_left(area, area.w >= 140 ? 44 : area.w >= 96 ? 32 : 26, &left);
        draw_left(st, s, c, left);
    } else if (st->focus != PANEL_ROWS) { /* no room for both: the focus decides */
        draw_left(st, s, c, area);
        return;
    }
    draw_rows(st, s, c, area);
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
    size_t n = finding_kinds(s, kinds);
    if (st->focus == PANEL_ROWS) {
        st->whole = !st->whole && st->list.count;
        st->skip = 0;
        return;
    }
    if (st->focus == PANEL_LABELS) {
        int32_t id = (int32_t)st->labels.cursor;
        st->list.label = st->list.label == id ? NO_LABEL : id;
    } else if (st->findings.cursor < n) {
        int kind = (int)kinds[st->findings.cursor];
        st->list.finding = st->list.finding == kind ? -1 : kind;
    }
    rebuild(st, s);
}

static int search_done(struct view *v, struct app *a, const char *text, struct err *err)
{
    (void)v;
    (void)err;
    app_search(a, text);
    return 0;
}

static void ask_search(struct app *a)
{
    struct app_prompt p = {.label = "search (words, /regex/, label:NAME split:NAME tokens>N)",
                           .done = search_done};
    snprintf(p.initial, sizeof p.initial, "%s", app_session(a)->search.query);
    app_prompt(a, &p);
}

static bool move(struct view *v, enum action act)
{
    struct data_state *st = v->state;
    struct scroll *list = focused_list(st);
    long page = v->area.h > 12 ? v->area.h - 10 : 4;
    long by = act == ACTION_UP          ? -1
              : act == ACTION_DOWN      ? 1
              : act == ACTION_PAGE_UP   ? -page
              : act == ACTION_PAGE_DOWN ? page
                                        : 0;
    if (st->whole && by) { /* the whole row scrolls; up at its start and back again stay in it */
        st->skip = by < 0 && st->skip < (size_t)-by ? 0 : st->skip + (size_t)by;
        return true;
    }
    if (by)
        scroll_move(list, by);
    else if (act == ACTION_FIRST)
        scroll_to(list, 0);
    else if (act == ACTION_LAST)
        scroll_to(list, list->count ? list->count - 1 : 0);
    else
        return false;
    return true;
}

static void go_back(struct data_state *st, struct app *a)
{
    if (st->whole)
        st->whole = false;
    else if (st->focus != PANEL_ROWS)
        st->focus = PANEL_ROWS;
    else
        drop_filters(st, a);
}

static enum handled data_action(struct view *v, struct app *a, enum action act)
{
    struct data_state *st = v->state;
    const struct session *s = app_session(a);
    if (!s->dataset)
        return NOT_HANDLED;
    if (move(v, act))
        return HANDLED;
    switch (act) {
    case ACTION_OPEN:
        open_chosen(st, s);
        return HANDLED;
    case ACTION_SEARCH:
        ask_search(a);
        return HANDLED;
    case ACTION_SORT:
        st->list.order = (st->list.order + 1) % ORDER_COUNT;
        rebuild(st, s);
        return HANDLED;
    case ACTION_TOKENS:
        st->tokens = !st->tokens;
        if (st->tokens && !s->encoded)
            app_say(a, ROLE_DIM, "tokens need a model: start with --model DIR");
        return HANDLED;
    case ACTION_FINDINGS:
        st->focus = PANEL_FINDINGS;
        return HANDLED;
    case ACTION_TWIN:
        go_to_twin(st, a);
        return HANDLED;
    case ACTION_PANEL:
        st->focus = (st->focus + 1) % PANEL_COUNT;
        return HANDLED;
    case ACTION_PANEL_BACK:
        st->focus = (st->focus + PANEL_COUNT - 1) % PANEL_COUNT;
        return HANDLED;
    case ACTION_BACK:
        go_back(st, a);
        return HANDLED;
    default:
        return NOT_HANDLED;
    }
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
    if (data || search) {
        enum finding_kind kinds[FINDING_KINDS];
        rebuild(st, s);
        scroll_set_count(&st->labels, dataset_labels(s->dataset));
        scroll_set_count(&st->findings, finding_kinds(s, kinds));
    }
    if (row)
        go_to_row(st, a, s->row_asked);
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
    if (!s->dataset)
        return act == ACTION_QUIT ? hint : NULL;
    if (act == ACTION_OPEN)
        return st->focus != PANEL_ROWS ? "only these rows" : st->whole ? "back" : "whole row";
    if (act == ACTION_START && session_run_is_active(s))
        return NULL;
    if (act == ACTION_TOKENS)
        return st->tokens ? "text" : hint;
    return hint;
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
