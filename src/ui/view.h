/* view.h - a screen is a table of functions.
 *
 * A view keeps a state of its own (cursor, filter, focus): values and indices, never pointers into
 * the session. The app calls open once, update when the session changed, draw when something must
 * be painted, action for every action of the table that is in this view, close at the end.
 *
 * draw is pure: from state and session to cells, for any area, so that tests compare text. Views do
 * not draw the title, tabs, prompt and hints; the app does. */
#ifndef VIEW_H
#define VIEW_H
#include "ui/actions.h"
#include "ui/app.h"
#include "ui/canvas.h"
#include "ui/session.h"

#include <stdbool.h>
#include <stddef.h>

enum handled { NOT_HANDLED, HANDLED };

struct view_ops;
struct view {
    const struct view_ops *ops;
    void *state;      /* state_size zeroed bytes, made and freed by the app */
    struct rect area; /* where it was last drawn, and on what: for pages and ends of texts */
    enum glyph_level level;
};

struct view_ops {
    const char *name;
    size_t state_size;
    int (*open)(struct view *v, struct app *a, struct err *err); /* may be NULL */
    /* The session changed. True when the view must be drawn again. */
    bool (*update)(struct view *v, struct app *a);
    void (*draw)(const struct view *v, const struct session *s, struct canvas *c, struct rect area);
    /* The screen is drawn again after every handled action. */
    enum handled (*action)(struct view *v, struct app *a, enum action act);
    /* May be NULL. A few words for the right end of the title line while no run goes on. */
    void (*summary)(const struct view *v, const struct session *s, char *out, size_t size);
    /* May be NULL. The hint line's word for an action now: the table's `hint`, another, or NULL to
     * leave it out because it would do nothing. */
    const char *(*hint)(const struct view *v, const struct session *s, enum action act,
                        const char *hint);
    void (*close)(struct view *v); /* may be NULL */
};

extern const struct view_ops view_data, view_settings, view_train, view_errors, view_help;

#endif
