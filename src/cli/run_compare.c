/* run_compare.c - `sft runs compare`: what two runs set differently, and which rows the second gets
 * right that the first got wrong.
 *
 * Rows can only be matched when both runs evaluated the same ones: the same file by its SHA-256 (of
 * a lone training file also the same split_seed), the same rows of it, the same labels. Rows of a
 * file of their own are numbered from its first, since what stands before it may differ. */
#include "cli/cli.h"
#include "cli/run_summary.h"

#include <inttypes.h>
#include <string.h>

struct matched {
    bool there;
    char why_not[160];
    int64_t step[2];
    size_t rows, both_right, both_wrong, fixed, broken;
};

static bool same_source(const struct run_info *a, const struct run_info *b, enum split split)
{
    bool own = a->files[split][0] != '\0';
    if (own != (b->files[split][0] != '\0'))
        return false;
    enum split holds = own ? split : SPLIT_TRAIN;
    return !strcmp(a->sha256[holds], b->sha256[holds]) &&
           (own || a->settings.split_seed == b->settings.split_seed);
}

static bool same_rows(const struct evaluation *a, const struct evaluation *b, bool own_file)
{
    if (a->rows != b->rows || a->labels != b->labels || a->problem != b->problem)
        return false;
    uint32_t base_a = own_file && a->rows ? a->row[0] : 0,
             base_b = own_file && b->rows ? b->row[0] : 0;
    for (size_t i = 0; i < a->rows; i++)
        if (a->row[i] - base_a != b->row[i] - base_b || !evaluation_same_target(a, b, i))
            return false;
    return true;
}

static void count(const struct evaluation *a, const struct evaluation *b, struct matched *m)
{
    m->there = true;
    m->rows = a->rows;
    m->step[0] = a->step, m->step[1] = b->step;
    for (size_t i = 0; i < a->rows; i++) {
        bool right_a = evaluation_right(a, i), right_b = evaluation_right(b, i);
        m->both_right += right_a && right_b;
        m->both_wrong += !right_a && !right_b;
        m->fixed += !right_a && right_b;
        m->broken += right_a && !right_b;
    }
}

static int read_newest(const struct run_summary *s, enum split split, struct evaluation *out,
                       struct err *err)
{
    struct history *h = history_open(s->info.path, err);
    if (!h)
        return -1;
    int rc = history_evaluation(h, -1, split, out, err);
    history_close(h);
    return rc;
}

static void match(const struct run_summary *a, const struct run_summary *b, enum split split,
                  struct matched *m)
{
    struct evaluation of_a, of_b;
    struct err err;
    memset(m, 0, sizeof *m);
    memset(&of_a, 0, sizeof of_a);
    memset(&of_b, 0, sizeof of_b);
    if (!same_source(&a->info, &b->info, split))
        snprintf(m->why_not, sizeof m->why_not, "the runs took them from different data");
    else if (read_newest(a, split, &of_a, &err) || read_newest(b, split, &of_b, &err))
        snprintf(m->why_not, sizeof m->why_not, "not evaluated by both runs");
    else if (!same_rows(&of_a, &of_b, a->info.files[split][0] != '\0'))
        snprintf(m->why_not, sizeof m->why_not, "the rows or labels are not the same");
    else if (of_a.problem == PROBLEM_REGRESSION)
        snprintf(m->why_not, sizeof m->why_not, "a value is not right or wrong; see the figures");
    else
        count(&of_a, &of_b, m);
    evaluation_clear(&of_a);
    evaluation_clear(&of_b);
}

/* ---- text ---- */

/* `first` is the width of the first run's column. */
static void row(size_t first, const char *name, const char *a, const char *b)
{
    fputs("  ", stdout);
    cli_print_padded(stdout, name, 28);
    cli_print_padded(stdout, a, first);
    printf("  %s\n", b);
}

static void show_score(size_t first, const char *split, enum problem p, bool there_a, double a,
                       enum problem q, bool there_b, double b)
{
    char text_a[64], text_b[64], name[64];
    enum metric k = metric_first(p);
    bool same = k == metric_first(q);
    run_format_share(text_a, sizeof text_a, there_a, a);
    run_format_share(text_b, sizeof text_b, there_b && same, b);
    snprintf(name, sizeof name, "%s %s", split, metric_title(k));
    row(first, name, text_a, text_b);
}

static void show_match(enum split split, const struct matched *m)
{
    if (!m->there) {
        printf("\n%s rows cannot be matched: %s\n", split_name(split), m->why_not);
        return;
    }
    printf("\nthe same %zu %s rows (after step %" PRId64 " and %" PRId64 ")\n", m->rows,
           split_name(split), m->step[0], m->step[1]);
    printf("  %7zu right in both\n  %7zu wrong in both\n", m->both_right, m->both_wrong);
    printf("  %7zu fixed: wrong in the first, right in the second\n", m->fixed);
    printf("  %7zu broken: right in the first, wrong in the second\n", m->broken);
}

static bool differs(const struct run_summary *a, const struct run_summary *b, size_t i,
                    char text[2][SETTING_TEXT_SIZE])
{
    settings_format(&a->info.settings, settings_at(i), text[0], SETTING_TEXT_SIZE);
    settings_format(&b->info.settings, settings_at(i), text[1], SETTING_TEXT_SIZE);
    return strcmp(text[0], text[1]) != 0;
}

static void show_settings(size_t first, const struct run_summary *a, const struct run_summary *b)
{
    char text[2][SETTING_TEXT_SIZE];
    bool any = false;
    puts("\nsettings that differ");
    for (size_t i = 0; i < settings_count(); i++)
        if (differs(a, b, i, text)) {
            row(first, settings_at(i)->name, text[0], text[1]);
            any = true;
        }
    if (!any)
        puts("  none");
}

static void show(const struct run_summary *a, const struct run_summary *b)
{
    const struct run_result *x = &a->result, *y = &b->result;
    char took[2][32];
    size_t first = cli_width(a->name) > 16 ? cli_width(a->name) : 16;
    cli_format_duration(took[0], sizeof took[0], x->seconds);
    cli_format_duration(took[1], sizeof took[1], y->seconds);
    row(first, "", a->name, b->name);
    row(first, "state", a->state, b->state);
    row(first, "time", took[0], took[1]);
    show_score(first, "validation", x->problem, x->has_validation, x->validation_score, y->problem,
               y->has_validation, y->validation_score);
    show_score(first, "test", x->problem, x->has_test, x->test_score, y->problem, y->has_test,
               y->test_score);
    if (strcmp(a->info.model, b->info.model))
        row(first, "model", a->info.model, b->info.model);
    if (strcmp(a->info.kernel_set, b->info.kernel_set))
        row(first, "kernels", a->info.kernel_set, b->info.kernel_set);
    show_settings(first, a, b);
}

/* ---- JSON ---- */

static void write_match(const struct matched *m, struct json_writer *w)
{
    const struct {
        const char *key;
        size_t value;
    } counts[] = {{"rows", m->rows},
                  {"both_right", m->both_right},
                  {"both_wrong", m->both_wrong},
                  {"fixed", m->fixed},
                  {"broken", m->broken}};
    if (!m->there) {
        json_null(w);
        return;
    }
    json_open(w, '{');
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key(w, counts[i].key);
        json_int(w, (int64_t)counts[i].value);
    }
    json_key(w, "steps");
    json_open(w, '[');
    json_int(w, m->step[0]);
    json_int(w, m->step[1]);
    json_close(w, ']');
    json_close(w, '}');
}

static int show_json(const struct run_summary *a, const struct run_summary *b,
                     const struct matched *validation, const struct matched *test, struct err *err)
{
    const struct run_summary *const runs[] = {a, b};
    char text[2][SETTING_TEXT_SIZE];
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "runs");
    json_open(&w, '[');
    for (int k = 0; k < 2; k++) {
        json_open(&w, '{');
        run_summary_json(runs[k], &w);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "settings");
    json_open(&w, '{');
    for (size_t i = 0; i < settings_count(); i++) {
        if (!differs(a, b, i, text))
            continue;
        json_key(&w, settings_at(i)->name);
        json_open(&w, '[');
        for (int k = 0; k < 2; k++)
            settings_value_to_json(&runs[k]->info.settings, settings_at(i), &w);
        json_close(&w, ']');
    }
    json_close(&w, '}');
    json_key(&w, "validation");
    write_match(validation, &w);
    json_key(&w, "test");
    write_match(test, &w);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

int run_compare(const struct run_summary *a, const struct run_summary *b, bool json,
                struct err *err)
{
    struct matched validation, test;
    match(a, b, SPLIT_VALIDATION, &validation);
    match(a, b, SPLIT_TEST, &test);
    if (json)
        return show_json(a, b, &validation, &test, err);
    show(a, b);
    show_match(SPLIT_VALIDATION, &validation);
    if (test.there)
        show_match(SPLIT_TEST, &test);
    return cli_flush("the comparison", err);
}
