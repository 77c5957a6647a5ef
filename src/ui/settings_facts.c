#include "ui/settings_facts.h"

#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 12

static bool shows_estimate(const struct session *s)
{
    return s->estimated && !session_run_is_active(s);
}

bool settings_facts_known(const struct session *s)
{
    const struct trainer_view *v = &s->run.view;
    return shows_estimate(s) || (s->run.kind != RUN_NONE && (v->labels || v->kernels[0]));
}

static struct rect fact(struct canvas *c, struct rect r, const char *name, const char *value)
{
    canvas_text(c, r.x, r.y, r.h > 0 ? NAME_WIDTH - 1 : 0, ROLE_DIM, name);
    struct rect text = {r.x + NAME_WIDTH, r.y, r.w - NAME_WIDTH, r.h};
    int used = widget_wrap(c, text, ROLE_TEXT, value, strlen(value), 0);
    return rect_cut_top(r, used > 0 ? used : 1, &(struct rect){0});
}

static struct rect count_fact(struct canvas *c, struct rect r, const char *name, uint64_t n)
{
    char value[32];
    format_count(value, sizeof value, (double)n);
    return n ? fact(c, r, name, value) : r;
}

static void format_memory(char *out, size_t size, double bytes)
{
    if (bytes < 1e9)
        snprintf(out, size, "%.0f MB", bytes / 1e6);
    else
        snprintf(out, size, "%.1f GB", bytes / 1e9);
}

void settings_format_estimate(const struct session *s, char *out, size_t size)
{
    if (s->estimate.seconds < 1)
        snprintf(out, size, "under a second");
    else
        format_duration(out, size, s->estimate.seconds);
}

static void draw_estimate(struct canvas *c, struct rect panel, const struct session *s)
{
    const struct estimate *e = &s->estimate;
    char value[160];
    struct rect r = widget_panel(c, panel, "estimate", "next run", false);
    settings_format_estimate(s, value, sizeof value);
    r = fact(c, r, "time", value);
    format_memory(value, sizeof value, e->peak_bytes);
    r = fact(c, r, "memory", value);
    r = count_fact(c, r, "steps", (uint64_t)e->steps);
    snprintf(value, sizeof value, "%.3g s", e->step_seconds);
    r = fact(c, r, "  each", value);
    r = count_fact(c, r, "tokens", e->tokens);
    r = count_fact(c, r, "parameters", e->params);
    r = count_fact(c, r, "  trained", e->params_trained);
    r = count_fact(c, r, "  new", e->params_new);
    fact(c, r, "kernels", e->kernels);
}

static void draw_run(struct canvas *c, struct rect panel, const struct session *s)
{
    const struct trainer_view *v = &s->run.view;
    char value[128];
    struct rect r = widget_panel(c, panel, "this run", v->run_name, false);
    session_model_name(s, value, sizeof value);
    if (value[0])
        r = fact(c, r, "model", value);
    r = count_fact(c, r, "parameters", v->params);
    r = count_fact(c, r, "  trained", v->params_trained);
    r = count_fact(c, r, "  new", v->params_new);
    if (v->problem != PROBLEM_REGRESSION)
        r = count_fact(c, r, "labels", v->labels);
    for (int split = 0; split < SPLIT_COUNT; split++) {
        snprintf(value, sizeof value, "%s rows", split_name((enum split)split));
        value[NAME_WIDTH - 1] = '\0';
        r = count_fact(c, r, split == SPLIT_VALIDATION ? "valid. rows" : value, v->rows[split]);
    }
    r = count_fact(c, r, "steps", v->total_steps > 0 ? (uint64_t)v->total_steps : 0);
    if (v->kernels[0])
        fact(c, r, "kernels", v->kernels);
}

void settings_facts_draw(struct canvas *c, struct rect panel, const struct session *s)
{
    (shows_estimate(s) ? draw_estimate : draw_run)(c, panel, s);
}
