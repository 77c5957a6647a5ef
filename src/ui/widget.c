#include "ui/widget.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int at_least(int a, int floor)
{
    return a > floor ? a : floor;
}

struct rect rect_inset(struct rect r, int by)
{
    return (struct rect){r.x + by, r.y + by, at_least(r.w - 2 * by, 0), at_least(r.h - 2 * by, 0)};
}

struct rect rect_cut_top(struct rect r, int size, struct rect *head)
{
    size = at_least(least(size, r.h), 0);
    *head = (struct rect){r.x, r.y, r.w, size};
    return (struct rect){r.x, r.y + size, r.w, r.h - size};
}

struct rect rect_cut_left(struct rect r, int size, struct rect *head)
{
    size = at_least(least(size, r.w), 0);
    *head = (struct rect){r.x, r.y, size, r.h};
    return (struct rect){r.x + size, r.y, r.w - size, r.h};
}

struct rect rect_cut_bottom(struct rect r, int size, struct rect *foot)
{
    size = at_least(least(size, r.h), 0);
    *foot = (struct rect){r.x, r.y + r.h - size, r.w, size};
    return (struct rect){r.x, r.y, r.w, r.h - size};
}

/* " text " set into a horizontal edge, two columns from its left end. */
static void edge_text(struct canvas *c, struct rect r, int y, enum role role, const char *text)
{
    if (!text || !*text || r.w < 7)
        return;
    canvas_put(c, r.x + 2, y, role, ' ');
    int used = canvas_text(c, r.x + 3, y, r.w - 6, role, text);
    canvas_put(c, r.x + 3 + used, y, role, ' ');
}

struct rect widget_panel(struct canvas *c, struct rect r, const char *title, const char *note,
                         bool focused)
{
    enum role role = focused ? ROLE_FOCUS : ROLE_BORDER;
    int right = r.x + r.w - 1, bottom = r.y + r.h - 1;
    if (r.w < 2 || r.h < 2)
        return (struct rect){r.x, r.y, 0, 0};
    for (int x = r.x + 1; x < right; x++) {
        canvas_put_glyph(c, x, r.y, role, GLYPH_HORIZONTAL);
        canvas_put_glyph(c, x, bottom, role, GLYPH_HORIZONTAL);
    }
    for (int y = r.y + 1; y < bottom; y++) {
        canvas_put_glyph(c, r.x, y, role, GLYPH_VERTICAL);
        canvas_put_glyph(c, right, y, role, GLYPH_VERTICAL);
    }
    canvas_put_glyph(c, r.x, r.y, role, GLYPH_TOP_LEFT);
    canvas_put_glyph(c, right, r.y, role, GLYPH_TOP_RIGHT);
    canvas_put_glyph(c, r.x, bottom, role, GLYPH_BOTTOM_LEFT);
    canvas_put_glyph(c, right, bottom, role, GLYPH_BOTTOM_RIGHT);
    edge_text(c, r, r.y, focused ? ROLE_FOCUS : ROLE_TITLE, title);
    edge_text(c, r, bottom, ROLE_DIM, note);
    int air = r.w >= 12 ? 1 : 0;
    return (struct rect){r.x + 1 + air, r.y + 1, r.w - 2 - 2 * air, r.h - 2};
}

/* A column of n eighths, growing upwards or to the right. */
static uint32_t eighths(enum glyph_level level, int n, bool upwards)
{
    if (level == GLYPHS_BRAILLE)
        return n <= 0 ? ' ' : upwards ? 0x2580u + (uint32_t)n : 0x2590u - (uint32_t)n;
    if (level == GLYPHS_BLOCK)
        return n < 3 ? ' ' : n < 7 ? (upwards ? 0x2584 : 0x258c) : 0x2588;
    return n < 3 ? ' ' : n < 6 && upwards ? '.' : '#';
}

void widget_bar(struct canvas *c, int x, int y, int width, enum role role, double value,
                double most)
{
    if (!(most > 0) || !(value > 0) || width <= 0)
        return;
    double share = value < most ? value / most : 1;
    int n = at_least((int)lround(share * width * 8), 1);
    for (int i = 0; i < width && n > 0; i++, n -= 8) {
        uint32_t cp = eighths(canvas_level(c), least(n, 8), false);
        if (cp == ' ' && i == 0) /* not nothing, so not blank */
            cp = canvas_level(c) == GLYPHS_ASCII ? '|' : 0x258c;
        canvas_put(c, x + i, y, role, cp);
    }
}

void widget_histogram(struct canvas *c, struct rect r, enum role role, const double *values,
                      size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = values[i] > most ? values[i] : most;
    if (most <= 0)
        return;
    for (size_t i = 0; i < n && (int)i < r.w; i++) {
        int height = (int)lround(values[i] / most * r.h * 8);
        if (values[i] > 0 && height < 1)
            height = 1;
        for (int row = 0; row < r.h && height > 0; row++, height -= 8) {
            uint32_t cp = eighths(canvas_level(c), least(height, 8), true);
            if (cp == ' ' && row == 0)
                cp = canvas_level(c) == GLYPHS_ASCII ? '.' : 0x2584;
            canvas_put(c, r.x + (int)i, r.y + r.h - 1 - row, role, cp);
        }
    }
}

/* The bytes of the next wrapped line; *next is where the one after it starts. Breaks after a space
 * where it can, in a long word where it must, and always at a newline. */
static size_t wrap_line(const struct canvas *c, int width, const char *text, size_t n, size_t *next)
{
    const char *newline = memchr(text, '\n', n);
    size_t line = newline ? (size_t)(newline - text) : n;
    size_t fit = canvas_text_fit(c, text, line, at_least(width, 1), NULL);
    if (fit == line) {
        *next = newline ? line + 1 : line;
        return line;
    }
    size_t cut = fit;
    if (text[fit] != ' ') {
        while (cut > 0 && text[cut - 1] != ' ')
            cut--;
        if (cut == 0)
            cut = fit;
    }
    if (cut == 0) { /* one character is wider than the room: take it all the same */
        cut = at_least((int)canvas_text_fit(c, text, line, 2, NULL), 1);
    }
    *next = cut;
    while (*next < line && text[*next] == ' ')
        (*next)++;
    while (cut > 0 && text[cut - 1] == ' ')
        cut--;
    return cut;
}

size_t widget_wrap_lines(const struct canvas *c, int width, const char *text, size_t n)
{
    size_t lines = 0, next;
    for (size_t at = 0; at < n; at += next, lines++)
        wrap_line(c, width, text + at, n - at, &next);
    return lines;
}

int widget_wrap(struct canvas *c, struct rect r, enum role role, const char *text, size_t n,
                size_t skip)
{
    int y = 0;
    size_t next;
    for (size_t at = 0; at < n && y < r.h; at += next) {
        size_t line = wrap_line(c, r.w, text + at, n - at, &next);
        if (skip) {
            skip--;
            continue;
        }
        int used = canvas_text_n(c, r.x, r.y + y, r.w, role, text + at, line);
        if (y == r.h - 1 && at + next < n && r.w > 0)
            canvas_put_glyph(c, r.x + least(used, r.w - 1), r.y + y, role, GLYPH_ELLIPSIS);
        y++;
    }
    return y;
}

void scroll_set_count(struct scroll *s, size_t count)
{
    s->count = count;
    if (s->cursor >= count)
        s->cursor = count ? count - 1 : 0;
    if (s->top > s->cursor)
        s->top = s->cursor;
}

void scroll_to(struct scroll *s, size_t cursor)
{
    s->cursor = cursor;
    scroll_set_count(s, s->count);
}

void scroll_move(struct scroll *s, long by)
{
    if (by < 0)
        scroll_to(s, (size_t)-by > s->cursor ? 0 : s->cursor - (size_t)-by);
    else
        scroll_to(s, (size_t)by > s->count - s->cursor ? s->count : s->cursor + (size_t)by);
}

size_t scroll_top(const struct scroll *s, int height)
{
    size_t rows = height > 0 ? (size_t)height : 1;
    size_t top = s->top;
    if (s->count <= rows)
        return 0;
    if (top > s->count - rows)
        top = s->count - rows;
    if (s->cursor < top)
        top = s->cursor;
    if (s->cursor >= top + rows)
        top = s->cursor - rows + 1;
    return top;
}

void widget_scroll_marks(struct canvas *c, struct rect r, const struct scroll *s, size_t top)
{
    if (r.h <= 0 || r.w <= 0)
        return;
    if (top > 0)
        canvas_put_glyph(c, r.x + r.w - 1, r.y, ROLE_DIM, GLYPH_UP);
    if (top + (size_t)r.h < s->count)
        canvas_put_glyph(c, r.x + r.w - 1, r.y + r.h - 1, ROLE_DIM, GLYPH_DOWN);
}

void format_count(char *out, size_t size, double n)
{
    static const char *const unit[] = {"", " k", " M", " G", " T"};
    size_t u = 0;
    while (fabs(n) >= 9999.5 && u + 1 < sizeof unit / sizeof unit[0]) {
        n /= 1000;
        u++;
    }
    bool whole = u == 0 ? n == floor(n) : fabs(n) >= 99.95;
    snprintf(out, size, "%.*f%s", whole ? 0 : 1, n, unit[u]);
}

void format_rate(char *out, size_t size, double x)
{
    snprintf(out, size, "%.6g", x);
}

void format_duration(char *out, size_t size, double seconds)
{
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(out, size, "-");
        return;
    }
    long s = lround(seconds);
    if (s >= 3600)
        snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}
