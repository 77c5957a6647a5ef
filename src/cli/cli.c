#include "cli/cli.h"

#include "engine/math/compute.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

int cli_fail(const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "sft: %s\n", err->text);
    return err_exit_status(err);
}

int cli_begin(struct args *a, int argc, char **argv, int *status)
{
    struct err err;
    *status = 0;
    /* A file-size limit is a write that fails, with its one line, not a death. */
    signal(SIGXFSZ, SIG_IGN);
    if (args_parse(a, argc, argv, &err)) {
        *status = cli_fail(&err);
        return 1;
    }
    if (!a->help)
        return 0;
    args_print_help(a);
    return 1;
}

void cli_tell_compute(const struct compute *c)
{
    char line[320];
    compute_notice(c, line, sizeof line);
    if (line[0])
        fprintf(stderr, "sft: %s\n", line);
}

int cli_threads(const char *text, int *out, struct err *err)
{
    struct settings s;
    settings_defaults(&s);
    if (text && settings_parse(&s, "threads", text, err))
        return -1;
    *out = (int)s.threads;
    return 0;
}

int cli_flush(const char *what, struct err *err)
{
    if (!fflush(stdout) && !ferror(stdout))
        return 0;
    return err_errno(err, "cannot write %s to standard output", what);
}

int cli_print_json(struct strbuf *json, struct err *err)
{
    if (json->failed)
        return err_set(err, ERR_NOMEM, "out of memory for the JSON output");
    fwrite(json->text, 1, json->length, stdout);
    putchar('\n');
    return cli_flush("JSON", err);
}

size_t cli_width(const char *text)
{
    size_t width = 0;
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    for (utf8proc_ssize_t left = (utf8proc_ssize_t)strlen(text); left > 0;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate(at, left, &c);
        int w = n > 0 ? utf8proc_charwidth(c) : 1;
        n = n > 0 ? n : 1;
        width += w > 0 ? (size_t)w : 0;
        at += n;
        left -= n;
    }
    return width;
}

void cli_print_padded(FILE *f, const char *text, size_t width)
{
    size_t w = cli_width(text);
    fputs(text, f);
    for (; w < width; w++)
        putc(' ', f);
}

void cli_format_duration(char *out, size_t size, double seconds)
{
    long s = seconds > 0 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, size, "%ld h %02ld min", s / 3600, s % 3600 / 60);
    else if (s >= 60)
        snprintf(out, size, "%ld min %02ld s", s / 60, s % 60);
    else if (seconds >= 10)
        snprintf(out, size, "%ld s", s);
    else
        snprintf(out, size, "%.1f s", seconds > 0 ? seconds : 0);
}

void cli_format_bytes(char *out, size_t size, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof units[0])
        bytes /= 1000, unit++;
    int digits = !unit || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
    snprintf(out, size, "%.*f %s", digits, bytes, units[unit]);
}
