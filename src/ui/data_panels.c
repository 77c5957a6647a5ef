#include "ui/data_panels.h"

#include "ui/data_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BINS 128 /* of a histogram at most */

size_t data_finding_kinds(const struct session *s, enum finding_kind out[FINDING_KINDS])
{
    size_t n = 0;
    for (int k = 0; s->gate && k < FINDING_KINDS; k++)
        if (s->gate->findings[k].count)
            out[n++] = (enum finding_kind)k;
    return n;
}

/* The two columns before an entry: the cursor where the list has the keys, else a tick at what is
 * chosen. Colour says it again. */
static void draw_marks(struct canvas *c, struct rect line, bool here, bool chosen)
{
    if (here)
        canvas_put_glyph(c, line.x, line.y, ROLE_STRONG, GLYPH_CURSOR);
    else if (chosen)
        canvas_put_glyph(c, line.x, line.y, ROLE_MATCH, GLYPH_CHECK);
}

/* ---- values ---- */

/* The histogram of a regression's values, where the labels of other problems stand. */
static void draw_values(struct canvas *c, struct rect panel, const struct session *s)
{
    const struct dataset *d = s->dataset;
    double low = INFINITY, high = -INFINITY, sum = 0, bins[BINS] = {0};
    size_t given = 0;
    char note[96] = "";
    struct example e;
    for (size_t row = 0; row < dataset_rows(d); row++) {
        dataset_get(d, row, &e);
        if (!e.given)
            continue;
        low = fmin(low, e.value);
        high = fmax(high, e.value);
        sum += e.value;
        given++;
    }
    if (given)
        snprintf(note, sizeof note, "mean %.4g", sum / (double)given);
    struct rect r = widget_panel(c, panel, "values", note, false);
    if (!given || r.h < 2 || r.w < 10)
        return;
    size_t n = (size_t)r.w < BINS ? (size_t)r.w : BINS;
    for (size_t row = 0; row < dataset_rows(d); row++) {
        dataset_get(d, row, &e);
        double at = e.given && high > low ? (e.value - low) / (high - low) * (double)n : 0;
        if (e.given)
            bins[at < (double)n ? (size_t)at : n - 1]++;
    }
    widget_histogram(c, (struct rect){r.x, r.y, (int)n, r.h - 1}, ROLE_BAR, bins, n);
    canvas_printf(c, r.x, r.y + r.h - 1, (int)n, ROLE_AXIS, "%.4g", low);
    snprintf(note, sizeof note, "%.4g", high);
    canvas_text_right(c, r.x, r.y + r.h - 1, (int)n, ROLE_AXIS, note);
}

/* ---- labels ---- */

void data_draw_labels(struct canvas *c, struct rect panel, const struct session *s,
                      const struct scroll *cursor, int32_t chosen, bool focused)
{
    const struct dataset *d = s->dataset;
    if (dataset_problem(d) == PROBLEM_REGRESSION) {
        draw_values(c, panel, s);
        return;
    }
    struct rect r = widget_panel(c, panel, "labels", NULL, focused);
    size_t n = dataset_labels(d), most = 1, top = scroll_top(cursor, r.h);
    for (size_t i = 0; i < n; i++) {
        size_t rows = data_list_label_rows(d, (int32_t)i);
        most = rows > most ? rows : most;
    }
    int bar = r.w > 26 ? r.w - 24 : 0, name = r.w - 9 - bar - (bar > 0);
    for (int y = 0; y < r.h && top + (size_t)y < n; y++) {
        int32_t id = (int32_t)(top + (size_t)y);
        struct rect line = {r.x, r.y + y, r.w, 1};
        bool here = focused && cursor->cursor == (size_t)id;
        char count[16];
        size_t rows = data_list_label_rows(d, id);
        snprintf(count, sizeof count, "%zu", rows);
        draw_marks(c, line, here, chosen == id);
        canvas_text(c, r.x + 2, line.y, name, chosen == id ? ROLE_MATCH : ROLE_TEXT,
                    dataset_label(d, id));
        canvas_text_right(c, r.x + 2 + name, line.y, 6, ROLE_STRONG, count);
        widget_bar(c, r.x + 9 + name, line.y, bar, ROLE_BAR, (double)rows, (double)most);
        if (here)
            canvas_paint(c, line, ROLE_SELECTED);
    }
    widget_scroll_marks(c, r, cursor, top);
}

/* ---- lengths ---- */

/* "0", the longest row, and the mark where max_length cuts, where each has room. */
static void draw_axis(struct canvas *c, struct rect line, size_t longest, size_t cut, int cut_at)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", longest);
    int end = line.w - (int)strlen(text);
    canvas_text(c, line.x, line.y, 1, ROLE_AXIS, "0");
    canvas_text_right(c, line.x, line.y, line.w, ROLE_AXIS, text);
    if (cut >= longest || cut_at < 2) /* no room beside the 0 */
        return;
    snprintf(text, sizeof text, "%zu", cut);
    if (cut_at < end)
        canvas_put_glyph(c, line.x + cut_at, line.y, ROLE_WARN, GLYPH_MARK);
    if (cut_at + 1 + (int)strlen(text) < end)
        canvas_text(c, line.x + cut_at + 1, line.y, (int)strlen(text), ROLE_WARN, text);
}

void data_draw_lengths(struct canvas *c, struct rect panel, const struct session *s)
{
    char note[64] = "";
    if (s->encoded && s->gate)
        snprintf(note, sizeof note, "median %zu  max %zu", s->gate->median, s->gate->longest);
    struct rect r = widget_panel(c, panel, "tokens a row", note, false);
    if (!s->encoded || !s->gate) {
        canvas_text(c, r.x, r.y, r.h > 0 ? r.w : 0, ROLE_DIM,
                    s->model_dir[0] ? "counting ..." : "need a model");
        return;
    }
    if (r.h < 2 || r.w < 10)
        return;
    double bins[BINS] = {0};
    size_t n = (size_t)r.w < BINS ? (size_t)r.w : BINS, longest = s->gate->longest;
    size_t cut = s->encoded->max_length;
    for (size_t i = 0; i < s->encoded->rows; i++)
        bins[(size_t)s->encoded->full_length[i] * n / (longest + 1)]++;
    struct rect bars = {r.x, r.y, (int)n, r.h - 1};
    /* the first bin all of whose rows are cut */
    int cut_at = (int)(((cut + 1) * n + longest) / (longest + 1));
    widget_histogram(c, bars, ROLE_BAR, bins, n);
    if (cut < longest)
        canvas_paint(c, (struct rect){bars.x + cut_at, bars.y, bars.w - cut_at, bars.h}, ROLE_WARN);
    draw_axis(c, (struct rect){r.x, r.y + r.h - 1, (int)n, 1}, longest, cut, cut_at);
}

/* ---- findings ---- */

/* For panels too narrow for the full name. */
static const char *const short_names[FINDING_KINDS] = {
    [FINDING_EMPTY_TEXT] = "empty text",        [FINDING_DUPLICATE] = "repeated text",
    [FINDING_LEAK] = "also in train",           [FINDING_CONFLICT] = "two labels",
    [FINDING_TRUNCATED] = "over max_length",    [FINDING_RARE_LABEL] = "rare label",
    [FINDING_UNTRAINED_LABEL] = "not in train", [FINDING_NO_LABEL] = "no label",
    [FINDING_CONSTANT] = "one target",
};

static const char *short_name(enum finding_kind k, enum problem p)
{
    return p == PROBLEM_REGRESSION && k == FINDING_CONFLICT   ? "two values"
           : p == PROBLEM_REGRESSION && k == FINDING_NO_LABEL ? "no value"
                                                              : short_names[k];
}

void data_draw_findings(struct canvas *c, struct rect panel, const struct session *s,
                        const struct scroll *cursor, int chosen, bool focused)
{
    enum finding_kind kinds[FINDING_KINDS];
    size_t n = data_finding_kinds(s, kinds);
    struct rect r = widget_panel(c, panel, "findings", NULL, focused);
    size_t top = scroll_top(cursor, r.h);
    if (r.h < 1)
        return;
    if (!s->gate)
        canvas_text(c, r.x, r.y, r.w, ROLE_DIM, "checking ...");
    else if (!n)
        canvas_text(c, r.x, r.y, r.w, ROLE_GOOD, "nothing found wrong");
    for (int y = 0; y < r.h && top + (size_t)y < n; y++) {
        const struct finding *f = &s->gate->findings[kinds[top + (size_t)y]];
        struct rect line = {r.x, r.y + y, r.w, 1};
        bool here = focused && cursor->cursor == top + (size_t)y,
             is_chosen = chosen == (int)f->kind;
        const char *name = finding_name(f->kind, dataset_problem(s->dataset));
        draw_marks(c, line, here, is_chosen);
        int used = 2 + canvas_printf(c, r.x + 2, line.y, r.w - 2, ROLE_WARN, "%zu ", f->count);
        if (canvas_text_width(c, name, strlen(name)) > r.w - used)
            name = short_name(f->kind, dataset_problem(s->dataset));
        canvas_text(c, r.x + used, line.y, r.w - used, is_chosen ? ROLE_MATCH : ROLE_TEXT, name);
        if (here)
            canvas_paint(c, line, ROLE_SELECTED);
    }
    widget_scroll_marks(c, r, cursor, top);
}
