/* error_row.h - one row of an evaluation: its text or its tokens, every label's probability or the two values
 * beside it (below it where the screen is narrow), what it is and what it was read as. Pure. */
#ifndef ERROR_ROW_H
#define ERROR_ROW_H
#include "ui/canvas.h"
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>

struct error_row_look {
    bool whole;  /* it has the view for itself */
    bool tokens; /* as the model reads it */
    size_t skip; /* lines of the whole text scrolled away */
};
/* at: index into the evaluation's rows. */
void error_row_draw(struct canvas *c, struct rect frame, const struct session *s,
                    const struct evaluation *e, size_t at, const struct error_row_look *look);

/* Lines that the answer would like to have. */
size_t error_row_lines(const struct evaluation *e);

/* The text's part of the room inside the frame; the rest is for the answer, that many lines long. */
struct rect error_row_cut_text(struct rect r, size_t lines, bool whole, struct rect *probs);

#endif
