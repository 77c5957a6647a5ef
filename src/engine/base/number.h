/* number.h - a decimal number as people write it, and nothing else. */
#ifndef NUMBER_H
#define NUMBER_H
#include <stdbool.h>

/* No hexadecimal, no "inf" or "nan", no blanks, no trailing text. LC_NUMERIC is C in this program,
 * so the point is a point. False leaves *out alone. */
bool number_parse(const char *text, double *out);

#endif
