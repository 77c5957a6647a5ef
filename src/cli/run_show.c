/* run_show.c - `sft runs show`: where a run came from, what was set, what was measured, what was
 * changed on the way, and what came out. */
#include "cli/cli.h"
#include "cli/run_summary.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { NAME_WIDTH = 28 };

static void line(const char *name, const char *value)
{
    fputs("  ", stdout);
    cli_print_padded(stdout, name, NAME_WIDTH);
    puts(value);
}

static void show_origin(const struct run_summary *s)
{
    char text[4300], took[32];
    cli_format_duration(took, sizeof took, s->result.seconds);
    printf("%s: %s, %s\n\n", s->name, s->state, took);
    line("model", s->info.model);
    for (enum split k = 0; k < SPLIT_COUNT; k++)
        if (s->info.files[k][0]) {
            snprintf(text, sizeof text, "%s  (SHA-256 %.12s...)", s->info.files[k],
                     s->info.sha256[k]);
            line(split_name(k), text);
        }
    snprintf(text, sizeof text, "%s by sft %s", s->info.created, s->info.version);
    line("made", text);
    line("CPU", s->info.cpu);
    line("kernels", s->info.kernel_set);
}

static void show_settings(const struct settings *s)
{
    bool any = false;
    puts("\nsettings that differ from the defaults");
    for (size_t i = 0; i < settings_count(); i++) {
        char value[SETTING_TEXT_SIZE];
        if (settings_is_default(s, settings_at(i)))
            continue;
        settings_format(s, settings_at(i), value, sizeof value);
        line(settings_at(i)->name, value);
        any = true;
    }
    if (!any)
        puts("  none");
}

/* The figures of a problem in columns; MSE is the loss. */
static bool is_column(enum metric k, enum problem p)
{
    return metric_serves(k, p) && k != METRIC_MSE;
}

static int column_width(enum metric k)
{
    size_t n = strlen(metric_title(k));
    return n > 9 ? (int)n : 9;
}

static void show_evaluations(const struct run_summary *s)
{
    enum problem p = s->info.settings.problem_type;
    bool any = false, values = p == PROBLEM_REGRESSION;
    p = p ? p : PROBLEM_SINGLE_LABEL;
    for (size_t i = 0; i < s->count; i++) {
        if (s->records[i].kind != RECORD_EVAL)
            continue;
        const struct eval_sample *e = &s->records[i].as.eval;
        if (!any) {
            printf("\n%10s  %-10s %7s %7s", "step", "rows of", "epoch", values ? "rows" : "wrong");
            for (enum metric k = 0; k < METRIC_COUNT; k++)
                if (is_column(k, p))
                    printf(" %*s", column_width(k), metric_title(k));
            puts("");
        }
        any = true;
        printf("%10" PRId64 "  %-10s %7.2f %7" PRIu32, s->records[i].step, split_name(e->split),
               e->epoch, values ? e->rows : e->wrong);
        for (enum metric k = 0; k < METRIC_COUNT; k++)
            if (is_column(k, p))
                printf(" %*.4f", column_width(k), eval_figure(e, k));
        printf("%s%s\n", e->best ? "  best" : "", e->by_hand ? "  asked for" : "");
    }
    if (!any)
        puts("\nnot evaluated yet");
}

static const char *edited(const struct edit_sample *e)
{
    return e->setting < settings_count() ? settings_at(e->setting)->name : "?";
}

static void show_edits(const struct run_summary *s)
{
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        if (s->records[i].kind != RECORD_EDIT)
            continue;
        const struct edit_sample *e = &s->records[i].as.edit;
        if (!any)
            puts("\nchanged while it ran");
        any = true;
        printf("  after step %-8" PRId64 " %s %g -> %g%s\n", s->records[i].step, edited(e),
               e->before, e->after, e->command ? "" : "  (again, after a resume)");
    }
}

static void show_warnings(const struct run_summary *s)
{
    bool any = false;
    for (size_t i = 0; i < s->count; i++) {
        if (s->records[i].kind != RECORD_WARNING)
            continue;
        if (!any)
            puts("\nnotices");
        any = true;
        printf("  %s\n", s->records[i].as.warning.text);
    }
}

static void show_split(const char *name, enum problem p, bool there, double score, double loss)
{
    char text[64];
    snprintf(text, sizeof text, "%s %.4f, loss %.4f", metric_title(metric_first(p)), score, loss);
    if (there)
        line(name, text);
}

static void show_result(const struct run_summary *s)
{
    const struct run_result *r = &s->result;
    char text[128];
    puts(s->has_result ? "\nresult" : "\nso far");
    snprintf(text, sizeof text, "%" PRId64 " steps, %.4g epochs, %" PRIu64 " tokens, %.0f a second",
             r->steps, r->epochs, r->tokens, r->tokens_per_second);
    line("trained", text);
    snprintf(text, sizeof text, "%.4f", r->train_loss);
    if (!isnan(r->train_loss))
        line("train loss, last epoch", text);
    show_split("validation", r->problem, r->has_validation, r->validation_score,
               r->validation_loss);
    show_split("test", r->problem, r->has_test, r->test_score, r->test_loss);
    if (r->weights_sha256[0])
        line("weights, SHA-256", r->weights_sha256);
}

/* ---- JSON ---- */

static void json_number(struct json_writer *w, const char *key, double x)
{
    json_key(w, key);
    json_double(w, x);
}

static void json_count(struct json_writer *w, const char *key, int64_t x)
{
    json_key(w, key);
    json_int(w, x);
}

static void json_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_string(w, text);
}

static void json_flag(struct json_writer *w, const char *key, bool x)
{
    json_key(w, key);
    json_bool(w, x);
}

static void write_evaluation(const struct record *rec, struct json_writer *w)
{
    const struct eval_sample *e = &rec->as.eval;
    json_count(w, "id", e->id);
    json_count(w, "step", rec->step);
    json_text(w, "split", split_name(e->split));
    json_number(w, "epoch", e->epoch);
    json_count(w, "rows", e->rows);
    json_count(w, "wrong", e->wrong);
    for (enum metric k = 0; k < METRIC_COUNT; k++)
        if (metric_serves(k, e->problem ? e->problem : PROBLEM_SINGLE_LABEL))
            json_number(w, metric_name(k), eval_figure(e, k));
    json_flag(w, "best", e->best);
    json_flag(w, "by_hand", e->by_hand);
}

static void write_edit(const struct record *rec, struct json_writer *w)
{
    const struct edit_sample *e = &rec->as.edit;
    json_count(w, "step", rec->step);
    json_text(w, "setting", edited(e));
    json_number(w, "before", e->before);
    json_number(w, "after", e->after);
    json_flag(w, "replayed", e->command == 0);
}

static void write_warning(const struct record *rec, struct json_writer *w)
{
    json_count(w, "step", rec->step);
    json_text(w, "text", rec->as.warning.text);
}

static void write_list(const struct run_summary *s, struct json_writer *w, const char *key,
                       enum record_kind kind,
                       void (*write)(const struct record *rec, struct json_writer *w))
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < s->count; i++) {
        if (s->records[i].kind != kind)
            continue;
        json_open(w, '{');
        write(&s->records[i], w);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static int show_json(const struct run_summary *s, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    run_summary_json(s, &w);
    json_text(&w, "version", s->info.version);
    json_text(&w, "cpu", s->info.cpu);
    json_text(&w, "kernel_set", s->info.kernel_set);
    json_key(&w, "settings");
    settings_to_json(&s->info.settings, &w);
    write_list(s, &w, "evaluations", RECORD_EVAL, write_evaluation);
    write_list(s, &w, "edits", RECORD_EDIT, write_edit);
    write_list(s, &w, "warnings", RECORD_WARNING, write_warning);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

int run_show(const struct run_summary *s, bool json, struct err *err)
{
    if (json)
        return show_json(s, err);
    show_origin(s);
    show_settings(&s->info.settings);
    show_evaluations(s);
    show_edits(s);
    show_warnings(s);
    show_result(s);
    return cli_flush("the run", err);
}
