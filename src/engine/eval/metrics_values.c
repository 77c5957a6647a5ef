/* metrics_values.c - numbers against numbers.
 *
 * Pearson and Spearman as scipy, R2 as scikit-learn: of a truth that never varies it is 1 when
 * every guess is right, else 0; of fewer than two rows it is undefined. */
#include "engine/base/mem.h"
#include "engine/eval/metrics_internal.h"

#include <math.h>
#include <stdlib.h>

/* Two passes, so that a large mean costs no digits. NaN when either side never varies. */
static double correlation(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double dx = x[i] - mx, dy = y[i] - my;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    if (!(xx > 0 && yy > 0))
        return NAN;
    double r = xy / (sqrt(xx) * sqrt(yy));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

struct ranked {
    double x;
    size_t at;
};

static int compare_ranked(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->x, y = ((const struct ranked *)b)->x;
    return x < y ? -1 : x > y;
}

/* Ranks from 1; equal values share the mean of theirs. */
static void rank(const double *x, size_t n, struct ranked *order, double *out)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (struct ranked){x[i], i};
    qsort(order, n, sizeof *order, compare_ranked);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && order[end].x == order[first].x; end++)
            ;
        for (size_t i = first; i < end; i++)
            out[order[i].at] = (double)(first + 1 + end) / 2;
    }
}

static bool all_equal(const double *x, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0])
            return false;
    return true;
}

/* predicted and truth as doubles; `ranks` has room for 2n, `order` for n. */
static void correlate(struct metrics *m, const double *p, const double *t, double *ranks,
                      struct ranked *order)
{
    size_t n = m->rows;
    if (!isfinite(m->mse) || n < 2 || all_equal(p, n) || all_equal(t, n))
        return; /* NaN has no rank, and what never varies has no correlation */
    m->pearson = correlation(p, t, n);
    rank(p, n, order, ranks);
    rank(t, n, order, ranks + n);
    m->spearman = correlation(ranks, ranks + n, n);
}

static void measure(struct metrics *m, const double *p, const double *t)
{
    size_t n = m->rows;
    double square = 0, off = 0, mean = 0, spread = 0;
    for (size_t i = 0; i < n; i++) {
        square += (p[i] - t[i]) * (p[i] - t[i]);
        off += fabs(p[i] - t[i]);
        mean += t[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        spread += (t[i] - mean) * (t[i] - mean);
    m->loss = m->mse = metrics_ratio(square, (double)n);
    m->mae = metrics_ratio(off, (double)n);
    if (n >= 2)
        m->r2 = spread > 0 && !all_equal(t, n) ? 1 - square / spread : square == 0;
}

int metrics_of_values(struct metrics *m, const float *predicted, const float *truth, size_t n,
                      struct err *err)
{
    *m = metrics_blank(PROBLEM_REGRESSION, 1);
    m->rows = n;
    double *work = mem_alloc(4 * n, sizeof *work, "metrics", err);
    struct ranked *order = work ? mem_alloc(n, sizeof *order, "metrics", err) : NULL;
    for (size_t i = 0; order && i < n; i++) {
        work[i] = predicted[i];
        work[n + i] = truth[i];
    }
    if (order) {
        measure(m, work, work + n);
        correlate(m, work, work + n, work + 2 * n, order);
    }
    free(work);
    free(order);
    return order ? 0 : -1;
}
