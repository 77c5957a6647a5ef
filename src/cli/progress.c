#include "cli/progress.h"

#include "cli/cli.h"
#include "engine/base/clock.h"
#include "engine/train/settings.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TERMINAL_SECONDS 0.2
#define LOG_SECONDS      5.0

void progress_init(struct progress *p)
{
    *p = (struct progress){.terminal = isatty(STDERR_FILENO)};
    p->last = clock_monotonic();
}

static int columns(void)
{
    struct winsize w;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 1 ? w.ws_col - 1 : 79;
}

/* Spaces, not an escape sequence: any terminal understands them. */
void progress_clear(struct progress *p)
{
    if (!p->line_shown)
        return;
    fprintf(stderr, "\r%*s\r", columns(), "");
    fflush(stderr);
    p->line_shown = false;
}

static void show_line(struct progress *p, const char *line)
{
    int width = columns();
    if (p->terminal)
        fprintf(stderr, "\r%-*.*s", width, width, line);
    else
        fprintf(stderr, "%s\n", line);
    p->line_shown = p->terminal;
    fflush(stderr);
}

static void format_view(char *out, size_t size, const struct trainer_view *v)
{
    char left[32] = "";
    if (v->phase[0] || v->state == TRAINER_PREPARING) {
        snprintf(out, size, "%s", v->phase[0] ? v->phase : "preparing");
        return;
    }
    if (v->seconds_left >= 0)
        cli_format_duration(left, sizeof left, v->seconds_left);
    int n = snprintf(out, size, "step %lld/%lld  epoch %.2f", (long long)v->step,
                     (long long)v->total_steps, v->epoch);
    if (v->tokens_per_second > 0) /* else no step was done yet, since the start or a resume */
        n += snprintf(out + n, size - (size_t)n, "  loss %.4f  %.0f tokens/s", v->loss,
                      v->tokens_per_second);
    snprintf(out + n, size - (size_t)n, "%s%s%s%s", *left ? "  " : "", left, *left ? " left" : "",
             v->state == TRAINER_PAUSED ? "  paused" : "");
}

void progress_line(struct progress *p, const char *line)
{
    double now = clock_monotonic();
    if (now - p->last < (p->terminal ? TERMINAL_SECONDS : LOG_SECONDS))
        return;
    p->last = now;
    if (!p->terminal && !strcmp(line, p->shown))
        return; /* a log says a thing once */
    snprintf(p->shown, sizeof p->shown, "%s", line);
    show_line(p, line);
}

void progress_view(struct progress *p, const struct trainer_view *v)
{
    char line[sizeof p->shown];
    format_view(line, sizeof line, v);
    progress_line(p, line);
}

static void record_eval(const struct record *r)
{
    const struct eval_sample *e = &r->as.eval;
    fprintf(stderr, "%s after step %lld (epoch %.2f): ", split_name(e->split), (long long)r->step,
            e->epoch);
    for (enum metric k = 0; k < METRIC_COUNT; k++)
        if (metric_serves(k, e->problem ? e->problem : PROBLEM_SINGLE_LABEL) && k != METRIC_MCC &&
            k != METRIC_MSE) /* MSE is the loss */
            fprintf(stderr, "%s %.4f, ", metric_title(k), eval_figure(e, k));
    if (e->problem == PROBLEM_REGRESSION)
        fprintf(stderr, "%u rows", e->rows);
    else
        fprintf(stderr, "%u of %u wrong", e->wrong, e->rows);
    fprintf(stderr, "%s\n", e->best ? "  best so far" : "");
}

static void record_edit(const struct record *r)
{
    fprintf(stderr, "%s %g -> %g after step %lld\n", settings_at(r->as.edit.setting)->name,
            r->as.edit.before, r->as.edit.after, (long long)r->step);
}

void progress_record(struct progress *p, const struct record *r)
{
    if (r->kind != RECORD_EVAL && r->kind != RECORD_EDIT && r->kind != RECORD_WARNING)
        return;
    progress_clear(p);
    switch (r->kind) {
    case RECORD_EVAL:
        record_eval(r);
        break;
    case RECORD_EDIT:
        record_edit(r);
        break;
    default:
        fprintf(stderr, "note      %s\n", r->as.warning.text);
        break;
    }
    fflush(stderr);
}
