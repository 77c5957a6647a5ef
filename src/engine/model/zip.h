/* zip.h - the container of torch.save's files: a zip archive whose members are stored, not
 * compressed, so that they can be read where they lie.
 *
 * Offsets come from the central directory at the end, with its 64-bit forms (PKWARE APPNOTE 6.3.x,
 * 4.3 and 4.5.3); every member must lie inside the file and its own header must agree with the
 * directory. Members' checksums are not computed: that would read every weight twice. */
#ifndef ZIP_H
#define ZIP_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct zip_member {
    const char *name; /* in the archive, not terminated */
    size_t name_length;
    const unsigned char *bytes;
    size_t size_bytes;
    bool stored; /* neither compressed nor encrypted: `bytes` is what was put in */
};

struct zip {
    struct zip_member *members; /* (count) by name, each name once */
    size_t count;
};

/* `bytes` must outlive *z. The error names no file; on failure *z is closed. */
int zip_open(struct zip *z, const unsigned char *bytes, size_t n, struct err *err);
void zip_close(struct zip *z); /* a zeroed struct is fine */
const struct zip_member *zip_find(const struct zip *z, const char *name, size_t length);

#endif
