/* test_profile.c - a profile comes back from its file as it was, or not at all; it holds for one
 * machine only; and the choice follows from its rows. */
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/base/version.h"
#include "engine/math/cpu.h"
#include "engine/math/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[128], path[256], library[256];
static struct err err;

static const char *usual(void)
{
    return cpu_blas_core() ? cpu_blas_core() : "";
}

static struct profile_row blas_row(const char *core, double gflops)
{
    struct profile_row r = {.blas = true, .gflops = gflops, .verdict = PROFILE_GOOD};
    snprintf(r.request.core, sizeof r.request.core, "%s", core);
    snprintf(r.core, sizeof r.core, "%s", core);
    return r;
}

/* Own, the usual core type, another, and what the environment asked for. */
static struct profile sample(double own, double usual_gflops, double other, double asked)
{
    struct profile p = {.signature = cpu_detect()->signature, .threads = 2, .count = 4};
    snprintf(p.version, sizeof p.version, "%s", SFT_VERSION);
    snprintf(p.cpu, sizeof p.cpu, "%s", cpu_detect()->name);
    snprintf(p.kernels, sizeof p.kernels, "%s", cpu_find_ops(NULL)->name);
    snprintf(p.measured, sizeof p.measured, "2026-01-02 03:04");
    snprintf(p.library, sizeof p.library, "%s", library);
    snprintf(p.config, sizeof p.config, "OpenBLAS 9 \"quoted\"");
    profile_stamp_library(&p);
    p.row[0] = (struct profile_row){.gflops = own, .verdict = PROFILE_GOOD};
    p.row[1] = blas_row(usual(), usual_gflops);
    p.row[2] = blas_row("OTHER", other);
    p.row[3] = blas_row("PRESCOTT", asked);
    p.row[3].asked = true;
    snprintf(p.row[3].request.l2, sizeof p.row[3].request.l2, "77");
    return p;
}

static int setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "%s/sft-profile-%ld",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    snprintf(path, sizeof path, "%s/cache/sft/kernels.json", directory);
    snprintf(library, sizeof library, "%s/library.so", directory);
    return file_make_directories(directory, &err) || file_write(library, "abc", 3, &err);
}

static int teardown(void **state)
{
    (void)state;
    return file_remove_tree(directory, &err);
}

static void test_comes_back_as_it_was(void **state)
{
    (void)state;
    struct profile p = sample(100.25, 90, 1.0 / 3.0, 50), back;
    p.row[2].verdict = PROFILE_HUNG;
    assert_int_equal(profile_write(&p, path, &err), 0);
    assert_int_equal(profile_read(&back, path, &err), 0);
    assert_memory_equal(&p, &back, sizeof p);
}

static void test_broken_files_are_none(void **state)
{
    (void)state;
    struct profile p = sample(100, 90, 80, 50), back;
    size_t n;
    assert_int_equal(profile_write(&p, path, &err), 0);
    char *text = file_read(path, &n, &err);
    assert_non_null(text);
    for (size_t cut = 0; cut + 2 < n; cut++) { /* the last two are the brace and the newline */
        assert_int_equal(file_write(path, text, cut, &err), 0);
        assert_int_equal(profile_read(&back, path, &err), -1);
        cut += cut % 7 * 5; /* not every one of a thousand */
    }
    static const char *const broken[][2] = {
        {"\"good\"", "\"fine\""},
        {"\"own\"", "\"ours\""},
        {"\"products\": [", "\"rows\": ["},
        {"\"gflops\": 100", "\"gflops\": 0"},
        {"\"gflops\": 100", "\"gflops\": \"fast\""},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct strbuf changed = {0};
        char *at = strstr(text, broken[i][0]);
        assert_non_null(at);
        strbuf_add(&changed, text, (size_t)(at - text));
        strbuf_puts(&changed, broken[i][1]);
        strbuf_puts(&changed, at + strlen(broken[i][0]));
        assert_int_equal(file_write(path, changed.text, changed.length, &err), 0);
        assert_int_equal(profile_read(&back, path, &err), -1);
        strbuf_clear(&changed);
    }
    free(text);
    unlink(path);
    assert_int_equal(profile_read(&back, path, &err), -1);
    assert_non_null(strstr(err.text, "yet"));
}

static void refuses(const struct profile *p, const char *word)
{
    struct profile back;
    assert_int_equal(profile_write(p, path, &err), 0);
    assert_int_equal(profile_read(&back, path, &err), -1);
    assert_non_null(strstr(err.text, word));
}

static void test_holds_for_one_machine(void **state)
{
    (void)state;
    struct profile p = sample(100, 90, 80, 50);
    snprintf(p.cpu, sizeof p.cpu, "Another CPU");
    refuses(&p, "another CPU");
    p = sample(100, 90, 80, 50);
    p.signature ^= 0x10;
    refuses(&p, "another CPU");
    p = sample(100, 90, 80, 50);
    snprintf(p.version, sizeof p.version, "0.0.0");
    refuses(&p, "another version");
    p = sample(100, 90, 80, 50);
    assert_int_equal(file_write(library, "abcd", 4, &err), 0);
    refuses(&p, "another OpenBLAS");
    unlink(library);
    refuses(&p, "another OpenBLAS");
    assert_int_equal(file_write(library, "abc", 3, &err), 0);
}

static void test_no_place_to_write(void **state)
{
    (void)state;
    struct profile p = sample(100, 90, 80, 50);
    char inside[400];
    snprintf(inside, sizeof inside, "%s/sft/kernels.json", library); /* a file is in the way */
    assert_int_equal(profile_write(&p, inside, &err), -1);
    assert_non_null(strstr(err.text, library));
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(profile_path(inside, sizeof inside, &err), -1);
    assert_non_null(strstr(err.text, "XDG_CACHE_HOME"));
    setenv("HOME", "/home/someone", 1);
    setenv("XDG_CACHE_HOME", "relative", 1);
    assert_int_equal(profile_path(inside, sizeof inside, &err), 0);
    assert_string_equal(inside, "/home/someone/.cache/sft/kernels.json");
    setenv("XDG_CACHE_HOME", "/cache", 1);
    assert_int_equal(profile_path(inside, sizeof inside, &err), 0);
    assert_string_equal(inside, "/cache/sft/kernels.json");
}

static const char *chosen(double own, double usual_gflops, double other)
{
    static struct profile p;
    p = sample(own, usual_gflops, other, 1000); /* the environment's row never counts */
    const struct profile_row *r = profile_choice(&p);
    return !r->blas ? "own" : r == &p.row[1] ? "usual" : r == &p.row[2] ? "other" : "asked";
}

static void test_the_default_stays_unless_another_leads_clearly(void **state)
{
    (void)state;
    bool leads = cpu_find_ops(NULL)->leads_blas;
    assert_string_equal(chosen(100, 105, 109), leads ? "own" : "usual");
    assert_string_equal(chosen(100, 105, 50), leads ? "own" : "usual");
    assert_string_equal(chosen(105, 100, 50), leads ? "own" : "usual");
    assert_string_equal(chosen(100, 120, 50), "usual");
    assert_string_equal(chosen(120, 100, 50), "own");
    assert_string_equal(chosen(100, 115, 200), "other");
    struct profile p = sample(100, 200, 300, 400);
    p.row[1].verdict = p.row[2].verdict = PROFILE_CRASHED;
    assert_ptr_equal(profile_choice(&p), &p.row[0]);
    assert_null(profile_best_blas(&p));
    p.row[0].verdict = PROFILE_WRONG;
    assert_null(profile_choice(&p));
}

static void test_what_is_harmful(void **state)
{
    (void)state;
    struct profile p = sample(500, 100, 60, 90);
    const struct blas_request asked = {"Prescott", "77"}, unknown = {"Prescott", ""};
    assert_ptr_equal(profile_find(&p, &asked), &p.row[3]);
    assert_null(profile_find(&p, &unknown));
    assert_false(profile_is_harmful(&p, &p.row[3]));
    p.row[3].gflops = 84;
    assert_false(profile_is_harmful(&p, &p.row[3]));
    p.row[3].gflops = 82;
    assert_true(profile_is_harmful(&p, &p.row[3]));
    p.row[3].gflops = 99;
    p.row[3].verdict = PROFILE_WRONG;
    assert_true(profile_is_harmful(&p, &p.row[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back_as_it_was),
        cmocka_unit_test(test_broken_files_are_none),
        cmocka_unit_test(test_holds_for_one_machine),
        cmocka_unit_test(test_no_place_to_write),
        cmocka_unit_test(test_the_default_stays_unless_another_leads_clearly),
        cmocka_unit_test(test_what_is_harmful),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
