/* settings_problem.c - settings that mean something for one kind of problem only. */
#include "engine/train/settings.h"

#include <stdio.h>
#include <string.h>

static int refuse_metric(enum metric given, enum problem p, struct err *err)
{
    char names[200] = "";
    size_t n = 0;
    for (enum metric m = 0; m < METRIC_COUNT; m++)
        if (metric_serves(m, p) && n < sizeof names)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "",
                                  metric_name(m));
    return err_set(err, ERR_USAGE, "metric_for_best_model: %s has no meaning for %s; it has %s",
                   metric_name(given), problem_name(p), names);
}

int settings_check_problem(const struct settings *s, enum problem p, struct err *err)
{
    if (!metric_serves(s->metric_for_best_model, p))
        return refuse_metric(s->metric_for_best_model, p, err);
    if (p == PROBLEM_SINGLE_LABEL)
        return 0;
    if (strcmp(s->class_weights, "none"))
        return err_set(err, ERR_USAGE, "class_weights has no meaning for %s; leave it at none",
                       problem_name(p));
    if (s->label_smoothing_factor > 0)
        return err_set(err, ERR_USAGE,
                       "label_smoothing_factor has no meaning for %s; leave it at 0",
                       problem_name(p));
    return 0;
}
