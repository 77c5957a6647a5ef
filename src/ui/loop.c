#include "ui/loop.h"

#include "engine/base/clock.h"
#include "ui/keys.h"
#include "ui/svg.h"
#include "ui/term.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct loop {
    struct app *app;
    struct canvas *canvas;
    bool hung_up; /* the terminal is gone */
};

static int draw(struct loop *l, struct err *err)
{
    int w = term_width(), h = term_height();
    if ((w != canvas_width(l->canvas) || h != canvas_height(l->canvas)) &&
        canvas_resize(l->canvas, w, h, err))
        return -1;
    app_draw(l->app, l->canvas);
    term_present(l->canvas);
    return 0;
}

/* All keys that wait; true when the size changed. */
static bool take_keys(struct loop *l)
{
    uint32_t key;
    bool resized = false;
    while ((key = term_key()) != KEYCODE_NONE) {
        if (key == KEYCODE_RESIZE)
            resized = true;
        else
            app_key(l->app, key);
    }
    return resized;
}

static bool take_wishes(struct loop *l)
{
    bool again = false;
    if (app_take_wish(l->app, APP_WISH_SUSPEND)) {
        term_suspend();
        again = true;
    }
    if (app_take_wish(l->app, APP_WISH_REDRAW)) {
        term_forget();
        again = true;
    }
    if (app_take_wish(l->app, APP_WISH_THEME)) {
        term_toggle_theme();
        again = true;
    }
    return again;
}

/* One sleep and what woke us. True when the user leaves. */
static bool turn(struct loop *l, bool *redraw)
{
    struct pollfd fds[] = {{.fd = term_input_fd(), .events = POLLIN},
                           {.fd = term_signal_fd(), .events = POLLIN},
                           {.fd = app_jobs_fd(l->app), .events = POLLIN}};
    int woken = poll(fds, 3, app_wait_ms(l->app));
    if (woken > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)))
        l->hung_up = true;
    if (woken > 0 && fds[1].revents) {
        if (term_signals())
            return true;
        *redraw = true;
    }
    if (woken > 0 && fds[0].revents)
        *redraw |= take_keys(l);
    app_tick(l->app, clock_monotonic());
    *redraw |= take_wishes(l);
    return l->hung_up || app_take_wish(l->app, APP_WISH_QUIT);
}

static int run(struct loop *l, struct err *err)
{
    bool redraw = true;
    for (;;) {
        if ((redraw || app_is_dirty(l->app)) && draw(l, err))
            return -1;
        redraw = false;
        if (turn(l, &redraw))
            return 0;
    }
}

int loop_run(const struct app_spec *spec, struct err *err)
{
    struct loop l = {0};
    if (term_open(err))
        return -1;
    int failed = -1;
    if ((l.canvas = canvas_create(term_width(), term_height(), term_glyph_level(), err)) &&
        (l.app = app_create(spec, err)))
        failed = run(&l, err);
    const char *dump = getenv("SFT_DUMP_SVG");
    if (!failed && dump && *dump)
        failed = svg_write(dump, l.canvas, theme_detect(), err);
    app_destroy(l.app); /* stops and saves; the last frame stays on the screen meanwhile */
    canvas_destroy(l.canvas);
    term_close();
    return failed;
}
