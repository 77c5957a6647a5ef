/* features_store.c - the file: a header, a byte a row, the features of the known rows in the order of the
 * rows, SHA-256 of all before it. Numbers are this machine's: the name says whose kernels made them. */
#include "engine/train/features_store.h"

#include "engine/base/cache.h"
#include "engine/base/file.h"
#include "engine/base/file_map.h"
#include "engine/base/hash.h"
#include "engine/base/mem.h"
#include "engine/base/version.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char what[] = "the features of a frozen model";
static const uint64_t most_bytes = UINT64_C(2) << 30; /* of all files */

struct header {
    char magic[8];
    uint64_t rows, width, known;
};
static const char magic[8] = "sftfeat1";

enum { HASH_BYTES = 64, NAME_LENGTH = 40, SUFFIX_LENGTH = 32 };

/* ---- the name ---- */

static void add_text(struct sha256 *h, const char *text)
{
    sha256_add(h, text, strlen(text) + 1); /* with the end, so that no two lists read alike */
}

static int make_name(char name[96], const struct features_origin *o, struct err *err)
{
    const struct encoded *e = o->encoded;
    const int32_t pooling = (int32_t)o->pooling;
    const uint64_t rows = e->rows, tokens = e->start[e->rows];
    char config[4096], hex[65];
    struct sha256 h;
    if (file_join(config, sizeof config, o->model_dir, "config.json", err) ||
        sha256_file(config, hex, err))
        return -1;
    sha256_init(&h);
    add_text(&h, SFT_VERSION);
    add_text(&h, o->weights_sha256);
    add_text(&h, hex);
    add_text(&h, o->kernels);
    sha256_add(&h, &pooling, sizeof pooling);
    sha256_add(&h, &rows, sizeof rows);
    sha256_add(&h, e->start, (rows + 1) * sizeof *e->start);
    sha256_add(&h, e->token, tokens * sizeof *e->token);
    sha256_add(&h, e->segment, tokens * sizeof *e->segment);
    sha256_finish(&h, hex);
    snprintf(name, 96, "features/%.*s", NAME_LENGTH, hex);
    return 0;
}

int features_store_init(struct features_store *s, const struct features_origin *o, size_t rows,
                        size_t width, struct err *err)
{
    const char *wish = getenv("SFT_FEATURES");
    char name[96];
    if (wish && !strcmp(wish, "off"))
        return 0;
    *s = (struct features_store){.rows = rows, .width = width};
    if (make_name(name, o, err) || cache_path(s->path, sizeof s->path, name, what, err))
        return -1;
    return 1;
}

/* ---- reading ---- */

static bool is_whole(const struct features_store *s, const struct file_map *m, struct header *h)
{
    char hex[65];
    struct sha256 hash;
    if (m->size_bytes < sizeof *h + s->rows + HASH_BYTES)
        return false;
    memcpy(h, m->data, sizeof *h);
    if (memcmp(h->magic, magic, sizeof magic) || h->rows != s->rows || h->width != s->width ||
        h->known > h->rows)
        return false;
    size_t size = sizeof *h + s->rows + h->known * s->width * sizeof(float);
    if (m->size_bytes != size + HASH_BYTES)
        return false;
    sha256_init(&hash);
    sha256_add(&hash, m->data, size);
    sha256_finish(&hash, hex);
    return !memcmp(hex, m->data + size, HASH_BYTES);
}

static bool spread(const struct features_store *s, const struct file_map *m, const struct header *h,
                   uint8_t *known, float *features)
{
    const unsigned char *marks = m->data + sizeof *h, *from = marks + s->rows;
    size_t count = 0;
    for (size_t r = 0; r < s->rows; r++)
        count += marks[r] == 1;
    if (count != h->known)
        return false;
    for (size_t r = 0; r < s->rows; r++) {
        known[r] = marks[r] == 1;
        if (!known[r])
            continue;
        memcpy(features + r * s->width, from, s->width * sizeof *features);
        from += s->width * sizeof *features;
    }
    return true;
}

void features_store_read(const struct features_store *s, uint8_t *known, float *features)
{
    struct file_map m;
    struct header h;
    if (file_map_open(&m, s->path, NULL))
        return;
    if (is_whole(s, &m, &h) && spread(s, &m, &h, known, features))
        utimensat(AT_FDCWD, s->path, NULL, 0); /* used now */
    else
        unlink(s->path);
    file_map_close(&m);
}

/* ---- writing ---- */

/* To the file and into its hash. */
static void put(struct file_aside *a, struct sha256 *h, const void *bytes, size_t n)
{
    fwrite(bytes, 1, n, a->f); /* a failure is noticed at commit */
    sha256_add(h, bytes, n);
}

static void put_all(const struct features_store *s, struct file_aside *a, const uint8_t *known,
                    const float *features)
{
    struct header h = {.rows = s->rows, .width = s->width};
    struct sha256 hash;
    char hex[65];
    memcpy(h.magic, magic, sizeof magic);
    for (size_t r = 0; r < s->rows; r++)
        h.known += known[r];
    sha256_init(&hash);
    put(a, &hash, &h, sizeof h);
    put(a, &hash, known, s->rows);
    for (size_t r = 0; r < s->rows; r++)
        if (known[r])
            put(a, &hash, features + r * s->width, s->width * sizeof *features);
    sha256_finish(&hash, hex);
    fwrite(hex, 1, HASH_BYTES, a->f);
}

struct kept {
    char name[NAME_LENGTH + SUFFIX_LENGTH];
    uint64_t bytes;
    struct timespec used;
};

static int by_use(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? 1 : -1;
    return x->used.tv_nsec < y->used.tv_nsec ? 1 : x->used.tv_nsec > y->used.tv_nsec ? -1 : 0;
}

/* What a killed run left half written lies there under a longer name, and takes room, too. */
static bool is_ours(const char *name)
{
    size_t length = strlen(name);
    return length == NAME_LENGTH || (length > NAME_LENGTH && name[NAME_LENGTH] == '.' &&
                                     length < NAME_LENGTH + SUFFIX_LENGTH);
}

static struct kept *list(DIR *directory, size_t *count)
{
    struct kept *all = NULL;
    size_t capacity = 0;
    *count = 0;
    for (struct dirent *d; (d = readdir(directory));) {
        struct stat st;
        if (!is_ours(d->d_name) || fstatat(dirfd(directory), d->d_name, &st, 0) ||
            mem_grow(&all, &capacity, *count + 1, sizeof *all, what, NULL))
            continue;
        struct kept *k = &all[(*count)++];
        *k = (struct kept){.bytes = (uint64_t)st.st_size, .used = st.st_mtim};
        strcpy(k->name, d->d_name);
    }
    return all;
}

/* The newest stay, as many as there is room for; a run that reads another's keeps its mapping. */
static void prune(const char *place)
{
    size_t count;
    uint64_t sum = 0;
    DIR *directory = opendir(place);
    if (!directory)
        return;
    struct kept *all = list(directory, &count);
    if (all)
        qsort(all, count, sizeof *all, by_use);
    for (size_t i = 0; i < count; i++)
        if ((sum += all[i].bytes) > most_bytes)
            unlinkat(dirfd(directory), all[i].name, 0);
    free(all);
    closedir(directory);
}

int features_store_write(const struct features_store *s, const uint8_t *known,
                         const float *features, struct err *err)
{
    char place[4096];
    struct file_aside a;
    snprintf(place, sizeof place, "%s", s->path);
    *strrchr(place, '/') = '\0';
    if (file_make_directories(place, err) || file_aside_open(&a, s->path, err))
        return -1;
    put_all(s, &a, known, features);
    if (file_aside_commit(&a, err))
        return -1;
    prune(place);
    return 0;
}
