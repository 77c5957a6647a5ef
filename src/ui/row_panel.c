#include "ui/row_panel.h"

#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

void row_draw_text(struct canvas *c, struct rect r, const struct session *s, size_t row,
                   size_t skip)
{
    struct example e;
    dataset_get(s->dataset, row, &e);
    if (r.h < 1)
        return;
    if (is_blank(e.text, e.text_length) && !skip)
        canvas_text(c, r.x, r.y, r.w, ROLE_DIM, "(empty text)");
    size_t lines = widget_wrap_lines(c, r.w, e.text, e.text_length), after = lines + 1;
    int used = widget_wrap(c, r, ROLE_TEXT, e.text, e.text_length, skip);
    if (!e.pair)
        return;
    used = skip >= after ? 0 : used + (int)(after - (skip > lines ? skip : lines));
    r = rect_cut_top(r, used, &(struct rect){0});
    widget_wrap(c, r, ROLE_VALIDATION, e.pair, e.pair_length, skip > after ? skip - after : 0);
}

size_t row_text_lines(enum glyph_level level, int width, const struct session *s, size_t row)
{
    struct example e;
    struct canvas *measure = canvas_create(1, 1, level, NULL); /* widths depend on the level */
    if (!measure)
        return 0;
    dataset_get(s->dataset, row, &e);
    size_t lines = widget_wrap_lines(measure, width, e.text, e.text_length);
    if (e.pair)
        lines += 1 + widget_wrap_lines(measure, width, e.pair, e.pair_length);
    canvas_destroy(measure);
    return lines;
}

void row_draw_line(struct canvas *c, int x, int y, int width, const struct example *e)
{
    if (is_blank(e->text, e->text_length)) {
        canvas_text(c, x, y, width, ROLE_DIM, "(empty text)");
        return;
    }
    int used = canvas_text_n(c, x, y, width, ROLE_TEXT, e->text, e->text_length);
    if (!e->pair || used + 4 > width)
        return;
    canvas_put_glyph(c, x + used + 1, y, ROLE_DIM, GLYPH_VERTICAL);
    canvas_text_n(c, x + used + 3, y, width - used - 3, ROLE_VALIDATION, e->pair, e->pair_length);
}

int row_label_width(const struct canvas *c, const struct session *s, int most)
{
    int width = 1;
    for (size_t i = 0; i < dataset_labels(s->dataset) && width < most; i++) {
        const char *label = dataset_label(s->dataset, (int32_t)i);
        int w = canvas_text_width(c, label, strlen(label));
        width = w > width ? w : width;
    }
    return width < most ? width : most;
}

void row_draw_tokens(struct canvas *c, struct rect r, const struct session *s, size_t row)
{
    const struct encoded *e = s->encoded;
    size_t n = encoded_length(e, row), cut = e->full_length[row] - n;
    int x = r.x, y = r.y, row_height = r.h >= 2 ? 2 : 1;
    for (size_t i = 0; i < n; i++) {
        int32_t id = e->token[e->start[row] + i];
        const char *token = tokenizer_token(s->tokenizer, id);
        char number[16];
        snprintf(number, sizeof number, "%d", id);
        int width = canvas_text_width(c, token ? token : "?", strlen(token ? token : "?"));
        if (width < (int)strlen(number))
            width = (int)strlen(number);
        if (x + width > r.x + r.w && x > r.x) {
            x = r.x;
            y += row_height;
        }
        if (y + row_height > r.y + r.h)
            return;
        canvas_text(c, x, y, r.x + r.w - x, ROLE_TEXT, token ? token : "?");
        if (row_height == 2)
            canvas_text(c, x, y + 1, r.x + r.w - x, ROLE_DIM, number);
        x += width + 1;
    }
    if (cut)
        canvas_printf(c, x, y, r.x + r.w - x, ROLE_WARN, "%s %zu more cut by max_length",
                      canvas_glyph(c, GLYPH_CUT), cut);
}
