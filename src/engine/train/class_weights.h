/* class_weights.h - the setting class_weights as a number for each label.
 *
 * "balanced" is scikit-learn's: rows / (labels * rows of the label), over the train split; a label
 * without train rows is not counted and weighs 1 (it is never a target). A list
 * "label=weight,label=weight" names labels of the data; those not named weigh 1. */
#ifndef CLASS_WEIGHTS_H
#define CLASS_WEIGHTS_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"

/* *out gets dataset_labels() floats to free(), or NULL for "none". */
int class_weights_parse(const char *text, const struct dataset *d, float **out, struct err *err);

#endif
