/* cache.h - where things are kept that can be made again: ${XDG_CACHE_HOME:-~/.cache}/sft (XDG base
 * directories; a relative XDG_CACHE_HOME is to be ignored). */
#ifndef CACHE_H
#define CACHE_H
#include "engine/base/err.h"

#include <stddef.h>

/* The path of `name` in there, which need not exist yet. -1 where neither variable says; `what` is
 * named in the error: "no place for <what>: ...". */
int cache_path(char *out, size_t size, const char *name, const char *what, struct err *err);

#endif
