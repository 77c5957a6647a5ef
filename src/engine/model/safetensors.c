/* safetensors.c - reading: map, check everything, then hand out pointers.
 *
 * A weights file comes from anywhere, so nothing in it is believed. The header must lie inside the
 * file, be JSON of the one known form, and its offsets, sorted, must tile the data from the first
 * byte to the last; a shape times its type must be the length of its range, without overflow. What
 * passes can be read through the mapping without another check. These are the rules of the
 * reference implementation, and two more: names must differ and numbers be whole. */
#include "engine/model/safetensors.h"

#include "engine/base/json.h"
#include "engine/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT 100000000u /* bytes; the reference implementation's bound */

/* Every type the format knows, with its width. Tensors of types this program cannot compute with
 * are still checked: a file is sound or it is not. */
static const struct dtype_row {
    const char *name;
    unsigned bits;
    enum dtype dtype;
} dtypes[] = {
    {"F32", 32, DTYPE_F32},      {"F16", 16, DTYPE_F16},      {"BF16", 16, DTYPE_BF16},
    {"BOOL", 8, DTYPE_OTHER},    {"U8", 8, DTYPE_OTHER},      {"I8", 8, DTYPE_OTHER},
    {"I16", 16, DTYPE_OTHER},    {"U16", 16, DTYPE_OTHER},    {"I32", 32, DTYPE_OTHER},
    {"U32", 32, DTYPE_OTHER},    {"I64", 64, DTYPE_OTHER},    {"U64", 64, DTYPE_OTHER},
    {"F64", 64, DTYPE_F64},      {"C64", 64, DTYPE_OTHER},    {"F4", 4, DTYPE_OTHER},
    {"F6_E2M3", 6, DTYPE_OTHER}, {"F6_E3M2", 6, DTYPE_OTHER}, {"F8_E4M3", 8, DTYPE_OTHER},
    {"F8_E5M2", 8, DTYPE_OTHER}, {"F8_E8M0", 8, DTYPE_OTHER},
};

static const struct dtype_row *find_dtype(const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (!strcmp(name, dtypes[i].name))
            return &dtypes[i];
    return NULL;
}

/* A whole number that a double holds exactly. */
static int whole(const cJSON *n, uint64_t *out)
{
    if (!cJSON_IsNumber(n) || !(n->valuedouble >= 0) || n->valuedouble > 9007199254740992.0 ||
        floor(n->valuedouble) != n->valuedouble)
        return -1;
    *out = (uint64_t)n->valuedouble;
    return 0;
}

static int read_shape(struct tensor_entry *t, const cJSON *shape)
{
    if (!cJSON_IsArray(shape))
        return -1;
    t->count = 1;
    for (const cJSON *n = shape->child; n; n = n->next) {
        uint64_t size;
        if (t->dims == sizeof t->shape / sizeof *t->shape || whole(n, &size))
            return -1;
        t->shape[t->dims++] = (size_t)size;
        if (__builtin_mul_overflow(t->count, (size_t)size, &t->count))
            return -1;
    }
    return 0;
}

static int bad_tensor(const char *path, const char *name, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "cannot read '%s': tensor '%.80s' %s; get the file again", path,
                   name, what);
}

/* One member of the header. t->bytes is set to the offset's place in the mapping. */
static int read_entry(struct tensor_entry *t, const cJSON *member, const char *path,
                      const unsigned char *data, size_t data_bytes, struct err *err)
{
    if (!(t->name = mem_strdup(member->string, err)))
        return -1;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(member, "dtype");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(member, "data_offsets");
    const struct dtype_row *row = cJSON_IsString(dtype) ? find_dtype(dtype->valuestring) : NULL;
    if (!row)
        return bad_tensor(path, t->name, "has no known dtype", err);
    t->dtype = row->dtype;
    memcpy(t->dtype_name, row->name, strlen(row->name) + 1);
    if (read_shape(t, cJSON_GetObjectItemCaseSensitive(member, "shape")))
        return bad_tensor(path, t->name, "has an impossible shape", err);
    uint64_t from, to;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        whole(offsets->child, &from) || whole(offsets->child->next, &to) || from > to)
        return bad_tensor(path, t->name, "has no valid data_offsets", err);
    if (to > data_bytes)
        return err_set(err, ERR_INPUT,
                       "cannot read '%s': cut short, tensor '%.80s' needs %llu bytes of data, the "
                       "file has %zu; get the file again",
                       path, t->name, (unsigned long long)to, data_bytes);
    size_t bits;
    if (__builtin_mul_overflow(t->count, (size_t)row->bits, &bits) || bits % 8 ||
        bits / 8 != to - from)
        return bad_tensor(path, t->name, "has data_offsets that do not fit its shape", err);
    tensor_pack_strides(t);
    t->bytes = data + from;
    t->size_bytes = (size_t)(to - from);
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct tensor_entry *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    if (x->size_bytes != y->size_bytes) /* an empty tensor stands before the one it touches */
        return x->size_bytes < y->size_bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int check_tiling(struct safetensors *s, const char *path, const unsigned char *data,
                        size_t data_bytes, struct err *err)
{
    qsort(s->tensors, s->count, sizeof *s->tensors, by_place);
    const unsigned char *end = data;
    for (size_t i = 0; i < s->count; i++) {
        if (s->tensors[i].bytes != end)
            return bad_tensor(path, s->tensors[i].name, "overlaps another or leaves a gap", err);
        end += s->tensors[i].size_bytes;
    }
    if ((size_t)(end - data) != data_bytes)
        return err_set(err, ERR_INPUT,
                       "cannot read '%s': %zu bytes of data, but its tensors hold %zu; get the "
                       "file again",
                       path, data_bytes, (size_t)(end - data));
    return 0;
}

static int read_header(struct safetensors *s, const cJSON *header, const char *path,
                       size_t data_start, struct err *err)
{
    const unsigned char *data = s->map.data + data_start;
    size_t data_bytes = s->map.size_bytes - data_start;
    if (!cJSON_IsObject(header))
        return err_set(err, ERR_INPUT, "cannot read '%s': its header is no JSON object", path);
    s->tensors =
        mem_alloc((size_t)cJSON_GetArraySize(header), sizeof *s->tensors, "tensor list", err);
    if (!s->tensors)
        return -1;
    for (const cJSON *member = header->child; member; member = member->next) {
        if (!strcmp(member->string, "__metadata__"))
            continue;
        struct tensor_entry *t = &s->tensors[s->count++]; /* counted first: close frees its name */
        t->file = s->path;
        if (read_entry(t, member, path, data, data_bytes, err))
            return -1;
    }
    if (check_tiling(s, path, data, data_bytes, err))
        return -1;
    tensors_sort(s->tensors, s->count);
    const struct tensor_entry *twin = tensors_twin(s->tensors, s->count);
    return twin ? bad_tensor(path, twin->name, "stands there twice", err) : 0;
}

static int open_mapped(struct safetensors *s, const char *path, struct err *err)
{
    uint64_t header_bytes = 0;
    if (s->map.size_bytes < 8)
        return err_set(err, ERR_INPUT,
                       "cannot read '%s': %zu bytes are too few for a safetensors file; get the "
                       "file again",
                       path, s->map.size_bytes);
    for (int i = 0; i < 8; i++)
        header_bytes |= (uint64_t)s->map.data[i] << (8 * i);
    if (header_bytes > HEADER_LIMIT)
        return err_set(err, ERR_INPUT, "cannot read '%s': this is not a safetensors file", path);
    if (header_bytes > s->map.size_bytes - 8)
        return err_set(err, ERR_INPUT,
                       "cannot read '%s': cut short, its header needs %llu bytes, the file has "
                       "%zu; get the file again",
                       path, (unsigned long long)header_bytes + 8, s->map.size_bytes);
    struct err cause = {0};
    cJSON *header =
        json_parse((const char *)s->map.data + 8, (size_t)header_bytes, "header", 1, &cause);
    if (!header)
        return err_set(err, cause.code, "cannot read '%s': %s", path, cause.text);
    int rc = read_header(s, header, path, 8 + (size_t)header_bytes, err);
    cJSON_Delete(header);
    return rc;
}

int safetensors_open(struct safetensors *s, const char *path, struct err *err)
{
    *s = (struct safetensors){0};
    if (file_map_open(&s->map, path, err))
        return -1;
    if ((s->path = mem_strdup(path, err)) && !open_mapped(s, path, err))
        return 0;
    safetensors_close(s);
    return -1;
}

void safetensors_close(struct safetensors *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->tensors[i].name);
    free(s->tensors);
    free(s->path);
    file_map_close(&s->map);
    *s = (struct safetensors){0};
}

const struct tensor_entry *safetensors_find(const struct safetensors *s, const char *name)
{
    return tensors_find(s->tensors, s->count, name);
}
