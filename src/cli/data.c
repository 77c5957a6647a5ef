/* data.c - `sft data FILE...`: what files hold and what is wrong with them.
 *
 * The report goes to stdout whenever the files can be read. What a model cannot be trained on (a
 * label that train lacks, one class, a row without a label) is also an error, on stderr and in the
 * exit status, so that a script can stand this command before a training. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/data_options.h"
#include "cli/data_report.h"
#include "engine/base/pool.h"
#include "engine/text/tokenizer.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct request {
    struct data_options data;
    const char *model, *max_length, *problem;
    bool json;
};

/* One file is the train file, two are train and test, three train, validation and test. */
static int take_positionals(struct request *q, const struct args *a, struct err *err)
{
    const char **places[2][3] = {{&q->data.train, &q->data.test, NULL},
                                 {&q->data.train, &q->data.validation, &q->data.test}};
    if (a->positional_count > 3)
        return err_set(err, ERR_USAGE, "more than three files; give train, validation and test");
    for (size_t i = 0; i < a->positional_count; i++) {
        const char **place = places[a->positional_count == 3][i];
        if (*place)
            return err_set(err, ERR_USAGE,
                           "'%.200s' and '%.200s' cannot both be the same split; "
                           "name each file with --train, --validation or --test",
                           *place, a->positional[i]);
        *place = a->positional[i];
    }
    if (!q->data.train && !q->data.validation && !q->data.test)
        return err_set(err, ERR_USAGE, "no file to look at; usage: sft data FILE...");
    return 0;
}

static int parse_max_length(const char *text, size_t *out, struct err *err)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*end || end == text || n < 1 || n > 1000000)
        return err_set(err, ERR_USAGE, "--max-length is a number of tokens from 1, not '%.40s'",
                       text);
    *out = (size_t)n;
    return 0;
}

static struct encoded *encode(const struct dataset *d, const struct request *q, struct err *err)
{
    size_t max_length = 128;
    struct encoded *e = NULL;
    if (q->max_length && parse_max_length(q->max_length, &max_length, err))
        return NULL;
    struct tokenizer *t = tokenizer_open(q->model, err);
    struct pool *pool = t ? pool_create(pool_cores(), err) : NULL;
    if (pool)
        e = encode_dataset(d, t, max_length, pool, NULL, err);
    pool_destroy(pool);
    tokenizer_close(t);
    return e;
}

static size_t count_characters(const char *text, size_t n)
{
    size_t characters = 0;
    for (size_t i = 0; i < n; i++)
        characters += (text[i] & 0xC0) != 0x80;
    return characters;
}

/* Code points of text and pair. */
static int measure_characters(const struct dataset *d, struct lengths *out, struct err *err)
{
    size_t n = dataset_rows(d);
    uint32_t *length = mem_alloc(n, sizeof *length, "the lengths", err);
    if (!length)
        return -1;
    for (size_t r = 0; r < n; r++) {
        struct example x;
        dataset_get(d, r, &x);
        length[r] = (uint32_t)(count_characters(x.text, x.text_length) +
                               count_characters(x.pair, x.pair_length));
    }
    gate_lengths(length, n, out);
    free(length);
    return 0;
}

static size_t terminal_width(void)
{
    struct winsize w;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_col < 60)
        return 100;
    return w.ws_col;
}

static int print_report(const struct data_report *r, bool json, struct err *err)
{
    struct strbuf out = {0};
    int status = 0;
    if (json)
        data_report_json(r, &out);
    else
        data_report_text(r, terminal_width(), !strcmp(nl_langinfo(CODESET), "UTF-8"), &out);
    if (out.failed) {
        status = err_set(err, ERR_NOMEM, "out of memory for the report");
    } else {
        fwrite(out.text, 1, out.length, stdout);
        status = cli_flush("the report", err);
    }
    strbuf_clear(&out);
    return status;
}

/* Look at an opened data set and say what is there; -1 also when it cannot be trained on. */
static int survey(const struct dataset *d, const struct request *q, const struct dataset_spec *spec,
                  struct err *err)
{
    struct err problem = {0};
    struct data_report r = {
        .dataset = d,
        .carved =
            spec->files[SPLIT_TRAIN] && !spec->files[SPLIT_VALIDATION] && !spec->files[SPLIT_TEST],
        .split_seed = spec->split_seed,
    };
    int status = -1;
    struct encoded *e = q->model ? encode(d, q, err) : NULL;
    struct gate *g = q->model && !e ? NULL : gate_run(d, e, err);
    if (g && !measure_characters(d, &r.lengths, err)) {
        if (e)
            r.lengths = (struct lengths){g->tokens, g->shortest, g->median, g->p95, g->longest};
        r.problem = dataset_check(d, &problem) ? problem.text : NULL;
        r.encoded = e;
        r.gate = g;
        status = print_report(&r, q->json, err);
        if (!status && r.problem) {
            *err = problem;
            status = -1;
        }
    }
    gate_destroy(g);
    encoded_destroy(e);
    return status;
}

static int look(struct request *q, struct err *err)
{
    struct dataset_spec spec;
    if (q->max_length && !q->model)
        return err_set(err, ERR_USAGE, "--max-length counts tokens; name a tokenizer with --model");
    if (data_options_resolve(&q->data, &spec, err))
        return -1;
    spec.survey = true;
    if (q->problem && !problem_parse(q->problem, &spec.problem))
        return err_set(err, ERR_USAGE, "--problem-type is auto, %s, %s or %s, not '%.40s'",
                       problem_name(PROBLEM_SINGLE_LABEL), problem_name(PROBLEM_REGRESSION),
                       problem_name(PROBLEM_MULTI_LABEL), q->problem);
    struct dataset *d = dataset_open(&spec, err);
    int status = d ? survey(d, q, &spec, err) : -1;
    dataset_close(d);
    return status;
}

int cli_data(int argc, char **argv)
{
    struct request q = {0};
    const struct arg table[] = {
        DATA_ARGS_FILES(&q.data),
        DATA_ARGS_SHORT_COLUMNS(&q.data),
        DATA_ARGS_COLUMNS(&q.data),
        DATA_ARGS_FORMAT(&q.data),
        {"model", ARG_TEXT, &q.model, "DIR", "count tokens with this model's tokenizer"},
        {"max-length", ARG_TEXT, &q.max_length, "N", "with --model: what is longer is cut (128)"},
        {"problem-type", ARG_TEXT, &q.problem, "TYPE", "as in training (auto)"},
        {"json", ARG_FLAG, &q.json, NULL, "one JSON object instead of text"},
    };
    struct args args = {
        .command = "data",
        .usage = "FILE...",
        .summary = "What files hold and what is wrong with them. One file is split as training "
                   "would split it;\ntwo are train and test; three are train, validation and test. "
                   "Or name them with the flags.",
        .table = table,
        .count = sizeof table / sizeof table[0],
    };
    struct err err;
    int status;
    if (cli_begin(&args, argc, argv, &status))
        return status;
    if (take_positionals(&q, &args, &err) || look(&q, &err))
        return cli_fail(&err);
    return 0;
}
