/* plot.h - curves as dots: axes, round ticks, an exact raster, and the panel that shows them.
 *
 * Pure arithmetic. A curve of any length is reduced per dot column to its first, last, least and
 * largest value and drawn as vertical runs joined by lines: the very dots that drawing every
 * segment gives, so a spike of one step shows at every zoom. NaN, infinities and, on a logarithmic
 * axis, what is not positive break the line. Series differ by dash as well as by colour. */
#ifndef PLOT_H
#define PLOT_H
#include "engine/base/err.h"
#include "ui/canvas.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plot_axis {
    double low, high; /* shown range, low < high */
    bool logarithmic;
};

/* Round positions (steps of 1, 2 or 5 times a power of ten; whole decades, or 1-2-5 in them, on a
 * logarithmic axis) inside the axis, at most `most`, with exact labels of equal digits. */
#define PLOT_TICKS_MAX 24
struct plot_ticks {
    size_t count;
    double value[PLOT_TICKS_MAX];
    char label[PLOT_TICKS_MAX][16];
};
void plot_ticks_make(struct plot_ticks *t, const struct plot_axis *axis, size_t most);

/* Where the labels of a horizontal axis of `columns` cells go: the tick's column and the label's
 * first, no two labels touching and none leaving the axis. */
struct plot_label {
    int tick, start;
    char text[16];
};
size_t plot_labels_place(struct plot_label out[PLOT_TICKS_MAX], const struct plot_axis *axis,
                         int columns);
/* The cell of `cells` that value falls into; may lie outside [0, cells). */
int plot_cell(const struct plot_axis *axis, double value, int cells);

/* A range that holds [low, high] with round ends. Given the range shown before, keeps it unless
 * data leave it or more than half of it is empty, so that the axis does not jump. */
struct plot_axis plot_axis_fit(const struct plot_axis *before, double low, double high,
                               bool logarithmic);

enum plot_dash { DASH_SOLID, DASH_DOTTED, DASH_POINTS /* no line, a point each */ };

struct plot_series {
    const char *name;
    const double *x, *y; /* x ascending */
    size_t count;
    enum role role;
    enum plot_dash dash;
};

/* Dots: owner[y*w + x] is 0 or 1 + the series that set the dot last. Row 0 is the top. */
struct raster {
    int w, h;
    uint8_t *owner;
};
int raster_init(struct raster *r, int w, int h, struct err *err);
void raster_clear(struct raster *r); /* frees */
void raster_series(struct raster *r, const struct plot_series *s, const struct plot_axis *x,
                   const struct plot_axis *y, uint8_t owner);
/* Dots per cell at a level: 2x4 braille, 1x2 half blocks, 1x1 ASCII. */
void raster_cell_dots(enum glyph_level level, int *dots_x, int *dots_y);

#define PLOT_SERIES_MAX 4
struct plot {
    struct plot_series series[PLOT_SERIES_MAX];
    size_t series_count;
    struct plot_axis x, y;
    const double *marks; /* x where a setting was changed */
    size_t mark_count;
    bool has_cursor;
    double cursor; /* x of the cursor */
};
/* Axes, ticks, marks, curves and cursor into `area`. */
void plot_draw(struct canvas *c, struct rect area, const struct plot *p);

#endif
