/* row_panel.h - one row of the data set, for the views that show rows: its text, or its tokens as the
 * model reads them. Pure. */
#ifndef ROW_PANEL_H
#define ROW_PANEL_H
#include "ui/canvas.h"
#include "ui/session.h"

#include <stddef.h>

/* The whole text, word-wrapped, the first `skip` lines left out (never all of them); then its pair. */
void row_draw_text(struct canvas *c, struct rect r, const struct session *s, size_t row, size_t skip);

/* The tokens with their ids, a cell each, as many as fit; then how many max_length cut. Needs
 * s->encoded and s->tokenizer. */
void row_draw_tokens(struct canvas *c, struct rect r, const struct session *s, size_t row);

#endif
