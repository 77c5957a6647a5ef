#include "cli/cli.h"

static const struct subcommand commands[] = {
    {"ui", "the workbench (what sft alone does)", cli_ui,
     "[--model DIR --train FILE [--validation FILE] [--test FILE]] [SETTING]... [RUNDIR]"},
    {"train", "fine-tune a model on a data set", cli_train,
     "--model DIR --train FILE [--validation FILE] [--test FILE] [SETTING]... "
     "[--out RUNDIR | --resume RUNDIR] [--dry-run]"},
    {"evaluate", "measure a run or a model on a file", cli_evaluate, "RUNDIR|MODELDIR --data FILE"},
    {"predict", "label texts with a run or a model", cli_predict,
     "RUNDIR|MODELDIR (--text TEXT [--pair TEXT] | --data FILE) [--logits]"},
    {"tokenize", "lines to token ids", cli_tokenize, "MODELDIR [FILE]"},
    {"data", "what files hold and what is wrong with them", cli_data, "FILE... [--model DIR]"},
    {"runs", "list, show and compare runs", cli_runs, "[list | show RUN | compare RUN RUN]"},
    {"export", "write a run's model as a Hugging Face directory", cli_export,
     "RUNDIR DIR [--force]"},
    {"pull", "fetch a model from the Hugging Face hub", cli_pull,
     "NAME DIR [--revision REV] [--force]"},
    {"doctor", "CPU, BLAS kernel, speed against peak, terminal", cli_doctor, "[--measure]"},
    {"bench", "a training step as a share of what the machine can do", cli_bench,
     "[--size NAME] [--shape BxS] [--dropout P] [--model DIR] [--rounds N]"},
};

const struct subcommand *cli_commands(size_t *count)
{
    *count = sizeof commands / sizeof commands[0];
    return commands;
}
