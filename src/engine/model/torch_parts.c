#include "engine/model/torch_parts.h"

#include "engine/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Element types, by the class of storage that stands for them. */
static const struct torch_type {
    const char *dtype_name;
    unsigned bytes;
    enum dtype dtype;
} types[] = {
    {"F32", 4, DTYPE_F32},    {"F16", 2, DTYPE_F16},   {"BF16", 2, DTYPE_BF16},
    {"F64", 8, DTYPE_F64},    {"I64", 8, DTYPE_OTHER}, {"I32", 4, DTYPE_OTHER},
    {"I16", 2, DTYPE_OTHER},  {"I8", 1, DTYPE_OTHER},  {"U8", 1, DTYPE_OTHER},
    {"BOOL", 1, DTYPE_OTHER}, {"C64", 8, DTYPE_OTHER}, {"C128", 16, DTYPE_OTHER},
};

enum { REBUILD_TENSOR, REBUILD_TENSOR_V2, REBUILD_PARAMETER };

/* All that a file of tensors needs to name. A storage class's tag is its place in `types`. */
static const struct pickle_global allowed[] = {
    {"torch._utils", "_rebuild_tensor_v2", PICKLE_FUNCTION, REBUILD_TENSOR_V2},
    {"torch._utils", "_rebuild_tensor", PICKLE_FUNCTION, REBUILD_TENSOR},
    {"torch._utils", "_rebuild_parameter", PICKLE_FUNCTION, REBUILD_PARAMETER},
    {"collections", "OrderedDict", PICKLE_ORDERED_DICT, 0},
    {"torch", "FloatStorage", PICKLE_NAME, 0},
    {"torch", "HalfStorage", PICKLE_NAME, 1},
    {"torch", "BFloat16Storage", PICKLE_NAME, 2},
    {"torch", "DoubleStorage", PICKLE_NAME, 3},
    {"torch", "LongStorage", PICKLE_NAME, 4},
    {"torch", "IntStorage", PICKLE_NAME, 5},
    {"torch", "ShortStorage", PICKLE_NAME, 6},
    {"torch", "CharStorage", PICKLE_NAME, 7},
    {"torch", "ByteStorage", PICKLE_NAME, 8},
    {"torch", "BoolStorage", PICKLE_NAME, 9},
    {"torch", "ComplexFloatStorage", PICKLE_NAME, 10},
    {"torch", "ComplexDoubleStorage", PICKLE_NAME, 11},
};

int torch_storage_bad(const struct torch_storage *s, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "storage '%.*s' %s; get the file again",
                   (int)(s->key_length < 80 ? s->key_length : 80), s->key, what);
}

/* Item i of a tuple. */
static const struct pickle_value *item(const struct torch_content *c, const struct pickle_value *t,
                                       size_t i)
{
    return &c->pickle.values[t->items[i]];
}

static bool text_is(const struct pickle_value *v, const char *expected)
{
    return v->kind == PICKLE_TEXT && v->length == strlen(expected) &&
           !memcmp(v->text, expected, v->length);
}

/* What stands for a storage: ("storage", class, key, device, elements), and in the old form None
 * after that, where a view of another storage could stand. */
static int read_storage(struct torch_storage *s, const struct torch_content *c,
                        const struct pickle_value *persistent, struct err *err)
{
    const struct pickle_value *id = &c->pickle.values[persistent->of];
    if (id->kind != PICKLE_TUPLE || id->count != (c->before_zip ? 6 : 5) ||
        !text_is(item(c, id, 0), "storage") || item(c, id, 1)->kind != PICKLE_GLOBAL ||
        item(c, id, 1)->global->role != PICKLE_NAME || item(c, id, 2)->kind != PICKLE_TEXT ||
        item(c, id, 3)->kind != PICKLE_TEXT || item(c, id, 4)->kind != PICKLE_INT)
        return err_set(err, ERR_INPUT, "its pickle refers to something that is no storage");
    *s = (struct torch_storage){.key = item(c, id, 2)->text, .key_length = item(c, id, 2)->length};
    s->type = &types[item(c, id, 1)->global->tag];
    if (c->before_zip && item(c, id, 5)->kind != PICKLE_NONE)
        return torch_storage_bad(s, "is a view of another, as PyTorch before 0.4 saved them", err);
    int64_t numel = item(c, id, 4)->integer;
    s->numel = (size_t)numel;
    if (numel < 0 || __builtin_mul_overflow(s->numel, (size_t)s->type->bytes, &s->size_bytes))
        return torch_storage_bad(s, "has an impossible size", err);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct torch_storage *x = a, *y = b;
    size_t least = x->key_length < y->key_length ? x->key_length : y->key_length;
    int order = memcmp(x->key, y->key, least);
    return order ? order : (x->key_length > y->key_length) - (x->key_length < y->key_length);
}

/* Tensors that share a storage each mention it: keep one, and let the others agree. */
static int unite_storages(struct torch_content *c, struct err *err)
{
    size_t kept = 0;
    if (c->storage_count)
        qsort(c->storages, c->storage_count, sizeof *c->storages, by_key);
    for (size_t i = 0; i < c->storage_count; i++) {
        const struct torch_storage *s = &c->storages[i];
        const struct torch_storage *last = kept ? &c->storages[kept - 1] : NULL;
        if (!last || by_key(last, s))
            c->storages[kept++] = *s;
        else if (last->type != s->type || last->numel != s->numel)
            return torch_storage_bad(s, "is mentioned with two types or sizes", err);
    }
    c->storage_count = kept;
    return 0;
}

int torch_content_read(struct torch_content *c, const unsigned char *bytes, size_t n, size_t *used,
                       struct err *err)
{
    size_t mentions = 0;
    if (pickle_read(&c->pickle, bytes, n, used, allowed, sizeof allowed / sizeof *allowed, err))
        return -1;
    for (size_t i = 0; i < c->pickle.count; i++)
        mentions += c->pickle.values[i].kind == PICKLE_PERSISTENT;
    if (!(c->storages = mem_alloc(mentions, sizeof *c->storages, "storages", err)))
        return -1;
    for (size_t i = 0; i < c->pickle.count; i++)
        if (c->pickle.values[i].kind == PICKLE_PERSISTENT &&
            read_storage(&c->storages[c->storage_count++], c, &c->pickle.values[i], err))
            return -1;
    return unite_storages(c, err);
}

struct torch_storage *torch_content_storage(const struct torch_content *c, const char *key,
                                            size_t length)
{
    const struct torch_storage wanted = {.key = key, .key_length = length};
    return c->storage_count ? bsearch(&wanted, c->storages, c->storage_count, sizeof wanted, by_key)
                            : NULL;
}

static int bad_tensor(const struct tensor_entry *t, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "tensor '%.80s' %s", t->name, what);
}

/* Shape and strides, and whether the last element they reach is one of the storage's. */
static int read_layout(struct tensor_entry *t, const struct torch_content *c,
                       const struct pickle_value *sizes, const struct pickle_value *strides,
                       size_t last, size_t numel)
{
    if (sizes->kind != PICKLE_TUPLE || strides->kind != PICKLE_TUPLE ||
        sizes->count != strides->count || sizes->count > TENSOR_DIMS)
        return -1;
    t->dims = sizes->count;
    t->count = 1;
    for (size_t d = 0; d < t->dims; d++) {
        const struct pickle_value *size = item(c, sizes, d), *stride = item(c, strides, d);
        if (size->kind != PICKLE_INT || stride->kind != PICKLE_INT || size->integer < 0 ||
            stride->integer < 0)
            return -1;
        t->shape[d] = (size_t)size->integer;
        t->stride[d] = (size_t)stride->integer;
        if (__builtin_mul_overflow(t->count, t->shape[d], &t->count))
            return -1;
    }
    for (size_t d = 0; t->count && d < t->dims; d++) {
        size_t reach;
        if (__builtin_mul_overflow(t->shape[d] - 1, t->stride[d], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return -1;
    }
    return t->count && last >= numel ? -1 : 0;
}

/* Hooks and marks that would make the values mean something else (conjugate, negative). */
static bool is_empty(const struct pickle_value *v)
{
    return v->kind == PICKLE_NONE || (v->kind == PICKLE_DICT && !v->count);
}

/* A call of _rebuild_tensor(storage, offset, size, stride) or of _rebuild_tensor_v2, which adds
 * (requires_grad, hooks[, metadata]). */
static bool is_tensor_call(const struct torch_content *c, const struct pickle_value *call)
{
    if (call->kind != PICKLE_CALL || call->global->tag == REBUILD_PARAMETER)
        return false;
    const struct pickle_value *args = &c->pickle.values[call->of];
    bool plain = call->global->tag == REBUILD_TENSOR;
    if (plain ? args->count != 4 : args->count < 6 || args->count > 7)
        return false;
    return (plain || (item(c, args, 4)->kind == PICKLE_BOOL && is_empty(item(c, args, 5)))) &&
           (args->count < 7 || is_empty(item(c, args, 6))) &&
           item(c, args, 0)->kind == PICKLE_PERSISTENT && item(c, args, 1)->kind == PICKLE_INT &&
           item(c, args, 1)->integer >= 0;
}

/* A parameter is a tensor in one more call. */
static const struct pickle_value *unwrap(const struct torch_content *c,
                                         const struct pickle_value *v)
{
    if (v->kind != PICKLE_CALL || v->global->tag != REBUILD_PARAMETER)
        return v;
    const struct pickle_value *args = &c->pickle.values[v->of];
    bool plain =
        args->count == 3 && item(c, args, 1)->kind == PICKLE_BOOL && is_empty(item(c, args, 2));
    return plain ? item(c, args, 0) : v;
}

static int read_tensor(struct tensor_entry *t, const struct torch_content *c,
                       const struct pickle_value *v, struct err *err)
{
    v = unwrap(c, v);
    if (!is_tensor_call(c, v))
        return bad_tensor(t, "is none, or not a plain one; save model.state_dict() alone", err);
    const struct pickle_value *args = &c->pickle.values[v->of];
    struct torch_storage named;
    if (read_storage(&named, c, item(c, args, 0), err))
        return -1;
    const struct torch_storage *s = torch_content_storage(c, named.key, named.key_length);
    size_t offset = (size_t)item(c, args, 1)->integer;
    if (read_layout(t, c, item(c, args, 2), item(c, args, 3), offset, s->numel))
        return bad_tensor(t, "does not lie inside its storage; get the file again", err);
    t->dtype = s->type->dtype;
    memcpy(t->dtype_name, s->type->dtype_name, strlen(s->type->dtype_name) + 1);
    t->bytes = s->bytes + (t->count ? offset * s->type->bytes : 0);
    if (__builtin_mul_overflow(t->count, (size_t)s->type->bytes, &t->size_bytes))
        return bad_tensor(t, "has an impossible shape; get the file again", err);
    return 0;
}

/* A name is shown to people and compared as a C string. */
static int read_name(struct tensor_entry *t, const struct pickle_value *key, struct err *err)
{
    if (key->kind != PICKLE_TEXT || memchr(key->text, '\0', key->length))
        return err_set(err, ERR_INPUT,
                       "its dictionary has a key that is no name; save model.state_dict() alone");
    return (t->name = mem_strndup(key->text, key->length, err)) ? 0 : -1;
}

int torch_content_tensors(const struct torch_content *c, const char *file,
                          struct tensor_entry **tensors, size_t *count, struct err *err)
{
    const struct pickle_value *root = &c->pickle.values[c->pickle.root];
    const struct pickle_value lone_name = {.kind = PICKLE_TEXT, .text = "", .length = 0};
    bool lone = root->kind == PICKLE_CALL;
    if (!lone && root->kind != PICKLE_DICT)
        return err_set(err, ERR_INPUT,
                       "its pickle is no dictionary of tensors; save model.state_dict() alone");
    size_t n = lone ? 1 : root->count / 2;
    if (!(*tensors = mem_alloc(n, sizeof **tensors, "tensor list", err)))
        return -1;
    for (*count = 0; *count < n;) {
        struct tensor_entry *t = &(*tensors)[*count];
        t->file = file;
        if (read_name(t, lone ? &lone_name : item(c, root, 2 * *count), err))
            return -1;
        const struct pickle_value *v = lone ? root : item(c, root, 2 * *count + 1);
        ++*count; /* before it can fail: its name is to be freed */
        if (read_tensor(t, c, v, err))
            return -1;
    }
    tensors_sort(*tensors, *count);
    const struct tensor_entry *twin = tensors_twin(*tensors, *count);
    return twin ? bad_tensor(twin, "stands there twice; get the file again", err) : 0;
}

void torch_content_clear(struct torch_content *c)
{
    pickle_clear(&c->pickle);
    free(c->storages);
    *c = (struct torch_content){0};
}
