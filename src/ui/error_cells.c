#include "ui/error_cells.h"

#include "ui/row_panel.h"

#include <stdio.h>
#include <string.h>

/* A cell's column, after the one before it and a gap. */
static int put_cell(struct error_cells *k, int cell, int x, int w, int gap)
{
    k->x[cell] = x;
    k->w[cell] = w;
    return x + w + (w ? gap : 0);
}

static int label_width(const struct canvas *c, const struct session *s, int w)
{
    int width = row_label_width(c, s, w >= 110 ? 20 : w >= 70 ? 14 : 9);
    return width < 5 ? 5 : width;
}

/* ---- one label ---- */

enum { CONFIDENCE, LOSS, TRUE_LABEL, PREDICTED };

static int fit_label(struct error_cells *k, const struct canvas *c, const struct session *s, int w)
{
    int label = label_width(c, s, w), x = put_cell(k, CONFIDENCE, 2, 5, 1);
    x = put_cell(k, LOSS, x, w >= 76 ? 6 : 0, 1);
    x = put_cell(k, TRUE_LABEL, x, label, 3);
    return put_cell(k, PREDICTED, x, label, 1);
}

static void head_label(struct canvas *c, struct rect line, const struct error_cells *k)
{
    canvas_text(c, line.x + k->x[CONFIDENCE], line.y, k->w[CONFIDENCE], ROLE_DIM, "conf.");
    canvas_text_right(c, line.x + k->x[LOSS], line.y, k->w[LOSS], ROLE_DIM, "loss");
    canvas_text(c, line.x + k->x[TRUE_LABEL], line.y, k->w[TRUE_LABEL], ROLE_DIM, "true");
    canvas_text(c, line.x + k->x[PREDICTED], line.y, k->w[PREDICTED], ROLE_DIM,
                k->w[PREDICTED] >= 9 ? "predicted" : "pred.");
}

static void draw_loss(struct canvas *c, int x, int y, int w, const struct evaluation *e, size_t at)
{
    char text[32];
    snprintf(text, sizeof text, "%.3f", evaluation_row_loss(e, at));
    canvas_text_right(c, x, y, w, ROLE_DIM, text);
}

static void draw_label(struct canvas *c, struct rect line, const struct error_cells *k,
                       const struct session *s, const struct evaluation *e, size_t at)
{
    bool wrong = e->truth[at] != e->predicted[at];
    canvas_printf(c, line.x + k->x[CONFIDENCE], line.y, k->w[CONFIDENCE],
                  wrong ? ROLE_BAD : ROLE_GOOD, "%.3f",
                  (double)evaluation_prob(e, at, e->predicted[at]));
    if (k->w[LOSS])
        draw_loss(c, line.x + k->x[LOSS], line.y, k->w[LOSS], e, at);
    canvas_text(c, line.x + k->x[TRUE_LABEL], line.y, k->w[TRUE_LABEL], ROLE_TEXT,
                dataset_label(s->dataset, e->truth[at]));
    canvas_put_glyph(c, line.x + k->x[PREDICTED] - 2, line.y, ROLE_DIM,
                     wrong ? GLYPH_ARROW : GLYPH_CHECK);
    canvas_text(c, line.x + k->x[PREDICTED], line.y, k->w[PREDICTED], wrong ? ROLE_BAD : ROLE_DIM,
                dataset_label(s->dataset, e->predicted[at]));
}

/* ---- sets ---- */

enum { SET_LOSS, MISSED, SURPLUS };

static int fit_set(struct error_cells *k, const struct canvas *c, const struct session *s, int w)
{
    int labels = label_width(c, s, w) * 3 / 2, x = put_cell(k, SET_LOSS, 2, 6, 1);
    labels = labels < 8 ? 8 : labels;
    x = put_cell(k, MISSED, x, labels, 1);
    return put_cell(k, SURPLUS, x, labels, 1);
}

static void head_set(struct canvas *c, struct rect line, const struct error_cells *k)
{
    canvas_text_right(c, line.x + k->x[SET_LOSS], line.y, k->w[SET_LOSS], ROLE_DIM, "loss");
    canvas_text(c, line.x + k->x[MISSED], line.y, k->w[MISSED], ROLE_DIM, "missed");
    canvas_text(c, line.x + k->x[SURPLUS], line.y, k->w[SURPLUS], ROLE_DIM, "surplus");
}

/* A right row shows its set in place of what was missed. */
static void draw_set(struct canvas *c, struct rect line, const struct error_cells *k,
                     const struct session *s, const struct evaluation *e, size_t at)
{
    char text[256];
    int x = line.x + k->x[MISSED];
    draw_loss(c, line.x + k->x[SET_LOSS], line.y, k->w[SET_LOSS], e, at);
    if (evaluation_right(e, at)) {
        bool any = evaluation_fate_text(e, at, FATE_FOUND, s->dataset, text, sizeof text);
        canvas_put_glyph(c, x, line.y, ROLE_DIM, GLYPH_CHECK);
        canvas_text(c, x + 2, line.y, k->x[SURPLUS] + k->w[SURPLUS] - k->x[MISSED] - 2, ROLE_DIM,
                    any ? text : "none");
        return;
    }
    evaluation_fate_text(e, at, FATE_MISSED, s->dataset, text, sizeof text);
    canvas_text(c, x, line.y, k->w[MISSED], ROLE_GOOD, text);
    evaluation_fate_text(e, at, FATE_SURPLUS, s->dataset, text, sizeof text);
    canvas_text(c, line.x + k->x[SURPLUS], line.y, k->w[SURPLUS], ROLE_BAD, text);
}

/* ---- values ---- */

enum { OFF, TRUE_VALUE, READ };

static int fit_value(struct error_cells *k, const struct canvas *c, const struct session *s, int w)
{
    (void)c, (void)s, (void)w;
    int x = put_cell(k, OFF, 2, 8, 1);
    x = put_cell(k, TRUE_VALUE, x, 8, 1);
    return put_cell(k, READ, x, 8, 2);
}

static void head_value(struct canvas *c, struct rect line, const struct error_cells *k)
{
    static const char *const names[] = {"off by", "true", "read"};
    for (int i = OFF; i <= READ; i++)
        canvas_text_right(c, line.x + k->x[i], line.y, k->w[i], ROLE_DIM, names[i]);
}

static void draw_value(struct canvas *c, struct rect line, const struct error_cells *k,
                       const struct session *s, const struct evaluation *e, size_t at)
{
    const double values[] = {evaluation_difference(e, at), (double)e->target[at],
                             (double)e->probs[at]};
    static const enum role roles[] = {ROLE_STRONG, ROLE_GOOD, ROLE_TEXT};
    (void)s;
    for (int i = OFF; i <= READ; i++) {
        char text[32];
        snprintf(text, sizeof text, i == OFF ? "%+.4g" : "%.4g", values[i]);
        canvas_text_right(c, line.x + k->x[i], line.y, k->w[i], roles[i], text);
    }
}

/* ---- whichever it is ---- */

static const struct {
    int (*fit)(struct error_cells *k, const struct canvas *c, const struct session *s, int w);
    void (*heading)(struct canvas *c, struct rect line, const struct error_cells *k);
    void (*draw)(struct canvas *c, struct rect line, const struct error_cells *k,
                 const struct session *s, const struct evaluation *e, size_t at);
} looks[PROBLEM_COUNT] = {
    [PROBLEM_AUTO] = {fit_label, head_label, draw_label},
    [PROBLEM_SINGLE_LABEL] = {fit_label, head_label, draw_label},
    [PROBLEM_REGRESSION] = {fit_value, head_value, draw_value},
    [PROBLEM_MULTI_LABEL] = {fit_set, head_set, draw_set},
};

struct error_cells error_cells_fit(const struct canvas *c, const struct session *s, int w)
{
    struct error_cells k = {.problem = dataset_problem(s->dataset)};
    k.text = looks[k.problem].fit(&k, c, s, w);
    return k;
}

void error_cells_heading(struct canvas *c, struct rect line, const struct error_cells *k)
{
    looks[k->problem].heading(c, line, k);
    canvas_text(c, line.x + k->text, line.y, line.w - k->text, ROLE_DIM, "text");
}

void error_cells_draw(struct canvas *c, struct rect line, const struct error_cells *k,
                      const struct session *s, const struct evaluation *e, size_t at)
{
    looks[k->problem].draw(c, line, k, s, e, at);
}
