/* app_settings.c - every change of a setting goes through here: checked, remembered for undo,
 * resolved. */
#include "ui/app_state.h"

#include <stdio.h>
#include <string.h>

static void remember(struct app *a)
{
    if (a->undo_count == APP_UNDO_MAX) {
        memmove(a->undo, a->undo + 1, (APP_UNDO_MAX - 1) * sizeof a->undo[0]);
        a->undo_count--;
    }
    a->undo[a->undo_count++] = a->session.settings;
}

/* What was made with the old values is made again. */
static void follow_change(struct app *a, const struct settings *before)
{
    struct session *s = &a->session;
    session_resolve(s);
    bool split = s->spec.split_lone_train && before->split_seed != s->settings.split_seed;
    bool problem = s->load != LOAD_NOTHING && before->problem_type != s->settings.problem_type;
    if ((split || problem) && !session_run_is_active(s))
        app_load_data(a);
    else if (before->max_length != s->settings.max_length)
        app_load_tokens(a);
    app_load_estimate(a); /* while data are loaded anew there is none */
}

int app_setting_set(struct app *a, const struct setting *which, const char *text, struct err *err)
{
    struct settings edited = a->session.settings, before = edited;
    if (settings_parse(&edited, which->name, text, err))
        return -1;
    if (!memcmp(&edited, &before, sizeof edited))
        return 0;
    remember(a);
    a->session.settings = edited;
    follow_change(a, &before);
    return 0;
}

int app_setting_undo(struct app *a, struct err *err)
{
    struct settings before = a->session.settings;
    if (!a->undo_count)
        return err_set(err, ERR_USAGE, "nothing to undo");
    a->session.settings = a->undo[--a->undo_count];
    follow_change(a, &before);
    return 0;
}

static int post_setting(struct app *a, const struct setting *which, const char *text,
                        struct err *err)
{
    struct command cmd = {.kind = COMMAND_SET};
    snprintf(cmd.setting, sizeof cmd.setting, "%s", which->name);
    snprintf(cmd.value, sizeof cmd.value, "%s", text);
    if (!a->control || !session_run_is_active(&a->session))
        return err_set(err, ERR_USAGE, "no training runs that could take %s", which->name);
    return control_post(a->control, &cmd, NULL, err);
}

int app_settings_apply(struct app *a, struct err *err)
{
    size_t posted = 0;
    for (size_t i = 0; i < settings_count(); i++) {
        char text[SETTING_TEXT_SIZE];
        const struct setting *which = settings_at(i);
        if (!session_setting_is_staged(&a->session, which))
            continue;
        settings_format(&a->session.resolved, which, text, sizeof text);
        if (post_setting(a, which, text, err))
            return -1;
        posted++;
    }
    if (!posted)
        return err_set(err, ERR_USAGE,
                       "nothing is staged: change a live setting while a training "
                       "runs, then apply");
    return 0;
}

int app_run_set(struct app *a, const struct setting *which, const char *text, struct err *err)
{
    struct settings in_force = a->session.run.view.settings;
    if (which->when != SETTING_LIVE)
        return err_set(err, ERR_USAGE,
                       "%s cannot change while a training runs; it counts from the "
                       "next run on",
                       which->name);
    if (settings_parse(&in_force, which->name, text, err) || post_setting(a, which, text, err))
        return -1;
    return app_setting_set(a, which, text, err);
}
