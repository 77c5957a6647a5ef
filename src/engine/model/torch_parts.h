/* torch_parts.h - the pickle of a torch.save file as storages and tensors, whatever container it
 * came in. Private to torch_file.c and torch_parts.c.
 *
 * Reading goes in three steps: torch_content_read collects the storages that the pickle mentions;
 * the container sets `bytes` of each; torch_content_tensors makes entries of the dictionary. Errors
 * name no file. */
#ifndef TORCH_PARTS_H
#define TORCH_PARTS_H
#include "engine/base/err.h"
#include "engine/model/pickle.h"
#include "engine/model/tensor.h"

struct torch_storage {
    const char *key; /* in the pickle's bytes */
    size_t key_length;
    const struct torch_type *type;
    size_t numel, size_bytes;
    const unsigned char *bytes; /* NULL until the container has placed it */
};

struct torch_content {
    bool before_zip; /* set it before reading: ids of storages then have one item more */
    struct pickle pickle;
    struct torch_storage *storages; /* (storage_count) by key, each once */
    size_t storage_count;
};

int torch_content_read(struct torch_content *c, const unsigned char *bytes, size_t n, size_t *used,
                       struct err *err);
struct torch_storage *torch_content_storage(const struct torch_content *c, const char *key,
                                            size_t length);
/* Every storage must have its bytes. `file` goes into the entries; the caller frees the list and
 * each entry's name, also what is there after a failure. */
int torch_content_tensors(const struct torch_content *c, const char *file,
                          struct tensor_entry **tensors, size_t *count, struct err *err);
void torch_content_clear(struct torch_content *c);

/* "storage 'KEY' WHAT; get the file again". Returns -1. */
int torch_storage_bad(const struct torch_storage *s, const char *what, struct err *err);

#endif
