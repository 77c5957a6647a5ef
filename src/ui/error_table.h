/* error_table.h - the rows of an evaluation as a table: what was asked and answered (error_cells.h), text.
 *
 * The frame names the mistakes and the problem's first figure, or the cell or the word that narrows the
 * rows; below, the split, the step and the order. Pure. */
#ifndef ERROR_TABLE_H
#define ERROR_TABLE_H
#include "ui/canvas.h"
#include "ui/error_list.h"
#include "ui/session.h"
#include "ui/widget.h"

#include <stdbool.h>

void error_table_draw(struct canvas *c, struct rect frame, const struct session *s,
                      const struct inspection *in, const struct error_list *l,
                      const struct scroll *cursor, bool focused);
/* Rows that a frame shows: one line of it is the heading where there is room for one. */
int error_table_height(struct rect frame);

#endif
