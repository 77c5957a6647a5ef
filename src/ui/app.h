/* app.h - the frame around the views: which one has the screen, the lines above and below it,
 * prompts, and every change to the session.
 *
 * Nothing here knows a terminal: keys come in by app_key, the screen goes out by app_draw, time and
 * wake-ups by app_tick. The loop (loop.h) joins it to term.h; tests drive it directly. All calls
 * are the UI thread's. Requests of views return at once; what takes time runs on the jobs thread or
 * in the trainer and comes back as a change of the session. */
#ifndef APP_H
#define APP_H
#include "engine/base/err.h"
#include "engine/train/control.h"
#include "ui/actions.h"
#include "ui/canvas.h"
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;
struct view;

/* ---- for views ---- */
const struct session *app_session(const struct app *a);
void app_show(struct app *a, enum view_id v);
enum view_id app_view_before_help(const struct app *a);
/* Show a row of the data set in the Data view. */
void app_show_row(struct app *a, size_t row);

/* A message in place of the hints, until the next key. */
void app_say(struct app *a, enum role role, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void app_say_err(struct app *a, const struct err *err);

/* A line of text typed below the view. Enter runs `done` and closes the prompt when it returns 0;
 * when it returns -1 the error stands beside the text and the prompt stays. Esc closes it
 * (`cancelled`, may be NULL). `typed` (may be NULL) runs after every change; it may fill *err to
 * show why the text will be refused. The struct is copied; label's text is kept by copy, too. */
struct app_prompt {
    char label[96];
    char initial[SETTING_TEXT_SIZE];
    int (*done)(struct view *v, struct app *a, const char *text, struct err *err);
    int (*typed)(struct view *v, struct app *a, const char *text, struct err *err);
    void (*cancelled)(struct view *v, struct app *a);
};
void app_prompt(struct app *a, const struct app_prompt *p);
/* A question; only `y` is yes, everything else is no. */
void app_confirm(struct app *a, const char *question, void (*yes)(struct view *v, struct app *a));

/* Settings. The text as typed; the error says why it was refused. Also resolves. */
int app_setting_set(struct app *a, const struct setting *which, const char *text, struct err *err);
int app_setting_undo(struct app *a, struct err *err);
/* Post what is staged to the running training; the answers come as events and messages. */
int app_settings_apply(struct app *a, struct err *err);

/* The run. */
int app_run_start(struct app *a, struct err *err);
bool app_run_take_back(struct app *a); /* a start that waits for the data; false: there is none */
int app_run_post(struct app *a, enum command_kind kind, struct err *err);
/* Evaluate the finished run's model on the test rows, once: the run is resumed for that. */
int app_run_test(struct app *a, struct err *err);
/* Post one live setting to the running training (and into the edited settings). */
int app_run_set(struct app *a, const struct setting *which, const char *text, struct err *err);

/* Show only matching rows in Data; "" ends the search. Asynchronous: session->search. */
void app_search(struct app *a, const char *query);

/* ---- for the loop and for tests ---- */
struct app_spec {
    const char *model_dir, *rundir, *workspace; /* NULL: not given */
    const struct dataset_spec *data;            /* NULL, or with files; strings are copied */
    const struct settings *settings;            /* NULL: defaults */
};
struct app *app_create(const struct app_spec *spec, struct err *err);
/* Stops and saves a run of ours that still goes on. NULL is fine. */
void app_destroy(struct app *a);

void app_key(struct app *a, uint32_t key);
void app_act(struct app *a, enum action act);
/* Collect finished jobs, records and the snapshot. `now` in seconds, monotonic. */
void app_tick(struct app *a, double now);
/* Must the screen be drawn again? Cleared by app_draw. */
bool app_is_dirty(const struct app *a);
void app_draw(struct app *a, struct canvas *c);

int app_jobs_fd(const struct app *a);
/* Milliseconds until the next app_tick is due; -1: only when something wakes us. */
int app_wait_ms(const struct app *a);

/* What the app asks of the loop; each is true once. */
enum app_wish { APP_WISH_QUIT, APP_WISH_SUSPEND, APP_WISH_REDRAW, APP_WISH_THEME };
bool app_take_wish(struct app *a, enum app_wish w);

/* Smallest screen the views are drawn on. */
#define APP_MIN_WIDTH  40
#define APP_MIN_HEIGHT 10

#endif
