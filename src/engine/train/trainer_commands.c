#include "engine/train/trainer_internal.h"

#include <assert.h>
#include <string.h>

/* Move what is queued into `held`, so that a stop is seen at once though the rest waits for its
 * place between two steps. A full `held` leaves the queue to say ERR_BUSY to whoever posts. */
static void take_commands(struct trainer *t)
{
    while (t->held_count < COMMANDS_HELD) {
        struct held_command *h = &t->held[t->held_count];
        if (!control_queue_take(t->queue, &h->command, &h->number))
            break;
        if (h->command.kind != COMMAND_STOP) {
            t->held_count++;
            continue;
        }
        t->stopping = true;
        teller_answer(&t->teller, h->number, ERR_NONE, "stopping");
    }
    if (atomic_load(&t->stop_asked))
        t->stopping = true;
}

static bool look(void *arg, size_t done, size_t total)
{
    struct trainer *t = arg;
    enum trainer_state state = t->teller.view.state;
    if (total > 0 && (state == TRAINER_PREPARING || state == TRAINER_EVALUATING))
        teller_phase(&t->teller, "%s %zu %%",
                     state == TRAINER_PREPARING ? "features" : "evaluating", 100 * done / total);
    take_commands(t);
    return t->stopping;
}

struct watch trainer_watch(struct trainer *t)
{
    return (struct watch){look, t};
}

static double setting_number(const struct settings *s, const struct setting *which)
{
    const char *at = (const char *)s + which->offset;
    return which->type == SETTING_INT ? (double)*(const int64_t *)at : *(const double *)at;
}

int trainer_make_edit(struct trainer *t, const char *name, const char *text, struct record *rec,
                      struct err *err)
{
    const struct setting *which = settings_find(name);
    if (!which)
        return err_set(err, ERR_USAGE, "there is no setting '%.60s'", name);
    if (which->when != SETTING_LIVE)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s cannot change while a run goes on; start a new "
                       "run with it",
                       which->name);
    assert(which->type == SETTING_REAL || which->type == SETTING_INT);
    struct settings changed = t->settings;
    if (settings_parse(&changed, name, text, err) || settings_resolve(&changed, err))
        return -1;
    memset(rec, 0, sizeof *rec);
    rec->kind = RECORD_EDIT;
    rec->step = t->step;
    for (size_t i = 0; i < settings_count(); i++)
        if (settings_at(i) == which)
            rec->as.edit.setting = (uint32_t)i;
    rec->as.edit.before = setting_number(&t->settings, which);
    rec->as.edit.after = setting_number(&changed, which);
    return 0;
}

void trainer_apply_edit(struct trainer *t, const struct record *rec)
{
    const struct setting *which = settings_at(rec->as.edit.setting);
    char *at = (char *)&t->settings + which->offset;
    if (which->type == SETTING_INT)
        *(int64_t *)at = (int64_t)rec->as.edit.after;
    else
        *(double *)at = rec->as.edit.after;
    t->teller.view.settings = t->settings;
    teller_publish(&t->teller);
}

static int do_set(struct trainer *t, const struct held_command *h, struct err *err)
{
    struct record rec;
    (void)err; /* a refused edit, or one the disk did not take, leaves the run as it is */
    struct err refusal;
    if (trainer_make_edit(t, h->command.setting, h->command.value, &rec, &refusal)) {
        teller_answer(&t->teller, h->number, refusal.code, "%s", refusal.text);
        return 0;
    }
    rec.as.edit.command = h->number;
    if (teller_commit(&t->teller, &rec, &refusal)) {
        teller_answer(&t->teller, h->number, refusal.code, "not changed: %s", refusal.text);
        return 0;
    }
    trainer_apply_edit(t, &rec);
    teller_answer(&t->teller, h->number, ERR_NONE, "%s is %s from step %lld on", h->command.setting,
                  h->command.value, (long long)t->step + 1);
    return 0;
}

static int do_pause(struct trainer *t, const struct held_command *h, struct err *err)
{
    (void)err;
    if (!t->paused)
        teller_state(&t->teller, TRAINER_PAUSED);
    t->paused = true;
    teller_answer(&t->teller, h->number, ERR_NONE, "paused after step %lld", (long long)t->step);
    return 0;
}

static int do_resume(struct trainer *t, const struct held_command *h, struct err *err)
{
    (void)err;
    if (t->paused)
        teller_state(&t->teller, TRAINER_RUNNING);
    t->paused = false;
    teller_answer(&t->teller, h->number, ERR_NONE, "running");
    return 0;
}

static int do_evaluate(struct trainer *t, const struct held_command *h, struct err *err)
{
    if (!dataset_split_rows(t->dataset, SPLIT_VALIDATION)) {
        teller_answer(&t->teller, h->number, ERR_UNSUPPORTED,
                      "the run has no validation rows; give --validation");
        return 0;
    }
    struct err why;
    if (trainer_evaluate(t, true, &why)) {
        teller_answer(&t->teller, h->number, why.code, "%s", why.text);
        if (why.code == ERR_CANCELLED)
            return 0;
        *err = why;
        return -1;
    }
    teller_answer(&t->teller, h->number, ERR_NONE, "evaluated after step %lld", (long long)t->step);
    return 0;
}

static int carry_out(struct trainer *t, const struct held_command *h, struct err *err)
{
    static int (*const table[])(struct trainer *, const struct held_command *, struct err *) = {
        [COMMAND_PAUSE] = do_pause,
        [COMMAND_RESUME] = do_resume,
        [COMMAND_EVALUATE] = do_evaluate,
        [COMMAND_SET] = do_set,
    };
    size_t kind = (size_t)h->command.kind;
    if (kind >= sizeof table / sizeof table[0] || !table[kind]) {
        teller_answer(&t->teller, h->number, ERR_UNSUPPORTED, "no such command");
        return 0;
    }
    return table[kind](t, h, err);
}

/* Edits of an earlier attempt that belong here. */
static void replay(struct trainer *t)
{
    struct record rec;
    while (journal_due(&t->journal, t->step, &rec)) {
        rec.as.edit.command = 0;
        ring_push(t->teller.ring, &rec);
        trainer_apply_edit(t, &rec);
    }
}

int trainer_obey(struct trainer *t, struct err *err)
{
    replay(t);
    for (;;) {
        take_commands(t);
        for (size_t i = 0; i < t->held_count && !t->stopping; i++)
            if (carry_out(t, &t->held[i], err))
                return -1;
        t->held_count = 0;
        if (!t->paused || t->stopping)
            return 0;
        control_queue_wait(t->queue, 100);
    }
}
