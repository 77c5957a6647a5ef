/* torch_fixture.h - opening bytes as a file of torch.save. */
#ifndef TORCH_FIXTURE_H
#define TORCH_FIXTURE_H
#include "model_fixture.h"

#include "engine/model/torch_file.h"

/* Opens a file of these bytes, reads every float; the error's code, or ERR_NONE. */
static inline enum err_code open_bytes(const void *bytes, size_t n, struct err *err)
{
    char path[256];
    struct torch_file t;
    FILE *f = fopen(fixture_place(path, sizeof path, "torch"), "wb");
    assert_non_null(f);
    fwrite(bytes, 1, n, f);
    fclose(f);
    *err = (struct err){0};
    if (!torch_file_open(&t, path, err)) {
        for (size_t i = 0; i < t.count; i++) {
            float *out = malloc(t.tensors[i].count * sizeof *out + 1);
            tensor_to_float(out, &t.tensors[i]);
            free(out);
        }
        torch_file_close(&t);
    } else {
        assert_null(strchr(err->text, '\n'));
        assert_non_null(strstr(err->text, path));
        assert_null(t.tensors);
    }
    remove(path);
    return err->code;
}

#endif
