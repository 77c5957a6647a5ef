/* cli.h - the subcommands: one file each, argv in, text or JSON out.
 *
 * A subcommand gets argv from its own name on and returns the exit status: 0 done, 1 failed, 2 wrong
 * usage. Results go to stdout, words for people to stderr; an error is one line, "sft: what where
 * remedy". */
#ifndef CLI_H
#define CLI_H
#include "cli/args.h"
#include "engine/base/err.h"
#include "engine/base/mem.h"

#include <stddef.h>
#include <stdio.h>

int cli_train(int argc, char **argv);
int cli_evaluate(int argc, char **argv);
int cli_predict(int argc, char **argv);
int cli_tokenize(int argc, char **argv);
int cli_data(int argc, char **argv);
int cli_runs(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_pull(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_ui(int argc, char **argv);

/* All of them, in the order help and the manual page list them. */
struct subcommand {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
    const char *synopsis; /* what follows the name, for the manual page */
};
const struct subcommand *cli_commands(size_t *count);

/* Print "sft: <text>" on stderr and return the exit status of the error. */
int cli_fail(const struct err *err);

/* Parse the command line; 0 to go on. 1 when the command is over: its help was asked for or it was
 * wrong; *status is then what to return. */
int cli_begin(struct args *a, int argc, char **argv, int *status);

/* What the user should know of how products are made (compute_notice), on standard error. */
struct compute;
void cli_tell_compute(const struct compute *c);

/* --threads: NULL is 0, all cores. */
int cli_threads(const char *text, int *out, struct err *err);

/* Standard output may be a full disk or a closed pipe: -1 says so. `what` names what was written. */
int cli_flush(const char *what, struct err *err);
/* The text of a finished JSON writer and a newline. */
int cli_print_json(struct strbuf *json, struct err *err);

/* Columns a text takes on a terminal; print it padded to `width` of them. */
size_t cli_width(const char *text);
void cli_print_padded(FILE *f, const char *text, size_t width);

/* "12 s", "3 min 05 s", "2 h 10 min". */
void cli_format_duration(char *out, size_t size, double seconds);
/* "512 B", "90.9 MB", "1.34 GB": powers of 1000, three digits. */
void cli_format_bytes(char *out, size_t size, double bytes);

#endif
