/* number.c - strtod, kept from what it takes besides decimal numbers. */
#include "engine/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, double *out)
{
    if (!text[0] || text[strspn(text, "+-.0123456789eE")])
        return false;
    char *end;
    double x = strtod(text, &end);
    if (*end || !isfinite(x))
        return false;
    *out = x;
    return true;
}
