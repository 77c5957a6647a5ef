/* problem.c - the names, once. */
#include "engine/data/problem.h"

#include <string.h>

static const struct {
    const char *name, *target;
} problems[PROBLEM_COUNT] = {
    [PROBLEM_AUTO] = {"auto", "label"},
    [PROBLEM_SINGLE_LABEL] = {"single_label_classification", "label"},
    [PROBLEM_REGRESSION] = {"regression", "value"},
    [PROBLEM_MULTI_LABEL] = {"multi_label_classification", "labels"},
};

const char *problem_name(enum problem p)
{
    return problems[p].name;
}

bool problem_parse(const char *name, enum problem *out)
{
    for (int p = 0; p < PROBLEM_COUNT; p++) {
        if (!strcmp(problems[p].name, name)) {
            *out = (enum problem)p;
            return true;
        }
    }
    return false;
}

const char *problem_target_name(enum problem p)
{
    return problems[p].target;
}
