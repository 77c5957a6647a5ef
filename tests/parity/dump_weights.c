/* dump_weights.c - what the engine reads of weights, for tests/parity/files.py.
 *
 *     dump_weights < paths
 *
 * A line of input is a model directory or a file of torch.save. The answer is a JSON line: null when
 * it is refused, else NAME -> [dtype, shape, SHA-256 of the values as floats, each NaN as
 * one; "" for other types]. */
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/model/torch_file.h"
#include "engine/model/weight_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_tensor(struct json_writer *w, const struct tensor_entry *t)
{
    char hex[65] = "";
    if (t->dtype != DTYPE_OTHER) {
        float *values = malloc(t->count * sizeof *values + 1);
        struct sha256 h;
        if (!values)
            exit(1);
        tensor_to_float(values, t);
        for (size_t i = 0; i < t->count; i++) /* PyTorch's conversions differ in a NaN's payload */
            values[i] = isnan(values[i]) ? NAN : values[i];
        sha256_init(&h);
        sha256_add(&h, values, t->count * sizeof *values);
        sha256_finish(&h, hex);
        free(values);
    }
    json_key(w, t->name);
    json_open(w, '[');
    json_string(w, t->dtype_name);
    json_open(w, '[');
    for (size_t d = 0; d < t->dims; d++)
        json_int(w, (int64_t)t->shape[d]);
    json_close(w, ']');
    json_string(w, hex);
    json_close(w, ']');
}

static void dump(const char *path)
{
    struct weight_files dir = {0};
    struct torch_file file = {0};
    struct strbuf out = {0};
    struct json_writer w;
    struct err err = {0};
    int rc = file_is_directory(path) ? weight_files_open(&dir, path, &err)
                                     : torch_file_open(&file, path, &err);
    json_writer_init(&w, &out, 0);
    if (rc) {
        json_null(&w);
        fprintf(stderr, "%s\n", err.text);
    } else {
        json_open(&w, '{');
        for (size_t i = 0; i < dir.count; i++)
            write_tensor(&w, &dir.tensors[i]);
        for (size_t i = 0; i < file.count; i++)
            write_tensor(&w, &file.tensors[i]);
        json_close(&w, '}');
    }
    puts(out.text);
    strbuf_clear(&out);
    weight_files_close(&dir);
    torch_file_close(&file);
}

int main(void)
{
    char path[4096];
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = '\0';
        dump(path);
    }
    return 0;
}
