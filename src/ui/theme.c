#include "ui/theme.h"

#include <stdlib.h>
#include <string.h>

/* One row a role: the 256-colour index on a dark and on a light background, the nearest of the 8
 * basic colours (-1: the terminal's own), and what an SVG shows. Attributes hold with and without
 * colours; `plain` are those added when there is no colour to tell the role. */
enum attribute { BOLD = 1, DIM = 2, UNDERLINE = 4, REVERSE = 8 };

struct palette_row {
    short dark, light, basic;
    unsigned attributes, plain;
    const char *svg_dark, *svg_light;
};

/* The last row, which is no role, is the paper. */
static const struct palette_row palette[ROLE_COUNT + 1] = {
    [ROLE_TEXT] = {-1, -1, -1, 0, 0, "#d0d4d8", "#24292e"},
    [ROLE_DIM] = {245, 243, -1, 0, DIM, "#8a8f98", "#6a737d"},
    [ROLE_STRONG] = {255, 16, -1, BOLD, BOLD, "#ffffff", "#000000"},
    [ROLE_TITLE] = {252, 235, -1, BOLD, BOLD, "#e4e8ec", "#24292e"},
    [ROLE_BORDER] = {240, 250, -1, 0, DIM, "#4b5158", "#c0c5cb"},
    [ROLE_FOCUS] = {75, 26, 6, 0, BOLD, "#61afef", "#0550ae"},
    [ROLE_TAB] = {75, 26, 6, BOLD, BOLD, "#61afef", "#0550ae"},
    [ROLE_KEY] = {179, 94, 3, 0, BOLD, "#e5c07b", "#8a5a00"},
    [ROLE_SELECTED] = {-1, -1, -1, REVERSE, REVERSE, "#ffffff", "#000000"},
    [ROLE_CURSOR] = {-1, -1, -1, UNDERLINE, UNDERLINE, "#d0d4d8", "#24292e"},
    [ROLE_GOOD] = {114, 28, 2, 0, 0, "#98c379", "#1a7f37"},
    [ROLE_WARN] = {214, 130, 3, 0, BOLD, "#e5a03b", "#9a5a00"},
    [ROLE_BAD] = {203, 160, 1, BOLD, BOLD, "#e06c75", "#cf222e"},
    [ROLE_TRAIN] = {75, 26, 6, 0, 0, "#61afef", "#0550ae"},
    [ROLE_VALIDATION] = {214, 130, 3, 0, BOLD, "#e5a03b", "#bc4c00"},
    [ROLE_RATE] = {176, 90, 5, 0, 0, "#c678dd", "#8250df"},
    [ROLE_AXIS] = {245, 243, -1, 0, DIM, "#8a8f98", "#6a737d"},
    [ROLE_MARK] = {203, 160, 1, 0, BOLD, "#e06c75", "#cf222e"},
    [ROLE_BAR] = {67, 67, 4, 0, 0, "#5f87af", "#5f87af"},
    [ROLE_MATCH] = {221, 94, 3, UNDERLINE, UNDERLINE, "#ffd75f", "#875f00"},
    [ROLE_COUNT] = {-1, -1, -1, 0, 0, "#101418", "#ffffff"},
};

struct theme_style theme_style(enum theme_background background, int colors, enum role role)
{
    const struct palette_row *row = &palette[role];
    unsigned attributes = row->attributes;
    struct theme_style s = {.foreground = -1, .background = -1};
    if (colors >= 256)
        s.foreground = background == THEME_LIGHT ? row->light : row->dark;
    else if (colors >= 8)
        s.foreground = row->basic;
    if (s.foreground < 0)
        attributes |= row->plain;
    s.bold = attributes & BOLD;
    s.dim = attributes & DIM;
    s.underline = attributes & UNDERLINE;
    s.reverse = attributes & REVERSE;
    return s;
}

enum theme_background theme_detect(void)
{
    const char *wanted = getenv("SFT_THEME"), *fgbg = getenv("COLORFGBG");
    if (wanted && !strcmp(wanted, "light"))
        return THEME_LIGHT;
    if (wanted && !strcmp(wanted, "dark"))
        return THEME_DARK;
    const char *last = fgbg ? strrchr(fgbg, ';') : NULL;
    int background = last ? atoi(last + 1) : 0;
    return background == 7 || background == 15 ? THEME_LIGHT : THEME_DARK;
}

bool theme_is_colorless(void)
{
    const char *no = getenv("NO_COLOR");
    return no && *no;
}

const char *theme_svg_color(enum theme_background background, enum role role)
{
    return background == THEME_LIGHT ? palette[role].svg_light : palette[role].svg_dark;
}
