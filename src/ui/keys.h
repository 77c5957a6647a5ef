/* keys.h - a key as the program sees it: a code point, or a number above all code points. */
#ifndef KEYS_H
#define KEYS_H
#include <stddef.h>
#include <stdint.h>

enum key_code {
    KEYCODE_NONE = 0,
    KEYCODE_TAB = '\t',
    KEYCODE_ENTER = '\r',
    KEYCODE_ESC = 0x1b,
    KEYCODE_SPACE = ' ',
    KEYCODE_FIRST = 0x110000,
    KEYCODE_UP = KEYCODE_FIRST,
    KEYCODE_DOWN,
    KEYCODE_LEFT,
    KEYCODE_RIGHT,
    KEYCODE_PAGE_UP,
    KEYCODE_PAGE_DOWN,
    KEYCODE_HOME,
    KEYCODE_END,
    KEYCODE_DELETE,
    KEYCODE_BACKSPACE,
    KEYCODE_BACK_TAB,
    KEYCODE_F1,
    KEYCODE_F2,
    KEYCODE_F3,
    KEYCODE_F4,
    KEYCODE_F12,
    KEYCODE_RESIZE,
};
#define KEYCODE_CTRL(letter) ((letter)&0x1f)

/* "Space", "Enter", "PgUp", "^L", "q": for hints, help and docs. */
const char *keycode_name(uint32_t key, char *buffer, size_t size);

#endif
