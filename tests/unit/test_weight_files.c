/* test_weight_files.c - a directory's weights are found in whichever files they are; an index that
 * does not tell the truth is refused. */
#include "model_fixture.h"

#include "engine/base/hash.h"
#include "zip_fixture.h"
#include "engine/model/weight_files.h"

#define INDEX "model.safetensors.index.json"

static const float values[] = {1, 2, 3, 4, 5, 6};

/* DIR/name holds tensors called by each letter of `letters`: 'a' is (1) {1}, 'b' (2) {1, 2}, ... */
static void write_shard(const char *dir, const char *name, const char *letters)
{
    struct tensor_out out[6];
    char names[6][2] = {{0}}, path[512];
    size_t n = strlen(letters);
    struct err err = {0};
    for (size_t i = 0; i < n; i++) {
        names[i][0] = letters[i];
        out[i] = (struct tensor_out){names[i], values, {(size_t)(letters[i] - 'a') + 1}, 1};
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(safetensors_write(path, out, n, "pt", NULL, &err), 0);
}

static const char *fresh_directory(char *out, size_t size)
{
    struct err err = {0};
    fixture_place(out, size, "weights");
    assert_int_equal(file_make_directories(out, &err), 0);
    return out;
}

static void shards_are_one_list(void **state)
{
    (void)state;
    char dir[256], path[512];
    struct err err = {0};
    struct weight_files w;
    fresh_directory(dir, sizeof dir);
    write_shard(dir, "two", "da");
    write_shard(dir, "one", "cbe");
    fixture_write(dir, INDEX,
                  "{\"metadata\":{\"total_size\":60},\"weight_map\":{\"a\":\"two\",\"b\":\"one\","
                  "\"c\":\"one\",\"d\":\"two\"}}");
    if (weight_files_open(&w, dir, &err))
        fail_msg("%s", err.text);
    assert_int_equal(w.count, 5); /* e is in no map, and is there all the same */
    for (char c = 'a'; c <= 'e'; c++) {
        const char name[2] = {c, 0};
        const struct tensor_entry *t = weight_files_find(&w, name);
        float got[6];
        assert_non_null(t);
        assert_int_equal(t->count, c - 'a' + 1);
        tensor_to_float(got, t);
        assert_memory_equal(got, values, t->size_bytes);
        snprintf(path, sizeof path, "%s/%s", dir, strchr("ad", c) ? "two" : "one");
        assert_string_equal(t->file, path);
    }
    assert_null(weight_files_find(&w, "f"));
    assert_null(weight_files_find(&w, ""));
    weight_files_close(&w);
    weight_files_close(&w);

    /* The one file goes first. */
    write_shard(dir, "model.safetensors", "f");
    assert_int_equal(weight_files_open(&w, dir, &err), 0);
    assert_int_equal(w.count, 1);
    assert_non_null(weight_files_find(&w, "f"));
    weight_files_close(&w);
    file_remove_tree(dir, NULL);
}

static void an_index_that_lies_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *index, *says;
    } cases[] = {
        {"{\"weight_map\":{\"a\":\"one\",\"c\":\"two\"}}", NULL},
        {"{\"weight_map\":{\"a\":\"two\",\"c\":\"two\"}}", "'a' is in 'two', but it is not"},
        {"{\"weight_map\":{\"a\":\"two\",\"b\":\"one\"}}", "'a' is in 'two', but it is not"},
        {"{\"weight_map\":{\"a\":\"one\",\"x\":\"two\"}}", "'x' is in 'two', but it is not"},
        {"{\"weight_map\":{\"a\":\"one\",\"b\":\"twin\"}}", "'b' is in two files"},
        {"{\"weight_map\":{\"a\":\"one\",\"a\":\"one\"}}", "'a' stands there twice"},
        {"{\"weight_map\":{\"a\":\"one\",\"c\":\"three\"}}", "three' is absent"},
        {"{\"weight_map\":{\"a\":\"../one\"}}", "not a plain file name"},
        {"{\"weight_map\":{\"a\":\"..\"}}", "not a plain file name"},
        {"{\"weight_map\":{\"a\":\".\"}}", "not a plain file name"},
        {"{\"weight_map\":{\"a\":\"\"}}", "not a plain file name"},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "not a plain file name"},
        {"{\"weight_map\":{\"a\":1}}", "not a plain file name"},
        {"{\"weight_map\":{\"a\":\"" INDEX "\"}}", INDEX},
        {"{\"weight_map\":{}}", "weight_map"},
        {"{\"weight_map\":[]}", "weight_map"},
        {"{}", "weight_map"},
        {"[]", "weight_map"},
        {"", INDEX},
    };
    char dir[256];
    fresh_directory(dir, sizeof dir);
    write_shard(dir, "one", "ab");
    write_shard(dir, "two", "cd");
    write_shard(dir, "twin", "be");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        struct weight_files w;
        fixture_write(dir, INDEX, cases[i].index);
        int rc = weight_files_open(&w, dir, &err);
        if (!rc)
            weight_files_close(&w);
        if (rc != (cases[i].says ? -1 : 0))
            fail_msg("%s: %s", cases[i].index, rc ? err.text : "opened");
        if (rc && (err.code != ERR_INPUT || !strstr(err.text, cases[i].says)))
            fail_msg("%s: %s", cases[i].index, err.text);
        assert_int_equal(w.count, 0);
    }
    file_remove_tree(dir, NULL);
}

static void a_directory_without_weights_says_what_one_holds(void **state)
{
    (void)state;
    struct weight_files w;
    struct err err = {0};
    char hex[65];
    assert_int_equal(weight_files_open(&w, "tests/unit", &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "tests/unit"));
    assert_non_null(strstr(err.text, "model.safetensors"));
    assert_non_null(strstr(err.text, "pytorch_model.bin"));
    assert_non_null(strstr(err.text, "index.json"));
    assert_int_equal(weight_files_sha256("tests/unit", hex, &err), -1);
}

static void the_hash_is_that_of_every_file(void **state)
{
    (void)state;
    char dir[256], path[512], hex[65], expected[65], lines[512] = "";
    struct err err = {0};
    static const char *const names[] = {INDEX, "one", "two"};
    fresh_directory(dir, sizeof dir);
    write_shard(dir, "one", "ab");
    write_shard(dir, "two", "cd");
    fixture_write(dir, INDEX, "{\"weight_map\":{\"c\":\"two\",\"a\":\"one\",\"b\":\"one\"}}");
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(sha256_file(path, hex, &err), 0);
        strcat(strcat(strcat(strcat(lines, hex), "  "), names[i]), "\n");
    }
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, lines, strlen(lines));
    sha256_finish(&h, expected);
    assert_int_equal(weight_files_sha256(dir, hex, &err), 0);
    assert_string_equal(hex, expected);

    write_shard(dir, "two", "cde");
    assert_int_equal(weight_files_sha256(dir, hex, &err), 0);
    assert_string_not_equal(hex, expected);

    write_shard(dir, "model.safetensors", "a");
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(sha256_file(path, expected, &err), 0);
    assert_int_equal(weight_files_sha256(dir, hex, &err), 0);
    assert_string_equal(hex, expected);
    file_remove_tree(dir, NULL);
}

/* The tiny model's tensors as pytorch_model.bin: one storage, of which each is a view. */
static void write_torch_model(const char *dir)
{
    struct safetensors s;
    struct err err = {0};
    struct strbuf pickle = {0};
    char path[512];
    size_t total = 0, at = 0;
    assert_int_equal(safetensors_open(&s, TINY "/model.safetensors", &err), 0);
    for (size_t i = 0; i < s.count; i++)
        total += s.tensors[i].count;
    float *floats = malloc(total * sizeof *floats);
    strbuf_add(&pickle, "\x80\x02}", 3);
    for (size_t i = 0; i < s.count; i++) {
        const struct tensor_entry *t = &s.tensors[i];
        uint32_t length = (uint32_t)strlen(t->name), offset = (uint32_t)at, n = (uint32_t)total;
        strbuf_add(&pickle, "X", 1);
        strbuf_add(&pickle, (const char *)&length, 4);
        strbuf_puts(&pickle, t->name);
        strbuf_puts(&pickle, "ctorch._utils\n_rebuild_tensor_v2\n(");
        strbuf_puts(&pickle, "(U\7storagectorch\nFloatStorage\nU\1"
                             "aU\3cpuJ");
        strbuf_add(&pickle, (const char *)&n, 4);
        strbuf_puts(&pickle, "tQJ");
        strbuf_add(&pickle, (const char *)&offset, 4);
        for (int part = 0; part < 2; part++) {
            strbuf_puts(&pickle, "(");
            for (size_t d = 0; d < t->dims; d++) {
                uint32_t x = (uint32_t)(part ? t->stride[d] : t->shape[d]);
                strbuf_add(&pickle, "J", 1);
                strbuf_add(&pickle, (const char *)&x, 4);
            }
            strbuf_puts(&pickle, "t");
        }
        strbuf_puts(&pickle, "\x89NtRs");
        tensor_to_float(floats + at, t);
        at += t->count;
    }
    strbuf_puts(&pickle, ".");
    assert_false(pickle.failed);
    const struct zip_content members[] = {{"m/data.pkl", pickle.text, pickle.length},
                                          {"m/data/a", floats, total * sizeof *floats}};
    size_t room = pickle.length + total * sizeof *floats + 1000;
    unsigned char *archive = malloc(room);
    snprintf(path, sizeof path, "%s/pytorch_model.bin", dir);
    if (file_write(path, archive, zip_make(archive, room, members, 2), &err))
        fail_msg("%s", err.text);
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(file_copy(TINY "/config.json", path, &err), 0);
    strbuf_clear(&pickle);
    safetensors_close(&s);
    free(floats);
    free(archive);
}

static void a_model_is_the_same_from_any_file(void **state)
{
    (void)state;
    char dir[256], out[300], sha[2][65];
    struct err err = {0};
    struct compute *c = fixture_compute(1);
    fresh_directory(dir, sizeof dir);
    write_torch_model(dir);
    for (int i = 0; i < 2; i++) {
        struct model *m = fixture_model(i ? dir : TINY, (struct head_spec){.keep_head = true}, c);
        snprintf(out, sizeof out, "%s/out%d", dir, i);
        assert_int_equal(model_export(m, out, false, sha[i], &err), 0);
        model_close(m);
    }
    assert_string_equal(sha[0], sha[1]);
    compute_destroy(c);
    file_remove_tree(dir, NULL);
}

/* Every way a view can lie in its storage, against the definition. */
static void strides_are_followed(void **state)
{
    (void)state;
    static const struct {
        size_t shape[TENSOR_DIMS], stride[TENSOR_DIMS], dims;
    } cases[] = {
        {{2, 3}, {3, 1}, 2},       {{3, 2}, {1, 3}, 2},
        {{2, 2}, {4, 1}, 2},       {{2, 2}, {4, 2}, 2},
        {{2, 3}, {1, 1}, 2},       {{4}, {2}, 1},
        {{3, 4}, {0, 1}, 2},       {{3, 4}, {0, 0}, 2},
        {{1, 4, 1}, {9, 1, 7}, 3}, {{2, 3, 2}, {6, 2, 1}, 3},
        {{2, 3, 2}, {1, 2, 6}, 3}, {{2, 2, 2, 2}, {8, 1, 4, 2}, 4},
        {{0, 3}, {3, 1}, 2},       {{0}, {0}, 0},
    };
    float storage[16], got[16];
    for (int i = 0; i < 16; i++)
        storage[i] = (float)i;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tensor_entry t = {.dtype = DTYPE_F32, .dims = cases[i].dims, .count = 1};
        t.bytes = (const unsigned char *)storage;
        for (size_t d = 0; d < t.dims; d++) {
            t.count *= t.shape[d] = cases[i].shape[d];
            t.stride[d] = cases[i].stride[d];
        }
        tensor_to_float(got, &t);
        for (size_t at = 0; at < t.count; at++) {
            size_t rest = at, place = 0;
            for (size_t d = t.dims; d-- > 0; rest /= t.shape[d])
                place += rest % t.shape[d] * t.stride[d];
            assert_int_equal((int)got[at], place);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_one_list),
        cmocka_unit_test(an_index_that_lies_is_refused),
        cmocka_unit_test(a_directory_without_weights_says_what_one_holds),
        cmocka_unit_test(the_hash_is_that_of_every_file),
        cmocka_unit_test(a_model_is_the_same_from_any_file),
        cmocka_unit_test(strides_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
