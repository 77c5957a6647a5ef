#include "ui/error_row.h"

#include "engine/base/mem.h"
#include "ui/error_list.h"
#include "ui/row_panel.h"
#include "ui/widget.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The mark before a label and its colour: t true, p predicted; of sets both where it is both. */
static enum role mark_of(const struct evaluation *e, size_t at, int32_t label, const char **mark)
{
    static const struct {
        const char *mark;
        enum role role;
    } marks[FATES] = {[FATE_ABSENT] = {"  ", ROLE_TEXT},
                      [FATE_FOUND] = {"tp", ROLE_GOOD},
                      [FATE_MISSED] = {"t ", ROLE_WARN},
                      [FATE_SURPLUS] = {" p", ROLE_BAD}};
    bool truth, predicted;
    if (e->problem == PROBLEM_MULTI_LABEL) {
        enum fate fate = evaluation_fate(e, at, label);
        *mark = marks[fate].mark;
        return marks[fate].role;
    }
    truth = label == e->truth[at];
    predicted = label == e->predicted[at];
    *mark = truth ? "t" : predicted ? "p" : " ";
    return truth ? ROLE_GOOD : predicted ? ROLE_BAD : ROLE_TEXT;
}

/* Every label's probability, largest first; the true and the predicted ones are marked. What does not
 * fit is summed up in the last line; the one true label always stands above it. */
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
    for (size_t i = fits; i < e->labels; i++) /* the true label is always among them */
        if (e->truth && probs[i].label == e->truth[at] && fits > 0) {
            struct label_prob truth = probs[i];
            memmove(&probs[fits], &probs[fits - 1], (i - fits + 1) * sizeof *probs);
            probs[fits - 1] = truth;
        }
    int name = r.w > 44 ? 20 : r.w - 18;
    for (size_t i = 0; i < fits; i++) {
        int32_t label = probs[i].label;
        const char *mark;
        enum role role = mark_of(e, at, label, &mark);
        int y = r.y + (int)i, indent = e->truth ? 2 : 3;
        canvas_text(c, r.x, y, 2, role, mark);
        canvas_text(c, r.x + indent, y, name + 1 - indent, role, dataset_label(s->dataset, label));
        canvas_printf(c, r.x + 2 + name, y, 6, ROLE_STRONG, "%.3f", (double)probs[i].p);
        widget_bar(c, r.x + 9 + name, y, r.w - name - 9, role, (double)probs[i].p, 1);
    }
    float rest = 0;
    for (size_t i = fits; i < e->labels; i++)
        rest += probs[i].p;
    if (fits < e->labels && e->truth)
        canvas_printf(c, r.x + 2, r.y + (int)fits, r.w - 2, ROLE_DIM,
                      "%zu more labels, %.3f in all", e->labels - fits, (double)rest);
    else if (fits < e->labels)
        canvas_printf(c, r.x + 3, r.y + (int)fits, r.w - 3, ROLE_DIM, "%zu more labels",
                      e->labels - fits);
    free(probs);
}

/* Where the true value and the one read lie between the least and the largest of the evaluation. */
static void draw_value(struct canvas *c, struct rect r, const struct evaluation *e, size_t at)
{
    double low = INFINITY, high = -INFINITY;
    const struct {
        const char *name;
        double value;
        enum role role;
    } lines[] = {{"true", (double)e->target[at], ROLE_GOOD},
                 {"read", (double)e->probs[at], ROLE_TEXT}};
    for (size_t i = 0; i < e->rows; i++) {
        low = fmin(low, fmin((double)e->target[i], (double)e->probs[i]));
        high = fmax(high, fmax((double)e->target[i], (double)e->probs[i]));
    }
    for (int i = 0; i < 2 && i < r.h; i++) {
        canvas_text(c, r.x, r.y + i, 5, lines[i].role, lines[i].name);
        canvas_printf(c, r.x + 5, r.y + i, 9, ROLE_STRONG, "%8.4g", lines[i].value);
        widget_bar(c, r.x + 15, r.y + i, r.w - 15, lines[i].role, lines[i].value - low,
                   high > low ? high - low : 1);
    }
    if (r.h > 2)
        canvas_printf(c, r.x, r.y + 2, r.w, ROLE_DIM, "bars: from %.4g to %.4g", low, high);
}

/* "true a, b, missed b, surplus c" */
static void set_title(const struct session *s, const struct evaluation *e, size_t at, char *out,
                      size_t size)
{
    static const struct {
        enum fate fate;
        const char *name;
    } parts[] = {{FATE_FOUND, "found"}, {FATE_MISSED, "missed"}, {FATE_SURPLUS, "surplus"}};
    size_t used = 0;
    char text[160];
    for (size_t i = 0; i < sizeof parts / sizeof *parts && used < size; i++)
        if (evaluation_fate_text(e, at, parts[i].fate, s->dataset, text, sizeof text))
            used += (size_t)snprintf(out + used, size - used, "%s%s %.60s", used ? "; " : "",
                                     parts[i].name, text);
    if (!used)
        snprintf(out, size, "no label, none found");
}

static void row_title(const struct session *s, const struct evaluation *e, size_t at, bool whole,
                      char *out, size_t size)
{
    const char *also = whole ? "   Left, Right: others" : "";
    char set[200];
    switch (e->problem) {
    case PROBLEM_REGRESSION:
        snprintf(out, size, "true %.4g, read %.4g, off by %+.4g%s", (double)e->target[at],
                 (double)e->probs[at], evaluation_difference(e, at), also);
        return;
    case PROBLEM_MULTI_LABEL:
        set_title(s, e, at, set, sizeof set);
        snprintf(out, size, "%s%s", set, also);
        return;
    default:
        break;
    }
    const char *truth = dataset_label(s->dataset, e->truth[at]);
    double p = (double)evaluation_prob(e, at, e->predicted[at]);
    if (e->truth[at] == e->predicted[at])
        snprintf(out, size, "true %.60s, read right, %.3f%s", truth, p, also);
    else
        snprintf(out, size, "true %.60s, predicted %.60s %.3f%s", truth,
                 dataset_label(s->dataset, e->predicted[at]), p, also);
}

static void row_note(const struct session *s, const struct evaluation *e, size_t at, char *out,
                     size_t size)
{
    struct example row;
    dataset_get(s->dataset, e->row[at], &row);
    const char *path = dataset_row_path(s->dataset, e->row[at]), *slash = strrchr(path, '/');
    snprintf(out, size, "row %u  %.60s:%u  loss %.3f", e->row[at], slash ? slash + 1 : path,
             row.line, evaluation_row_loss(e, at));
}

size_t error_row_lines(const struct evaluation *e)
{
    return e->problem == PROBLEM_REGRESSION ? 3 : e->labels;
}

struct rect error_row_cut_text(struct rect r, size_t lines, bool whole, struct rect *probs)
{
    struct rect text;
    if (whole && r.w < 70) {
        int rows = (int)(lines < (size_t)r.h / 2 ? lines : (size_t)r.h / 2);
        return rect_cut_bottom(r, rows, probs);
    }
    *probs = rect_cut_left(r, r.w - (r.w >= 100 ? 46 : 34), &text);
    text.w -= text.w > 2 ? 2 : 0;
    return text;
}

void error_row_draw(struct canvas *c, struct rect frame, const struct session *s,
                    const struct evaluation *e, size_t at, const struct error_row_look *look)
{
    struct rect probs;
    char title[240], note[160];
    row_title(s, e, at, look->whole, title, sizeof title);
    row_note(s, e, at, note, sizeof note);
    struct rect r = widget_panel(c, frame, title, note, look->whole);
    r = error_row_cut_text(r, error_row_lines(e), look->whole, &probs);
    if (e->problem == PROBLEM_REGRESSION)
        draw_value(c, probs, e, at);
    else
        draw_probs(s, e, c, probs, at);
    if (look->tokens && s->encoded && s->tokenizer)
        row_draw_tokens(c, r, s, e->row[at]);
    else
        row_draw_text(c, r, s, e->row[at], look->whole ? look->skip : 0);
}
