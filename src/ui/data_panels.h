/* data_panels.h - the left side of the Data view: what the data hold, in three panels.
 *
 * Labels with their counts, the lengths in tokens with the place where max_length cuts, and the findings. Each
 * draws into the rectangle it is given, frame included; none keeps a state. */
#ifndef DATA_PANELS_H
#define DATA_PANELS_H
#include "engine/data/gate.h"
#include "ui/canvas.h"
#include "ui/session.h"
#include "ui/widget.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list with its cursor: `chosen` is what the rows are filtered by, negative for nothing. */
void data_draw_labels(struct canvas *c, struct rect panel, const struct session *s,
                      const struct scroll *cursor, int32_t chosen, bool focused);
void data_draw_findings(struct canvas *c, struct rect panel, const struct session *s,
                        const struct scroll *cursor, int chosen, bool focused);
/* A histogram over an axis from 0 to the longest row. Rows that max_length cuts stand in another colour, to
 * the right of the mark on the axis. */
void data_draw_lengths(struct canvas *c, struct rect panel, const struct session *s);

/* Findings that have rows, in the order of their kind; returns how many. */
size_t data_finding_kinds(const struct session *s, enum finding_kind out[FINDING_KINDS]);

#endif
