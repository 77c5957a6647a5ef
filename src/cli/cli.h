/* cli.h - the subcommands: one file each, argv in, text or JSON out.
 *
 * A subcommand gets argv from its own name on and returns the exit status: 0 done, 1 failed, 2 wrong
 * usage. Results go to stdout, words for people to stderr; an error is one line, "sft: what where
 * remedy". */
#ifndef CLI_H
#define CLI_H
#include "engine/base/err.h"

int cli_train(int argc, char **argv);
int cli_evaluate(int argc, char **argv);
int cli_predict(int argc, char **argv);
int cli_tokenize(int argc, char **argv);
int cli_data(int argc, char **argv);
int cli_runs(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_ui(int argc, char **argv);

/* Print "sft: <text>" on stderr and return the exit status of the error. */
int cli_fail(const struct err *err);

#endif
