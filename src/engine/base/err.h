/* err.h - how anything says no.
 *
 * A function that can fail takes `struct err *err` last and returns 0/-1 or a pointer/NULL; *err
 * is untouched on success. The text is one line: the thing, the place, the remedy, as in
 *     cannot read 'chat.jsonl' line 12: no "text" key; name the column with --text
 * Each layer that knows more adds it once with err_wrap(). Broken promises inside our own code
 * are asserts, not errors. */
#ifndef ERR_H
#define ERR_H

enum err_code {
    ERR_NONE,
    ERR_USAGE,       /* the command line or a setting is wrong; the program exits with 2 */
    ERR_INPUT,       /* a file's content is wrong */
    ERR_IO,          /* the system refused to read or write */
    ERR_NOSPACE,     /* the disk is full */
    ERR_NOMEM,       /* out of memory: smaller batch_size or max_length */
    ERR_NUMERIC,     /* a loss or a gradient is not finite */
    ERR_UNSUPPORTED, /* a valid request that this program does not serve */
    ERR_BUSY,        /* a queue is full or another process holds the controls */
    ERR_CANCELLED,   /* the caller asked to stop */
};

struct err {
    enum err_code code;
    char text[512];
};

/* Fill *err (NULL is fine: the caller does not care) and return -1: `return err_set(...)`. Line
 * breaks and control bytes in the formatted text are replaced, so the text stays one line. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put context before the text: "context: text". Keeps the code. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_set for a failed system call: appends strerror(errno); ENOSPC and EDQUOT become
 * ERR_NOSPACE, ENOMEM ERR_NOMEM, all else ERR_IO. Returns -1. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status an error of this code ends the program with: 2 for ERR_USAGE, else 1. */
int err_exit_status(const struct err *err);

#endif
