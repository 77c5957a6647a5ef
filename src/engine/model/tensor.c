#include "engine/model/tensor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void tensor_pack_strides(struct tensor_entry *t)
{
    size_t stride = 1;
    for (size_t d = t->dims; d-- > 0;) {
        t->stride[d] = stride;
        stride *= t->shape[d];
    }
}

/* IEEE 754 half to single: exact, subnormals and NaN payloads included. */
static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 1023u;
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    exponent = exponent == 31 ? 255 : exponent + 112;
    uint32_t bits = sign | exponent << 23 | fraction << 13;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* `n` elements, `step` elements apart. The mapping need not be aligned for any type. */
static void read_run(float *out, enum dtype dtype, const unsigned char *bytes, size_t n,
                     size_t step)
{
    if (dtype == DTYPE_F32 && step == 1) {
        memcpy(out, bytes, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const unsigned char *p;
        uint32_t bits;
        double wide;
        switch (dtype) {
        case DTYPE_F32:
            memcpy(&out[i], bytes + 4 * i * step, sizeof *out);
            break;
        case DTYPE_F64:
            memcpy(&wide, bytes + 8 * i * step, sizeof wide);
            out[i] = (float)wide;
            break;
        case DTYPE_F16:
            p = bytes + 2 * i * step;
            out[i] = half_to_float((uint16_t)(p[0] | p[1] << 8));
            break;
        case DTYPE_BF16: /* the upper half of a single */
            p = bytes + 2 * i * step;
            bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 24;
            memcpy(&out[i], &bits, sizeof bits);
            break;
        case DTYPE_OTHER:
            return;
        }
    }
}

static size_t element_bytes(enum dtype dtype)
{
    return dtype == DTYPE_F64 ? 8 : dtype == DTYPE_F32 ? 4 : 2;
}

/* How many of the last dimensions lie side by side as one run. */
static size_t packed_dims(const struct tensor_entry *t)
{
    size_t packed = 0, stride = 1;
    while (packed < t->dims &&
           (t->stride[t->dims - 1 - packed] == stride || t->shape[t->dims - 1 - packed] == 1)) {
        stride *= t->shape[t->dims - 1 - packed];
        packed++;
    }
    return packed;
}

bool tensor_is_packed(const struct tensor_entry *t)
{
    return packed_dims(t) == t->dims;
}

void tensor_to_float(float *out, const struct tensor_entry *t)
{
    if (!t->count)
        return;
    size_t packed = packed_dims(t), run = 1, step = 1, outer = t->dims - packed;
    for (size_t d = outer; d < t->dims; d++)
        run *= t->shape[d];
    if (!packed && t->dims) { /* a transposed matrix: walk its last dimension by its stride */
        outer = t->dims - 1;
        run = t->shape[outer];
        step = t->stride[outer];
    }
    size_t index[TENSOR_DIMS] = {0}, at = 0;
    for (size_t done = 0; done < t->count; done += run) {
        read_run(out + done, t->dtype, t->bytes + at * element_bytes(t->dtype), run, step);
        for (size_t d = outer; d-- > 0;) { /* the next outer index, as an odometer counts */
            at += t->stride[d];
            if (++index[d] < t->shape[d])
                break;
            at -= t->stride[d] * t->shape[d];
            index[d] = 0;
        }
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tensor_entry *)a)->name, ((const struct tensor_entry *)b)->name);
}

void tensors_sort(struct tensor_entry *tensors, size_t count)
{
    qsort(tensors, count, sizeof *tensors, by_name);
}

const struct tensor_entry *tensors_find(const struct tensor_entry *tensors, size_t count,
                                        const char *name)
{
    struct tensor_entry key = {.name = (char *)name};
    return bsearch(&key, tensors, count, sizeof *tensors, by_name);
}

const struct tensor_entry *tensors_twin(const struct tensor_entry *tensors, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!strcmp(tensors[i - 1].name, tensors[i].name))
            return &tensors[i];
    return NULL;
}
