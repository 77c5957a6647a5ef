/* settings_facts.h - beside the settings form: what a run with them would take, or, while there is no such
 * estimate, what is known of the run's model and machine, from its snapshot. Pure. */
#ifndef SETTINGS_FACTS_H
#define SETTINGS_FACTS_H
#include "ui/canvas.h"
#include "ui/session.h"

#include <stdbool.h>

/* Is there anything to show? */
bool settings_facts_known(const struct session *s);
/* "1:20", "under a second". */
void settings_format_estimate(const struct session *s, char *out, size_t size);
void settings_facts_draw(struct canvas *c, struct rect panel, const struct session *s);

#endif
