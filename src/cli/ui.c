/* ui.c - `sft` and `sft ui`: the workbench. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/data_options.h"
#include "engine/base/json.h"
#include "ui/loop.h"

static int read_config(const char *path, struct settings *s, struct err *err)
{
    cJSON *object = json_read(path, err);
    int failed = object ? settings_from_json(s, object, path, err) : -1;
    cJSON_Delete(object);
    return failed;
}

int cli_ui(int argc, char **argv)
{
    struct err err;
    struct data_options data = {0};
    const char *model = NULL, *config = NULL, *workspace = NULL;
    const struct arg table[] = {
        {"model", ARG_TEXT, &model, "DIR", "a Hugging Face model directory to start from"},
        DATA_ARGS_FILES(&data),
        DATA_ARGS_COLUMNS(&data),
        DATA_ARGS_SHORT_COLUMNS(&data),
        DATA_ARGS_FORMAT(&data),
        {"config", ARG_TEXT, &config, "FILE", "settings as a JSON object; flags beat it"},
        {"workspace", ARG_TEXT, &workspace, "DIR", "where runs/ is (the current directory)"},
    };
    struct args args = {.command = "ui",
                        .usage = "[--model DIR --train FILE [OPTION]...] [RUNDIR]",
                        .summary =
                            "The workbench: data, settings, training, errors. With RUNDIR it "
                            "opens that run,\nfinished or still trained by another process.",
                        .table = table,
                        .count = sizeof table / sizeof table[0],
                        .takes_settings = true};
    /* argv[0] is "ui", or the program itself when no subcommand was named. */
    if (args_parse(&args, argc, argv, &err))
        return cli_fail(&err);
    if (args.help) {
        args_print_help(&args);
        return 0;
    }
    struct settings settings;
    struct dataset_spec spec;
    settings_defaults(&settings);
    if ((config && read_config(config, &settings, &err)) ||
        args_apply_settings(&args, &settings, &err) || data_options_resolve(&data, &spec, &err))
        return cli_fail(&err);
    bool has_data = data.train || data.validation || data.test;
    if (args.positional_count > 1)
        err_set(&err, ERR_USAGE, "one run at a time: '%.60s' is too many", args.positional[1]);
    else if (args.positional_count && (has_data || model))
        err_set(&err, ERR_USAGE,
                "a run brings its model and data; leave out --model and the files");
    else if (has_data && !data.train)
        err_set(&err, ERR_USAGE, "no rows to train on; name them with --train FILE");
    else {
        struct app_spec app = {.model_dir = model,
                               .rundir = args.positional_count ? args.positional[0] : NULL,
                               .workspace = workspace,
                               .data = has_data ? &spec : NULL,
                               .settings = &settings};
        return loop_run(&app, &err) ? cli_fail(&err) : 0;
    }
    return cli_fail(&err);
}
