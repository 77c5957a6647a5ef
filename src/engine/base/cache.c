#include "engine/base/cache.h"

#include <stdio.h>
#include <stdlib.h>

int cache_path(char *out, size_t size, const char *name, const char *what, struct err *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (cache && *cache == '/')
        n = snprintf(out, size, "%s/sft/%s", cache, name);
    else if (home && *home)
        n = snprintf(out, size, "%s/.cache/sft/%s", home, name);
    if (n >= 0 && (size_t)n < size)
        return 0;
    return err_set(err, ERR_IO, "no place for %s: HOME is not set; set XDG_CACHE_HOME", what);
}
