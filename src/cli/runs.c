/* runs.c - `sft runs [list | show RUN | compare RUN RUN]`: what was tried in a workspace.
 *
 * RUN is a directory, or its name under WORKSPACE/runs. A run that cannot be read is a line on
 * stderr, not the end of the list. */
#include "cli/cli.h"
#include "cli/run_summary.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 9, LAST = COLUMNS - 1 };
static const char *const headings[COLUMNS] = {"run",      "tune", "lr",    "epochs", "val acc",
                                              "test acc", "time", "state", "data"};

struct line {
    char cell[COLUMNS][256];
};

/* The end of a path that tells data sets apart: the file and its directory. */
static const char *short_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *before = slash && slash > path ? memrchr(path, '/', (size_t)(slash - path)) : NULL;
    return before ? before + 1 : path;
}

/* An accuracy stands alone; another figure is named. */
static void write_score(char *out, size_t size, enum problem p, bool there, double x)
{
    enum metric k = metric_first(p);
    run_format_share(out, size, there, x);
    size_t n = strlen(out);
    if (there && k != METRIC_ACCURACY && n < size)
        snprintf(out + n, size - n, " %s", metric_title(k));
}

static void fill_line(struct line *l, const struct run_summary *s)
{
    const struct run_result *r = &s->result;
    size_t size = sizeof l->cell[0];
    snprintf(l->cell[0], size, "%s", s->name);
    snprintf(l->cell[1], size, "%s", s->tune);
    snprintf(l->cell[2], size, "%s", s->rate);
    snprintf(l->cell[3], size, "%s", s->epochs);
    write_score(l->cell[4], size, r->problem, r->has_validation, r->validation_score);
    write_score(l->cell[5], size, r->problem, r->has_test, r->test_score);
    cli_format_duration(l->cell[6], size, r->seconds);
    snprintf(l->cell[7], size, "%s", s->state);
    snprintf(l->cell[8], size, "%.255s", short_path(s->info.files[SPLIT_TRAIN]));
}

static void print_lines(const struct line *lines, size_t n)
{
    size_t width[COLUMNS];
    for (int c = 0; c < COLUMNS; c++) {
        width[c] = strlen(headings[c]);
        for (size_t i = 0; i < n; i++)
            if (cli_width(lines[i].cell[c]) > width[c])
                width[c] = cli_width(lines[i].cell[c]);
    }
    for (int c = 0; c < LAST; c++)
        cli_print_padded(stdout, headings[c], width[c] + 2);
    puts(headings[LAST]);
    for (size_t i = 0; i < n; i++) {
        for (int c = 0; c < LAST; c++)
            cli_print_padded(stdout, lines[i].cell[c], width[c] + 2);
        puts(lines[i].cell[LAST]);
    }
}

static int print_json(const struct run_summary *s, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    run_summary_json(s, &w);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

static int list_names(const char *workspace, char **names, size_t n, bool json, struct err *err)
{
    struct line *lines = mem_alloc(n, sizeof *lines, "the list of runs", err);
    struct run_summary *s = mem_alloc(1, sizeof *s, "a run", err);
    size_t shown = 0;
    int rc = lines && s ? 0 : -1;
    for (size_t i = 0; !rc && i < n; i++) {
        char rundir[4096];
        struct err why;
        if (run_find(rundir, sizeof rundir, workspace, names[i], &why) ||
            run_summary_read(s, rundir, false, &why)) {
            cli_fail(&why);
            continue;
        }
        if (json)
            rc = print_json(s, err);
        else
            fill_line(&lines[shown], s);
        shown++;
        run_summary_clear(s);
    }
    if (!rc && !json && shown)
        print_lines(lines, shown);
    free(lines);
    free(s);
    return rc ? rc : cli_flush("the list of runs", err);
}

static int list(const char *workspace, bool json, struct err *err)
{
    char **names;
    size_t n;
    if (runs_list(workspace, &names, &n, err))
        return -1;
    if (n == 0 && !json)
        fprintf(stderr, "no runs in '%s/runs' yet; sft train makes one\n", workspace);
    int rc = list_names(workspace, names, n, json, err);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return rc;
}

static int read_run(struct run_summary *s, const char *workspace, const char *run, struct err *err)
{
    char rundir[4096];
    return run_find(rundir, sizeof rundir, workspace, run, err) ||
                   run_summary_read(s, rundir, true, err)
               ? -1
               : 0;
}

static int run(const struct args *a, const char *workspace, bool json, struct err *err)
{
    static const struct {
        const char *name;
        size_t arguments;
    } actions[] = {{"list", 0}, {"show", 1}, {"compare", 2}};
    const char *action = a->positional_count ? a->positional[0] : "list";
    size_t given = a->positional_count ? a->positional_count - 1 : 0, which = 0;
    while (which < 3 && strcmp(actions[which].name, action))
        which++;
    if (which == 3)
        return err_set(err, ERR_USAGE,
                       "sft runs does not know '%.60s'; it is list, show or compare", action);
    if (given != actions[which].arguments)
        return err_set(err, ERR_USAGE, "sft runs %s takes %zu runs, not %zu; sft runs lists them",
                       action, actions[which].arguments, given);
    if (which == 0)
        return list(workspace, json, err);
    struct run_summary *s = mem_alloc(2, sizeof *s, "two runs", err);
    int rc = s ? 0 : -1;
    for (size_t i = 0; !rc && i < given; i++)
        rc = read_run(&s[i], workspace, a->positional[1 + i], err);
    if (!rc)
        rc = which == 1 ? run_show(&s[0], json, err) : run_compare(&s[0], &s[1], json, err);
    for (int i = 0; s && i < 2; i++)
        run_summary_clear(&s[i]);
    free(s);
    return rc;
}

int cli_runs(int argc, char **argv)
{
    const char *workspace = ".";
    bool json = false;
    struct err err;
    int status;
    const struct arg table[] = {
        {"workspace", ARG_TEXT, &workspace, "DIR", "where runs/ is (the current directory)"},
        {"json", ARG_FLAG, &json, NULL, "a JSON object, or one a line for the list"},
    };
    struct args a = {.command = "runs",
                     .usage = "[list | show RUN | compare RUN RUN]",
                     .summary = "What was tried: every run, one run, or two side by side.",
                     .table = table,
                     .count = sizeof table / sizeof table[0]};
    if (cli_begin(&a, argc, argv, &status))
        return status;
    return run(&a, workspace, json, &err) ? cli_fail(&err) : 0;
}
