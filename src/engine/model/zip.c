#include "engine/model/zip.h"

#include "engine/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of the fixed parts of the records. */
enum { LOCAL = 30, MEMBER = 46, END = 22, LOCATOR = 20, END64 = 56 };

static uint64_t number(const unsigned char *p, size_t width)
{
    uint64_t x = 0;
    for (size_t i = 0; i < width; i++)
        x |= (uint64_t)p[i] << (8 * i);
    return x;
}

/* Whether [at, at + size) lies in [0, n). */
static bool inside(uint64_t at, uint64_t size, size_t n)
{
    return at <= n && size <= n - at;
}

static int bad(const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "its zip archive %s; get the file again", what);
}

/* The record that ends an archive stands before a comment of at most 65535 bytes. */
static const unsigned char *find_end(const unsigned char *bytes, size_t n)
{
    for (size_t comment = 0; comment <= 65535 && comment + END <= n; comment++) {
        const unsigned char *p = bytes + n - END - comment;
        if (!memcmp(p, "PK\5\6", 4) && number(p + 20, 2) == comment)
            return p;
    }
    return NULL;
}

/* Where the central directory is. A field of all ones says: look in the 64-bit record. */
struct directory {
    uint64_t at, size, count;
};
static int find_directory(struct directory *d, const unsigned char *bytes, size_t n,
                          struct err *err)
{
    const unsigned char *end = find_end(bytes, n);
    if (!end)
        return bad("has no end: it is cut short", err);
    *d = (struct directory){number(end + 16, 4), number(end + 12, 4), number(end + 10, 2)};
    if (d->count == 0xffff || d->size == 0xffffffff || d->at == 0xffffffff) {
        const unsigned char *locator = end - LOCATOR;
        if (end - bytes < LOCATOR || memcmp(locator, "PK\6\7", 4))
            return bad("lacks its 64-bit directory", err);
        uint64_t at = number(locator + 8, 8);
        if (!inside(at, END64, n) || memcmp(bytes + at, "PK\6\6", 4))
            return bad("lacks its 64-bit directory", err);
        *d = (struct directory){number(bytes + at + 48, 8), number(bytes + at + 40, 8),
                                number(bytes + at + 32, 8)};
    }
    if (!inside(d->at, d->size, n) || d->count > d->size / MEMBER)
        return bad("has a directory that is not inside the file", err);
    return 0;
}

/* The 64-bit forms of size, packed size and place, each present when its 32-bit field is all ones. */
static int read_wide(const unsigned char *extra, size_t length, uint64_t *fields[3])
{
    bool wanted = false;
    for (int i = 0; i < 3; i++)
        wanted |= *fields[i] == 0xffffffff;
    while (wanted && length >= 4) {
        size_t id = (size_t)number(extra, 2), size = (size_t)number(extra + 2, 2), at = 0;
        if (size > length - 4)
            return -1;
        for (int i = 0; id == 1 && i < 3; i++)
            if (*fields[i] == 0xffffffff) {
                if (at + 8 > size)
                    return -1;
                *fields[i] = number(extra + 4 + at, 8);
                at += 8;
            }
        if (id == 1)
            return 0;
        extra += 4 + size;
        length -= 4 + size;
    }
    return wanted ? -1 : 0;
}

/* A member's header repeats its name; its data follow. */
static int find_data(struct zip_member *m, const unsigned char *bytes, size_t n, uint64_t at,
                     struct err *err)
{
    if (!inside(at, LOCAL, n) || memcmp(bytes + at, "PK\3\4", 4))
        return bad("has a member without a header", err);
    uint64_t names = number(bytes + at + 26, 2), extras = number(bytes + at + 28, 2);
    if (!inside(at + LOCAL, names + extras, n) ||
        !inside(at + LOCAL + names + extras, m->size_bytes, n))
        return bad("has a member that is not inside the file", err);
    if (names != m->name_length || memcmp(bytes + at + LOCAL, m->name, m->name_length))
        return bad("has a member of two names", err);
    m->bytes = bytes + at + LOCAL + names + extras;
    return 0;
}

/* The directory's entry at p, of which `left` bytes are there; *length gets its own. */
static int read_member(struct zip_member *m, const unsigned char *p, size_t left, size_t *length,
                       const unsigned char *bytes, size_t n, struct err *err)
{
    if (left < MEMBER || memcmp(p, "PK\1\2", 4))
        return bad("has a broken directory", err);
    size_t names = (size_t)number(p + 28, 2), extras = (size_t)number(p + 30, 2);
    *length = MEMBER + names + extras + (size_t)number(p + 32, 2);
    if (*length > left)
        return bad("has a broken directory", err);
    uint64_t packed = number(p + 20, 4), size = number(p + 24, 4), at = number(p + 42, 4);
    if (read_wide(p + MEMBER + names, extras, (uint64_t *[3]){&size, &packed, &at}))
        return bad("has a broken directory", err);
    *m = (struct zip_member){.name = (const char *)p + MEMBER, .name_length = names};
    m->stored = number(p + 10, 2) == 0 && !(number(p + 8, 2) & 1);
    if (m->stored && packed != size)
        return bad("has a member of two sizes", err);
    if (packed > n)
        return bad("has a member that is not inside the file", err);
    m->size_bytes = (size_t)packed;
    return find_data(m, bytes, n, at, err);
}

static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_name(const void *a, const void *b)
{
    const struct zip_member *x = a, *y = b;
    return compare(x->name, x->name_length, y->name, y->name_length);
}

static int read_directory(struct zip *z, const unsigned char *bytes, size_t n, struct err *err)
{
    struct directory d = {0};
    if (find_directory(&d, bytes, n, err) ||
        !(z->members = mem_alloc((size_t)d.count, sizeof *z->members, "zip directory", err)))
        return -1;
    size_t at = 0, length = 0;
    for (; z->count < d.count; z->count++, at += length)
        if (read_member(&z->members[z->count], bytes + d.at + at, (size_t)d.size - at, &length,
                        bytes, n, err))
            return -1;
    if (z->count)
        qsort(z->members, z->count, sizeof *z->members, by_name);
    for (size_t i = 1; i < z->count; i++)
        if (!by_name(&z->members[i - 1], &z->members[i]))
            return bad("has two members of one name", err);
    return 0;
}

int zip_open(struct zip *z, const unsigned char *bytes, size_t n, struct err *err)
{
    *z = (struct zip){0};
    if (!read_directory(z, bytes, n, err))
        return 0;
    zip_close(z);
    return -1;
}

void zip_close(struct zip *z)
{
    free(z->members);
    *z = (struct zip){0};
}

const struct zip_member *zip_find(const struct zip *z, const char *name, size_t length)
{
    const struct zip_member key = {.name = name, .name_length = length};
    return z->count ? bsearch(&key, z->members, z->count, sizeof key, by_name) : NULL;
}
