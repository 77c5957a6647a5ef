/* test_blas.c - the library is loaded under our choice of kernel whatever the environment asked for,
 * and what it says about itself is true. Skipped where there is no OpenBLAS. */
#include "engine/math/blas.h"
#include "engine/math/cpu.h"
#include "math_check.h"

#include <stdio.h>

static struct err err;

static void test_environment_is_set_aside_and_remembered(void **state)
{
    (void)state;
    const struct blas *b = blas_load(&err);
    if (!b)
        skip();
    assert_ptr_equal(b, blas_load(&err));
    assert_string_equal(getenv("OPENBLAS_NUM_THREADS"), "1");
    assert_null(getenv("OPENBLAS_L2_SIZE"));
    assert_non_null(strstr(b->overridden, "OPENBLAS_L2_SIZE=12345"));
    if (cpu_detect()->avx512 || cpu_detect()->avx2) {
        assert_non_null(strstr(b->overridden, "OPENBLAS_CORETYPE=Prescott"));
        assert_string_not_equal(b->core, "Prescott");
    }
    if (cpu_detect()->avx512)
        assert_string_equal(b->core, "SkylakeX");
}

static void test_what_it_says_is_plausible(void **state)
{
    (void)state;
    const struct blas *b = blas_load(&err);
    if (!b)
        skip();
    assert_true(b->library[0] && b->config[0] && b->core[0]);
    assert_true(b->max_error >= 0.0 && b->max_error < 1e-5);
    assert_true(b->gflops > 0.0);
    float x[2] = {2.0f, 3.0f}, w[2] = {5.0f, 7.0f}, y = 1.0f;
    b->sgemm(BLAS_ROW_MAJOR, BLAS_NO_TRANS, BLAS_TRANS, 1, 1, 2, 1.0f, x, 2, w, 2, 1.0f, &y, 1);
    assert_true(y == 32.0f);
}

static void test_an_absent_library_is_explained(void **state)
{
    (void)state;
    if (blas_load(&err))
        skip();
    assert_true(err.code == ERR_UNSUPPORTED && strstr(err.text, "libopenblas"));
}

int main(void)
{
    /* Before anything loads. A core type that would be five times too slow, a nonsense cache size. */
    setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    setenv("OPENBLAS_L2_SIZE", "12345", 1);
    unsetenv("SFT_BLAS");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment_is_set_aside_and_remembered),
        cmocka_unit_test(test_what_it_says_is_plausible),
        cmocka_unit_test(test_an_absent_library_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
