/* problem.h - what is asked of a model: one label a text, a set of labels, or a number.
 *
 * The names are those of Transformers' problem_type. They decide the form of a target, the loss, the
 * metrics and how an answer is read from the logits. */
#ifndef PROBLEM_H
#define PROBLEM_H
#include <stdbool.h>

enum problem {
    PROBLEM_AUTO,         /* not said: the data, or the model's config, decide */
    PROBLEM_SINGLE_LABEL, /* one class a row; softmax, cross-entropy */
    PROBLEM_REGRESSION,   /* one finite number a row; mean squared error */
    PROBLEM_MULTI_LABEL, /* any subset of the labels a row; a sigmoid and binary cross-entropy each */
    PROBLEM_COUNT
};

const char *problem_name(enum problem p); /* "auto", "single_label_classification", ... */
bool problem_parse(const char *name, enum problem *out); /* exactly one of the names */

/* What a row's target is called: "label", "value", "labels". */
const char *problem_target_name(enum problem p);

#endif
