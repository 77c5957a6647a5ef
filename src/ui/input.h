/* input.h - one line of text being typed: UTF-8, edited by whole code points. */
#ifndef INPUT_H
#define INPUT_H
#include "ui/canvas.h"
#include "ui/keys.h"

#include <stdbool.h>

struct input {
    char text[512]; /* the longest setting fits */
    size_t cursor;  /* byte, at a code point's start */
};
void input_set(struct input *in, const char *text); /* the cursor goes to the end */
/* True when the key changed the text or the cursor. Printable keys insert; Left, Right, Home, End,
 * ^A, ^E, Backspace, Del, ^U (all before), ^W (the word before) edit. */
bool input_key(struct input *in, uint32_t key);
/* Shows the part around the cursor when there is more text than room. */
void input_draw(struct canvas *c, int x, int y, int width, const struct input *in);

#endif
