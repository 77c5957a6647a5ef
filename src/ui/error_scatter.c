#include "ui/error_scatter.h"

#include "engine/base/mem.h"
#include "ui/error_list.h"
#include "ui/widget.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct point {
    double x, y;
};

static int by_x(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    return p->x < q->x ? -1 : p->x > q->x;
}

void error_scatter_clear(struct error_scatter *p)
{
    free(p->x);
    memset(p, 0, sizeof *p);
}

void error_scatter_make(struct error_scatter *p, const struct evaluation *e)
{
    double low = INFINITY, high = -INFINITY;
    size_t n = e->rows;
    error_scatter_clear(p);
    struct point *points = mem_alloc(n ? n : 1, sizeof *points, "a plot", NULL);
    double *both = mem_alloc(n ? 2 * n : 1, sizeof *both, "a plot", NULL);
    if (!points || !both) {
        free(points);
        free(both);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        points[i] = (struct point){(double)e->target[i], (double)e->probs[i]};
        if (!isfinite(points[i].y)) /* such a row is at the top of the list */
            continue;
        low = fmin(low, fmin(points[i].x, points[i].y));
        high = fmax(high, fmax(points[i].x, points[i].y));
    }
    qsort(points, n, sizeof *points, by_x);
    p->x = both;
    p->y = both + n;
    p->count = n;
    for (size_t i = 0; i < n; i++) {
        p->x[i] = points[i].x;
        p->y[i] = points[i].y;
    }
    free(points);
    if (low <= high)
        p->axis = plot_axis_fit(&(struct plot_axis){0, 0, false}, low, high, false);
}

void error_scatter_draw(struct canvas *c, struct rect panel, const struct error_scatter *p,
                        const struct evaluation *e, size_t at, bool focused)
{
    struct rect r = widget_panel(c, panel, "across the true value, up the one read",
                                 "the line: read right", focused);
    if (!p->count || !(p->axis.low < p->axis.high))
        return;
    const double ends[] = {p->axis.low, p->axis.high};
    struct plot plot = {.x = p->axis, .y = p->axis, .series_count = 2};
    plot.series[0] = (struct plot_series){"equal", ends, ends, 2, ROLE_DIM, DASH_DOTTED};
    plot.series[1] =
        (struct plot_series){"rows", p->x, p->y, p->count, ROLE_VALIDATION, DASH_POINTS};
    double x, y;
    if (at < e->rows) {
        x = (double)e->target[at];
        y = (double)e->probs[at];
        plot.series[plot.series_count++] =
            (struct plot_series){"this row", &x, &y, 1, ROLE_BAD, DASH_POINTS};
    }
    plot_draw(c, r, &plot);
}

void error_figures_draw(struct canvas *c, struct rect panel, const struct inspection *in)
{
    const struct evaluation *e = &in->evaluation;
    struct rect r = widget_panel(c, panel, "figures", NULL, false);
    size_t high = 0;
    double sum = 0;
    int y = 0;
    for (size_t i = 0; i < e->rows; i++) {
        sum += evaluation_difference(e, i);
        high += evaluation_difference(e, i) > 0;
    }
    for (int m = 0; m < METRIC_COUNT && y < r.h; m++) {
        if (m == METRIC_LOSS || !metric_serves((enum metric)m, PROBLEM_REGRESSION))
            continue;
        canvas_text(c, r.x, r.y + y, 10, ROLE_DIM, metric_title((enum metric)m));
        canvas_printf(c, r.x + 10, r.y + y++, r.w - 10, ROLE_STRONG, "%.4f",
                      metric_of(&in->metrics, (enum metric)m));
    }
    if (y < r.h && e->rows)
        canvas_printf(c, r.x, r.y + y, r.w, ROLE_DIM,
                      "%zu of %zu read too high; off by %+.4g on average", high, e->rows,
                      sum / (double)e->rows);
}
