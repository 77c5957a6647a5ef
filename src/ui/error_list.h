/* error_list.h - which rows of an evaluation the Errors view shows, and in which order.
 *
 * Indices into the evaluation: misclassified rows (or all), those of one cell of the confusion
 * matrix, those whose text holds a word; the most confident mistake first, unless asked otherwise. */
#ifndef ERROR_LIST_H
#define ERROR_LIST_H
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum error_order { ERRORS_BY_CONFIDENCE, ERRORS_BY_LOSS, ERRORS_BY_ROW, ERROR_ORDERS };
const char *error_order_name(enum error_order o);

struct error_list {
    bool all;                 /* correct rows, too */
    int32_t truth, predicted; /* only this cell; NO_LABEL: all */
    char word[128];           /* only texts that hold it, ASCII case folded; "" all */
    enum error_order order;
    uint32_t *at; /* indices into the evaluation's rows */
    size_t count, capacity;
};
void error_list_init(struct error_list *l);
void error_list_clear(struct error_list *l);
void error_list_make(struct error_list *l, const struct evaluation *e, const struct dataset *d);

/* The probability given to a label; the loss in nats, -log p(true). */
float evaluation_prob(const struct evaluation *e, size_t at, int32_t label);
double evaluation_row_loss(const struct evaluation *e, size_t at);
size_t evaluation_count_wrong(const struct evaluation *e);

#endif
