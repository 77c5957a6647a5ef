#include "engine/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message is one line, whatever a file name or a cell of the user's data holds. */
static void make_one_line(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    err->code = code;
    make_one_line(err->text);
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err)
        return -1;
    char context[sizeof err->text], joined[2 * sizeof err->text + 3];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    snprintf(joined, sizeof joined, "%s: %s", context, err->text);
    joined[sizeof err->text - 1] = '\0';
    memcpy(err->text, joined, strlen(joined) + 1);
    make_one_line(err->text);
    return -1;
}

int err_errno(struct err *err, const char *fmt, ...)
{
    int number = errno;
    if (!err)
        return -1;
    char what[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    enum err_code code = ERR_IO;
    if (number == ENOSPC || number == EDQUOT)
        code = ERR_NOSPACE;
    else if (number == ENOMEM)
        code = ERR_NOMEM;
    return err_set(err, code, "%.400s: %s", what, strerror(number));
}

int err_exit_status(const struct err *err)
{
    return err->code == ERR_USAGE ? 2 : 1;
}
