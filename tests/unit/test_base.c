/* test_base.c - errors, memory, hashes, random numbers, files: what every room stands on. */
#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/file_map.h"
#include "engine/base/hash.h"
#include "engine/base/hash_blocks.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/sft-test-base-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4096];
    assert_int_equal(file_join(path, sizeof path, dir, name, NULL), 0);
    return path;
}

static void test_err_is_one_line_and_wraps(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_INPUT, "bad '%s'", "a\nb\x1b"), -1);
    assert_string_equal(e.text, "bad 'a b '");
    assert_int_equal(err_wrap(&e, "file %d", 7), -1);
    assert_string_equal(e.text, "file 7: bad 'a b '");
    assert_int_equal(e.code, ERR_INPUT);
    for (int i = 0; i < 100; i++)
        err_wrap(&e, "a rather long context that is put before the text again and again");
    assert_true(strlen(e.text) < sizeof e.text);
    errno = ENOSPC;
    err_errno(&e, "cannot write '%s'", "x");
    assert_int_equal(e.code, ERR_NOSPACE);
    assert_int_equal(err_exit_status(&e), 1);
    err_set(&e, ERR_USAGE, "no");
    assert_int_equal(err_exit_status(&e), 2);
}

static void test_memory(void **state)
{
    (void)state;
    struct err e = {0};
    assert_null(mem_alloc(SIZE_MAX / 2, 4, "rows", &e));
    assert_int_equal(e.code, ERR_NOMEM);
    int *a = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(mem_grow(&a, &capacity, (size_t)i + 1, sizeof *a, "a", &e), 0);
        a[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(a[i], i);
    free(a);
    struct mem_block b;
    assert_int_equal(mem_block_init(&b, 5000000, "block", &e), 0);
    assert_int_equal((size_t)b.base % (2u << 20), 0);
    for (size_t i = 0; i < 5000000; i += 4096)
        assert_int_equal(((char *)b.base)[i], 0);
    mem_block_clear(&b);
    mem_block_clear(&b);
    struct strbuf s = {0};
    for (int i = 0; i < 1000; i++)
        strbuf_printf(&s, "%d,", i % 10);
    assert_int_equal(s.length, 2000);
    assert_int_equal(strlen(s.text), 2000);
    strbuf_clear(&s);
}

/* FIPS 180-4's examples, and a length at every edge of the padding. */
static void test_sha256(void **state)
{
    (void)state;
    struct sha256 s;
    char hex[65], again[65], bytes[200];
    sha256_init(&s);
    sha256_add(&s, "abc", 3);
    sha256_finish(&s, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_init(&s);
    sha256_finish(&s, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_init(&s);
    for (int i = 0; i < 1000000; i++)
        sha256_add(&s, "a", 1);
    sha256_finish(&s, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    memset(bytes, 'x', sizeof bytes);
    for (size_t n = 0; n < sizeof bytes; n++) {
        sha256_init(&s);
        sha256_add(&s, bytes, n);
        sha256_finish(&s, hex);
        sha256_init(&s);
        for (size_t i = 0; i < n; i += 7)
            sha256_add(&s, bytes + i, n - i < 7 ? n - i : 7);
        sha256_finish(&s, again);
        assert_string_equal(hex, again);
    }
}

/* The CPU's own instructions lead to the state that the C does, from any state, over any blocks. */
static void test_sha256_by_instructions(void **state)
{
    (void)state;
    sha256_blocks_fn *instructions = sha256_blocks_instructions();
    uint64_t draw = 0;
    if (!instructions)
        skip();
    for (int round = 0; round < 200; round++) {
        uint32_t plain[8], fast[8];
        unsigned char blocks[5 * 64];
        for (size_t i = 0; i < sizeof blocks; i++)
            blocks[i] = (unsigned char)rng_bits(1, RNG_TEST, draw++);
        for (int i = 0; i < 8; i++)
            plain[i] = fast[i] = (uint32_t)rng_bits(1, RNG_TEST, draw++);
        size_t count = (size_t)round % 6;
        sha256_blocks_plain(plain, blocks, count);
        instructions(fast, blocks, count);
        assert_memory_equal(plain, fast, sizeof plain);
    }
}

/* FIPS 180-2's examples, and the name git gives an empty file. */
static void test_sha1(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } examples[] = {
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"blob 0", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},
    };
    struct sha1 s;
    char hex[41];
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        sha1_init(&s);
        sha1_add(&s, examples[i].text, strlen(examples[i].text) + (i == 2)); /* git adds the NUL */
        sha1_finish(&s, hex);
        assert_string_equal(hex, examples[i].hex);
    }
    sha1_init(&s);
    for (int i = 0; i < 1000000; i++)
        sha1_add(&s, "a", 1);
    sha1_finish(&s, hex);
    assert_string_equal(hex, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

static void test_hash_bytes_is_stable(void **state)
{
    (void)state;
    assert_true(hash_bytes("abc", 3, 0) == hash_bytes("abc", 3, 0));
    assert_true(hash_bytes("abc", 3, 0) != hash_bytes("abc", 3, 1));
    assert_true(hash_bytes("abc\0", 4, 0) != hash_bytes("abc", 3, 0));
    assert_true(hash_bytes("", 0, 0) != hash_bytes("\0", 1, 0));
}

static void test_rng(void **state)
{
    (void)state;
    double sum = 0, squares = 0, uniform = 0;
    enum { N = 200000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = rng_normal(1, RNG_TEST, i);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        uniform += rng_uniform(2, RNG_TEST, i);
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(squares / N - 1) < 0.02);
    assert_true(fabs(uniform / N - 0.5) < 0.005);
    uint32_t order[100], seen[100] = {0}, other[100];
    for (uint32_t i = 0; i < 100; i++)
        order[i] = other[i] = i;
    rng_shuffle(order, 100, 42, RNG_SHUFFLE, 0);
    rng_shuffle(other, 100, 42, RNG_SHUFFLE, 1);
    assert_memory_not_equal(order, other, sizeof order);
    for (int i = 0; i < 100; i++)
        seen[order[i]]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
}

static void test_files_are_whole_or_absent(void **state)
{
    (void)state;
    struct err e = {0};
    size_t n;
    assert_int_equal(file_write(in_dir("a"), "hello", 5, &e), 0);
    char *text = file_read(in_dir("a"), &n, &e);
    assert_string_equal(text, "hello");
    assert_int_equal(n, 5);
    free(text);
    struct file_map m;
    assert_int_equal(file_map_open(&m, in_dir("a"), &e), 0);
    assert_memory_equal(m.data, "hello", 5);
    file_map_close(&m);
    assert_int_equal(file_write(in_dir("empty"), "", 0, &e), 0);
    assert_int_equal(file_map_open(&m, in_dir("empty"), &e), 0);
    assert_int_equal(m.size_bytes, 0);
    file_map_close(&m);

    struct file_aside a;
    assert_int_equal(file_aside_open(&a, in_dir("b"), &e), 0);
    fputs("half", a.f);
    char aside[sizeof a.aside];
    strcpy(aside, a.aside);
    assert_true(file_exists(aside));
    file_aside_discard(&a);
    assert_false(file_exists(aside));
    assert_false(file_exists(in_dir("b")));

    assert_null(file_read(in_dir("none"), &n, &e));
    assert_non_null(strstr(e.text, "none"));
    assert_int_equal(file_write(in_dir("none/x"), "", 0, &e), -1);
    assert_null(file_read(dir, &n, &e));
}

static void test_a_full_disk_is_said(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK))
        skip();
    struct err e = {0};
    struct file_aside a = {.path = "/dev/full"};
    strcpy(a.aside, in_dir("full.part"));
    a.f = fopen("/dev/full", "w");
    fputs("text", a.f);
    assert_int_equal(file_aside_commit(&a, &e), -1);
    assert_int_equal(e.code, ERR_NOSPACE);
}

/* Every byte of a mapping has its file's name, and no byte beside it or after it was closed. */
static void test_a_mapping_knows_its_file(void **state)
{
    (void)state;
    enum { MANY = 70 }; /* more than are remembered */
    struct err e;
    struct file_map m, more[MANY];
    char path[4096];
    snprintf(path, sizeof path, "%s", in_dir("mapped"));
    assert_int_equal(file_write(path, "hello", 5, &e), 0);
    assert_int_equal(file_map_open(&m, path, &e), 0);
    assert_string_equal(file_map_path_at(m.data), path);
    assert_string_equal(file_map_path_at(m.data + 4), path);
    assert_null(file_map_path_at(m.data + 5));
    assert_null(file_map_path_at(m.data - 1));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(file_map_open(&more[i], path, &e), 0);
    assert_non_null(file_map_path_at(more[0].data));
    assert_null(file_map_path_at(more[MANY - 1].data));
    for (int i = 0; i < MANY; i++)
        file_map_close(&more[i]);
    const unsigned char *was = m.data;
    file_map_close(&m);
    assert_null(file_map_path_at(was));
    assert_int_equal(file_map_open(&m, path, &e), 0);
    assert_non_null(file_map_path_at(m.data));
    file_map_close(&m);
}

static void test_directories(void **state)
{
    (void)state;
    struct err e = {0};
    char aside[4096], target[4096], inside[4096];
    strcpy(target, in_dir("result"));
    assert_true(file_is_free(target));
    assert_int_equal(file_directory_begin(target, aside, sizeof aside, &e), 0);
    assert_int_equal(file_join(inside, sizeof inside, aside, "f", &e), 0);
    assert_int_equal(file_write(inside, "1", 1, &e), 0);
    assert_int_equal(file_directory_commit(target, aside, &e), 0);
    assert_false(file_exists(aside));
    assert_false(file_is_free(target));
    assert_int_equal(file_directory_begin(target, aside, sizeof aside, &e), -1);
    assert_non_null(strstr(e.text, "not empty"));
    assert_int_equal(file_make_directories(in_dir("x/y/z"), &e), 0);
    assert_true(file_is_directory(in_dir("x/y/z")));
    assert_int_equal(file_make_directories(in_dir("a/b"), &e), -1);
    assert_int_equal(file_remove_tree(in_dir("x"), &e), 0);
    assert_false(file_exists(in_dir("x")));
    assert_int_equal(file_remove_tree(in_dir("x"), &e), 0);
}

static void test_clock_can_be_pinned(void **state)
{
    (void)state;
    setenv("SFT_TEST_CLOCK", "1000", 1);
    assert_true(clock_wall_us() == 1000000000);
    unsetenv("SFT_TEST_CLOCK");
    assert_true(clock_wall_us() > 1000000000);
    double before = clock_monotonic();
    assert_true(before <= clock_monotonic());
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_is_one_line_and_wraps),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha256_by_instructions),
        cmocka_unit_test(test_sha1),
        cmocka_unit_test(test_hash_bytes_is_stable),
        cmocka_unit_test(test_rng),
        cmocka_unit_test(test_files_are_whole_or_absent),
        cmocka_unit_test(test_a_full_disk_is_said),
        cmocka_unit_test(test_a_mapping_knows_its_file),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_clock_can_be_pinned),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
