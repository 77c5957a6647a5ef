#include "ui/svg.h"

#include "engine/base/file.h"

#include <string.h>
#include <utf8proc.h>

/* One cell in the picture's units. */
#define CELL_W 9
#define CELL_H 18

struct svg {
    struct strbuf out;
    enum theme_background background;
    /* Characters of one line and colour, waiting to become one element. */
    struct strbuf places, characters;
    const char *color;
    bool bold;
    int y;
};

static void put_rect(struct svg *s, double x, double y, double w, double h, const char *color)
{
    strbuf_printf(&s->out, "<rect x='%.4g' y='%.4g' width='%.4g' height='%.4g' fill='%s'/>\n", x, y,
                  w, h, color);
}

static void put_braille(struct svg *s, int x, int y, uint32_t mask, const char *color)
{
    static const int column[8] = {0, 0, 0, 1, 1, 1, 0, 1}, row[8] = {0, 1, 2, 0, 1, 2, 3, 3};
    for (int i = 0; i < 8; i++)
        if (mask >> i & 1)
            strbuf_printf(&s->out, "<circle cx='%.5g' cy='%.5g' r='1.3' fill='%s'/>\n",
                          x * CELL_W + 2.5 + column[i] * 4.5, y * CELL_H + 2.5 + row[i] * 4.5,
                          color);
}

/* Arms of a box-drawing character: left, right, up, down. */
static unsigned box_arms(uint32_t cp)
{
    static const struct {
        uint32_t cp;
        unsigned arms;
    } table[] = {{0x2500, 3}, {0x2502, 12}, {0x250c, 10}, {0x2510, 9},
                 {0x2514, 6}, {0x2518, 5},  {0x2524, 13}, {0x252c, 11}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].cp == cp)
            return table[i].arms;
    return 0;
}

static void put_box(struct svg *s, int x, int y, unsigned arms, const char *color)
{
    double cx = x * CELL_W + CELL_W / 2.0, cy = y * CELL_H + CELL_H / 2.0;
    if (arms & 3)
        put_rect(s, arms & 1 ? x * CELL_W : cx, cy - 0.5, (arms & 3) == 3 ? CELL_W : CELL_W / 2.0,
                 1, color);
    if (arms & 12)
        put_rect(s, cx - 0.5, arms & 4 ? y * CELL_H : cy, 1,
                 (arms & 12) == 12 ? CELL_H : CELL_H / 2.0, color);
}

/* Full, lower-eighths and left-eighths blocks. */
static bool put_block(struct svg *s, int x, int y, uint32_t cp, const char *color)
{
    double px = x * CELL_W, py = y * CELL_H;
    if (cp >= 0x2581 && cp <= 0x2588) {
        double h = CELL_H * (cp - 0x2580) / 8.0;
        put_rect(s, px, py + CELL_H - h, CELL_W, h, color);
    } else if (cp > 0x2588 && cp <= 0x258f) {
        put_rect(s, px, py + 2, CELL_W * (0x2590 - cp) / 8.0, CELL_H - 4, color);
    } else {
        return false;
    }
    return true;
}

static void put_escaped(struct strbuf *out, const struct canvas_cell *cell)
{
    for (int i = 0; i < CANVAS_CLUSTER && cell->cp[i]; i++) {
        utf8proc_uint8_t bytes[4];
        uint32_t cp = cell->cp[i];
        if (cp == '&' || cp == '<' || cp == '>') {
            strbuf_printf(out, "&#%u;", cp);
            continue;
        }
        strbuf_add(out, (const char *)bytes,
                   (size_t)utf8proc_encode_char((utf8proc_int32_t)cp, bytes));
    }
}

/* Each character has a place of its own, so that a font of another width moves nothing. */
static void flush_text(struct svg *s)
{
    if (s->characters.length)
        strbuf_printf(&s->out, "<text x='%s' y='%d' fill='%s'%s>%s</text>\n", s->places.text,
                      s->y * CELL_H + 13, s->color, s->bold ? " font-weight='bold'" : "",
                      s->characters.text);
    s->out.failed |= s->places.failed | s->characters.failed;
    strbuf_clear(&s->places);
    strbuf_clear(&s->characters);
}

static void put_text(struct svg *s, int x, int y, const struct canvas_cell *cell, const char *color,
                     bool bold)
{
    bool same = s->characters.length && s->y == y && s->bold == bold && !strcmp(s->color, color);
    bool cluster = cell->cp[1] != 0; /* places count characters: a cluster stands alone */
    if (!same || cluster)
        flush_text(s);
    s->color = color;
    s->bold = bold;
    s->y = y;
    strbuf_printf(&s->places, "%s%d", s->places.length ? " " : "", x * CELL_W);
    put_escaped(&s->characters, cell);
    if (cluster)
        flush_text(s);
}

static void put_cell(struct svg *s, int x, int y, const struct canvas_cell *cell)
{
    const char *color = theme_svg_color(s->background, (enum role)cell->role);
    const char *paper = theme_svg_color(s->background, ROLE_COUNT);
    struct theme_style style = theme_style(s->background, 256, (enum role)cell->role);
    if (style.reverse) {
        put_rect(s, x * CELL_W, y * CELL_H, CELL_W * cell->width, CELL_H, color);
        color = paper;
    }
    uint32_t cp = cell->cp[0];
    if (cp >= 0x2800 && cp <= 0x28ff)
        put_braille(s, x, y, cp - 0x2800, color);
    else if (box_arms(cp))
        put_box(s, x, y, box_arms(cp), color);
    else if (cp != ' ' && !put_block(s, x, y, cp, color))
        put_text(s, x, y, cell, color, style.bold);
}

int svg_write(const char *path, const struct canvas *c, enum theme_background background,
              struct err *err)
{
    struct svg s = {.background = background};
    int w = canvas_width(c) * CELL_W, h = canvas_height(c) * CELL_H;
    strbuf_printf(&s.out,
                  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='-9 -9 %d %d' width='%d' "
                  "height='%d' font-family='DejaVu Sans Mono, Menlo, Consolas, monospace' "
                  "font-size='14.9' xml:space='preserve'>\n",
                  w + 18, h + 18, w + 18, h + 18);
    strbuf_printf(&s.out, "<rect x='-9' y='-9' width='%d' height='%d' rx='6' fill='%s'/>\n", w + 18,
                  h + 18, theme_svg_color(background, ROLE_COUNT));
    for (int y = 0; y < canvas_height(c); y++)
        for (int x = 0; x < canvas_width(c); x++)
            if (canvas_at(c, x, y)->width)
                put_cell(&s, x, y, canvas_at(c, x, y));
    flush_text(&s);
    strbuf_puts(&s.out, "</svg>\n");
    int failed = s.out.failed ? err_set(err, ERR_NOMEM, "out of memory for '%s'", path)
                              : file_write(path, s.out.text, s.out.length, err);
    strbuf_clear(&s.out);
    return failed;
}
