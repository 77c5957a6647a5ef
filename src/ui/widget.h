/* widget.h - the small things screens are made of: frames, bars, sparklines, lists, wrapped text.
 *
 * All pure: values in, cells out. Sizes may be anything, zero and negative too. */
#ifndef WIDGET_H
#define WIDGET_H
#include "ui/canvas.h"

#include <stdbool.h>
#include <stddef.h>

struct rect rect_inset(struct rect r, int by); /* never negative in size */
/* Cut r: the first `size` rows (columns) to *head, the rest is returned. */
struct rect rect_cut_top(struct rect r, int size, struct rect *head);
struct rect rect_cut_left(struct rect r, int size, struct rect *head);
struct rect rect_cut_bottom(struct rect r, int size, struct rect *foot);

/* A frame with a title in its top edge and (may be NULL) a note in its bottom edge. Returns the
 * room inside, one column of air left and right of the text included when r is wide enough. */
struct rect widget_panel(struct canvas *c, struct rect r, const char *title, const char *note,
                         bool focused);

/* A horizontal bar of value/most of `width` columns, in eighths where the level has them. */
void widget_bar(struct canvas *c, int x, int y, int width, enum role role, double value,
                double most);
/* One column per value, `height` rows high, the largest value filling them. */
void widget_histogram(struct canvas *c, struct rect r, enum role role, const double *values,
                      size_t n);

/* Word-wrapped text from r's top; returns rows used (at most r.h; the last one ends in an ellipsis
 * when there was more). skip: that many wrapped lines are left out first (scrolling). */
int widget_wrap(struct canvas *c, struct rect r, enum role role, const char *text, size_t n,
                size_t skip);
/* How many rows it would take. */
size_t widget_wrap_lines(const struct canvas *c, int width, const char *text, size_t n);

/* The arithmetic of a scrolling list. `cursor` in [0, count), `top` the first line shown. */
struct scroll {
    size_t count, cursor, top;
};
void scroll_set_count(struct scroll *s, size_t count); /* keeps the cursor where it can */
void scroll_move(struct scroll *s, long by);           /* clamped */
void scroll_to(struct scroll *s, size_t cursor);
/* The top that shows the cursor in `height` rows, moved as little as possible. Pure: what draw
 * uses; update() may store it. */
size_t scroll_top(const struct scroll *s, int height);
/* "▲" and "▼" at the right edge of r when there is more above, below. */
void widget_scroll_marks(struct canvas *c, struct rect r, const struct scroll *s, size_t top);

/* "1.2 k", "22.7 M" in at most 8 columns; "2e-05", "0.001": a setting's way; "0:16", "1:02:03". */
void format_count(char *out, size_t size, double n);
void format_rate(char *out, size_t size, double x);
void format_duration(char *out, size_t size, double seconds);

#endif
