/* app_state.h - the app's own insides, shared by app.c (keys, prompts, views), app_load.c (data),
 * app_run.c (runs), app_settings.c and app_draw.c (the frame); nobody else includes it. */
#ifndef APP_STATE_H
#define APP_STATE_H
#include "engine/train/trainer.h"
#include "ui/app.h"
#include "ui/input.h"
#include "ui/jobs.h"
#include "ui/palette.h"
#include "ui/session_write.h"
#include "ui/view.h"
#include "ui/widget.h"

#include <stdlib.h>

#define APP_UNDO_MAX 64

/* What a job may still read after something newer took its place; freed when no job and no trainer
 * runs. */
struct retired {
    struct dataset *dataset;
    struct encoded *encoded;
    struct retired *next;
};

struct app {
    struct session session;
    struct jobs *jobs;
    struct view views[VIEW_COUNT]; /* ops NULL: there is no such view */
    enum view_id shown, shown_before_help;
    uint64_t seen[SESSION_PARTS]; /* what the shown view was last told of */
    bool dirty;
    bool too_small; /* the last frame had no room: only quitting is answered */
    bool wish[APP_WISH_THEME + 1];
    bool quitting; /* leave as soon as the run is saved */

    bool prompt_open;
    struct app_prompt prompt;
    struct input input;
    struct err prompt_err; /* text "": what is typed would be taken */

    bool confirm_open;
    char question[160];
    void (*confirmed)(struct view *v, struct app *a);

    struct palette palette;
    char message[512];
    enum role message_role;

    struct settings undo[APP_UNDO_MAX];
    size_t undo_count;

    struct trainer *trainer;      /* ours, or NULL */
    struct control *control;      /* of ours or of a watched run, or NULL */
    uint64_t last_seq;            /* newest record taken */
    bool start_when_read;         /* a start was asked for before the data were there */
    double next_poll;             /* of the ring, monotonic seconds */
    int64_t awaited[SPLIT_COUNT]; /* evaluation whose rows run.db does not have yet; 0: none */
    uint64_t search_job, tokens_job, estimate_job;
    struct pace pace; /* what the machine reaches, for estimates */
    struct retired *retired;
};

/* app_load.c */
void app_set_load(struct app *a, enum load_state state);
void app_load_failed(struct app *a, const struct err *failed);
void app_load_data(struct app *a);   /* files to rows to tokens to findings, on the jobs thread */
void app_load_tokens(struct app *a); /* again with the max_length of now */
/* What a run with the settings of now would take; none while a run has the cores, or before the data
 * are there, which brings it then. */
void app_load_estimate(struct app *a);
void app_load_inspection(struct app *a, int64_t id, enum split split); /* id -1: the newest */
void app_ask_again(struct app *a); /* for the evaluations that were not written yet */
void app_forget_inspections(struct app *a);
void app_free_retired(struct app *a);

/* app_run.c */
int app_open_session(struct app *a, const struct app_spec *spec, struct err *err);
void app_poll_run(struct app *a);
void app_close_run(struct app *a);

/* Shared small things. */

/* Volatile figures (speed, time left, estimates) are left out, so that stored screens hold on every
 * machine. */
static inline bool app_is_frozen(void)
{
    const char *test = getenv("SFT_TEST_SCREEN");
    return test && *test == '1';
}

static inline struct view *app_view(struct app *a)
{
    return &a->views[a->shown];
}

#endif
