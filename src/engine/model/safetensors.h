/* safetensors.h - the file format of Hugging Face weights, read and written.
 *
 * A file is a little-endian u64 header size, a JSON header (name -> dtype, shape, data_offsets),
 * then the bytes. Reading maps the file and checks everything before any tensor is used: header
 * size, JSON, offsets that tile the buffer without gaps or overlaps, shape times type equal to the
 * length. Writing puts tensors in the order given, header padded with spaces to 8 bytes, aside and
 * renamed. */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H
#include "engine/base/err.h"
#include "engine/base/file_map.h"
#include "engine/model/tensor.h"

#include <stddef.h>

struct safetensors {
    char *path;
    struct file_map map;
    struct tensor_entry *tensors; /* by name */
    size_t count;
};

int safetensors_open(struct safetensors *s, const char *path, struct err *err);
void safetensors_close(struct safetensors *s);
const struct tensor_entry *safetensors_find(const struct safetensors *s, const char *name);

struct tensor_out {
    const char *name;
    const float *data;
    size_t shape[TENSOR_DIMS], dims;
};
/* Written aside, synced, renamed. `format` goes into __metadata__ ("pt"); sha256 (may be NULL) gets
 * that of the file. */
int safetensors_write(const char *path, const struct tensor_out *tensors, size_t count,
                      const char *format, char sha256[65], struct err *err);

#endif
