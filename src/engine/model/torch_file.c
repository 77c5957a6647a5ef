#include "engine/model/torch_file.h"

#include "engine/base/mem.h"
#include "engine/model/torch_parts.h"
#include "engine/model/zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "ROOT/name" of a zip file, ROOT being what all members begin with. */
struct archive {
    struct zip zip;
    const char *root;
    size_t root_length;
};

static const struct zip_member *find_record(const struct archive *a, const char *prefix,
                                            const char *name, size_t name_length)
{
    char full[1024];
    size_t n = a->root_length + strlen(prefix) + name_length;
    if (n > sizeof full)
        return NULL;
    memcpy(full, a->root, a->root_length);
    memcpy(full + a->root_length, prefix, strlen(prefix));
    memcpy(full + n - name_length, name, name_length);
    return zip_find(&a->zip, full, n);
}

static const struct zip_member *find_pickle(struct archive *a)
{
    static const char name[] = "data.pkl";
    for (size_t i = 0; i < a->zip.count; i++) {
        const char *path = a->zip.members[i].name;
        const char *slash = memchr(path, '/', a->zip.members[i].name_length);
        a->root = path;
        a->root_length = slash ? (size_t)(slash - path) + 1 : 0;
        const struct zip_member *m = find_record(a, "", name, sizeof name - 1);
        if (m)
            return m;
    }
    return NULL;
}

static int check_byte_order(const struct archive *a, struct err *err)
{
    const struct zip_member *m = find_record(a, "", "byteorder", 9);
    if (!m || (m->stored && m->size_bytes == 6 && !memcmp(m->bytes, "little", 6)))
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "it is not little-endian; save it again on a machine that is");
}

/* Each storage is a member of its own, and as long as the pickle says. */
static int place_members(struct torch_content *c, const struct archive *a, struct err *err)
{
    for (size_t i = 0; i < c->storage_count; i++) {
        struct torch_storage *s = &c->storages[i];
        const struct zip_member *m = find_record(a, "data/", s->key, s->key_length);
        if (!m)
            return torch_storage_bad(s, "is not in the archive", err);
        if (!m->stored)
            return torch_storage_bad(s, "is compressed or encrypted", err);
        if (m->size_bytes != s->size_bytes)
            return torch_storage_bad(s, "has another size than its tensors ask for", err);
        s->bytes = m->bytes;
    }
    return 0;
}

static int read_archive(struct torch_content *c, const struct file_map *map, struct err *err)
{
    struct archive a = {0};
    size_t used;
    if (zip_open(&a.zip, map->data, map->size_bytes, err))
        return -1;
    const struct zip_member *m = find_pickle(&a);
    int rc = 0;
    if (!m || !m->stored)
        rc = err_set(err, ERR_INPUT, "its zip archive holds no data.pkl that is stored as it is");
    if (!rc)
        rc = check_byte_order(&a, err) ||
             torch_content_read(c, m->bytes, m->size_bytes, &used, err) ||
             place_members(c, &a, err);
    zip_close(&a.zip);
    return rc ? -1 : 0;
}

/* The first pickle of the old form is the magic number 0x1950a86a20f9469cfc6c and nothing else. Its
 * second byte is the protocol. */
static const unsigned char magic[] = "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
#define MAGIC_BYTES (sizeof magic - 1)

static bool is_run_of_pickles(const struct file_map *map)
{
    return map->size_bytes >= MAGIC_BYTES && map->data[0] == magic[0] &&
           !memcmp(map->data + 2, magic + 2, MAGIC_BYTES - 2);
}

/* Where a run of pickles is being read. */
struct cursor {
    const unsigned char *at;
    size_t left;
};

static void advance(struct cursor *c, size_t n)
{
    c->at += n;
    c->left -= n;
}

static int read_plain(struct pickle *p, struct cursor *at, struct err *err)
{
    size_t used;
    if (pickle_read(p, at->at, at->left, &used, NULL, 0, err))
        return -1;
    advance(at, used);
    return 0;
}

static int check_version(struct cursor *at, struct err *err)
{
    struct pickle p;
    if (read_plain(&p, at, err))
        return -1;
    const struct pickle_value *v = &p.values[p.root];
    int rc = v->kind == PICKLE_INT && v->integer == 1001
                 ? 0
                 : err_set(err, ERR_UNSUPPORTED, "it is of another version than 1001");
    pickle_clear(&p);
    return rc;
}

static int check_system(struct cursor *at, struct err *err)
{
    static const char key[] = "little_endian";
    struct pickle p;
    if (read_plain(&p, at, err))
        return -1;
    const struct pickle_value *v = &p.values[p.root];
    int rc = 0;
    for (size_t i = 0; v->kind == PICKLE_DICT && i < v->count && !rc; i += 2) {
        const struct pickle_value *k = &p.values[v->items[i]], *is = &p.values[v->items[i + 1]];
        if (k->kind == PICKLE_TEXT && k->length == sizeof key - 1 &&
            !memcmp(k->text, key, k->length) && !(is->kind == PICKLE_BOOL && is->integer))
            rc = err_set(err, ERR_UNSUPPORTED,
                         "it is not little-endian; save it again on a machine that is");
    }
    pickle_clear(&p);
    return rc;
}

/* One storage of the old form: its count of elements, then they. */
static int place_next(struct torch_content *c, const struct pickle_value *key, struct cursor *at,
                      struct err *err)
{
    struct torch_storage *s =
        key->kind == PICKLE_TEXT ? torch_content_storage(c, key->text, key->length) : NULL;
    if (!s || s->bytes)
        return err_set(err, ERR_INPUT, "it lists a storage that no tensor asks for, or one twice");
    uint64_t numel = 0;
    if (at->left < 8)
        return torch_storage_bad(s, "is cut short", err);
    for (int i = 0; i < 8; i++)
        numel |= (uint64_t)at->at[i] << (8 * i);
    if (numel != s->numel)
        return torch_storage_bad(s, "has another size than its tensors ask for", err);
    advance(at, 8);
    if (s->size_bytes > at->left)
        return torch_storage_bad(s, "is cut short", err);
    s->bytes = at->at;
    advance(at, s->size_bytes);
    return 0;
}

static int place_run(struct torch_content *c, struct cursor *at, struct err *err)
{
    struct pickle keys;
    if (read_plain(&keys, at, err))
        return -1;
    const struct pickle_value *list = &keys.values[keys.root];
    int rc = 0;
    if (list->kind != PICKLE_LIST || list->count != c->storage_count)
        rc = err_set(err, ERR_INPUT, "its list of storages is not that of its tensors");
    for (size_t i = 0; !rc && i < list->count; i++)
        rc = place_next(c, &keys.values[list->items[i]], at, err);
    if (!rc && at->left)
        rc = err_set(err, ERR_INPUT, "it goes on after its last storage");
    pickle_clear(&keys);
    return rc;
}

static int read_run_of_pickles(struct torch_content *c, const struct file_map *map, struct err *err)
{
    struct cursor at = {map->data + MAGIC_BYTES, map->size_bytes - MAGIC_BYTES};
    size_t used;
    c->before_zip = true;
    if (check_version(&at, err) || check_system(&at, err) ||
        torch_content_read(c, at.at, at.left, &used, err))
        return -1;
    advance(&at, used);
    return place_run(c, &at, err);
}

static int read_tensors(struct torch_file *f, struct torch_content *c, struct err *err)
{
    int rc;
    if (f->map.size_bytes >= 4 && !memcmp(f->map.data, "PK\3\4", 4))
        rc = read_archive(c, &f->map, err);
    else if (is_run_of_pickles(&f->map))
        rc = read_run_of_pickles(c, &f->map, err);
    else
        rc = err_set(err, ERR_INPUT, "it is no file of torch.save; get it again");
    return rc ? rc : torch_content_tensors(c, f->path, &f->tensors, &f->count, err);
}

int torch_file_open(struct torch_file *f, const char *path, struct err *err)
{
    struct torch_content content = {0};
    struct err cause = {0};
    *f = (struct torch_file){0};
    if (file_map_open(&f->map, path, err))
        return -1;
    int rc = (f->path = mem_strdup(path, &cause)) ? read_tensors(f, &content, &cause) : -1;
    torch_content_clear(&content);
    if (!rc)
        return 0;
    torch_file_close(f);
    return err_set(err, cause.code, "cannot read '%s': %s", path, cause.text);
}

void torch_file_close(struct torch_file *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->tensors[i].name);
    free(f->tensors);
    free(f->path);
    file_map_close(&f->map);
    *f = (struct torch_file){0};
}
