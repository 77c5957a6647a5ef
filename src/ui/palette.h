/* palette.h - `:` - every action of the view by name, narrowed by typing. */
#ifndef PALETTE_H
#define PALETTE_H
#include "ui/actions.h"
#include "ui/canvas.h"
#include "ui/input.h"
#include "ui/widget.h"

struct palette {
    bool open;
    enum view_id view;
    struct input input;
    struct scroll scroll;
    enum action found[ACTION_COUNT];
};
void palette_open(struct palette *p, enum view_id view);
/* The action chosen by Enter, else ACTION_NONE; Esc closes. */
enum action palette_key(struct palette *p, uint32_t key);
void palette_draw(struct canvas *c, struct rect area, const struct palette *p);

#endif
