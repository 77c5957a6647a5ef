#include "ui/input.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

void input_set(struct input *in, const char *text)
{
    snprintf(in->text, sizeof in->text, "%s", text);
    in->cursor = strlen(in->text);
}

static size_t before(const struct input *in, size_t at)
{
    if (at > 0)
        at--;
    while (at > 0 && ((unsigned char)in->text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

static size_t after(const struct input *in, size_t at)
{
    if (in->text[at])
        at++;
    while (((unsigned char)in->text[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static void erase_to(struct input *in, size_t from, size_t to)
{
    memmove(in->text + from, in->text + to, strlen(in->text + to) + 1);
    in->cursor = from;
}

static bool insert(struct input *in, uint32_t key)
{
    utf8proc_uint8_t bytes[4];
    size_t length = strlen(in->text);
    bool printable =
        key >= 0x20 && key < KEYCODE_FIRST && key != 0x7f && !(key >= 0x80 && key < 0xa0);
    if (!printable || !utf8proc_codepoint_valid((utf8proc_int32_t)key))
        return false;
    size_t n = (size_t)utf8proc_encode_char((utf8proc_int32_t)key, bytes);
    if (length + n >= sizeof in->text)
        return false;
    memmove(in->text + in->cursor + n, in->text + in->cursor, length - in->cursor + 1);
    memcpy(in->text + in->cursor, bytes, n);
    in->cursor += n;
    return true;
}

static size_t word_before(const struct input *in)
{
    size_t at = in->cursor;
    while (at > 0 && in->text[at - 1] == ' ')
        at--;
    while (at > 0 && in->text[at - 1] != ' ')
        at--;
    return at;
}

bool input_key(struct input *in, uint32_t key)
{
    switch (key) {
    case KEYCODE_LEFT:
        in->cursor = before(in, in->cursor);
        return true;
    case KEYCODE_RIGHT:
        in->cursor = after(in, in->cursor);
        return true;
    case KEYCODE_HOME:
    case KEYCODE_CTRL('a'):
        in->cursor = 0;
        return true;
    case KEYCODE_END:
    case KEYCODE_CTRL('e'):
        in->cursor = strlen(in->text);
        return true;
    case KEYCODE_BACKSPACE:
        erase_to(in, before(in, in->cursor), in->cursor);
        return true;
    case KEYCODE_DELETE:
        erase_to(in, in->cursor, after(in, in->cursor));
        return true;
    case KEYCODE_CTRL('u'):
        erase_to(in, 0, in->cursor);
        return true;
    case KEYCODE_CTRL('w'):
        erase_to(in, word_before(in), in->cursor);
        return true;
    default:
        return insert(in, key);
    }
}

void input_draw(struct canvas *c, int x, int y, int width, const struct input *in)
{
    size_t from = 0;
    if (width <= 0)
        return;
    while (from < in->cursor && canvas_text_width(c, in->text + from, in->cursor - from) >= width)
        from = after(in, from);
    canvas_text(c, x, y, width, ROLE_TEXT, in->text + from);
    int at = canvas_text_width(c, in->text + from, in->cursor - from);
    canvas_paint(c, (struct rect){x + at, y, 1, 1}, ROLE_SELECTED);
}
