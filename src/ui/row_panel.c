#include "ui/row_panel.h"

#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

void row_draw_text(struct canvas *c, struct rect r, const struct session *s, size_t row, size_t skip)
{
    struct example e;
    dataset_get(s->dataset, row, &e);
    size_t lines = widget_wrap_lines(c, r.w, e.text, e.text_length);
    if (skip >= lines)
        skip = lines ? lines - 1 : 0;
    int used = widget_wrap(c, r, ROLE_TEXT, e.text, e.text_length, skip);
    if (e.pair && used + 1 < r.h) {
        r = rect_cut_top(r, used + 1, &(struct rect){0});
        widget_wrap(c, r, ROLE_TEXT, e.pair, e.pair_length, 0);
    }
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
