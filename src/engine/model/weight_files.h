/* weight_files.h - the weights of a model directory, in whichever files they are.
 *
 * In this order, which is that of Transformers' from_pretrained:
 *   model.safetensors                one file
 *   model.safetensors.index.json     shards; the index says which tensor is in which
 *   pytorch_model.bin                as torch.save writes it
 *   pytorch_model.bin.index.json     shards of that kind
 * An index must name plain files of the same directory, and every tensor it names must be in the
 * file it says; no name may stand in two files. */
#ifndef WEIGHT_FILES_H
#define WEIGHT_FILES_H
#include "engine/base/err.h"
#include "engine/model/tensor.h"

struct weight_part; /* one open file */

struct weight_files {
    char path[4096];              /* the one file, or the index: what a message is about */
    struct tensor_entry *tensors; /* (count) by name; their memory belongs to the parts */
    size_t count;
    struct weight_part *parts;
    size_t part_count;
};

/* Opens and checks everything; on failure *w is closed. Entries are valid until the close. */
int weight_files_open(struct weight_files *w, const char *dir, struct err *err);
void weight_files_close(struct weight_files *w); /* a zeroed struct is fine */
const struct tensor_entry *weight_files_find(const struct weight_files *w, const char *name);

/* One hash for the weights of a directory, without opening them: that of the one file or, of a
 * sharded model, that of the lines "HASH  NAME" of the index and then of its shards by name, which
 * is what `sha256sum INDEX SHARDS | sha256sum` prints. */
int weight_files_sha256(const char *dir, char hex[65], struct err *err);

#endif
