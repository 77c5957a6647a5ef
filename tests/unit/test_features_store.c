/* test_features_store.c - what is kept comes back, what changed does not, and there is an end to it. */
#include "engine/base/cache.h"
#include "engine/base/file.h"
#include "engine/train/features_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 5, WIDTH = 3 };

static char place[] = "/tmp/sft-features.XXXXXX";
static struct err err;
static uint64_t start[ROWS + 1] = {0, 2, 4, 6, 8, 10};
static int32_t token[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static int8_t segment[10];
static const struct encoded encoded = {
    .rows = ROWS, .start = start, .token = token, .segment = segment};

static struct features_origin origin(void)
{
    return (struct features_origin){.model_dir = "tests/fixtures/tiny_bert",
                                    .weights_sha256 = "abc",
                                    .kernels = "plain",
                                    .pooling = POOLING_CLS,
                                    .encoded = &encoded};
}

static struct features_store store_of(const struct features_origin *o)
{
    struct features_store s;
    assert_int_equal(features_store_init(&s, o, ROWS, WIDTH, &err), 1);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    unsetenv("SFT_FEATURES");
    return !mkdtemp(place) || setenv("XDG_CACHE_HOME", place, 1);
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(place, &err);
}

static const uint8_t some[ROWS] = {1, 0, 1, 1, 0};
static const float numbers[ROWS * WIDTH] = {1, 2, 3, -1, -1, -1, 7, 8, 9, 10, 11, 12, -1, -1, -1};

static size_t read_count(const struct features_store *s, uint8_t known[ROWS],
                         float features[ROWS * WIDTH])
{
    size_t count = 0;
    memset(known, 0, ROWS);
    memset(features, 0, ROWS * WIDTH * sizeof *features);
    features_store_read(s, known, features);
    for (int r = 0; r < ROWS; r++)
        count += known[r];
    return count;
}

static void test_what_is_known_comes_back(void **state)
{
    (void)state;
    struct features_origin o = origin();
    struct features_store s = store_of(&o);
    uint8_t known[ROWS];
    float features[ROWS * WIDTH];
    assert_int_equal(read_count(&s, known, features), 0);
    assert_int_equal(features_store_write(&s, some, numbers, &err), 0);
    assert_int_equal(read_count(&s, known, features), 3);
    assert_memory_equal(known, some, sizeof some);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < WIDTH; i++)
            assert_true(features[r * WIDTH + i] == (some[r] ? numbers[r * WIDTH + i] : 0));
}

static void test_whatever_they_follow_from_names_them(void **state)
{
    (void)state;
    struct features_origin o[5];
    for (int i = 0; i < 5; i++)
        o[i] = origin();
    o[1].weights_sha256 = "abd";
    o[2].kernels = "avx2";
    o[3].pooling = POOLING_MEAN;
    struct features_store first = store_of(&o[0]);
    for (int i = 1; i < 4; i++)
        assert_string_not_equal(store_of(&o[i]).path, first.path);
    token[7]++;
    assert_string_not_equal(store_of(&o[0]).path, first.path);
    token[7]--;
    segment[1] = 1;
    assert_string_not_equal(store_of(&o[0]).path, first.path);
    segment[1] = 0;
    start[2]++; /* the same tokens, cut elsewhere */
    assert_string_not_equal(store_of(&o[0]).path, first.path);
    start[2]--;
    assert_string_equal(store_of(&o[4]).path, first.path);
}

/* Every cut and every flipped bit is noticed, and the file goes. */
static void test_a_changed_file_is_absent(void **state)
{
    (void)state;
    struct features_origin o = origin();
    struct features_store s = store_of(&o);
    uint8_t known[ROWS];
    float features[ROWS * WIDTH];
    size_t size;
    assert_int_equal(features_store_write(&s, some, numbers, &err), 0);
    char *whole = file_read(s.path, &size, &err);
    assert_non_null(whole);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(file_write(s.path, whole, cut, &err), 0);
        assert_int_equal(read_count(&s, known, features), 0);
        assert_false(file_exists(s.path));
    }
    for (size_t at = 0; at < size; at++) {
        whole[at] ^= 1 << at % 8;
        assert_int_equal(file_write(s.path, whole, size, &err), 0);
        assert_int_equal(read_count(&s, known, features), 0);
        whole[at] ^= 1 << at % 8;
    }
    assert_int_equal(file_write(s.path, whole, size, &err), 0);
    assert_int_equal(read_count(&s, known, features), 3);
    free(whole);
}

/* A sparse file of a gigabyte, as a store would have named it, used `age` seconds ago. */
static void big_file(const char *name, time_t age, char path[600])
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    snprintf(path, 600, "%s/sft/features/%s", place, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), (off_t)1 << 30), 0);
    assert_int_equal(futimens(fileno(f), times), 0);
    fclose(f);
}

static void test_those_not_used_for_longest_go(void **state)
{
    (void)state;
    struct features_origin o = origin();
    struct features_store s = store_of(&o);
    char old[600], older[600], broken_off[600], other[600];
    assert_int_equal(features_store_write(&s, some, numbers, &err), 0);
    big_file("0123456789012345678901234567890123456789", 50, old);
    big_file("1123456789012345678901234567890123456789", 60, older);
    big_file("2123456789012345678901234567890123456789.part4711", 65, broken_off);
    big_file("not-ours", 70, other);
    assert_int_equal(features_store_write(&s, some, numbers, &err), 0);
    assert_true(file_exists(s.path) && file_exists(old) && file_exists(other));
    assert_false(file_exists(older) || file_exists(broken_off));
    unlink(old);
    unlink(other);
}

static void test_nowhere_to_keep_them(void **state)
{
    (void)state;
    struct features_origin o = origin();
    struct features_store s;
    setenv("SFT_FEATURES", "off", 1);
    assert_int_equal(features_store_init(&s, &o, ROWS, WIDTH, &err), 0);
    unsetenv("SFT_FEATURES");
    s = store_of(&o);
    snprintf(strrchr(s.path, '/'), 40, "/a-file");
    assert_int_equal(file_write(s.path, "x", 1, &err), 0);
    strcat(s.path, "/beneath");
    assert_int_equal(features_store_write(&s, some, numbers, &err), -1);
    assert_non_null(strstr(err.text, "a-file"));
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(features_store_init(&s, &o, ROWS, WIDTH, &err), -1);
    assert_non_null(strstr(err.text, "XDG_CACHE_HOME"));
    setenv("XDG_CACHE_HOME", place, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_known_comes_back),
        cmocka_unit_test(test_whatever_they_follow_from_names_them),
        cmocka_unit_test(test_a_changed_file_is_absent),
        cmocka_unit_test(test_those_not_used_for_longest_go),
        cmocka_unit_test(test_nowhere_to_keep_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
