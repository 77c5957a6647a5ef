/* test_compute.c - products, sums and row jobs give the same bytes for 1, 2 and 4 threads, with
 * BLAS and without, and a row's product does not depend on how many rows share its batch. */
#include "engine/math/compute.h"
#include "engine/math/reference.h"
#include "math_check.h"

static struct err err;

/* Shapes of MiniLM, of a pooler, of heads with few and many labels. */
static const size_t shapes[][2] = {{1152, 384}, {384, 384}, {384, 1536},
                                   {77, 384},   {3, 384},   {200, 600}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static struct compute *open_compute(int threads, bool with_blas)
{
    struct compute *c = compute_create(threads, &err);
    if (!c)
        fail_msg("%s", err.text);
    c->blas = with_blas ? blas_load(NULL) : NULL;
    for (size_t i = 0; i < SHAPES; i++)
        compute_admit(c, shapes[i][0], shapes[i][1]);
    return c;
}

/* Every product of one shape, for one number of rows, into `out` side by side. */
static size_t all_products(struct compute *c, float *out, const float *x, const float *dy,
                           const float *w, size_t M, size_t N, size_t K)
{
    size_t n = M * N + 2 * M * K + 2 * N * K;
    for (size_t i = 0; i < n; i++)
        out[i] = 0.5f;
    product_forward(c, out, x, w, M, N, K);
    product_backward(c, out += M * N, dy, w, M, N, K, 0.0f);
    product_backward(c, out += M * K, dy, w, M, N, K, 1.0f);
    product_weight(c, out += M * K, dy, x, M, N, K, 0.0f);
    product_weight(c, out + N * K, dy, x, M, N, K, 1.0f);
    return n;
}

static void check_threads(bool with_blas, const char *bf16)
{
    static const size_t rows[] = {1, 15, 203};
    struct compute *c[3] = {open_compute(1, with_blas), open_compute(2, with_blas),
                            open_compute(4, with_blas)};
    if (bf16)
        setenv("SFT_BF16", bf16, 1);
    for (size_t t = 0; bf16 && t < 3; t++)
        assert_int_equal(compute_use_bf16(c[t], true, &err), 0);
    unsetenv("SFT_BF16");
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t m = 0; m < sizeof rows / sizeof rows[0]; m++) {
            size_t M = rows[m], N = shapes[s][0], K = shapes[s][1],
                   n = M * N + 2 * M * K + 2 * N * K;
            float *x = check_floats(M * K, 1, 1), *dy = check_floats(M * N, 2, 1);
            float *w = check_floats(N * K, 3, 0.05), *out[3];
            for (size_t t = 0; t < 3; t++) {
                out[t] = check_zeros(n);
                assert_int_equal(all_products(c[t], out[t], x, dy, w, M, N, K), n);
            }
            assert_memory_equal(out[0], out[1], n * sizeof **out);
            assert_memory_equal(out[0], out[2], n * sizeof **out);
            free(x), free(dy), free(w), free(out[0]), free(out[1]), free(out[2]);
        }
    for (size_t t = 0; t < 3; t++)
        compute_destroy(c[t]);
}

static void test_threads_cannot_be_seen_in_products(void **state)
{
    (void)state;
    check_threads(true, NULL);
    check_threads(false, NULL);
    static const char *const bf16[] = {"plain", "avx512_bf16", "amx"};
    for (size_t i = 0; i < sizeof bf16 / sizeof bf16[0]; i++)
        if (bf16_find(bf16[i]))
            check_threads(false, bf16[i]);
}

/* What cannot be or would not pay is refused, and the kernel set names what serves. */
static void test_bf16_is_used_where_it_pays(void **state)
{
    (void)state;
    char name[200];
    struct compute *c = open_compute(1, false);
    setenv("SFT_BF16", "plain", 1);
    assert_int_equal(compute_use_bf16(c, true, &err), 0);
    compute_kernel_set(c, name, sizeof name);
    assert_non_null(strstr(name, ", bf16 plain"));
    setenv("SFT_BF16", "bf8", 1);
    assert_int_equal(compute_use_bf16(c, true, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "bf8"));
    unsetenv("SFT_BF16");
    compute_destroy(c);

    c = open_compute(1, false);
    float *scratch = check_floats(bf16_scratch() + ops_product_scratch(), 1, 1);
    struct bf16_speed slow = bf16_measure(&bf16_plain, c->ops, scratch);
    assert_true(slow.bf16 < slow.fp32); /* by a factor of ten and more */
    if (compute_use_bf16(c, true, &err)) {
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        assert_non_null(
            strstr(err.text, bf16_find(NULL) ? "GFLOP/s in bf16" : "no bf16 arithmetic"));
    } else {
        assert_non_null(c->bf16);
    }
    free(scratch);
    compute_destroy(c);
}

static void test_products_are_right(void **state)
{
    (void)state;
    struct compute *c = open_compute(2, true);
    const struct ops *ops = c->ops;
    static const size_t rows[] = {1, 7, 20};
    for (size_t s = 0; s < SHAPES; s++)
        for (size_t m = 0; m < sizeof rows / sizeof rows[0]; m++) {
            size_t M = rows[m], N = shapes[s][0], K = shapes[s][1];
            float *x = check_floats(M * K, 1, 1), *w = check_floats(N * K, 3, 0.05);
            float *dy = check_floats(M * N, 2, 1), *y = check_floats(M * N, 4, 1);
            float *dx = check_floats(M * K, 5, 1), *dw = check_floats(N * K, 6, 1);
            double *X = check_widen(x, M * K), *W = check_widen(w, N * K),
                   *Dy = check_widen(dy, M * N);
            double *Y = check_widen(y, M * N), *Dx = check_widen(dx, M * K),
                   *Dw = check_widen(dw, N * K);
            product_forward(c, y, x, w, M, N, K);
            reference_product(Y, N, X, K, 1, W, 1, K, M, N, K, 0.0);
            CHECK_CLOSE(y, Y, M * N);
            product_backward(c, dx, dy, w, M, N, K, 1.0f);
            reference_product(Dx, K, Dy, N, 1, W, K, 1, M, K, N, 1.0);
            CHECK_CLOSE(dx, Dx, M * K);
            product_weight(c, dw, dy, x, M, N, K, 1.0f);
            reference_product(Dw, K, Dy, 1, N, X, K, 1, N, K, M, 1.0);
            CHECK_CLOSE(dw, Dw, N * K);
            free(x), free(w), free(dy), free(y), free(dx), free(dw);
            free(X), free(W), free(Dy), free(Y), free(Dx), free(Dw);
        }
    compute_destroy(c);
}

static void check_batches(struct compute *c, size_t N, size_t K)
{
    static const size_t batches[] = {1, 2, 5, 16, 17, 63, 150, 300};
    const size_t M = 300;
    float *x = check_floats(M * K, 1, 1), *w = check_floats(N * K, 3, 0.05);
    float *whole = check_zeros(M * N), *part = check_zeros(M * N);
    product_forward(c, whole, x, w, M, N, K);
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++)
        for (size_t first = 0; first + batches[b] <= M; first += 37 + batches[b]) {
            product_forward(c, part, x + first * K, w, batches[b], N, K);
            assert_memory_equal(part, whole + first * N, batches[b] * N * sizeof *part);
        }
    free(x), free(w), free(whole), free(part);
}

static void test_a_row_does_not_feel_its_batch(void **state)
{
    (void)state;
    for (int with_blas = 0; with_blas < 2; with_blas++) {
        struct compute *c = open_compute(2, with_blas);
        for (size_t s = 0; s < SHAPES; s++)
            check_batches(c, shapes[s][0], shapes[s][1]);
        compute_destroy(c);
    }
}

struct marks {
    size_t rows[40];
    size_t blocks;
};

static void mark_rows(void *arg, size_t first, size_t rows, size_t block, int worker)
{
    (void)worker;
    struct marks *m = arg;
    assert_int_equal(first, block * OPS_BLOCK_ROWS);
    m->rows[block] = rows;
}

static void test_rows_come_in_blocks(void **state)
{
    (void)state;
    struct compute *c = open_compute(3, true);
    for (size_t M = 0; M < 1000; M += 37) {
        struct marks m = {{0}, compute_blocks(M)};
        size_t sum = 0;
        compute_rows(c, M, mark_rows, &m);
        for (size_t b = 0; b < m.blocks; b++) {
            assert_true(m.rows[b] == OPS_BLOCK_ROWS || b + 1 == m.blocks);
            sum += m.rows[b];
        }
        assert_int_equal(sum, M);
    }
    compute_destroy(c);
}

static void test_sums_have_one_order(void **state)
{
    (void)state;
    enum { BLOCKS = 61, N = 1153, LENGTH = 200003 };
    float *partial = check_floats(BLOCKS * N, 1, 1), *x = check_floats(LENGTH, 2, 1), *sums[2];
    double squares[2], exact = 0.0;
    for (size_t t = 0; t < 2; t++) {
        struct compute *c = open_compute(t ? 4 : 1, true);
        float *copy = check_copy(partial, BLOCKS * N);
        sums[t] = check_floats(N, 3, 1);
        compute_add_partials(c, sums[t], copy, BLOCKS, N);
        squares[t] = compute_sum_squares(c, x, LENGTH);
        compute_destroy(c);
        free(copy);
    }
    assert_memory_equal(sums[0], sums[1], N * sizeof **sums);
    assert_memory_equal(&squares[0], &squares[1], sizeof squares[0]);
    for (size_t i = 0; i < LENGTH; i++)
        exact += (double)x[i] * (double)x[i];
    assert_true(fabs(squares[0] - exact) < 1e-11 * exact);
    float *start = check_floats(N, 3, 1);
    for (size_t j = 0; j < N; j++) {
        double column = (double)start[j];
        for (size_t b = 0; b < BLOCKS; b++)
            column += (double)partial[b * N + j];
        assert_true(fabs((double)sums[0][j] - column) < 1e-4);
    }
    free(partial), free(x), free(sums[0]), free(sums[1]), free(start);
}

static void test_scratch_is_each_workers_own(void **state)
{
    (void)state;
    struct compute *c = open_compute(2, true);
    assert_int_equal(compute_reserve(c, 1001, &err), 0);
    float *first = compute_scratch(c, 0), *second = compute_scratch(c, 1);
    assert_true(second >= first + 1001 || first >= second + 1001);
    assert_int_equal((uintptr_t)second % 64, 0);
    for (size_t i = 0; i < 1001; i++)
        first[i] = second[i] = 1.0f;
    assert_int_equal(compute_reserve(c, 10, &err), 0);
    assert_ptr_equal(first, compute_scratch(c, 0));
    compute_destroy(c);
}

static void test_environment_chooses_kernels(void **state)
{
    (void)state;
    char name[200];
    setenv("SFT_KERNELS", "plain", 1);
    struct compute *c = compute_create(1, &err);
    assert_non_null(c);
    compute_kernel_set(c, name, sizeof name);
    assert_int_equal(strncmp(name, "plain", 5), 0);
    compute_destroy(c);
    setenv("SFT_KERNELS", "sse9", 1);
    assert_null(compute_create(1, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "sse9"));
    assert_non_null(strstr(err.text, "plain"));
    unsetenv("SFT_KERNELS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_are_right),
        cmocka_unit_test(test_threads_cannot_be_seen_in_products),
        cmocka_unit_test(test_a_row_does_not_feel_its_batch),
        cmocka_unit_test(test_rows_come_in_blocks),
        cmocka_unit_test(test_sums_have_one_order),
        cmocka_unit_test(test_scratch_is_each_workers_own),
        cmocka_unit_test(test_environment_chooses_kernels),
        cmocka_unit_test(test_bf16_is_used_where_it_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
