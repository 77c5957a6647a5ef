/* plot_raster.c - a curve as dots.
 *
 * Points are rounded to dots, then neighbours are joined. All segments between points of one dot
 * column are vertical, so together they are the run from its least to its largest row: one run
 * instead of thousands of segments, and the same dots. Only the step from a column's last point to
 * the next column's first is a line of its own. Dashes depend on a dot's place alone, so they hold
 * too. */
#include "ui/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dot {
    double x, y; /* rounded, and within +-1e9, so that int arithmetic is safe */
};

int raster_init(struct raster *r, int w, int h, struct err *err)
{
    r->w = w < 0 ? 0 : w;
    r->h = h < 0 ? 0 : h;
    r->owner = mem_alloc((size_t)r->w * (size_t)r->h, 1, "a plot", err);
    return r->owner ? 0 : -1;
}

void raster_clear(struct raster *r)
{
    free(r->owner);
    memset(r, 0, sizeof *r);
}

void raster_cell_dots(enum glyph_level level, int *dots_x, int *dots_y)
{
    *dots_x = level == GLYPHS_BRAILLE ? 2 : 1;
    *dots_y = level == GLYPHS_BRAILLE ? 4 : level == GLYPHS_BLOCK ? 2 : 1;
}

struct pen {
    struct raster *raster;
    uint8_t owner;
    enum plot_dash dash;
};

/* along: the coordinate in which the segment is longer. */
static void set_dot(const struct pen *p, long x, long y, long along)
{
    if (p->dash == DASH_DOTTED && (along & 3) > 1)
        return;
    if (x >= 0 && y >= 0 && x < p->raster->w && y < p->raster->h)
        p->raster->owner[y * p->raster->w + x] = p->owner;
}

static void vertical_run(const struct pen *p, double x, double from, double to)
{
    double low = fmax(fmin(from, to), 0), high = fmin(fmax(from, to), p->raster->h - 1);
    for (long y = (long)low; y <= (long)high; y++)
        set_dot(p, (long)x, y, y);
}

/* Liang-Barsky: the part of a..b inside the raster. False when there is none. */
static bool clip_segment(const struct raster *r, struct dot *a, struct dot *b)
{
    double dx = b->x - a->x, dy = b->y - a->y, enter = 0, leave = 1;
    double slope[4] = {-dx, dx, -dy, dy};
    double room[4] = {a->x, r->w - 1 - a->x, a->y, r->h - 1 - a->y};
    for (int i = 0; i < 4; i++) {
        if (slope[i] == 0) {
            if (room[i] < 0)
                return false;
            continue;
        }
        double t = room[i] / slope[i];
        if (slope[i] < 0)
            enter = fmax(enter, t);
        else
            leave = fmin(leave, t);
    }
    if (enter > leave)
        return false;
    struct dot from = *a;
    *a = (struct dot){round(from.x + enter * dx), round(from.y + enter * dy)};
    *b = (struct dot){round(from.x + leave * dx), round(from.y + leave * dy)};
    return true;
}

static void draw_segment(const struct pen *p, struct dot a, struct dot b)
{
    if (a.x == b.x) {
        vertical_run(p, a.x, a.y, b.y);
        return;
    }
    if (!clip_segment(p->raster, &a, &b))
        return;
    long x = (long)a.x, y = (long)a.y, dx = labs((long)b.x - x), dy = -labs((long)b.y - y);
    long sx = a.x < b.x ? 1 : -1, sy = a.y < b.y ? 1 : -1, error = dx + dy;
    for (;;) { /* Bresenham */
        set_dot(p, x, y, dx >= -dy ? x : y);
        if (x == (long)b.x && y == (long)b.y)
            return;
        long twice = 2 * error;
        if (twice >= dy)
            error += dy, x += sx;
        if (twice <= dx)
            error += dx, y += sy;
    }
}

/* Value to dot, the arithmetic of one axis worked out once. */
struct scale {
    double low, factor;
    bool logarithmic;
};

static struct scale scale_make(const struct plot_axis *axis, int dots)
{
    double low = axis->logarithmic ? log(axis->low) : axis->low;
    double high = axis->logarithmic ? log(axis->high) : axis->high;
    return (struct scale){low, (dots - 1) / (high - low), axis->logarithmic};
}

static double scale_apply(const struct scale *s, double value)
{
    double at = floor(((s->logarithmic ? log(value) : value) - s->low) * s->factor + 0.5);
    return at < -1e9 ? -1e9 : at > 1e9 ? 1e9 : at;
}

static bool is_drawable(const struct scale *sx, const struct scale *sy, double x, double y)
{
    return isfinite(x) && isfinite(y) && (!sx->logarithmic || x > 0) && (!sy->logarithmic || y > 0);
}

/* The last index whose x lies left of `low`, so that the line into the window is drawn. */
static size_t first_visible(const struct plot_series *s, double low)
{
    size_t begin = 0, end = s->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (s->x[middle] < low)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin > 0 ? begin - 1 : 0;
}

void raster_series(struct raster *r, const struct plot_series *s, const struct plot_axis *x,
                   const struct plot_axis *y, uint8_t owner)
{
    if (r->w <= 0 || r->h <= 0 || !(x->high > x->low) || !(y->high > y->low))
        return;
    struct pen pen = {r, owner, s->dash};
    struct scale sx = scale_make(x, r->w), sy = scale_make(y, r->h);
    bool open = false; /* a column is being gathered */
    double column = 0, last = 0, least = 0, most = 0;
    double one_dot = r->w > 1 ? (x->high - x->low) / (r->w - 1) : INFINITY;
    for (size_t i = first_visible(s, x->low - one_dot); i < s->count; i++) {
        if (!is_drawable(&sx, &sy, s->x[i], s->y[i])) {
            if (open)
                vertical_run(&pen, column, least, most);
            open = false;
            continue;
        }
        struct dot d = {scale_apply(&sx, s->x[i]), r->h - 1 - scale_apply(&sy, s->y[i])};
        if (s->dash == DASH_POINTS) {
            set_dot(&pen, (long)d.x, (long)d.y, 0);
            continue;
        }
        if (open && d.x == column) {
            least = fmin(least, d.y);
            most = fmax(most, d.y);
            last = d.y;
            continue;
        }
        if (open) {
            vertical_run(&pen, column, least, most);
            draw_segment(&pen, (struct dot){column, last}, d);
        }
        open = true;
        column = d.x;
        last = least = most = d.y;
        if (d.x >= r->w) /* the line out of the window is drawn; nothing after it shows */
            return;
    }
    if (open)
        vertical_run(&pen, column, least, most);
}
