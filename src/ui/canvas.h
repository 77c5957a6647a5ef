/* canvas.h - a grid of cells: what every view draws into, and all that tests look at.
 *
 * A cell holds one grapheme cluster of at most CANVAS_CLUSTER code points (what curses can hold), a
 * role and its width in columns as libc's wcwidth() says. The right half of a wide character is a
 * cell of width 0. Bytes from data are hostile: control bytes, C1, bad UTF-8, bidirectional
 * controls and unassigned widths become a visible replacement, so what a canvas holds can be sent
 * to a terminal as it is. All drawing is clipped; a wide character that would be cut becomes a
 * space.
 *
 * Every glyph that is not ASCII comes from one table (`enum glyph`) with a row for each level of
 * what the terminal can show. On an ASCII canvas no cell ever holds a byte above 0x7e.
 *
 * Drawing is pure: it reads state and writes cells. */
#ifndef CANVAS_H
#define CANVAS_H
#include "engine/base/err.h"
#include "engine/base/mem.h"
#include "ui/theme.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rect {
    int x, y, w, h;
};

#define CANVAS_CLUSTER 5

struct canvas_cell {
    uint32_t cp[CANVAS_CLUSTER]; /* 0 ends a shorter one; cp[0] 0 in the right half of a wide one */
    uint8_t width;               /* 1, 2; 0: the right half of the cell before */
    uint8_t role;                /* enum role */
    uint16_t unused;             /* 0: cells are compared as bytes */
};

enum glyph_level { GLYPHS_BRAILLE, GLYPHS_BLOCK, GLYPHS_ASCII, GLYPH_LEVELS };

enum glyph {
    GLYPH_HORIZONTAL,
    GLYPH_VERTICAL,
    GLYPH_TOP_LEFT,
    GLYPH_TOP_RIGHT,
    GLYPH_BOTTOM_LEFT,
    GLYPH_BOTTOM_RIGHT,
    GLYPH_TICK_LEFT,   /* on a vertical axis, a tick to the left: ┤ */
    GLYPH_TICK_DOWN,   /* on a horizontal axis, a tick below: ┬ */
    GLYPH_ELLIPSIS,    /* text that was cut */
    GLYPH_CURSOR,      /* before the line under the cursor: ▸ */
    GLYPH_DOT,         /* a zero in a matrix, a separator: · */
    GLYPH_ARROW,       /* old → new */
    GLYPH_RUNNING,     /* ● */
    GLYPH_PAUSED,      /* ‖ */
    GLYPH_IDLE,        /* ○ */
    GLYPH_MARK,        /* a change, below a chart: ▲ */
    GLYPH_CUT,         /* where max_length cuts: │ */
    GLYPH_REPLACEMENT, /* what stands for a byte that must not be shown */
    GLYPH_UP,
    GLYPH_DOWN, /* there is more above, below */
    GLYPH_CHECK,
    GLYPH_TIMES,
    GLYPH_COUNT
};

struct canvas;
struct canvas *canvas_create(int w, int h, enum glyph_level level, struct err *err);
void canvas_destroy(struct canvas *c);
/* Everything becomes spaces. */
int canvas_resize(struct canvas *c, int w, int h, struct err *err);
void canvas_clear(struct canvas *c);
int canvas_width(const struct canvas *c);
int canvas_height(const struct canvas *c);
enum glyph_level canvas_level(const struct canvas *c);
const struct canvas_cell *canvas_at(const struct canvas *c, int x, int y); /* NULL outside */

/* The glyph's text at this canvas's level; one column wide at every level. */
const char *canvas_glyph(const struct canvas *c, enum glyph g);

/* Put text (UTF-8, NUL-terminated or n bytes) from (x, y) on, in at most `width` columns. Text that
 * does not fit ends in an ellipsis. Returns the columns used. A newline or tab in it shows as a
 * space. */
int canvas_text(struct canvas *c, int x, int y, int width, enum role role, const char *text);
int canvas_text_n(struct canvas *c, int x, int y, int width, enum role role, const char *text,
                  size_t n);
int canvas_printf(struct canvas *c, int x, int y, int width, enum role role, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Right-aligned in the same columns. */
int canvas_text_right(struct canvas *c, int x, int y, int width, enum role role, const char *text);
/* Columns the text would take, without limit. */
int canvas_text_width(const struct canvas *c, const char *text, size_t n);
/* How many bytes of the text fit in `width` columns, and (may be NULL) the columns they use. Does
 * not split a cluster. For wrapping. */
size_t canvas_text_fit(const struct canvas *c, const char *text, size_t n, int width, int *used);

void canvas_put_glyph(struct canvas *c, int x, int y, enum role role, enum glyph g);
/* One code point our own code chose (braille, blocks); on an ASCII canvas it must be ASCII. */
void canvas_put(struct canvas *c, int x, int y, enum role role, uint32_t cp);
void canvas_fill(struct canvas *c, struct rect r, enum role role, uint32_t cp);
/* Change the role of cells without touching their text. */
void canvas_paint(struct canvas *c, struct rect r, enum role role);

/* Lines of text, right-trimmed, '\n' after each: what tests compare. */
void canvas_to_text(const struct canvas *c, struct strbuf *out);

#endif
