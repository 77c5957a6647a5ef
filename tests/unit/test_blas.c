/* test_blas.c - the library is loaded under our choice of kernel whatever the environment asked
 * for, and what it says about itself is true (skipped where there is no OpenBLAS); a library whose
 * sums depend on how the work is cut, or that is wrong, is not admitted. */
#include "engine/math/blas.h"
#include "engine/math/compute.h"
#include "engine/math/cpu.h"
#include "math_check.h"

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

/* ---- libraries that compute must see through ---- */

enum fault { HONEST, ORDER_BY_ROWS, ORDER_BY_COLUMNS, WRONG_ELEMENT };
static enum fault fault;

static void fake_sgemm(int order, int transa, int transb, int m, int n, int k, float alpha,
                       const float *a, int lda, const float *b, int ldb, float beta, float *c,
                       int ldc)
{
    (void)order, (void)alpha;
    bool backwards = (fault == ORDER_BY_ROWS && m % 2) || (fault == ORDER_BY_COLUMNS && n < 128);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0.0f;
            for (int q = 0; q < k; q++) {
                int p = backwards ? k - 1 - q : q;
                sum += (transa == BLAS_TRANS ? a[p * lda + i] : a[i * lda + p]) *
                       (transb == BLAS_TRANS ? b[j * ldb + p] : b[p * ldb + j]);
            }
            float *to = &c[i * ldc + j];
            *to = (beta != 0.0f ? *to : 0.0f) + sum;
        }
    if (fault == WRONG_ELEMENT)
        c[3 * ldc + 5] *= 1.5f;
}

static bool any_admitted(enum fault which)
{
    struct compute *c = compute_create(1, &err);
    struct blas fake = {.sgemm = fake_sgemm};
    assert_non_null(c);
    c->blas = &fake;
    fault = which;
    compute_admit(c, 200, 256);
    assert_int_equal(c->shape_count, 1);
    const struct compute_shape s = c->shapes[0];
    if (which == HONEST)
        assert_true(s.forward && s.backward && s.weight);
    compute_destroy(c);
    return s.forward || s.backward || s.weight;
}

static void test_only_blind_and_right_libraries_are_admitted(void **state)
{
    (void)state;
    assert_true(any_admitted(HONEST));
    assert_false(any_admitted(ORDER_BY_ROWS));
    assert_false(any_admitted(ORDER_BY_COLUMNS));
    assert_false(any_admitted(WRONG_ELEMENT));
}

int main(void)
{
    /* Before anything loads. A core type that would be five times too slow, a nonsense cache size.
     */
    setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    setenv("OPENBLAS_L2_SIZE", "12345", 1);
    unsetenv("SFT_BLAS");
    setenv("XDG_CACHE_HOME", "/nonexistent", 1); /* no profile of this machine */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment_is_set_aside_and_remembered),
        cmocka_unit_test(test_what_it_says_is_plausible),
        cmocka_unit_test(test_an_absent_library_is_explained),
        cmocka_unit_test(test_only_blind_and_right_libraries_are_admitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
