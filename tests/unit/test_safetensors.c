/* test_safetensors.c - what is sound opens, what is not is refused in one line, whatever the bytes.
 */
#include "model_fixture.h"

#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/rng.h"

#include <glob.h>

#define GOLDEN "../shared/reference/safetensors-golden"

struct file {
    unsigned char *bytes;
    size_t n;
};

static struct file tiny_file(void)
{
    struct file f;
    struct err err;
    f.bytes = (unsigned char *)file_read(TINY "/model.safetensors", &f.n, &err);
    assert_non_null(f.bytes);
    return f;
}

/* Opens a file of these bytes; reads every tensor it offers. 0 or the error's code. */
static enum err_code open_bytes(const void *bytes, size_t n, struct err *err)
{
    char path[256];
    struct safetensors s;
    FILE *f = fopen(fixture_place(path, sizeof path, "weights"), "wb");
    assert_non_null(f);
    fwrite(bytes, 1, n, f);
    fclose(f);
    err->code = ERR_NONE;
    if (!safetensors_open(&s, path, err)) {
        volatile unsigned char sum = 0;
        for (size_t i = 0; i < s.count; i++)
            for (size_t j = 0; j < s.tensors[i].size_bytes; j++)
                sum += s.tensors[i].bytes[j];
        safetensors_close(&s);
    }
    remove(path);
    return err->code;
}

static enum err_code open_header(const char *json, size_t data_bytes, struct err *err)
{
    unsigned char bytes[4096] = {0};
    size_t n = strlen(json);
    assert_true(8 + n + data_bytes <= sizeof bytes);
    bytes[0] = (unsigned char)n, bytes[1] = (unsigned char)(n >> 8);
    memcpy(bytes + 8, json, n);
    return open_bytes(bytes, 8 + n + data_bytes, err);
}

/* What the table says of a file; one that it does not name is valid. */
static void expected_outcome(const char *name, char expect[64])
{
    char line[512], row[128];
    FILE *f = fopen(GOLDEN "/expected.tsv", "r");
    assert_non_null(f);
    strcpy(expect, "ok");
    while (fgets(line, sizeof line, f)) {
        char outcome[64];
        if (sscanf(line, "%127s %*s %63s", row, outcome) == 2 && !strcmp(row, name))
            strcpy(expect, outcome);
    }
    fclose(f);
}

static void the_golden_files_open_or_not_as_expected(void **state)
{
    (void)state;
    glob_t found;
    size_t valid = 0;
    if (glob(GOLDEN "/*.safetensors", 0, NULL, &found))
        skip();
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct safetensors s;
        struct err err = {0};
        char expect[64];
        expected_outcome(strrchr(found.gl_pathv[i], '/') + 1, expect);
        int rc = safetensors_open(&s, found.gl_pathv[i], &err);
        if (!rc != !strcmp(expect, "ok"))
            fail_msg("%s: expected %s, got %s", found.gl_pathv[i], expect, rc ? err.text : "ok");
        valid += !rc;
        if (!rc)
            safetensors_close(&s);
    }
    assert_true(valid > 10 && valid < found.gl_pathc);
    globfree(&found);
}

static void every_known_fault_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t data;
        bool ok;
    } cases[] = {
        {"{}", 0, true},
        {"{\"__metadata__\":{\"a\":\"b\"}}", 0, true},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, true},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, true},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9],\"data_offsets\":[0,0]}}", 0, true},
        {"[]", 0, false},
        {"{} x", 0, false},
        {"{\"a\":1}", 0, false},
        {"{\"a\":{}}", 0, false},
        {"{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,6]}}", 6, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        enum err_code code = open_header(cases[i].json, cases[i].data, &err);
        if (cases[i].ok != (code == ERR_NONE))
            fail_msg("%s with %zu bytes: %s", cases[i].json, cases[i].data,
                     code ? err.text : "opened");
        assert_true(cases[i].ok || code == ERR_INPUT);
    }
}

static void a_file_cut_anywhere_is_refused_by_name(void **state)
{
    (void)state;
    struct file f = tiny_file();
    for (size_t n = 0; n < f.n; n += n < 64 ? 1 : 997) {
        struct err err = {0};
        assert_int_equal(open_bytes(f.bytes, n, &err), ERR_INPUT);
        assert_non_null(strstr(err.text, "weights"));
        assert_null(strchr(err.text, '\n'));
    }
    free(f.bytes);
}

/* Bytes changed at random, mostly in the header: opened or refused, never read out of bounds. */
static void no_change_of_bytes_breaks_the_reader(void **state)
{
    (void)state;
    struct file f = tiny_file();
    size_t header = 8 + (size_t)f.bytes[0] + ((size_t)f.bytes[1] << 8);
    for (uint64_t round = 0; round < 300; round++) {
        struct err err = {0};
        unsigned char saved[4];
        size_t at[4];
        for (uint64_t i = 0; i < 4; i++) {
            uint64_t bits = rng_bits(1, RNG_TEST, round * 4 + i);
            at[i] = bits % (i ? header : 8);
            saved[i] = f.bytes[at[i]];
            f.bytes[at[i]] = (unsigned char)(bits >> 32);
            if (i == 0 && round % 2) /* half of them keep the length */
                f.bytes[at[i]] = saved[i];
        }
        enum err_code code = open_bytes(f.bytes, f.n, &err);
        assert_true(code == ERR_NONE || code == ERR_INPUT);
        for (int i = 4; i-- > 0;)
            f.bytes[at[i]] = saved[i];
    }
    free(f.bytes);
}

static void halves_become_the_floats_they_mean(void **state)
{
    (void)state;
    static const struct {
        uint16_t half, brain;
        float value;
    } cases[] = {
        {0x0000, 0x0000, 0.0f},  {0x8000, 0x8000, -0.0f},    {0x3c00, 0x3f80, 1.0f},
        {0xc000, 0xc000, -2.0f}, {0x0001, 0x3380, 0x1p-24f}, {0x03ff, 0, 0x1.ff8p-15f},
        {0x7bff, 0, 65504.0f},   {0x7c00, 0x7f80, INFINITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[4] = {(unsigned char)cases[i].half, (unsigned char)(cases[i].half >> 8),
                                  (unsigned char)cases[i].brain,
                                  (unsigned char)(cases[i].brain >> 8)};
        struct tensor_entry t = {.dtype = DTYPE_F16, .count = 1, .bytes = bytes};
        float out;
        tensor_to_float(&out, &t);
        assert_memory_equal(&out, &cases[i].value, sizeof out);
        t.dtype = DTYPE_BF16, t.bytes = bytes + 2;
        tensor_to_float(&out, &t);
        if (cases[i].brain || cases[i].half == 0)
            assert_memory_equal(&out, &cases[i].value, sizeof out);
    }
    unsigned char nan[2] = {0x01, 0x7e};
    struct tensor_entry t = {.dtype = DTYPE_F16, .count = 1, .bytes = nan};
    float out;
    tensor_to_float(&out, &t);
    assert_true(isnan(out));
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    char path[256], sha[65], again[65];
    struct err err = {0};
    struct safetensors s;
    float a[6], b = NAN;
    for (int i = 0; i < 6; i++)
        a[i] = (float)rng_normal(2, RNG_TEST, (uint64_t)i);
    struct tensor_out out[] = {
        {"z \"quoted\"", a, {2, 3}, 2}, {"a", &b, {1}, 1}, {"none", a, {0}, 1}};
    fixture_place(path, sizeof path, "written");
    assert_int_equal(safetensors_write(path, out, 3, "pt", sha, &err), 0);
    assert_int_equal(sha256_file(path, again, &err), 0);
    assert_string_equal(sha, again);
    assert_int_equal(safetensors_open(&s, path, &err), 0);
    assert_int_equal(s.count, 3);
    assert_int_equal(((uintptr_t)safetensors_find(&s, out[0].name)->bytes) % 8, 0);
    assert_memory_equal(safetensors_find(&s, out[0].name)->bytes, a, sizeof a);
    assert_memory_equal(safetensors_find(&s, "a")->bytes, &b, sizeof b);
    assert_int_equal(safetensors_find(&s, "none")->count, 0);
    assert_null(safetensors_find(&s, "absent"));
    safetensors_close(&s);
    remove(path);
    assert_int_equal(safetensors_write("/nowhere/at/all", out, 3, "pt", sha, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_files_open_or_not_as_expected),
        cmocka_unit_test(every_known_fault_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused_by_name),
        cmocka_unit_test(no_change_of_bytes_breaks_the_reader),
        cmocka_unit_test(halves_become_the_floats_they_mean),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
