/* doctor_profile.h - the profile of this machine (math/profile.h) as `sft doctor` makes and shows
 * it. */
#ifndef DOCTOR_PROFILE_H
#define DOCTOR_PROFILE_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/math/blas.h"

/* Measure, write the file, and use it from now on. Says on a terminal's standard error how far it
 * is. */
int doctor_measure(struct err *err);

/* p NULL: there is none that holds, `why` says why. b: the library in use, or NULL. */
void doctor_print_profile(const struct profile *p, const struct err *why, const struct blas *b);
void doctor_write_profile(struct json_writer *w, const struct profile *p, const struct err *why);

#endif
