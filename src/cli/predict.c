/* predict.c - `sft predict RUNDIR|MODELDIR`: the answer for each text (a label with its probability,
 * a set of labels, or a value), in the order the texts came in. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/data_options.h"
#include "cli/source.h"
#include "engine/base/json.h"
#include "engine/eval/metrics.h"
#include "engine/model/infer.h"

#include <stdlib.h>
#include <string.h>

struct predict {
    struct data_options data;
    const char *text, *pair, *threads;
    bool json, logits;
    struct source source;
    struct dataset *dataset;
    struct encoded *encoded;
};

/* One row to print. */
struct answer {
    const char *text, *pair; /* pair NULL: none */
    size_t text_length, pair_length;
    const float *logits, *answer; /* (labels), answer as answer_row gives it */
};

static void json_label_set(const struct predict *c, const struct answer *a, struct json_writer *w)
{
    json_key(w, "labels");
    json_open(w, '[');
    for (size_t k = 0; k < model_labels(c->source.model); k++)
        if (answer_has(a->answer[k]))
            json_string(w, model_label(c->source.model, k));
    json_close(w, ']');
}

static void json_answer(const struct predict *c, const struct answer *a, struct json_writer *w)
{
    struct model *m = c->source.model;
    size_t labels = model_labels(m);
    if (model_problem(m) == PROBLEM_REGRESSION) {
        json_key(w, "value");
        json_float(w, a->answer[0]);
        return;
    }
    if (model_problem(m) == PROBLEM_MULTI_LABEL) {
        json_label_set(c, a, w);
    } else {
        json_key(w, "label");
        json_string(w, model_label(m, argmax_row(a->logits, labels)));
    }
    json_key(w, "probs");
    json_open(w, '{');
    for (size_t k = 0; k < labels; k++) {
        json_key(w, model_label(m, k));
        json_float(w, a->answer[k]);
    }
    json_close(w, '}');
}

static void print_json(const struct predict *c, const struct answer *a, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_open(&w, '{');
    json_key(&w, "text");
    json_string_n(&w, a->text, a->text_length);
    if (a->pair) {
        json_key(&w, "pair");
        json_string_n(&w, a->pair, a->pair_length);
    }
    json_answer(c, a, &w);
    if (c->logits) {
        json_key(&w, "logits");
        json_open(&w, '[');
        for (size_t k = 0; k < model_labels(c->source.model); k++)
            json_float(&w, a->logits[k]);
        json_close(&w, ']');
    }
    json_close(&w, '}');
    strbuf_puts(out, "\n");
}

/* Names of the set, then their probabilities, in two fields; an empty set is "-". */
static void print_set(const struct predict *c, const struct answer *a, struct strbuf *out)
{
    for (int field = 0; field < 2; field++) {
        size_t shown = 0;
        for (size_t k = 0; k < model_labels(c->source.model); k++) {
            if (!answer_has(a->answer[k]))
                continue;
            strbuf_puts(out, shown++ ? "|" : "");
            if (field)
                strbuf_printf(out, "%.4f", a->answer[k]);
            else
                strbuf_puts(out, model_label(c->source.model, k));
        }
        strbuf_puts(out, shown ? "\t" : "-\t");
    }
}

/* A text's own line breaks and tabs become spaces. */
static void print_line(const char *text, size_t n, struct strbuf *out)
{
    for (size_t i = 0; i < n; i++)
        strbuf_add(out, (unsigned char)text[i] < 0x20 ? " " : text + i, 1);
}

/* Divided by tabs: label and probability, labels and probabilities, or the value; then the text, and
 * its pair. */
static void print_text(const struct predict *c, const struct answer *a, struct strbuf *out)
{
    const struct model *m = c->source.model;
    size_t labels = model_labels(m), best = argmax_row(a->logits, labels);
    if (model_problem(m) == PROBLEM_REGRESSION)
        strbuf_printf(out, "%.6g\t", a->answer[0]);
    else if (model_problem(m) == PROBLEM_MULTI_LABEL)
        print_set(c, a, out);
    else
        strbuf_printf(out, "%s\t%.4f\t", model_label(m, best), a->answer[best]);
    if (c->logits)
        for (size_t k = 0; k < labels; k++)
            strbuf_printf(out, "%.9g%s", a->logits[k], k + 1 < labels ? " " : "\t");
    print_line(a->text, a->text_length, out);
    if (a->pair) {
        strbuf_puts(out, "\t");
        print_line(a->pair, a->pair_length, out);
    }
    strbuf_puts(out, "\n");
}

/* `room` (labels) takes the answer. */
static int print_row(const struct predict *c, struct answer a, float *room, struct strbuf *out,
                     struct err *err)
{
    out->length = 0;
    answer_row(room, a.logits, model_labels(c->source.model), model_problem(c->source.model));
    a.answer = room;
    (c->json ? print_json : print_text)(c, &a, out);
    if (out->failed)
        return err_set(err, ERR_NOMEM, "out of memory for a row's output");
    fwrite(out->text, 1, out->length, stdout);
    return ferror(stdout) ? cli_flush("the predictions", err) : 0;
}

static int predict_text(struct predict *c, struct err *err)
{
    size_t labels = model_labels(c->source.model);
    struct strbuf out = {0};
    float *logits = mem_alloc(2 * labels, sizeof *logits, "logits", err);
    int rc = -1;
    if (logits && !source_texts(&c->source, &c->text, c->pair ? &c->pair : NULL, 1, logits, err)) {
        const struct answer a = {.text = c->text,
                                 .pair = c->pair,
                                 .text_length = strlen(c->text),
                                 .pair_length = c->pair ? strlen(c->pair) : 0,
                                 .logits = logits};
        rc = print_row(c, a, logits + labels, &out, err);
    }
    strbuf_clear(&out);
    free(logits);
    return rc;
}

static int open_rows(struct predict *c, struct err *err)
{
    struct dataset_spec spec;
    if (data_options_resolve(&c->data, &spec, err))
        return -1;
    source_fill_spec(&c->source, &spec);
    spec.labels_optional = true;
    c->dataset = dataset_open(&spec, err);
    if (!c->dataset)
        return -1;
    c->encoded = encode_dataset(c->dataset, c->source.tokenizer, c->source.max_length,
                                c->source.compute->pool, NULL, err);
    return c->encoded ? 0 : -1;
}

/* Rows are printed a piece at a time, so a long file shows its first predictions soon. */
static int predict_rows(struct predict *c, struct err *err)
{
    enum { PIECE = 1024 };
    size_t labels = model_labels(c->source.model);
    size_t n = dataset_split_rows(c->dataset, SPLIT_TEST);
    const uint32_t *rows = dataset_split_list(c->dataset, SPLIT_TEST);
    struct strbuf out = {0};
    float *logits = mem_alloc((PIECE + 1) * labels, sizeof *logits, "logits", err);
    struct infer *infer =
        logits ? infer_create(c->source.model, c->dataset, c->encoded, err) : NULL;
    int rc = infer ? 0 : -1;
    for (size_t first = 0; first < n && !rc; first += PIECE) {
        size_t count = n - first < PIECE ? n - first : PIECE;
        rc = infer_logits(infer, rows + first, count, logits, NULL, NULL, err);
        for (size_t i = 0; i < count && !rc; i++) {
            struct example x;
            dataset_get(c->dataset, rows[first + i], &x);
            const struct answer a = {
                x.text, x.pair, x.text_length, x.pair_length, logits + i * labels, NULL};
            rc = print_row(c, a, logits + PIECE * labels, &out, err);
        }
    }
    infer_destroy(infer);
    strbuf_clear(&out);
    free(logits);
    return rc;
}

static int check(const struct predict *c, const struct args *a, struct err *err)
{
    if (a->positional_count != 1)
        return err_set(err, ERR_USAGE, "sft predict needs one run or model directory");
    if (!c->text == !c->data.data)
        return err_set(err, ERR_USAGE, "sft predict needs either --text TEXT or --data FILE");
    if (c->pair && !c->text)
        return err_set(err, ERR_USAGE,
                       "--pair goes with --text; for a file name two columns: "
                       "--text-column A,B");
    return 0;
}

int cli_predict(int argc, char **argv)
{
    struct predict c = {0};
    struct err err;
    int status, threads = 0;
    const struct arg table[] = {
        {"text", ARG_TEXT, &c.text, "TEXT", "a text to label"},
        {"pair", ARG_TEXT, &c.pair, "TEXT", "the second text of a pair"},
        DATA_ARGS_DATA(&c.data),
        DATA_ARGS_COLUMNS(&c.data),
        DATA_ARGS_FORMAT(&c.data),
        {"logits", ARG_FLAG, &c.logits, NULL, "the model's raw scores as well"},
        {"threads", ARG_TEXT, &c.threads, "N", "worker threads (all cores)"},
        {"json", ARG_FLAG, &c.json, NULL, "a JSON object a line, all probabilities in it"},
    };
    struct args a = {.command = "predict",
                     .usage =
                         "RUNDIR|MODELDIR (--text TEXT [--pair TEXT] | --data FILE) [OPTION]...",
                     .summary = "Label texts, or give each a value.",
                     .table = table,
                     .count = sizeof table / sizeof table[0]};
    if (cli_begin(&a, argc, argv, &status))
        return status;
    int rc = check(&c, &a, &err) || cli_threads(c.threads, &threads, &err) ||
             source_find(&c.source, a.positional[0], &err) || source_load(&c.source, threads, &err);
    if (!rc)
        rc = c.text ? predict_text(&c, &err) : open_rows(&c, &err) || predict_rows(&c, &err);
    if (!rc)
        rc = cli_flush("the predictions", &err);
    encoded_destroy(c.encoded);
    dataset_close(c.dataset);
    source_clear(&c.source);
    return rc ? cli_fail(&err) : 0;
}
