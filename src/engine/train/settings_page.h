/* settings_page.h - docs/settings.md, written from the settings table.
 *
 * A page made by hand would drift. `make docs/settings.md` writes it; a test compares the committed
 * page with the table. */
#ifndef SETTINGS_PAGE_H
#define SETTINGS_PAGE_H
#include "engine/base/mem.h"

void settings_page(struct strbuf *out);

#endif
