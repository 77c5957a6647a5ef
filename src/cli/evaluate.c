/* evaluate.c - `sft evaluate RUNDIR|MODELDIR --data FILE`: how good a model is on a file. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/data_options.h"
#include "cli/report.h"
#include "cli/source.h"
#include "engine/base/json.h"
#include "engine/data/targets.h"
#include "engine/model/infer.h"

#include <stdlib.h>
#include <string.h>

struct evaluate {
    struct data_options data;
    bool json;
    const char *threads;
    struct source source;
    struct dataset *dataset;
    struct encoded *encoded;
    struct metrics metrics;
};

static int open_rows(struct evaluate *c, struct err *err)
{
    struct dataset_spec spec;
    if (data_options_resolve(&c->data, &spec, err))
        return -1;
    source_fill_spec(&c->source, &spec);
    c->dataset = dataset_open(&spec, err);
    if (!c->dataset)
        return -1;
    if (!dataset_rows(c->dataset))
        return err_set(err, ERR_INPUT, "'%.200s' holds no rows", c->data.data);
    c->encoded = encode_dataset(c->dataset, c->source.tokenizer, c->source.max_length,
                                c->source.compute->pool, NULL, err);
    return c->encoded ? 0 : -1;
}

static int measure(struct evaluate *c, struct err *err)
{
    size_t n = dataset_rows(c->dataset), labels = model_labels(c->source.model);
    const uint32_t *rows = dataset_split_list(c->dataset, SPLIT_TEST);
    float *logits = mem_alloc(n * labels, sizeof *logits, "logits", err);
    struct targets truth = {0};
    struct infer *infer = infer_create(c->source.model, c->dataset, c->encoded, err);
    int rc = -1;
    if (!logits || !infer || targets_init(&truth, c->dataset, n, err) ||
        infer_logits(infer, rows, n, logits, NULL, NULL, err))
        goto out;
    targets_fill(&truth, c->dataset, rows, n);
    rc = metrics_of_targets(&c->metrics, logits, &truth, n, err);
out:
    infer_destroy(infer);
    free(logits);
    targets_clear(&truth);
    return rc;
}

static int print(const struct evaluate *c, struct err *err)
{
    const struct report_labels names = {source_label, &c->source};
    if (!c->json) {
        report_text(stdout, c->data.data, &c->metrics, names);
        return cli_flush("the report", err);
    }
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    report_json(&w, &c->metrics, names);
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

int cli_evaluate(int argc, char **argv)
{
    struct evaluate c = {0};
    struct err err;
    int status, threads = 0, rc;
    const struct arg table[] = {
        DATA_ARGS_DATA(&c.data),
        DATA_ARGS_SHORT_COLUMNS(&c.data),
        DATA_ARGS_COLUMNS(&c.data),
        DATA_ARGS_FORMAT(&c.data),
        {"threads", ARG_TEXT, &c.threads, "N", "worker threads (all cores)"},
        {"json", ARG_FLAG, &c.json, NULL, "the figures as one JSON object"},
    };
    struct args a = {.command = "evaluate",
                     .usage = "RUNDIR|MODELDIR --data FILE [OPTION]...",
                     .summary = "Measure a run's model or a model directory on labelled rows.",
                     .table = table,
                     .count = sizeof table / sizeof table[0]};
    if (cli_begin(&a, argc, argv, &status))
        return status;
    if (a.positional_count != 1)
        rc = err_set(&err, ERR_USAGE, "sft evaluate needs one run or model directory");
    else if (!c.data.data)
        rc = err_set(&err, ERR_USAGE, "sft evaluate needs --data FILE");
    else
        rc = cli_threads(c.threads, &threads, &err) ||
             source_find(&c.source, a.positional[0], &err) ||
             source_load(&c.source, threads, &err) || open_rows(&c, &err) || measure(&c, &err) ||
             print(&c, &err);
    metrics_clear(&c.metrics);
    encoded_destroy(c.encoded);
    dataset_close(c.dataset);
    source_clear(&c.source);
    return rc ? cli_fail(&err) : 0;
}
