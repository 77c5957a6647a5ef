#include "engine/train/result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/version.h"
#include "engine/train/run.h"
#include "engine/train/settings.h"

static void add_base_name(struct strbuf *out, const char *path)
{
    size_t n;
    const char *base = run_base_name(path, &n);
    strbuf_add(out, base, n);
}

/* Text inside a Markdown table or a code span: one line, no bars, no back-quotes. */
static void add_plain(struct strbuf *out, const char *text)
{
    for (; *text; text++)
        strbuf_add(out, (unsigned char)*text < 0x20 || *text == '|' || *text == '`' ? " " : text,
                   1);
}

static void add_metrics(struct strbuf *out, const char *split, uint64_t rows,
                        const struct metrics *m)
{
    if (!m)
        return;
    strbuf_printf(out, "| %s | %llu |", split, (unsigned long long)rows);
    for (enum metric k = 0; k < METRIC_COUNT; k++)
        if (metric_serves(k, m->problem))
            strbuf_printf(out, " %.4f |", metric_of(m, k));
    strbuf_puts(out, "\n");
}

static void add_figures(struct strbuf *out, const struct result_facts *f)
{
    if (!f->validation && !f->test)
        return;
    enum problem p = (f->validation ? f->validation : f->test)->problem;
    strbuf_puts(out, "\n## Figures\n\n| split | rows |");
    for (enum metric k = 0; k < METRIC_COUNT; k++)
        if (metric_serves(k, p))
            strbuf_printf(out, " %s |", metric_title(k));
    strbuf_puts(out, "\n|---|---|");
    for (enum metric k = 0; k < METRIC_COUNT; k++)
        if (metric_serves(k, p))
            strbuf_puts(out, "---|");
    strbuf_puts(out, "\n");
    add_metrics(out, "validation", f->view->rows[SPLIT_VALIDATION], f->validation);
    add_metrics(out, "test", f->view->rows[SPLIT_TEST], f->test);
}

static void add_labels(struct strbuf *out, const struct model *m)
{
    strbuf_printf(out, "\n## Labels\n\n%zu: ", model_labels(m));
    for (size_t k = 0; k < model_labels(m); k++) {
        strbuf_puts(out, k ? ", `" : "`");
        add_plain(out, model_label(m, k));
        strbuf_puts(out, "`");
    }
    strbuf_puts(out, "\n");
}

static void add_training(struct strbuf *out, const struct result_facts *f)
{
    const struct settings *s = &f->view->settings;
    strbuf_printf(out, "\n## Training\n\n%llu rows of ",
                  (unsigned long long)f->view->rows[SPLIT_TRAIN]);
    add_base_name(out, f->data_path);
    strbuf_printf(out,
                  ", %lld steps, %.2f epochs, %.0f s, mean loss of the last epoch %.4f; "
                  "%llu of %llu parameters trained; kernels %s.\n\n"
                  "| setting | value |\n|---|---|\n",
                  (long long)f->steps, f->epochs, f->seconds, f->train_loss,
                  (unsigned long long)f->view->params_trained, (unsigned long long)f->view->params,
                  f->view->kernels);
    for (size_t i = 0; i < settings_count(); i++) {
        char value[SETTING_TEXT_SIZE];
        settings_format(s, settings_at(i), value, sizeof value);
        strbuf_printf(out, "| %s | ", settings_at(i)->name);
        add_plain(out, value);
        strbuf_puts(out, " |\n");
    }
}

static bool class_cannot_pool(const struct model *m)
{
    return model_pooling(m) != POOLING_MODEL;
}

static void add_use(struct strbuf *out, const struct model *m)
{
    if (class_cannot_pool(m))
        strbuf_puts(out,
                    "\n**Not for Transformers as it is.** The head reads another pooling than "
                    "this model's class does (`sft_pooling` in config.json). `sft predict` and "
                    "`sft evaluate` honour it; Transformers loads the files and ignores it, "
                    "so its answers would be wrong.\n");
    else
        strbuf_puts(out, "\n```python\nfrom transformers import pipeline\n"
                         "classify = pipeline(\"text-classification\", model=\"PATH\")\n```\n");
}

void result_card(struct strbuf *out, const struct model *m, const struct result_facts *f)
{
    strbuf_puts(out, "---\nlibrary_name: transformers\npipeline_tag: text-classification\n"
                     "base_model: ");
    add_base_name(out, f->model_dir);
    strbuf_puts(out, "\n---\n\n# ");
    strbuf_puts(out, f->view->run_name);
    strbuf_printf(out, "\n\nA text %s: ",
                  model_problem(m) == PROBLEM_REGRESSION ? "regression"
                  : model_problem(m) == PROBLEM_MULTI_LABEL
                      ? "classifier, any number of labels a text"
                      : "classifier");
    add_base_name(out, f->model_dir);
    strbuf_printf(out,
                  ", fine-tuned with SFT Workbench %s on %.10s. Text longer than %lld tokens "
                  "is cut.\n",
                  SFT_VERSION, f->created, (long long)f->view->settings.max_length);
    add_use(out, m);
    add_figures(out, f);
    add_labels(out, m);
    add_training(out, f);
}

static int write_card(const char *directory, const struct model *m, const struct result_facts *f,
                      struct err *err)
{
    char path[4096];
    struct strbuf card = {0};
    result_card(&card, m, f);
    int rc = -1;
    if (card.failed)
        err_set(err, ERR_NOMEM, "out of memory for the model card");
    else if (!file_join(path, sizeof path, directory, "README.md", err))
        rc = file_write(path, card.text, card.length, err);
    strbuf_clear(&card);
    return rc;
}

static int fill(const char *directory, struct model *m, const struct tokenizer *t,
                const struct result_facts *f, char weights_sha256[65], struct err *err)
{
    if (model_export(m, directory, class_cannot_pool(m), weights_sha256, err) ||
        tokenizer_export(t, directory, err))
        return -1;
    return write_card(directory, m, f, err);
}

int result_write(const char *rundir, struct model *m, const struct tokenizer *t,
                 const struct result_facts *f, char weights_sha256[65], struct err *err)
{
    char path[4096], next[4096], aside[4096];
    if (file_join(path, sizeof path, rundir, "model", err) ||
        file_join(next, sizeof next, rundir, "model.next", err) || file_remove_tree(next, err) ||
        file_directory_begin(next, aside, sizeof aside, err))
        return -1;
    if (fill(aside, m, t, f, weights_sha256, err) || file_directory_commit(next, aside, err)) {
        file_remove_tree(aside, NULL);
        return err_wrap(err, "writing the model");
    }
    if (file_remove_tree(path, err))
        return -1;
    return rename(next, path) ? err_errno(err, "cannot rename '%s'", next) : 0;
}
