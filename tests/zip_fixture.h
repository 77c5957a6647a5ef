/* zip_fixture.h - a small zip archive of stored members, for tests of hostile contents. */
#ifndef ZIP_FIXTURE_H
#define ZIP_FIXTURE_H
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct zip_content {
    const char *name;
    const void *bytes;
    size_t n;
};

static inline unsigned char *zip_put(unsigned char *at, uint64_t x, size_t width)
{
    for (size_t i = 0; i < width; i++)
        *at++ = (unsigned char)(x >> (8 * i));
    return at;
}

/* The part that a member's own header and its entry in the directory share. */
static inline unsigned char *zip_put_common(unsigned char *at, const struct zip_content *c)
{
    at = zip_put(at, 20, 2);    /* version */
    at = zip_put(at, 0, 2 + 2); /* flags, stored */
    at = zip_put(at, 0, 4 + 4); /* time, checksum */
    at = zip_put(at, c->n, 4);
    at = zip_put(at, c->n, 4);
    return zip_put(at, strlen(c->name), 4); /* and no extra field */
}

/* At most 8 members; returns the archive's size. */
static inline size_t zip_make(unsigned char *out, size_t room, const struct zip_content *c,
                              size_t count)
{
    unsigned char *at = out;
    size_t place[8], need = 22;
    for (size_t i = 0; i < count; i++)
        need += 30 + 46 + 2 * strlen(c[i].name) + c[i].n;
    assert(count <= 8 && need <= room);
    for (size_t i = 0; i < count; i++) {
        place[i] = (size_t)(at - out);
        at = zip_put_common(zip_put(at, 0x04034b50, 4), &c[i]);
        memcpy(at, c[i].name, strlen(c[i].name));
        memcpy(at + strlen(c[i].name), c[i].bytes, c[i].n);
        at += strlen(c[i].name) + c[i].n;
    }
    unsigned char *directory = at;
    for (size_t i = 0; i < count; i++) {
        at = zip_put(zip_put(at, 0x02014b50, 4), 20, 2);
        at = zip_put(zip_put_common(at, &c[i]), 0, 4); /* comment, disk */
        at = zip_put(at, 0, 6);                        /* attributes */
        at = zip_put(at, place[i], 4);
        memcpy(at, c[i].name, strlen(c[i].name));
        at += strlen(c[i].name);
    }
    size_t directory_bytes = (size_t)(at - directory);
    at = zip_put(zip_put(at, 0x06054b50, 4), 0, 4);
    at = zip_put(zip_put(at, count, 2), count, 2);
    at = zip_put(zip_put(at, directory_bytes, 4), (uint64_t)(directory - out), 4);
    return (size_t)(zip_put(at, 0, 2) - out);
}

#endif
