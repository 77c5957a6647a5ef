/* tensor.h - one named tensor of a weights file, wherever it lies in memory.
 *
 * A reader of a file format (safetensors.h, torch_file.h) checks that every element lies inside the
 * file and then hands out entries. Nothing is copied until somebody asks for floats. */
#ifndef TENSOR_H
#define TENSOR_H
#include <stdbool.h>
#include <stddef.h>

/* What can become a float. Everything else is carried along by name only. */
enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F64, DTYPE_OTHER };

#define TENSOR_DIMS 8

struct tensor_entry {
    char *name;
    const char *file; /* path of the file it is in, for messages; the reader owns it */
    enum dtype dtype;
    char dtype_name[16];
    size_t shape[TENSOR_DIMS], dims, count; /* count: product of shape */
    size_t stride[TENSOR_DIMS];             /* elements from one index to the next */
    const unsigned char *bytes;             /* of the first element, little-endian, in a mapping */
    size_t size_bytes;                      /* of count elements side by side */
};

/* Row-major strides of t's shape. */
void tensor_pack_strides(struct tensor_entry *t);
/* Whether its elements lie side by side, row by row. */
bool tensor_is_packed(const struct tensor_entry *t);

/* F32, F16, BF16 and F64 (rounded) to float, row by row; out holds t->count. */
void tensor_to_float(float *out, const struct tensor_entry *t);

/* Lists are kept by name, so that finding is a binary search. */
void tensors_sort(struct tensor_entry *tensors, size_t count);
const struct tensor_entry *tensors_find(const struct tensor_entry *tensors, size_t count,
                                        const char *name);
/* The second of two entries of one name in a sorted list, or NULL. */
const struct tensor_entry *tensors_twin(const struct tensor_entry *tensors, size_t count);

#endif
