/* torch_file.h - what torch.save writes of a state dictionary (pytorch_model.bin), read.
 *
 * Two containers, one content. Since PyTorch 1.6 a file is a zip archive: data.pkl, a pickle, and
 * data/KEY, the bytes of each storage. Before, it was a run of pickles (magic, version, system, the
 * dictionary, the storages' keys) and then the storages. The pickle is read as inert data
 * (pickle.h); from it a tensor is a storage, an offset, a shape and strides, and all four are
 * checked against the storage's bytes. Tensors are views into the mapping, also of shared storages;
 * a file that is one tensor and no dictionary gives an entry of name "".
 *
 * What torch.load(weights_only=True) reads and this does not: pickles that hold anything but
 * tensors, quantised and sparse tensors, big-endian files (ERR_UNSUPPORTED or ERR_INPUT, by name).
 */
#ifndef TORCH_FILE_H
#define TORCH_FILE_H
#include "engine/base/err.h"
#include "engine/base/file_map.h"
#include "engine/model/tensor.h"

struct torch_file {
    char *path;
    struct file_map map;
    struct tensor_entry *tensors; /* by name */
    size_t count;
};

int torch_file_open(struct torch_file *f, const char *path, struct err *err);
void torch_file_close(struct torch_file *f); /* a zeroed struct is fine */

#endif
