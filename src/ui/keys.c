#include "ui/keys.h"

#include <stdio.h>
#include <utf8proc.h>

static const struct {
    uint32_t key;
    const char *name;
} names[] = {
    {KEYCODE_TAB, "Tab"},
    {KEYCODE_ENTER, "Enter"},
    {KEYCODE_ESC, "Esc"},
    {KEYCODE_SPACE, "Space"},
    {KEYCODE_UP, "Up"},
    {KEYCODE_DOWN, "Down"},
    {KEYCODE_LEFT, "Left"},
    {KEYCODE_RIGHT, "Right"},
    {KEYCODE_PAGE_UP, "PgUp"},
    {KEYCODE_PAGE_DOWN, "PgDn"},
    {KEYCODE_HOME, "Home"},
    {KEYCODE_END, "End"},
    {KEYCODE_DELETE, "Del"},
    {KEYCODE_BACKSPACE, "Backspace"},
    {KEYCODE_BACK_TAB, "Shift-Tab"},
    {KEYCODE_F1, "F1"},
    {KEYCODE_F2, "F2"},
    {KEYCODE_F3, "F3"},
    {KEYCODE_F4, "F4"},
    {KEYCODE_F12, "F12"},
};

const char *keycode_name(uint32_t key, char *buffer, size_t size)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].key == key)
            return names[i].name;
    if (key < 0x20) {
        snprintf(buffer, size, "^%c", (int)key + '@');
        return buffer;
    }
    utf8proc_uint8_t bytes[5] = {0};
    utf8proc_encode_char((utf8proc_int32_t)key, bytes);
    snprintf(buffer, size, "%s", (const char *)bytes);
    return buffer;
}
