/* data_list.h - which rows of the data set the Data view shows, and in which order.
 *
 * A list of row numbers: all rows, less what a search, a label and a finding leave out, then sorted.
 * Made in one pass and one counting sort, so it costs milliseconds for a million rows. The lists it
 * starts from (search result, finding, all rows) are ascending, so filters meet by merging. */
#ifndef DATA_LIST_H
#define DATA_LIST_H
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum data_order { ORDER_FILE, ORDER_TOKENS, ORDER_LABEL, ORDER_COUNT };
const char *data_order_name(enum data_order o, enum problem p); /* "longest first" */

struct data_list {
    int32_t label; /* only this label's rows; NO_LABEL: all */
    int finding;   /* only this finding's rows; -1: all */
    enum data_order order;
    uint32_t *rows; /* what is shown */
    size_t count, capacity;
};
void data_list_init(struct data_list *l);
void data_list_clear(struct data_list *l);

/* Out of memory and a query that cannot be run leave an empty list; one still running leaves nothing out. */
void data_list_make(struct data_list *l, const struct session *s);
/* Where a row stands in the list. */
bool data_list_find(const struct data_list *l, size_t row, size_t *at);

/* Rows of a label over all splits. */
size_t data_list_label_rows(const struct dataset *d, int32_t label);

#endif
