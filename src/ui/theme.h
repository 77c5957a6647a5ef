/* theme.h - roles to colours.
 *
 * Drawing code says what a cell means (its role), never how it looks. The theme says how each role
 * looks for the number of colours the terminal has and for a dark or a light background. Without
 * colours (NO_COLOR, a monochrome terminal) attributes are left: bold, dim, underline, reverse.
 * What a role means is always carried by the text, a glyph or a dash as well, never by colour
 * alone. */
#ifndef THEME_H
#define THEME_H
#include <stdbool.h>

enum role {
    ROLE_TEXT,       /* ordinary text */
    ROLE_DIM,        /* what may be overlooked: units, hints' words */
    ROLE_STRONG,     /* values that matter, the program's name */
    ROLE_TITLE,      /* a panel's title */
    ROLE_BORDER,     /* a panel's frame */
    ROLE_FOCUS,      /* the frame of the panel that has the keys */
    ROLE_TAB,        /* the chosen view in the tab line */
    ROLE_KEY,        /* a key in the hint line and in help */
    ROLE_SELECTED,   /* the line under the cursor of a focused list */
    ROLE_CURSOR,     /* the line under the cursor of a list without focus; a text field's cursor */
    ROLE_GOOD,       /* running, applied, best */
    ROLE_WARN,       /* findings, lost records, staged edits */
    ROLE_BAD,        /* errors, misclassified */
    ROLE_TRAIN,      /* the training series */
    ROLE_VALIDATION, /* the validation series */
    ROLE_RATE,       /* the learning rate */
    ROLE_AXIS,       /* ticks and their labels */
    ROLE_MARK,       /* where a setting was changed */
    ROLE_BAR,        /* bars and histograms */
    ROLE_MATCH,      /* what a search found */
    ROLE_COUNT
};

/* What a role looks like: indices into the terminal's palette, -1 the terminal's own colour. */
struct theme_style {
    short foreground, background;
    bool bold, dim, underline, reverse;
};

enum theme_background { THEME_DARK, THEME_LIGHT };

/* colors: how many the terminal has (0: none, then only attributes differ). */
struct theme_style theme_style(enum theme_background background, int colors, enum role role);

/* From SFT_THEME=dark|light, else COLORFGBG, else dark. */
enum theme_background theme_detect(void);
/* NO_COLOR set and not empty. */
bool theme_is_colorless(void);

/* A role as "#rrggbb", for a picture; ROLE_COUNT gives the paper. */
const char *theme_svg_color(enum theme_background background, enum role role);

#endif
