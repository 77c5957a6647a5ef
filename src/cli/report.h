/* report.h - a metrics object as the JSON scripts rely on and as a table for people. */
#ifndef REPORT_H
#define REPORT_H
#include "engine/base/json.h"
#include "engine/eval/metrics.h"

#include <stdio.h>

/* label(arg, id) gives the names. */
struct report_labels {
    const char *(*label)(const void *arg, size_t id);
    const void *arg;
};

/* The object of design section 7; m NULL: null. */
void report_json(struct json_writer *w, const struct metrics *m, struct report_labels names);

/* "loss 0.1234, accuracy 0.9": the figures of the problem, by name. */
void report_line(char *out, size_t size, const struct metrics *m);

/* A line of totals, then a row a label with its scores, and the means, where there are labels. Confusions
 * that happened most often follow, when there are any. */
void report_text(FILE *f, const char *title, const struct metrics *m, struct report_labels names);

#endif
