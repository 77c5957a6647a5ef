/* safetensors_write.c - writing: tensors as F32 in the order given, the header padded with spaces
 * so that the data start on 8 bytes. The file's SHA-256 is taken from the bytes as they go out, so
 * what is named is what was written. */
#include "engine/base/file.h"
#include "engine/model/safetensors.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"

#include <string.h>

static size_t count_of(const struct tensor_out *t)
{
    size_t count = 1;
    for (size_t i = 0; i < t->dims; i++)
        count *= t->shape[i];
    return count;
}

static void add_entry(struct json_writer *w, const struct tensor_out *t, size_t *offset)
{
    json_key(w, t->name);
    json_open(w, '{');
    json_key(w, "dtype");
    json_string(w, "F32");
    json_key(w, "shape");
    json_open(w, '[');
    for (size_t i = 0; i < t->dims; i++)
        json_int(w, (int64_t)t->shape[i]);
    json_close(w, ']');
    json_key(w, "data_offsets");
    json_open(w, '[');
    json_int(w, (int64_t)*offset);
    *offset += count_of(t) * sizeof(float);
    json_int(w, (int64_t)*offset);
    json_close(w, ']');
    json_close(w, '}');
}

static void make_header(struct strbuf *out, const struct tensor_out *tensors, size_t count,
                        const char *format)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_open(&w, '{');
    json_key(&w, "__metadata__");
    json_open(&w, '{');
    json_key(&w, "format");
    json_string(&w, format);
    json_close(&w, '}');
    size_t offset = 0;
    for (size_t i = 0; i < count; i++)
        add_entry(&w, &tensors[i], &offset);
    json_close(&w, '}');
    while (!out->failed && out->length % 8)
        strbuf_add(out, " ", 1);
}

static void emit(struct file_aside *a, struct sha256 *sha, const void *bytes, size_t n)
{
    fwrite(bytes, 1, n, a->f); /* a failure is noticed at commit */
    if (sha) /* a checkpoint of 270 MB is hashed for a second, so only where someone wants it */
        sha256_add(sha, bytes, n);
}

int safetensors_write(const char *path, const struct tensor_out *tensors, size_t count,
                      const char *format, char sha256[65], struct err *err)
{
    struct strbuf header = {0};
    struct file_aside a;
    int rc = -1;
    make_header(&header, tensors, count, format);
    if (header.failed) {
        err_set(err, ERR_NOMEM, "out of memory for the header of '%s'", path);
        goto out;
    }
    if (file_aside_open(&a, path, err))
        goto out;
    struct sha256 state, *sha = sha256 ? &state : NULL;
    sha256_init(&state);
    unsigned char size[8];
    for (int i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)header.length >> (8 * i));
    emit(&a, sha, size, sizeof size);
    emit(&a, sha, header.text, header.length);
    for (size_t i = 0; i < count; i++)
        emit(&a, sha, tensors[i].data, count_of(&tensors[i]) * sizeof(float));
    rc = file_aside_commit(&a, err);
    if (!rc && sha)
        sha256_finish(sha, sha256);
out:
    strbuf_clear(&header);
    return rc;
}
