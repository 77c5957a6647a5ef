#include "ui/error_row.h"

#include "engine/base/mem.h"
#include "ui/error_list.h"
#include "ui/row_panel.h"
#include "ui/widget.h"

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

/* Every label's probability, largest first; the true and the predicted one are marked. What does not
 * fit is summed up in the last line; the true label always stands above it. */
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
        if (probs[i].label == e->truth[at] && fits > 0) {
            struct label_prob truth = probs[i];
            memmove(&probs[fits], &probs[fits - 1], (i - fits + 1) * sizeof *probs);
            probs[fits - 1] = truth;
        }
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
        canvas_printf(c, r.x + 2, r.y + (int)fits, r.w - 2, ROLE_DIM,
                      "%zu more labels, %.3f in all", e->labels - fits, (double)rest);
    free(probs);
}

static void row_title(const struct session *s, const struct evaluation *e, size_t at, bool whole,
                      char *out, size_t size)
{
    const char *truth = dataset_label(s->dataset, e->truth[at]);
    const char *also = whole ? "   Left, Right: others" : "";
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

struct rect error_row_cut_text(struct rect r, size_t labels, bool whole, struct rect *probs)
{
    struct rect text;
    if (whole && r.w < 70) {
        int rows = (int)(labels < (size_t)r.h / 2 ? labels : (size_t)r.h / 2);
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
    r = error_row_cut_text(r, e->labels, look->whole, &probs);
    draw_probs(s, e, c, probs, at);
    if (look->tokens && s->encoded && s->tokenizer)
        row_draw_tokens(c, r, s, e->row[at]);
    else
        row_draw_text(c, r, s, e->row[at], look->whole ? look->skip : 0);
}
