/* error_matrix.h - the confusion matrix and the scores beside it, for the Errors view.
 *
 * Rows are the true labels, columns the predicted ones. The cell under the cursor stands in brackets, so it
 * is seen without colour. Pure. */
#ifndef ERROR_MATRIX_H
#define ERROR_MATRIX_H
#include "ui/canvas.h"
#include "ui/session.h"
#include "ui/widget.h"

#include <stdbool.h>

struct matrix_look {
    struct scroll truth, predicted; /* the cursor */
    bool percent;                   /* of the true label's rows, in place of counts */
    bool focused;
    enum split split;
};

void error_matrix_draw(struct canvas *c, struct rect panel, const struct session *s,
                       const struct metrics *m, const struct matrix_look *look);
/* Frame, heading and labels: the rows it would like to have. */
int error_matrix_height(const struct metrics *m);
int error_matrix_width(const struct metrics *m);

/* Precision, recall, F1 and rows of the labels around the cursor, then their means. Of sets this is what
 * takes the matrix's place, with the keys and with how often a label was missed or surplus. */
void error_scores_draw(struct canvas *c, struct rect panel, const struct session *s,
                       const struct metrics *m, const struct matrix_look *look);

#endif
