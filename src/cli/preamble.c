#include "cli/preamble.h"

#include "engine/base/json.h"
#include "engine/train/settings.h"

#include <inttypes.h>
#include <string.h>

/* 22 713 600 as "22.7 M". */
static const char *short_count(char out[32], uint64_t n)
{
    if (n >= 1000000)
        snprintf(out, 32, "%.1f M", (double)n / 1e6);
    else
        snprintf(out, 32, "%" PRIu64, n);
    return out;
}

static void print_model(FILE *f, const struct preamble *p)
{
    char all[32], trained[32], new[32];
    const struct trainer_view *v = p->view;
    fprintf(f, "model     %s: %s parameters, %s trained, %s new\n", p->model_dir,
            short_count(all, v->params), short_count(trained, v->params_trained),
            short_count(new, v->params_new));
    if (v->kernels[0])
        fprintf(f, "kernels   %s\n", v->kernels);
}

static void print_values(FILE *f, const struct dataset *d)
{
    struct value_summary v;
    gate_values(d, SPLIT_TRAIN, &v);
    fprintf(f, "values    %.6g to %.6g in train, mean %.6g, standard deviation %.4g\n", v.least,
            v.most, v.mean, v.deviation);
}

static void print_rows(FILE *f, const struct preamble *p)
{
    const struct dataset *d = p->dataset;
    bool values = dataset_problem(d) == PROBLEM_REGRESSION;
    fprintf(f, "rows      %zu train, %zu validation, %zu test", dataset_split_rows(d, SPLIT_TRAIN),
            dataset_split_rows(d, SPLIT_VALIDATION), dataset_split_rows(d, SPLIT_TEST));
    if (!values)
        fprintf(f, "; %zu labels", dataset_labels(d));
    fputs("\n", f);
    if (*dataset_ground(d) && p->view->state == TRAINER_IDLE) /* a run tells it in a note */
        fprintf(f, "problem   %s: %s\n", problem_name(dataset_problem(d)), dataset_ground(d));
    if (values) {
        print_values(f, d);
        return;
    }
    size_t fewest = SIZE_MAX, most = 0;
    int32_t rare = 0, common = 0;
    for (size_t k = 0; k < dataset_labels(d); k++) {
        size_t n = dataset_label_rows(d, (int32_t)k, SPLIT_TRAIN);
        if (n < fewest)
            fewest = n, rare = (int32_t)k;
        if (n > most)
            most = n, common = (int32_t)k;
    }
    fprintf(f, "labels    %zu to %zu train rows each, fewest '%s', most '%s'\n", fewest, most,
            dataset_label(d, rare), dataset_label(d, common));
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void print_tokens(FILE *f, const struct preamble *p)
{
    const struct gate *g = p->gate;
    size_t rows = dataset_rows(p->dataset);
    fprintf(f,
            "tokens    %zu to %zu a row, median %zu, 95 %% up to %zu; %zu row%s (%.1f %%) cut at "
            "%zu\n",
            g->shortest, g->longest, g->median, g->p95, p->encoded->truncated,
            plural(p->encoded->truncated),
            rows ? 100.0 * (double)p->encoded->truncated / (double)rows : 0.0,
            p->encoded->max_length);
}

static void print_findings(FILE *f, const struct preamble *p)
{
    for (enum finding_kind k = 0; k < FINDING_KINDS; k++) {
        const struct finding *x = &p->gate->findings[k];
        struct example e;
        if (!x->count || k == FINDING_TRUNCATED)
            continue;
        dataset_get(p->dataset, x->rows[0], &e);
        fprintf(f, "note      %zu row%s: %s; the first is %s:%u\n", x->count, plural(x->count),
                finding_name(k, dataset_problem(p->dataset)),
                dataset_row_path(p->dataset, x->rows[0]), e.line);
    }
}

static void print_plan(FILE *f, const struct preamble *p)
{
    const struct settings *s = &p->view->settings;
    int64_t budget = s->max_tokens_per_batch, each = budget ? budget : s->batch_size;
    each *= s->gradient_accumulation_steps;
    fprintf(f, "plan      %" PRId64 " step%s (%.4g epoch%s) of %s%" PRId64 " %s%s",
            p->view->total_steps, plural((size_t)p->view->total_steps), p->view->epochs,
            p->view->epochs == 1 ? "" : "s", budget ? "up to " : "", each,
            budget ? "token" : "example", plural((size_t)each));
    for (size_t i = 0; i < settings_count(); i++) {
        static const char *const shown[] = {"tune", "learning_rate", "lr_scheduler_type",
                                            "pooling"};
        char value[SETTING_TEXT_SIZE];
        const struct setting *at = settings_at(i);
        bool show = !settings_is_default(s, at) && strcmp(at->name, "epochs") &&
                    strcmp(at->name, "batch_size") && strcmp(at->name, "max_steps");
        for (size_t j = 0; j < sizeof shown / sizeof shown[0]; j++)
            show = show || !strcmp(at->name, shown[j]);
        settings_format(s, at, value, sizeof value);
        if (show)
            fprintf(f, ", %s %s", at->name, value);
    }
    fprintf(f, "\nrun       %s\n", p->rundir);
}

void preamble_print(FILE *f, const struct preamble *p)
{
    print_model(f, p);
    print_rows(f, p);
    print_tokens(f, p);
    print_findings(f, p);
    print_plan(f, p);
    fflush(f);
}
