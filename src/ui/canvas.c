#include "ui/canvas.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <wchar.h>

struct canvas {
    int w, h;
    enum glyph_level level;
    struct canvas_cell *cells; /* (h, w) */
};

/* The block level is what a VGA console font (code page 437) has. */
static const char *const glyphs[GLYPH_COUNT][GLYPH_LEVELS] = {
    [GLYPH_HORIZONTAL] = {"─", "─", "-"},  [GLYPH_VERTICAL] = {"│", "│", "|"},
    [GLYPH_TOP_LEFT] = {"┌", "┌", "+"},    [GLYPH_TOP_RIGHT] = {"┐", "┐", "+"},
    [GLYPH_BOTTOM_LEFT] = {"└", "└", "+"}, [GLYPH_BOTTOM_RIGHT] = {"┘", "┘", "+"},
    [GLYPH_TICK_LEFT] = {"┤", "┤", "+"},   [GLYPH_TICK_DOWN] = {"┬", "┬", "+"},
    [GLYPH_ELLIPSIS] = {"…", "~", "~"},    [GLYPH_CURSOR] = {"▸", "►", ">"},
    [GLYPH_DOT] = {"·", "·", "."},         [GLYPH_ARROW] = {"→", "→", ">"},
    [GLYPH_RUNNING] = {"●", "•", "*"},     [GLYPH_PAUSED] = {"‖", "=", "="},
    [GLYPH_IDLE] = {"○", "○", "o"},        [GLYPH_MARK] = {"▲", "▲", "^"},
    [GLYPH_CUT] = {"│", "│", "|"},         [GLYPH_REPLACEMENT] = {"\xef\xbf\xbd", "?", "?"},
    [GLYPH_UP] = {"▲", "▲", "^"},          [GLYPH_DOWN] = {"▼", "▼", "v"},
    [GLYPH_CHECK] = {"✓", "√", "+"},       [GLYPH_TIMES] = {"×", "x", "x"},
};

struct canvas *canvas_create(int w, int h, enum glyph_level level, struct err *err)
{
    struct canvas *c = mem_alloc(1, sizeof *c, "a screen", err);
    if (!c)
        return NULL;
    c->level = level;
    if (canvas_resize(c, w, h, err)) {
        canvas_destroy(c);
        return NULL;
    }
    return c;
}

void canvas_destroy(struct canvas *c)
{
    if (!c)
        return;
    free(c->cells);
    free(c);
}

int canvas_resize(struct canvas *c, int w, int h, struct err *err)
{
    w = w < 0 ? 0 : w;
    h = h < 0 ? 0 : h;
    struct canvas_cell *cells = mem_alloc((size_t)w * (size_t)h, sizeof *cells, "a screen", err);
    if (!cells)
        return -1;
    free(c->cells);
    c->cells = cells;
    c->w = w;
    c->h = h;
    canvas_clear(c);
    return 0;
}

static void set_blank(struct canvas_cell *cell, enum role role)
{
    *cell = (struct canvas_cell){.cp = {' '}, .width = 1, .role = (uint8_t)role};
}

void canvas_clear(struct canvas *c)
{
    for (int i = 0; i < c->w * c->h; i++)
        set_blank(&c->cells[i], ROLE_TEXT);
}

int canvas_width(const struct canvas *c)
{
    return c->w;
}

int canvas_height(const struct canvas *c)
{
    return c->h;
}

enum glyph_level canvas_level(const struct canvas *c)
{
    return c->level;
}

static struct canvas_cell *cell_at(const struct canvas *c, int x, int y)
{
    bool inside = x >= 0 && y >= 0 && x < c->w && y < c->h;
    return inside ? &c->cells[y * c->w + x] : NULL;
}

const struct canvas_cell *canvas_at(const struct canvas *c, int x, int y)
{
    return cell_at(c, x, y);
}

const char *canvas_glyph(const struct canvas *c, enum glyph g)
{
    return glyphs[g][c->level];
}

/* What a code point of data becomes. */
struct unit {
    uint32_t cp;
    int width;    /* columns; 0: joins the cell before */
    bool dropped; /* nothing is shown: a joiner or a selector that only tells fonts what to do */
};

static bool is_dropped(uint32_t cp)
{
    return cp == 0x200c || cp == 0x200d || cp == 0xad || (cp >= 0xfe00 && cp <= 0xfe0f) ||
           (cp >= 0xe0100 && cp <= 0xe01ef) || (cp >= 0x1f3fb && cp <= 0x1f3ff);
}

static bool is_mark(uint32_t cp, int width)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)cp);
    bool combining =
        k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_MC;
    bool jamo = (cp >= 0x1160 && cp <= 0x11ff) || (cp >= 0xd7b0 && cp <= 0xd7ff);
    return width == 0 && (combining || jamo);
}

static uint32_t replacement(const struct canvas *c)
{
    return c->level == GLYPHS_BRAILLE ? 0xfffd : '?';
}

/* Formatting controls (bidirectional ones among them), separators, surrogates and what has no width
 * are never sent to a terminal. */
static bool is_hostile(uint32_t cp)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)cp);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CS ||
           k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP || k == UTF8PROC_CATEGORY_CN;
}

/* The next code point of text[0..n), n > 0; returns its bytes. `first`: no cell stands before it
 * that a mark could join. */
static size_t next_unit(const struct canvas *c, const char *text, size_t n, bool first,
                        struct unit *out)
{
    utf8proc_int32_t cp;
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &cp);
    *out = (struct unit){replacement(c), 1, false};
    if (used <= 0)
        return 1;
    if (cp >= 0x20 && cp < 0x7f) {
        out->cp = (uint32_t)cp;
    } else if (cp == '\n' || cp == '\t' || cp == '\r') {
        out->cp = ' ';
    } else if (!first && is_dropped((uint32_t)cp)) {
        out->dropped = true;
    } else if (!is_hostile((uint32_t)cp)) {
        int width = wcwidth((wchar_t)cp);
        bool mark = is_mark((uint32_t)cp, c->level == GLYPHS_ASCII && width < 0 ? 0 : width);
        if (c->level == GLYPHS_ASCII)
            out->dropped = mark && !first; /* one '?' stands for the whole cluster */
        else if (mark && !first)
            out->cp = (uint32_t)cp, out->width = 0;
        else if (width > 0)
            out->cp = (uint32_t)cp, out->width = width;
    }
    return (size_t)used;
}

static bool is_plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

size_t canvas_text_fit(const struct canvas *c, const char *text, size_t n, int width, int *used)
{
    int columns = 0;
    size_t at = 0, fit = 0;
    struct unit u;
    width = width < 0 ? 0 : width;
    while (at < n) {
        size_t bytes = next_unit(c, text + at, n - at, at == 0, &u);
        if (!u.dropped && columns + u.width > width)
            break;
        columns += u.dropped ? 0 : u.width;
        at += bytes;
        fit = at;
    }
    if (used)
        *used = columns;
    return fit;
}

int canvas_text_width(const struct canvas *c, const char *text, size_t n)
{
    int used;
    if (is_plain(text, n))
        return (int)n;
    canvas_text_fit(c, text, n, 1 << 30, &used);
    return used;
}

/* Overwriting one half of a wide character leaves no half behind. */
static void split_wide(struct canvas *c, int x, int y)
{
    struct canvas_cell *cell = cell_at(c, x, y), *next = cell_at(c, x + 1, y);
    if (!cell)
        return;
    if (cell->width == 0 && x > 0)
        set_blank(cell_at(c, x - 1, y), cell_at(c, x - 1, y)->role);
    if (cell->width == 2 && next)
        set_blank(next, next->role);
}

static void put_unit(struct canvas *c, int x, int y, enum role role, uint32_t cp, int width)
{
    struct canvas_cell *cell = cell_at(c, x, y);
    struct canvas_cell *right = width == 2 ? cell_at(c, x + 1, y) : NULL;
    if (width == 2 && (!cell || !right)) { /* cut by the edge: a space in the half that shows */
        put_unit(c, cell ? x : x + 1, y, role, ' ', 1);
        return;
    }
    if (!cell)
        return;
    split_wide(c, x, y);
    *cell = (struct canvas_cell){.cp = {cp}, .width = (uint8_t)width, .role = (uint8_t)role};
    if (right) {
        split_wide(c, x + 1, y);
        *right = (struct canvas_cell){.width = 0, .role = (uint8_t)role};
    }
}

static void join_mark(struct canvas *c, int x, int y, uint32_t cp)
{
    struct canvas_cell *cell = cell_at(c, x, y);
    if (cell && cell->width == 0)
        cell = cell_at(c, x - 1, y);
    if (!cell)
        return;
    for (int i = 1; i < CANVAS_CLUSTER; i++)
        if (!cell->cp[i]) {
            cell->cp[i] = cp;
            return;
        }
}

static int put_text(struct canvas *c, int x, int y, enum role role, const char *text, size_t n)
{
    int columns = 0;
    struct unit u;
    for (size_t at = 0; at < n;) {
        at += next_unit(c, text + at, n - at, at == 0, &u);
        if (u.dropped)
            continue;
        if (u.width == 0)
            join_mark(c, x + columns - 1, y, u.cp);
        else
            put_unit(c, x + columns, y, role, u.cp, u.width);
        columns += u.width;
    }
    return columns;
}

int canvas_text_n(struct canvas *c, int x, int y, int width, enum role role, const char *text,
                  size_t n)
{
    if (width <= 0)
        return 0;
    size_t fit = canvas_text_fit(c, text, n, width, NULL);
    if (fit == n)
        return put_text(c, x, y, role, text, n);
    fit = canvas_text_fit(c, text, n, width - 1, NULL);
    int used = put_text(c, x, y, role, text, fit);
    return used + put_text(c, x + used, y, role, canvas_glyph(c, GLYPH_ELLIPSIS),
                           strlen(canvas_glyph(c, GLYPH_ELLIPSIS)));
}

int canvas_text(struct canvas *c, int x, int y, int width, enum role role, const char *text)
{
    return canvas_text_n(c, x, y, width, role, text, strlen(text));
}

int canvas_printf(struct canvas *c, int x, int y, int width, enum role role, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return canvas_text(c, x, y, width, role, text);
}

int canvas_text_right(struct canvas *c, int x, int y, int width, enum role role, const char *text)
{
    int used = canvas_text_width(c, text, strlen(text));
    if (used >= width)
        return canvas_text(c, x, y, width, role, text);
    return canvas_text(c, x + width - used, y, used, role, text);
}

void canvas_put_glyph(struct canvas *c, int x, int y, enum role role, enum glyph g)
{
    put_text(c, x, y, role, canvas_glyph(c, g), strlen(canvas_glyph(c, g)));
}

void canvas_put(struct canvas *c, int x, int y, enum role role, uint32_t cp)
{
    assert(c->level != GLYPHS_ASCII || (cp >= 0x20 && cp < 0x7f));
    put_unit(c, x, y, role, cp, 1);
}

/* r without what lies outside the canvas. */
static struct rect clip(const struct canvas *c, struct rect r)
{
    int right = r.x + r.w < c->w ? r.x + r.w : c->w;
    int bottom = r.y + r.h < c->h ? r.y + r.h : c->h;
    r.x = r.x < 0 ? 0 : r.x;
    r.y = r.y < 0 ? 0 : r.y;
    r.w = right - r.x;
    r.h = bottom - r.y;
    return r;
}

void canvas_fill(struct canvas *c, struct rect r, enum role role, uint32_t cp)
{
    r = clip(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            canvas_put(c, x, y, role, cp);
}

void canvas_paint(struct canvas *c, struct rect r, enum role role)
{
    r = clip(c, r);
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++)
            cell_at(c, x, y)->role = (uint8_t)role;
}

void canvas_to_text(const struct canvas *c, struct strbuf *out)
{
    for (int y = 0; y < c->h; y++) {
        int last = c->w - 1;
        while (last >= 0 && cell_at(c, last, y)->cp[0] == ' ' && !cell_at(c, last, y)->cp[1])
            last--;
        for (int x = 0; x <= last; x++)
            for (int i = 0; i < CANVAS_CLUSTER && cell_at(c, x, y)->cp[i]; i++) {
                utf8proc_uint8_t bytes[4];
                utf8proc_ssize_t n =
                    utf8proc_encode_char((utf8proc_int32_t)cell_at(c, x, y)->cp[i], bytes);
                strbuf_add(out, (const char *)bytes, (size_t)n);
            }
        strbuf_puts(out, "\n");
    }
}
