/* export.c - `sft export RUNDIR DIR`: a run's model as a directory others can load.
 *
 * The files of RUNDIR/model are copied aside, the copy is loaded and must give the same logits, bit
 * for bit, as the original; then it is renamed to DIR. A model whose pooling its Transformers class
 * cannot express is refused unless --force. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/source.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int copy_files(const char *from, const char *to, struct err *err)
{
    DIR *dir = opendir(from);
    int rc = 0;
    if (!dir)
        return err_errno(err, "cannot read '%s'", from);
    for (struct dirent *e; !rc && (e = readdir(dir));) {
        char source[4096], target[4096];
        if (e->d_name[0] == '.')
            continue;
        rc = file_join(source, sizeof source, from, e->d_name, err) ||
             file_join(target, sizeof target, to, e->d_name, err) || file_copy(source, target, err);
    }
    closedir(dir);
    return rc ? -1 : 0;
}

/* Texts for the comparison: rows the run was trained on, when their file is still there, and what
 * every model has, its labels. */
struct probe {
    const char *texts[64], *pairs[64];
    size_t n;
    struct dataset *rows;
};

static void probe_fill(struct probe *p, struct source *s)
{
    struct dataset_spec spec = {.labels_optional = true};
    memset(p, 0, sizeof *p);
    for (size_t k = 0; k < model_labels(s->model) && p->n < 16; k++)
        p->texts[p->n++] = model_label(s->model, k);
    spec.files[SPLIT_TEST] = s->run->files[SPLIT_TRAIN];
    source_fill_spec(s, &spec);
    p->rows = dataset_open(&spec, NULL);
    for (size_t i = 0; p->rows && i < dataset_rows(p->rows) && p->n < 64; i++) {
        struct example x;
        dataset_get(p->rows, i, &x);
        p->texts[p->n] = x.text;
        p->pairs[p->n++] = x.pair;
    }
}

static int compare(struct source *original, const char *copy_dir, size_t *compared, struct err *err)
{
    struct source copy = *original;
    struct probe probe = {0};
    float *a = NULL, *b = NULL;
    int rc = -1;
    copy.run = NULL; /* borrowed by the original alone */
    copy.compute = NULL, copy.model = NULL, copy.tokenizer = NULL, copy.labels = NULL;
    snprintf(copy.model_dir, sizeof copy.model_dir, "%s", copy_dir);
    if (source_load(original, 0, err) || source_load(&copy, 0, err))
        goto out;
    probe_fill(&probe, original);
    size_t count = probe.n * model_labels(original->model);
    a = mem_alloc(count, sizeof *a, "logits", err);
    b = mem_alloc(count, sizeof *b, "logits", err);
    if (!a || !b || source_texts(original, probe.texts, probe.pairs, probe.n, a, err) ||
        source_texts(&copy, probe.texts, probe.pairs, probe.n, b, err))
        goto out;
    *compared = probe.n;
    rc = memcmp(a, b, count * sizeof *a)
             ? err_set(err, ERR_IO,
                       "the copy gives other logits than the run's model; the disk or "
                       "the memory is at fault, try again elsewhere")
             : 0;
out:
    free(a);
    free(b);
    dataset_close(probe.rows);
    source_clear(&copy);
    return rc;
}

static int refuse_pooling(const struct source *s, struct err *err)
{
    struct model_config c;
    if (model_config_read(&c, s->model_dir, err))
        return -1;
    char pooling[16];
    snprintf(pooling, sizeof pooling, "%s", c.sft_pooling);
    model_config_clear(&c);
    if (!*pooling)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "the run's head reads pooling '%s', which its Transformers "
                   "class cannot express; --force exports it with sft_pooling in config.json, for "
                   "sft alone",
                   pooling);
}

static int export_model(struct source *s, const char *dir, size_t *compared, struct err *err)
{
    char aside[4096];
    if (file_directory_begin(dir, aside, sizeof aside, err))
        return -1;
    if (copy_files(s->model_dir, aside, err) || compare(s, aside, compared, err) ||
        file_directory_commit(dir, aside, err)) {
        file_remove_tree(aside, NULL);
        return -1;
    }
    return 0;
}

static int print(const char *dir, const struct source *s, size_t compared, bool json,
                 struct err *err)
{
    if (!json) {
        printf("exported to %s: %zu labels; loaded again, %zu texts give the same logits\n", dir,
               model_labels(s->model), compared);
        return cli_flush("the result", err);
    }
    char path[4096], sha256[65];
    if (file_join(path, sizeof path, dir, "model.safetensors", err) ||
        sha256_file(path, sha256, err))
        return -1;
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "directory");
    json_string(&w, dir);
    json_key(&w, "weights_sha256");
    json_string(&w, sha256);
    json_key(&w, "compared");
    json_int(&w, (int64_t)compared);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

static int run(const struct args *a, bool force, bool json, struct source *s, struct err *err)
{
    size_t compared = 0;
    if (a->positional_count != 2)
        return err_set(err, ERR_USAGE, "sft export needs a run and the directory to make");
    const char *dir = a->positional[1];
    if (!file_is_free(dir))
        return err_set(err, ERR_USAGE,
                       "'%.200s' exists and is not an empty directory; name a new "
                       "one",
                       dir);
    if (source_find(s, a->positional[0], err))
        return -1;
    if (!s->is_run)
        return err_set(err, ERR_USAGE, "'%.200s' is no run: it has no run.json", a->positional[0]);
    if (!force && refuse_pooling(s, err))
        return -1;
    return export_model(s, dir, &compared, err) || print(dir, s, compared, json, err) ? -1 : 0;
}

int cli_export(int argc, char **argv)
{
    bool force = false, json = false;
    struct source source = {0};
    struct err err;
    int status;
    const struct arg table[] = {
        {"force", ARG_FLAG, &force, NULL,
         "also a pooling that the model's Transformers class cannot express"},
        {"json", ARG_FLAG, &json, NULL, "the result as one JSON object"},
    };
    struct args a = {.command = "export",
                     .usage = "RUNDIR DIR [--force]",
                     .summary = "Write a run's model as a Hugging Face directory.",
                     .table = table,
                     .count = sizeof table / sizeof table[0]};
    if (cli_begin(&a, argc, argv, &status))
        return status;
    int rc = run(&a, force, json, &source, &err);
    source_clear(&source);
    return rc ? cli_fail(&err) : 0;
}
