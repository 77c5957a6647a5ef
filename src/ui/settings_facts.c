#include "ui/settings_facts.h"

#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 12

bool settings_facts_known(const struct session *s)
{
    return s->run.kind != RUN_NONE && (s->run.view.labels || s->run.view.kernels[0]);
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

void settings_facts_draw(struct canvas *c, struct rect panel, const struct session *s)
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
