/* plot.c - a chart in a rectangle: axes, labels, marks, the raster as cells, the cursor. */
#include "ui/plot.h"

#include <math.h>
#include <string.h>

/* What an ASCII chart draws a series with; a dash would leave holes in so coarse a raster. */
static const char ascii_dots[PLOT_SERIES_MAX] = {'*', 'o', '+', 'x'};

static uint32_t block_cell(const uint8_t *dots)
{
    return dots[0] && dots[1] ? 0x2588 : dots[0] ? 0x2580 : 0x2584;
}

static uint32_t braille_cell(const uint8_t *dots)
{
    /* Bit of the dot at (row, column); the fourth row came later to Unicode. */
    static const uint8_t bit[8] = {0, 3, 1, 4, 2, 5, 6, 7};
    uint32_t mask = 0;
    for (int i = 0; i < 8; i++)
        mask |= dots[i] ? 1u << bit[i] : 0;
    return 0x2800 + mask;
}

/* A cell has one colour: that of the last series in it, so that a thin dashed curve is not lost in
 * a thick one. Thin ones are shown together; under a thick one the other's dots are left out. 0:
 * empty. */
static uint8_t choose_owner(uint8_t *dots, int n)
{
    uint8_t last = 0;
    int others = 0;
    for (int i = 0; i < n; i++)
        last = dots[i] > last ? dots[i] : last;
    for (int i = 0; i < n; i++)
        others += dots[i] && dots[i] != last;
    for (int i = 0; i < n && others > n / 2; i++)
        if (dots[i] != last)
            dots[i] = 0;
    return last;
}

static void put_raster(struct canvas *c, struct rect box, const struct plot *p,
                       const struct raster *r)
{
    int dx, dy;
    enum glyph_level level = canvas_level(c);
    raster_cell_dots(level, &dx, &dy);
    for (int y = 0; y < box.h; y++)
        for (int x = 0; x < box.w; x++) {
            uint8_t dots[8];
            for (int i = 0; i < dx * dy; i++)
                dots[i] = r->owner[(y * dy + i / dx) * r->w + x * dx + i % dx];
            uint8_t owner = choose_owner(dots, dx * dy);
            if (!owner)
                continue;
            uint32_t cp = level == GLYPHS_BRAILLE ? braille_cell(dots)
                          : level == GLYPHS_BLOCK ? block_cell(dots)
                                                  : (uint32_t)ascii_dots[owner - 1];
            canvas_put(c, box.x + x, box.y + y, p->series[owner - 1].role, cp);
        }
}

/* A point of a curve with few points must be seen as one: a plus of dots. */
static void put_markers(struct raster *r, const struct plot_series *s, const struct plot *p,
                        uint8_t owner)
{
    static const int plus[5][2] = {{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    for (size_t i = 0; i < s->count; i++) {
        int x = plot_cell(&p->x, s->x[i], r->w), y = r->h - 1 - plot_cell(&p->y, s->y[i], r->h);
        for (int k = 0; k < 5 && isfinite(s->y[i]); k++) {
            int px = x + plus[k][0], py = y + plus[k][1];
            if (px >= 0 && py >= 0 && px < r->w && py < r->h)
                r->owner[py * r->w + px] = owner;
        }
    }
}

static void draw_curves(struct canvas *c, struct rect box, const struct plot *p)
{
    int dx, dy;
    struct raster r;
    raster_cell_dots(canvas_level(c), &dx, &dy);
    if (raster_init(&r, box.w * dx, box.h * dy, NULL))
        return; /* no memory for a picture: the axes still stand */
    for (size_t i = 0; i < p->series_count; i++) {
        struct plot_series s = p->series[i];
        if (canvas_level(c) == GLYPHS_ASCII && s.dash == DASH_DOTTED)
            s.dash = DASH_SOLID;
        raster_series(&r, &s, &p->x, &p->y, (uint8_t)(i + 1));
        if (canvas_level(c) == GLYPHS_BRAILLE && s.count * 8 < (size_t)r.w)
            put_markers(&r, &s, p, (uint8_t)(i + 1));
    }
    put_raster(c, box, p, &r);
    raster_clear(&r);
}

static int label_columns(const struct plot_ticks *t)
{
    size_t widest = 0;
    for (size_t i = 0; i < t->count; i++)
        widest = strlen(t->label[i]) > widest ? strlen(t->label[i]) : widest;
    return (int)widest;
}

static void draw_y_axis(struct canvas *c, struct rect area, struct rect box, const struct plot *p,
                        const struct plot_ticks *t)
{
    int axis_x = box.x - 1;
    for (int y = 0; y < box.h; y++)
        canvas_put_glyph(c, axis_x, box.y + y, ROLE_AXIS, GLYPH_VERTICAL);
    for (size_t i = 0; i < t->count; i++) {
        int dx, dy;
        raster_cell_dots(canvas_level(c), &dx, &dy);
        int dot = plot_cell(&p->y, t->value[i], box.h * dy);
        int row = box.h - 1 - dot / dy;
        if (dot < 0 || row < 0)
            continue;
        canvas_put_glyph(c, axis_x, box.y + row, ROLE_AXIS, GLYPH_TICK_LEFT);
        canvas_text_right(c, area.x, box.y + row, axis_x - area.x, ROLE_AXIS, t->label[i]);
    }
}

static void draw_x_axis(struct canvas *c, struct rect box, const struct plot *p)
{
    int y = box.y + box.h;
    struct plot_label labels[PLOT_TICKS_MAX];
    size_t n = plot_labels_place(labels, &p->x, box.w);
    canvas_put_glyph(c, box.x - 1, y, ROLE_AXIS, GLYPH_BOTTOM_LEFT);
    for (int x = 0; x < box.w; x++)
        canvas_put_glyph(c, box.x + x, y, ROLE_AXIS, GLYPH_HORIZONTAL);
    for (size_t i = 0; i < n; i++) {
        canvas_put_glyph(c, box.x + labels[i].tick, y, ROLE_AXIS, GLYPH_TICK_DOWN);
        canvas_text(c, box.x + labels[i].start, y + 1, box.w - labels[i].start, ROLE_AXIS,
                    labels[i].text);
    }
    for (size_t i = 0; i < p->mark_count; i++) {
        int x = plot_cell(&p->x, p->marks[i], box.w);
        if (x >= 0 && x < box.w)
            canvas_put_glyph(c, box.x + x, y, ROLE_MARK, GLYPH_MARK);
    }
}

static void draw_cursor(struct canvas *c, struct rect box, const struct plot *p)
{
    int x = plot_cell(&p->x, p->cursor, box.w);
    if (x < 0 || x >= box.w)
        return;
    for (int y = 0; y < box.h; y++)
        if (canvas_at(c, box.x + x, box.y + y) && canvas_at(c, box.x + x, box.y + y)->cp[0] == ' ')
            canvas_put_glyph(c, box.x + x, box.y + y, ROLE_STRONG, GLYPH_VERTICAL);
}

void plot_draw(struct canvas *c, struct rect area, const struct plot *p)
{
    struct plot_ticks t;
    if (area.w < 4 || area.h < 1)
        return;
    bool axes = area.h >= 5 && area.w >= 16;
    struct rect box = area;
    if (axes) {
        plot_ticks_make(&t, &p->y, (size_t)(area.h - 2 + 1) / 2 > 1 ? (size_t)(area.h - 1) / 2 : 2);
        int gutter = label_columns(&t) + 1;
        box = (struct rect){area.x + gutter, area.y, area.w - gutter, area.h - 2};
        draw_y_axis(c, area, box, p, &t);
        draw_x_axis(c, box, p);
    }
    draw_curves(c, box, p);
    if (p->has_cursor)
        draw_cursor(c, box, p);
}
