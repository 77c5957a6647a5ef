/* test_torch_file.c - what torch.save writes is read as torch.load reads it; a file that is not
 * whole, or that would call something, is refused by name.
 *
 * The files of tests/fixtures/torch are PyTorch's own, each beside its tensors as safetensors.
 * Pickles that PyTorch would not write are in test_pickle.c. */
#include "torch_fixture.h"

#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/model/weight_files.h"

#define TORCH     "tests/fixtures/torch"
#define REFERENCE "../shared/reference/torch-pt"

static void open_torch(struct torch_file *f, const char *path)
{
    struct err err = {0};
    if (torch_file_open(f, path, &err))
        fail_msg("%s", err.text);
}

/* Both as floats; what is no float, byte by byte. */
static void compare_tensor(const char *file, const struct tensor_entry *got,
                           const struct tensor_entry *expected)
{
    if (got->dims != expected->dims ||
        memcmp(got->shape, expected->shape, got->dims * sizeof *got->shape))
        fail_msg("%s: shape of %s", file, got->name);
    if (expected->dtype == DTYPE_OTHER) {
        assert_string_equal(got->dtype_name, expected->dtype_name);
        assert_memory_equal(got->bytes, expected->bytes, expected->size_bytes);
        return;
    }
    float *a = malloc(got->count * sizeof *a + 1), *b = malloc(got->count * sizeof *b + 1);
    tensor_to_float(a, got);
    tensor_to_float(b, expected);
    if (memcmp(a, b, got->count * sizeof *a))
        fail_msg("%s: values of %s", file, got->name);
    free(a);
    free(b);
}

static void what_torch_saves_is_read(void **state)
{
    (void)state;
    static const char *const names[] = {"module",       "module_legacy", "parameters", "views",
                                        "views_legacy", "types",         "protocol_3", "lone",
                                        "empty",        "rezipped",      "zip64"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        struct torch_file f;
        struct safetensors s;
        struct err err = {0};
        snprintf(path, sizeof path, TORCH "/%s.bin", names[i]);
        open_torch(&f, path);
        assert_string_equal(f.path, path);
        snprintf(path, sizeof path, TORCH "/%s.safetensors", names[i]);
        assert_int_equal(safetensors_open(&s, path, &err), 0);
        assert_int_equal(f.count, s.count);
        for (size_t j = 0; j < f.count; j++) {
            const struct tensor_entry *t = &f.tensors[j];
            const struct tensor_entry *expected =
                safetensors_find(&s, *t->name ? t->name : "tensor");
            if (!expected)
                fail_msg("%s has '%s'", path, t->name);
            compare_tensor(path, t, expected);
            assert_string_equal(t->file, f.path);
        }
        safetensors_close(&s);
        torch_file_close(&f);
        torch_file_close(&f);
    }
}

static void types_are_those_saved(void **state)
{
    (void)state;
    static const struct {
        const char *name, *dtype_name;
        enum dtype dtype;
    } cases[] = {
        {"float", "F32", DTYPE_F32},  {"half", "F16", DTYPE_F16},   {"brain", "BF16", DTYPE_BF16},
        {"double", "F64", DTYPE_F64}, {"long", "I64", DTYPE_OTHER}, {"bool", "BOOL", DTYPE_OTHER},
    };
    struct torch_file f;
    open_torch(&f, TORCH "/types.bin");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tensor_entry *t = tensors_find(f.tensors, f.count, cases[i].name);
        assert_non_null(t);
        assert_string_equal(t->dtype_name, cases[i].dtype_name);
        assert_int_equal(t->dtype, cases[i].dtype);
    }
    torch_file_close(&f);
}

static void shards_of_torch_are_one_list(void **state)
{
    (void)state;
    struct weight_files w;
    struct safetensors s;
    struct err err = {0};
    if (weight_files_open(&w, TORCH "/sharded", &err))
        fail_msg("%s", err.text);
    assert_int_equal(safetensors_open(&s, TORCH "/module.safetensors", &err), 0);
    assert_int_equal(w.count, s.count);
    for (size_t i = 0; i < s.count; i++) {
        const struct tensor_entry *t = weight_files_find(&w, s.tensors[i].name);
        assert_non_null(t);
        compare_tensor(t->file, t, &s.tensors[i]);
    }
    safetensors_close(&s);
    weight_files_close(&w);
}

/* Sums made by `tests/fixtures/make_torch_files.py --sums` with PyTorch 2.13. */
static void the_reference_files_have_the_values_torch_reads(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t count;
        const char *sum;
    } cases[] = {
        {"peft_adalora_mlp.model.bin", 3,
         "ca81754c3817293141bb8f5695b9416dcbbe85cadd2eeae686476117f6bfd8a1"},
        {"peft_ia3_mlp.model.bin", 1,
         "7cb1b922c755242a50e52ef52901ddb7733ab86cc483ef07119cd7132688de63"},
        {"peft_lora_emb_conv1d.model.bin", 4,
         "d69e512bfa59f8e6296345ed44eb9d3b68abac3f292b8b47dde1878be9b5902c"},
        {"peft_lora_mlp.model.bin", 2,
         "776bf394bec3942b7293e4b49a8c5ea517b9bc711f92865b563cb1fa0774bb86"},
        {"peft_lora_mlp_modules_to_save.model.bin", 4,
         "1c79742df0138801acebc4d2f95f870423d4b5faec4e631024a00c6df62dda1c"},
        {"roberta.base.output.pt", 1,
         "9620e2487b4e0e796a0fd50c06f24547fe22bc23accc81fa6f8246ff429b83ee"},
        {"t5.base.model.output.pt", 1,
         "3e6459268a194ba0870a51c78af6bc3e8e6bbbb9fda6991798c94329f5e68d13"},
        {"test_state_dict.pt", 1,
         "85da1ba5501f69eb3ecb708ef0b17e009dfb82753eace6f0c7a799fa8a85f1a2"},
    };
    size_t read = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256], line[256], hex[65];
        struct torch_file f;
        struct sha256 h;
        snprintf(path, sizeof path, REFERENCE "/%s", cases[i].file);
        if (!file_exists(path))
            continue;
        open_torch(&f, path);
        assert_int_equal(f.count, cases[i].count);
        sha256_init(&h);
        for (size_t j = 0; j < f.count; j++) {
            const struct tensor_entry *t = &f.tensors[j];
            float *values = malloc(t->count * sizeof *values + 1);
            size_t n = (size_t)snprintf(line, sizeof line, "%s ", t->name);
            for (size_t d = 0; d < t->dims; d++)
                n += (size_t)snprintf(line + n, sizeof line - n, d ? " %zu" : "%zu", t->shape[d]);
            n += (size_t)snprintf(line + n, sizeof line - n, "\n");
            tensor_to_float(values, t);
            sha256_add(&h, line, n);
            sha256_add(&h, values, t->count * sizeof *values);
            free(values);
        }
        sha256_finish(&h, hex);
        if (strcmp(hex, cases[i].sum))
            fail_msg("%s: other values than torch.load's", path);
        torch_file_close(&f);
        read++;
    }
    if (!read)
        skip();
    assert_int_equal(read, sizeof cases / sizeof *cases);
}

static void pickles_of_python_that_call_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *file, *says;
        enum err_code code;
    } cases[] = {
        {"hostile_system_0", "opcode DICT", ERR_UNSUPPORTED},
        {"hostile_system_2", "'posix.system'", ERR_UNSUPPORTED},
        {"hostile_system_4", "opcode FRAME", ERR_UNSUPPORTED},
        {"hostile_legacy", "'posix.system'", ERR_UNSUPPORTED},
        {"hostile_eval", "'__builtin__.eval'", ERR_UNSUPPORTED},
        {"hostile_module", "'torch.nn.modules.linear.Linear'", ERR_UNSUPPORTED},
        {"big_endian", "little-endian", ERR_UNSUPPORTED},
        {"compressed", "data.pkl", ERR_INPUT},
        {"negative", "'weight' is none, or not a plain one", ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256];
        struct torch_file f;
        struct err err = {0};
        snprintf(path, sizeof path, TORCH "/%s.bin", cases[i].file);
        assert_int_equal(torch_file_open(&f, path, &err), -1);
        if (err.code != cases[i].code || !strstr(err.text, cases[i].says) ||
            !strstr(err.text, path))
            fail_msg("%s: %s", cases[i].file, err.text);
    }
}

struct image {
    unsigned char *bytes;
    size_t n;
};
static struct image read_image(const char *name)
{
    struct image f;
    struct err err;
    char path[256];
    snprintf(path, sizeof path, TORCH "/%s.bin", name);
    f.bytes = (unsigned char *)file_read(path, &f.n, &err);
    assert_non_null(f.bytes);
    return f;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"module", "module_legacy", "zip64"};
    for (size_t i = 0; i < 3; i++) {
        struct image f = read_image(names[i]);
        struct err err;
        for (size_t n = 0; n < f.n; n++)
            if (open_bytes(f.bytes, n, &err) != ERR_INPUT)
                fail_msg("%s cut to %zu bytes: %s", names[i], n, err.text);
        assert_int_equal(open_bytes(f.bytes, f.n, &err), ERR_NONE);
        free(f.bytes);
    }
}

/* A field changed: refused in its own words. */
static void every_field_of_a_container_counts(void **state)
{
    (void)state;
    static const struct {
        const char *file, *from, *to;
        size_t n;
        bool last; /* its last place in the file, else the first */
        const char *says;
    } cases[] = {
        {"module_legacy", "M\xe9\3", "M\xea\3", 3, false, "another version"},
        {"module_legacy", "little_endianq\2\x88", "little_endianq\2\x89", 16, false,
         "little-endian"},
        {"module_legacy", ".\x80\2]", ".\x80\2}", 4, false, "puts items"},
        {"module_legacy", "\x80\2\x8a\x0a\x6c", "\x80\2\x8a\x0a\x6d", 5, false, "no file of torch"},
        {"module_legacy", "K\x14Ntq", "K\x14)tq", 5, false, "view of another"},
        {"module", "PK\5\6", "PK\5\7", 4, true, "no end"},
        {"module", "PK\1\2", "PK\1\3", 4, true, "broken directory"},
        {"module", "PK\3\4", "PK\3\5", 4, true, "without a header"},
        {"module", "module/data/0", "module/data/1", 13, true, "two names"},
        {"module", "module/data/0", "module/data/1", 13, false, "two names"},
        {"module", "module/data.pkl", "module/dota.pkl", 15, true, "two names"},
        {"zip64", "PK\6\6", "PK\6\7", 4, true, "64-bit directory"},
        {"zip64", "PK\6\7", "PK\6\6", 4, true, "64-bit directory"},
        {"zip64", "\1\0\x18\0", "\2\0\x18\0", 4, true, "broken directory"},
        {"zip64", "\1\0\x18\0", "\1\0\x17\0", 4, true, "broken directory"},
        {"zip64", "\1\0\x18\0", "\1\0\x19\0", 4, true, "broken directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image f = read_image(cases[i].file);
        struct err err;
        unsigned char *at = NULL;
        for (size_t j = 0; j + cases[i].n <= f.n && (!at || cases[i].last); j++)
            if (!memcmp(f.bytes + j, cases[i].from, cases[i].n))
                at = f.bytes + j;
        if (!at)
            fail_msg("case %zu: not there", i);
        memcpy(at, cases[i].to, cases[i].n);
        enum err_code code = open_bytes(f.bytes, f.n, &err);
        if (code == ERR_NONE || !strstr(err.text, cases[i].says))
            fail_msg("case %zu, to say '%s': %s", i, cases[i].says, err.text);
        free(f.bytes);
    }
}

static void refused(struct image f, const char *says)
{
    struct err err;
    enum err_code code = open_bytes(f.bytes, f.n, &err);
    if (code != ERR_INPUT || !strstr(err.text, says))
        fail_msg("to say '%s': %s", says, code ? err.text : "opened");
}

/* The old form ends with its last storage, and each says how long it is. */
static void storages_of_the_old_form_are_as_long_as_they_say(void **state)
{
    (void)state;
    struct image f = read_image("module_legacy");
    f.bytes = realloc(f.bytes, f.n + 1);
    f.bytes[f.n++] = 0;
    refused(f, "goes on after");
    f.n -= 2;
    refused(f, "is cut short");
    f.n++;
    uint64_t n = 0, count = 0; /* the last storage is n floats, after a count that is n */
    while (count != n || !n)
        memcpy(&count, f.bytes + f.n - 4 * ++n - 8, sizeof count);
    f.bytes[f.n - 4 * n - 8]--;
    refused(f, "has another size");
    free(f.bytes);
}

/* What the directory says of a member with weights: its method, and where it ends. */
static void members_are_stored_inside_the_file(void **state)
{
    (void)state;
    struct image f = read_image("module");
    unsigned char *entry = NULL;
    for (size_t i = 46; i + 13 <= f.n; i++)
        if (!memcmp(f.bytes + i, "module/data/0", 13))
            entry = f.bytes + i - 46;
    assert_non_null(entry);
    assert_memory_equal(entry, "PK\1\2", 4);
    entry[10] = 8;
    refused(f, "is compressed");
    entry[10] = 0, entry[8] |= 1;
    refused(f, "is compressed or encrypted");
    entry[8] &= 0xfe, entry[21] = 10, entry[25] = 10;
    refused(f, "not inside the file");
    entry[21] = 0;
    refused(f, "two sizes");
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_torch_saves_is_read),
        cmocka_unit_test(types_are_those_saved),
        cmocka_unit_test(shards_of_torch_are_one_list),
        cmocka_unit_test(the_reference_files_have_the_values_torch_reads),
        cmocka_unit_test(pickles_of_python_that_call_are_refused_by_name),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(every_field_of_a_container_counts),
        cmocka_unit_test(storages_of_the_old_form_are_as_long_as_they_say),
        cmocka_unit_test(members_are_stored_inside_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
