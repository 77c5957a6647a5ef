/* args.h - the command line of every subcommand, from one table of options each.
 *
 * `--name value` and `--name=value`; in names - and _ are the same; a flag takes an optional true or
 * false; of repeated options the last wins; an unknown one is an error that names the nearest. With
 * `settings` given, every row of the settings table is an option too. `--` ends the options.
 * `--help` prints the subcommand's help, made from the same table. */
#ifndef ARGS_H
#define ARGS_H
#include "engine/base/err.h"
#include "engine/train/settings.h"

#include <stdbool.h>
#include <stddef.h>

enum arg_type { ARG_TEXT, ARG_FLAG };

struct arg {
    const char *name;       /* without the dashes, words joined by '-' */
    enum arg_type type;
    void *out;              /* const char ** or bool * */
    const char *value_name; /* "FILE", for help; NULL for a flag */
    const char *help;
};

/* A setting given on the command line: kept apart so that flags can be applied after --config. */
struct arg_setting {
    const struct setting *setting;
    const char *value;
};

struct args {
    const char *command, *usage, *summary; /* for help: "train", "--model DIR --train FILE", ... */
    const struct arg *table;
    size_t count;
    bool takes_settings;
    /* Filled by args_parse. */
    const char *positional[8];
    size_t positional_count;
    struct arg_setting given[128];
    size_t given_count;
    bool help;
};

/* argv[0] is the subcommand. ERR_USAGE on anything that does not fit. */
int args_parse(struct args *a, int argc, char **argv, struct err *err);
void args_print_help(const struct args *a);
/* Put the settings that were flags into *s, in order. */
int args_apply_settings(const struct args *a, struct settings *s, struct err *err);

#endif
