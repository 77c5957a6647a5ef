#include "engine/text/byte_level.h"

/* 0x21..0x7e, 0xa1..0xac and 0xae..0xff are themselves; the 68 others count up from 0x100:
 * 0x00..0x20, 0x7f..0xa0 and 0xad. */
static uint32_t letter(unsigned char byte)
{
    if (byte <= 0x20)
        return 0x100u + byte;
    if (byte >= 0x7f && byte <= 0xa0)
        return 0x121u + byte - 0x7f;
    return byte == 0xad ? 0x143u : byte;
}

int byte_level_byte(uint32_t code)
{
    if (code >= 0x100)
        return code <= 0x120   ? (int)(code - 0x100)
               : code <= 0x142 ? (int)(code - 0x121 + 0x7f)
               : code == 0x143 ? 0xad
                               : -1;
    return letter((unsigned char)code) == code ? (int)code : -1;
}

int byte_level_apply(const struct normalized *in, size_t from, size_t to, struct normalized *out,
                     struct err *err)
{
    if (normalized_reserve(out, 2 * (to - from) + 4, err))
        return -1;
    for (size_t i = from; i < to; i++)
        normalized_put(out, letter((unsigned char)in->bytes[i]), in->span[i]);
    return 0;
}
