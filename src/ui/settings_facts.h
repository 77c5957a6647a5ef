/* settings_facts.h - what is known of the run's model and machine, beside the settings form: parameters, the
 * trained and the new ones, rows, steps, kernels. Comes from the run's snapshot alone. Pure. */
#ifndef SETTINGS_FACTS_H
#define SETTINGS_FACTS_H
#include "ui/canvas.h"
#include "ui/session.h"

#include <stdbool.h>

/* Is there anything to show? */
bool settings_facts_known(const struct session *s);
void settings_facts_draw(struct canvas *c, struct rect panel, const struct session *s);

#endif
