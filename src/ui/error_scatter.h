/* error_scatter.h - true values against those read, and the figures beside them, for the Errors view.
 *
 * A point a row; the line is where both are equal. The row under the cursor stands out. */
#ifndef ERROR_SCATTER_H
#define ERROR_SCATTER_H
#include "ui/canvas.h"
#include "ui/plot.h"
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>

struct error_scatter {
    double *x, *y; /* (count) by x */
    size_t count;
    struct plot_axis axis; /* of both */
};
/* Of an evaluation of values; empty when there is no memory for it. */
void error_scatter_make(struct error_scatter *p, const struct evaluation *e);
void error_scatter_clear(struct error_scatter *p); /* a zeroed struct is fine */

/* Pure. at: the row under the cursor, as an index into the evaluation; SIZE_MAX: none. */
void error_scatter_draw(struct canvas *c, struct rect panel, const struct error_scatter *p,
                        const struct evaluation *e, size_t at, bool focused);
void error_figures_draw(struct canvas *c, struct rect panel, const struct inspection *in);

#endif
