#include "ui/train_events.h"

#include "ui/widget.h"

#include <stdio.h>
#include <string.h>

static enum role state_text(const struct session *s, const struct record *rec, char *out,
                            size_t size)
{
    const struct trainer_view *v = &s->run.view;
    enum trainer_state from = rec->as.state.from, to = rec->as.state.to;
    switch (to) {
    case TRAINER_RUNNING:
        if (from == TRAINER_EVALUATING)
            return ROLE_COUNT; /* the evaluation has a line of its own */
        if (from == TRAINER_PAUSED)
            snprintf(out, size, "goes on");
        else if (v->rows[SPLIT_TRAIN])
            snprintf(
                out, size,
                "started: %llu train, %llu validation, %llu test rows; %.4g epochs, %lld steps",
                (unsigned long long)v->rows[SPLIT_TRAIN],
                (unsigned long long)v->rows[SPLIT_VALIDATION],
                (unsigned long long)v->rows[SPLIT_TEST], v->epochs, (long long)v->total_steps);
        else
            snprintf(out, size, "started");
        return ROLE_TEXT;
    case TRAINER_PAUSED:
        snprintf(out, size, "paused");
        return ROLE_WARN;
    case TRAINER_FINISHED:
        snprintf(out, size, "finished; the model is in %.400s/model", s->run.rundir);
        return ROLE_GOOD;
    case TRAINER_STOPPED:
        snprintf(out, size, "stopped; sft train --resume goes on from here");
        return ROLE_WARN;
    case TRAINER_FAILED:
        snprintf(out, size, "failed: %.400s", v->last_error.text);
        return ROLE_BAD;
    default:
        return ROLE_COUNT;
    }
}

static enum role evaluation_text(const struct record *rec, char *out, size_t size)
{
    const struct eval_sample *e = &rec->as.eval;
    char wrong[32] = "";
    if (e->problem != PROBLEM_REGRESSION) /* a value is never simply wrong */
        snprintf(wrong, sizeof wrong, ", %u/%u wrong", e->wrong, e->rows);
    int n = snprintf(out, size, "%s: loss %.4f", split_name(e->split), e->loss);
    for (int i = 0; i < 2; i++) {
        enum metric m = session_score(e->problem, i);
        bool only = m == METRIC_MACRO_F1 && e->problem != PROBLEM_MULTI_LABEL; /* no other F1 */
        const char *name = only ? "F1" : metric_title(m);
        n += snprintf(out + n, size - (size_t)n, ", %s %.4f", name, eval_figure(e, m));
    }
    snprintf(out + n, size - (size_t)n, "%s%s%s", wrong, e->best ? ", best" : "",
             e->by_hand ? ", asked for" : "");
    return e->best ? ROLE_GOOD : ROLE_TEXT;
}

/* A setting's value travels as a double; show it as the settings table would. */
static void setting_value(const struct setting *which, double value, char *out, size_t size)
{
    if (which->type == SETTING_ENUM) {
        size_t n = 0;
        while (which->choices[n])
            n++;
        snprintf(out, size, "%s",
                 value >= 0 && value < (double)n ? which->choices[(size_t)value] : "?");
    } else if (which->type == SETTING_BOOL) {
        snprintf(out, size, "%s", value != 0 ? "true" : "false");
    } else {
        snprintf(out, size, "%.10g", value);
    }
}

static enum role edit_text(const struct record *rec, const char *arrow, char *out, size_t size)
{
    char before[64], after[64];
    const struct edit_sample *e = &rec->as.edit;
    if (e->setting >= settings_count())
        return ROLE_COUNT;
    const struct setting *which = settings_at(e->setting);
    setting_value(which, e->before, before, sizeof before);
    setting_value(which, e->after, after, sizeof after);
    snprintf(out, size, "%s %s %s %s%s", which->name, before, arrow, after,
             e->command ? "" : "   replayed from the journal");
    return ROLE_MARK;
}

static enum role checkpoint_text(const struct record *rec, char *out, size_t size)
{
    static const char *const kinds[] = {[CHECKPOINT_SCHEDULED] = "checkpoint saved",
                                        [CHECKPOINT_BEST] = "best weights saved",
                                        [CHECKPOINT_STOP] = "checkpoint of the stop saved",
                                        [CHECKPOINT_FINAL] = "final weights saved"};
    enum checkpoint_kind kind = rec->as.checkpoint.kind;
    if ((size_t)kind >= sizeof kinds / sizeof kinds[0])
        return ROLE_COUNT;
    char bytes[16];
    format_count(bytes, sizeof bytes, (double)rec->as.checkpoint.size_bytes);
    snprintf(out, size, "%s, %sB", kinds[kind], bytes);
    return ROLE_DIM;
}

enum role train_event_text(const struct session *s, const struct record *rec, const char *arrow,
                           char *out, size_t size)
{
    switch (rec->kind) {
    case RECORD_STATE:
        return state_text(s, rec, out, size);
    case RECORD_EVAL:
        return evaluation_text(rec, out, size);
    case RECORD_EDIT:
        return edit_text(rec, arrow, out, size);
    case RECORD_CHECKPOINT:
        return checkpoint_text(rec, out, size);
    case RECORD_WARNING:
        snprintf(out, size, "%.*s", (int)sizeof rec->as.warning.text, rec->as.warning.text);
        return ROLE_WARN;
    case RECORD_ANSWER: /* what was done shows as its own event; a refusal shows here */
        if (!rec->as.answer.code)
            return ROLE_COUNT;
        snprintf(out, size, "refused: %.*s", (int)sizeof rec->as.answer.text, rec->as.answer.text);
        return ROLE_BAD;
    default:
        return ROLE_COUNT;
    }
}

size_t train_events_count(const struct session *s)
{
    char text[512];
    size_t n = 0;
    for (size_t i = 0; i < s->run.event_count; i++)
        n += train_event_text(s, &s->run.events[i], "", text, sizeof text) != ROLE_COUNT;
    return n;
}

void train_events_draw(struct canvas *c, struct rect r, const struct session *s, size_t back)
{
    char title[80], text[512];
    snprintf(title, sizeof title, back ? "events by step, %zu newer below" : "events by step",
             back);
    if (s->run.lost)
        snprintf(title, sizeof title, "events, %llu records lost: this screen was too slow",
                 (unsigned long long)s->run.lost);
    struct rect in = widget_panel(c, r, title, s->run.rundir, false);
    size_t skip = back;
    int y = in.y + in.h - 1;
    size_t total = train_events_count(s), room = in.h > 0 ? (size_t)in.h : 0;
    if (total < room) /* few lines stand at the top */
        y = in.y + (int)total - 1;
    for (size_t i = s->run.event_count; i > 0 && y >= in.y; i--) {
        const struct record *rec = &s->run.events[i - 1];
        enum role role = train_event_text(s, rec, canvas_glyph(c, GLYPH_ARROW), text, sizeof text);
        if (role == ROLE_COUNT || (skip && skip--))
            continue;
        canvas_printf(c, in.x, y, 7, ROLE_DIM, "%6lld", (long long)rec->step);
        canvas_text(c, in.x + 8, y, in.w - 8, role, text);
        y--;
    }
}
