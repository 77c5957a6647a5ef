/* error_list.h - which rows of an evaluation the Errors view shows, and in which order.
 *
 * Indices into the evaluation: wrong rows (or all), those of one cell of the confusion matrix or, of
 * sets, those in which one label is wrong, those whose text holds a word; the worst first, unless
 * asked otherwise. A value is never simply wrong: of values all rows are shown. What "worst" means
 * is the problem's: the most confident mistake, the most labels wrong, the largest difference. */
#ifndef ERROR_LIST_H
#define ERROR_LIST_H
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum error_order { ERRORS_WORST, ERRORS_SECOND, ERRORS_BY_ROW, ERROR_ORDERS };
const char *error_order_name(enum error_order o, enum problem p);

struct error_list {
    bool all;                 /* right rows, too */
    int32_t truth, predicted; /* only this cell; NO_LABEL: all. Of sets `truth` is the label that is
                                 wrong */
    char word[128];           /* only texts that hold it, ASCII case folded; "" all */
    enum error_order order;
    uint32_t *at; /* indices into the evaluation's rows */
    size_t count, capacity;
};
void error_list_init(struct error_list *l);
void error_list_clear(struct error_list *l);
void error_list_make(struct error_list *l, const struct evaluation *e, const struct dataset *d);

/* The probability given to a label, or the value read. */
float evaluation_prob(const struct evaluation *e, size_t at, int32_t label);
/* Of one label -log p(true) in nats, of sets the mean over labels, of values the squared difference. */
double evaluation_row_loss(const struct evaluation *e, size_t at);
/* Values: read less true. */
double evaluation_difference(const struct evaluation *e, size_t at);
size_t evaluation_count_wrong(const struct evaluation *e);

/* What became of a label in a row of sets. */
enum fate { FATE_ABSENT, FATE_FOUND, FATE_MISSED, FATE_SURPLUS, FATES };
enum fate evaluation_fate(const struct evaluation *e, size_t at, int32_t label);
/* The row's labels of one fate, "a, b"; how many there are. */
size_t evaluation_fate_text(const struct evaluation *e, size_t at, enum fate fate,
                            const struct dataset *d, char *out, size_t size);

#endif
