/* error_cells.h - what a row of an evaluation shows before its text, by problem.
 *
 *   one label   how sure, the loss, the true label, the predicted one
 *   sets        the loss, the labels that were missed, those that are surplus
 *   values      how far off, the true value, the value read
 *
 * Pure. */
#ifndef ERROR_CELLS_H
#define ERROR_CELLS_H
#include "ui/canvas.h"
#include "ui/error_list.h"
#include "ui/session.h"

enum { ERROR_CELLS = 4 };
struct error_cells {
    enum problem problem;
    int x[ERROR_CELLS], w[ERROR_CELLS]; /* relative to the list's left edge; w 0: not shown */
    int text;                           /* where the text begins */
};

/* For a list w columns wide. */
struct error_cells error_cells_fit(const struct canvas *c, const struct session *s, int w);
void error_cells_heading(struct canvas *c, struct rect line, const struct error_cells *k);
void error_cells_draw(struct canvas *c, struct rect line, const struct error_cells *k,
                      const struct session *s, const struct evaluation *e, size_t at);

#endif
