/* main.c - finds the subcommand, nothing else. */
#include "cli/cli.h"
#include "engine/base/version.h"
#include "engine/math/blas.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

struct subcommand {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
    {"ui", "the workbench (what sft alone does)", cli_ui},
    {"train", "fine-tune a model on a data set", cli_train},
    {"evaluate", "measure a run or a model on a file", cli_evaluate},
    {"predict", "label texts with a run or a model", cli_predict},
    {"tokenize", "lines to token ids", cli_tokenize},
    {"data", "what files hold and what is wrong with them", cli_data},
    {"runs", "list, show and compare runs", cli_runs},
    {"export", "write a run's model as a Hugging Face directory", cli_export},
    {"doctor", "CPU, BLAS kernel, speed against peak, terminal", cli_doctor},
};

static int print_help(void)
{
    printf("sft - fine-tune pretrained transformers on this machine's CPU\n\n"
           "usage: sft [COMMAND] [OPTION]...      sft COMMAND --help tells more\n\n");
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++)
        printf("  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
    return 0;
}

int main(int argc, char **argv)
{
    /* Not LC_NUMERIC: numbers in files never change their point. */
    setlocale(LC_CTYPE, "");
    setlocale(LC_MESSAGES, "");
    blas_prepare(); /* sets environment variables, so before there is any thread */
    if (argc < 2)
        return cli_ui(argc, argv);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return print_help();
    if (!strcmp(argv[1], "--version"))
        return puts("sft " SFT_VERSION) < 0;
    if (argv[1][0] == '-')
        return cli_ui(argc, argv);
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++)
        if (!strcmp(argv[1], subcommands[i].name))
            return subcommands[i].run(argc - 1, argv + 1);
    struct err err;
    err_set(&err, ERR_USAGE, "no command '%.60s'; see sft --help", argv[1]);
    return cli_fail(&err);
}
