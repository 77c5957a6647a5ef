#include "engine/base/near.h"

enum { LONGEST = 63 };

static char fold(char c)
{
    return c == '_' ? '-' : c;
}

size_t near_distance(const char *a, const char *b, size_t bn)
{
    size_t row[LONGEST + 1]; /* names are short, so one row on the stack does */
    if (bn >= LONGEST)
        return LONGEST + 1;
    for (size_t j = 0; j <= bn; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < bn; j++) {
            size_t replace = diagonal + (fold(a[i]) != fold(b[j]));
            diagonal = row[j + 1];
            size_t best = replace < diagonal + 1 ? replace : diagonal + 1;
            row[j + 1] = best < row[j] + 1 ? best : row[j] + 1;
        }
    }
    return row[bn];
}
