/* search.h - a query over rows: what is typed after `/` in the Data view.
 *
 * Terms are separated by spaces and must all hold; quotes keep spaces in a term.
 *     word            the text (or its pair) contains it, whatever the case
 *     /pattern/       the text matches the regular expression (PCRE2)
 *     label:NAME      the label contains NAME; label:=NAME is it
 *     split:NAME      train, validation or test, or the start of one
 *     tokens>N tokens<N tokens=N   tokens before max_length cuts
 * A term with - before it must not hold. Compiling is quick and tells what is wrong; running may
 * take long and is for the jobs thread. */
#ifndef SEARCH_H
#define SEARCH_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"

#include <stddef.h>
#include <stdint.h>

struct query;
struct query *query_compile(const char *text, struct err *err);
void query_destroy(struct query *q); /* NULL is fine */

/* Matching rows, ascending; *rows is free()d by the caller. `e` may be NULL: terms about tokens
 * then hold for no row. ERR_CANCELLED when *cancel (may be NULL) becomes nonzero. */
int query_run(const struct query *q, const struct dataset *d, const struct encoded *e,
              const _Atomic int *cancel, uint32_t **rows, size_t *count, struct err *err);

#endif
