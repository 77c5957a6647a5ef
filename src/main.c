/* main.c - finds the subcommand, nothing else. */
#include "cli/cli.h"
#include "cli/fault.h"
#include "engine/base/version.h"
#include "engine/math/blas.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static int print_help(void)
{
    printf("sft - fine-tune pretrained transformers on this machine's CPU\n\n"
           "usage: sft [COMMAND] [OPTION]...      sft COMMAND --help tells more\n\n");
    size_t count;
    const struct subcommand *commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    return 0;
}

int main(int argc, char **argv)
{
    /* Not LC_NUMERIC: numbers in files never change their point. */
    setlocale(LC_CTYPE, "");
    setlocale(LC_MESSAGES, "");
    fault_explain_cut_files();
    blas_prepare(); /* sets environment variables, so before there is any thread */
    if (argc < 2)
        return cli_ui(argc, argv);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return print_help();
    if (!strcmp(argv[1], "--version"))
        return puts("sft " SFT_VERSION) < 0;
    if (argv[1][0] == '-')
        return cli_ui(argc, argv);
    size_t count;
    const struct subcommand *commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    struct err err;
    err_set(&err, ERR_USAGE, "no command '%.60s'; see sft --help", argv[1]);
    return cli_fail(&err);
}
