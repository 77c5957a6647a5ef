#include "engine/base/base64.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct strbuf *out, const unsigned char *bytes, size_t n)
{
    for (size_t at = 0; at < n; at += 3) {
        size_t left = n - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        group |= left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
        group |= left > 2 ? bytes[at + 2] : 0;
        char text[4] = {letters[group >> 18], letters[group >> 12 & 63],
                        left > 1 ? letters[group >> 6 & 63] : '=',
                        left > 2 ? letters[group & 63] : '='};
        strbuf_add(out, text, 4);
    }
}

/* Four letters to their 24 bits, the padding's as 0; false for anything else. */
static bool read_group(const char *text, size_t padding, uint32_t *group)
{
    *group = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *letter = text[i] ? strchr(letters, text[i]) : NULL;
        if (i >= 4 - padding ? text[i] != '=' : !letter)
            return false;
        *group = *group << 6 | (uint32_t)(letter ? letter - letters : 0);
    }
    return !(*group & (((uint32_t)1 << 8 * padding) - 1)); /* bits that no byte takes are 0 */
}

int base64_decode(struct strbuf *out, const char *text, size_t n, const char *what, struct err *err)
{
    for (size_t at = 0; at < n; at += 4) {
        uint32_t group;
        size_t padding = 0;
        if (n - at == 4)
            padding = text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
        if (n - at < 4 || !read_group(text + at, padding, &group))
            return err_set(err, ERR_INPUT, "%.300s is not base64 text at byte %zu", what, at);
        char bytes[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};
        strbuf_add(out, bytes, 3 - padding);
    }
    return out->failed ? err_set(err, ERR_NOMEM, "out of memory for %.300s", what) : 0;
}
