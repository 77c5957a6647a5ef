/* row_panel.h - one row of the data set, for the views that show rows: its text, or its tokens as the
 * model reads them. Pure. */
#ifndef ROW_PANEL_H
#define ROW_PANEL_H
#include "ui/canvas.h"
#include "ui/session.h"

#include <stddef.h>

/* The whole text, word-wrapped, an empty line and its pair, where it has one; the first `skip` lines are
 * left out. An empty text says that it is one. */
void row_draw_text(struct canvas *c, struct rect r, const struct session *s, size_t row,
                   size_t skip);
/* How many lines that would be at a width. */
size_t row_text_lines(enum glyph_level level, int width, const struct session *s, size_t row);

/* Text and pair on one line. */
void row_draw_line(struct canvas *c, int x, int y, int width, const struct example *e);
/* Columns for label names: the longest one's, at most `most`. */
int row_label_width(const struct canvas *c, const struct session *s, int most);

/* The tokens with their ids, a cell each, as many as fit; then how many max_length cut. Needs
 * s->encoded and s->tokenizer. */
void row_draw_tokens(struct canvas *c, struct rect r, const struct session *s, size_t row);

#endif
