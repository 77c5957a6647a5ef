/* data_table.h - the rows of the Data view as a table: number, twin mark, split, label, tokens, text.
 *
 * Columns are as wide as what they hold and give way to the text on a narrow screen. The frame names how
 * many rows of how many are shown, in which order, and what narrows them. Pure. */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H
#include "ui/canvas.h"
#include "ui/data_list.h"
#include "ui/session.h"
#include "ui/widget.h"

#include <stdbool.h>

void data_table_draw(struct canvas *c, struct rect frame, const struct session *s,
                     const struct data_list *l, const struct scroll *cursor, bool focused);
/* Rows that a frame shows: one line of it is the heading where there is room for one. */
int data_table_height(struct rect frame);

#endif
