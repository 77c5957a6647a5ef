/* man_page.h - docs/sft.1, written from the tables of subcommands, settings and actions.
 *
 * A page made by hand would drift. `make docs/sft.1` writes it; a test compares the committed page. */
#ifndef MAN_PAGE_H
#define MAN_PAGE_H
#include "engine/base/mem.h"

void man_page(struct strbuf *out);

#endif
