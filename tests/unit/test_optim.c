/* test_optim.c - updates as torch.optim writes them, for any number of threads and any rows
 * touched. */
#include "engine/math/optim.h"
#include "engine/math/reference.h"
#include "math_check.h"

enum { TENSORS = 4, WORDS = 700, WIDE = 90 };

static const size_t tensor_shapes[TENSORS][2] = {{WORDS, WIDE}, {1, 33}, {512, 300}, {1, 1}};

/* A small model: a word table that counts touched rows, a bias, a matrix, a scalar. */
struct world {
    struct optim_tensor t[TENSORS];
    uint8_t touched[WORDS];
    struct compute *c;
};

static bool row_is_touched(size_t row)
{
    return row % 9 == 2 || (row > 300 && row < 320);
}

static void world_open(struct world *w, int threads, bool adamw, bool skip)
{
    memset(w, 0, sizeof *w);
    w->c = compute_create(threads, NULL);
    assert_non_null(w->c);
    for (size_t i = 0; i < TENSORS; i++) {
        struct optim_tensor *t = &w->t[i];
        t->rows = tensor_shapes[i][0];
        t->cols = tensor_shapes[i][1];
        t->decays = t->rows > 1;
        size_t n = t->rows * t->cols;
        t->w = check_floats(n, 10 + i, 1);
        t->dw = check_floats(n, 20 + i, 1);
        if (adamw) {
            t->m = check_zeros(n);
            t->v = check_zeros(n);
        }
    }
    for (size_t r = 0; r < WORDS; r++) {
        w->touched[r] = row_is_touched(r);
        if (!row_is_touched(r))
            memset(w->t[0].dw + r * WIDE, 0, WIDE * sizeof(float));
    }
    if (skip)
        w->t[0].touched = w->touched;
}

static void world_close(struct world *w)
{
    for (size_t i = 0; i < TENSORS; i++)
        free(w->t[i].w), free(w->t[i].dw), free(w->t[i].m), free(w->t[i].v);
    compute_destroy(w->c);
}

static struct optim_settings settings_of(enum optim_kind kind, double decay, double max_norm)
{
    return (struct optim_settings){kind, 1e-2, 0.9, 0.999, 1e-8, decay, max_norm};
}

/* Several updates with gradients that change from step to step; returns the last norm. */
static double world_run(struct world *w, const struct optim_settings *s, uint64_t steps)
{
    double norm = 0.0;
    for (uint64_t step = 1; step <= steps; step++) {
        norm = optim_grad_norm(w->c, w->t, TENSORS);
        optim_step(w->c, w->t, TENSORS, s, step, norm);
        for (size_t i = 0; i < TENSORS; i++)
            for (size_t j = 0; j < w->t[i].rows * w->t[i].cols; j++)
                w->t[i].dw[j] *= j % 2 ? -0.7f : 0.8f;
    }
    return norm;
}

/* The same in double, from the same start, into p[i]. */
static double reference_run(double *p[TENSORS], const struct optim_settings *s, uint64_t steps)
{
    struct world w;
    world_open(&w, 1, true, false);
    double *g[TENSORS], *m[TENSORS], *v[TENSORS], norm = 0.0;
    for (size_t i = 0; i < TENSORS; i++) {
        size_t n = w.t[i].rows * w.t[i].cols;
        p[i] = check_widen(w.t[i].w, n), g[i] = check_widen(w.t[i].dw, n);
        m[i] = check_widen(w.t[i].m, n), v[i] = check_widen(w.t[i].v, n);
    }
    for (uint64_t step = 1; step <= steps; step++) {
        double square = 0.0;
        for (size_t i = 0; i < TENSORS; i++)
            for (size_t j = 0; j < w.t[i].rows * w.t[i].cols; j++)
                square += g[i][j] * g[i][j];
        norm = sqrt(square);
        double factor = s->max_grad_norm > 0 ? fmin(1.0, s->max_grad_norm / (norm + 1e-6)) : 1.0;
        for (size_t i = 0; i < TENSORS; i++) {
            size_t n = w.t[i].rows * w.t[i].cols;
            double decay = w.t[i].decays ? s->weight_decay : 0.0;
            if (s->kind == OPTIM_SGD)
                reference_sgd(p[i], g[i], n, s->learning_rate, decay, factor);
            else
                reference_adamw(p[i], m[i], v[i], g[i], n, s->learning_rate, s->beta1, s->beta2,
                                s->epsilon, decay, factor, step);
            for (size_t j = 0; j < n; j++)
                g[i][j] *= j % 2 ? (double)-0.7f : (double)0.8f;
        }
    }
    for (size_t i = 0; i < TENSORS; i++)
        free(g[i]), free(m[i]), free(v[i]);
    world_close(&w);
    return norm;
}

static void test_updates_are_torchs(void **state)
{
    (void)state;
    const struct optim_settings cases[] = {
        settings_of(OPTIM_ADAMW, 0.0, 1.0), settings_of(OPTIM_ADAMW, 0.1, 0.0),
        settings_of(OPTIM_SGD, 0.0, 0.0),   settings_of(OPTIM_SGD, 0.1, 5.0),
        settings_of(OPTIM_ADAMW, 0.0, 1e6), /* a limit that is not reached scales nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        double *p[TENSORS];
        world_open(&w, 2, cases[i].kind == OPTIM_ADAMW, true);
        const struct ops *ops = w.c->ops;
        double norm = world_run(&w, &cases[i], 5), exact = reference_run(p, &cases[i], 5);
        assert_true(fabs(norm - exact) < 1e-6 * exact);
        for (size_t t = 0; t < TENSORS; t++) {
            CHECK_CLOSE(w.t[t].w, p[t], w.t[t].rows * w.t[t].cols);
            free(p[t]);
        }
        world_close(&w);
    }
}

/* Bias correction makes the first step exactly the learning rate, whatever the gradient's size. */
static void test_first_step_moves_by_the_rate(void **state)
{
    (void)state;
    struct compute *c = compute_create(1, NULL);
    float w = 1.0f, dw = -3.0f, m = 0.0f, v = 0.0f;
    struct optim_tensor t = {&w, &dw, &m, &v, 1, 1, false, NULL, NULL};
    struct optim_settings s = settings_of(OPTIM_ADAMW, 0.0, 0.0);
    optim_step(c, &t, 1, &s, 1, 3.0);
    assert_true(fabsf(w - 1.01f) < 1e-6f); /* m / bias1 = g, sqrt(v / bias2) = |g| */
    assert_true(fabsf(v - 0.009f) < 1e-8f);
    compute_destroy(c);
}

/* Threads, and whether untouched rows are visited or skipped, leave the same bytes. */
static void test_threads_and_skipping_cannot_be_seen(void **state)
{
    (void)state;
    for (int decay = 0; decay < 2; decay++) {
        struct optim_settings s = settings_of(OPTIM_ADAMW, decay ? 0.1 : 0.0, 1.0);
        struct world w[3];
        double norm[3];
        for (int i = 0; i < 3; i++) {
            world_open(&w[i], i == 0 ? 1 : i == 1 ? 4 : 2, true, i < 2);
            if (i == 1) /* marked though zero, as after a resume that marks all */
                memset(w[i].touched, 1, sizeof w[i].touched);
            norm[i] = world_run(&w[i], &s, 4);
        }
        for (size_t t = 0; t < TENSORS; t++) {
            size_t bytes = w[0].t[t].rows * w[0].t[t].cols * sizeof(float);
            assert_memory_equal(w[0].t[t].w, w[1].t[t].w, bytes);
            assert_memory_equal(w[0].t[t].v, w[1].t[t].v, bytes);
        }
        assert_memory_equal(&norm[0], &norm[1], sizeof norm[0]);
        /* Without `touched` the chunks lie elsewhere: the last bits of the norm may differ. */
        assert_true(fabs(norm[0] - norm[2]) <= 1e-12 * norm[0]);
        for (int i = 0; i < 3; i++)
            world_close(&w[i]);
    }
}

static void test_zero_grad_clears_all_that_counts(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 3, false, true);
    optim_zero_grad(w.c, w.t, TENSORS);
    for (size_t i = 0; i < TENSORS; i++)
        for (size_t j = 0; j < w.t[i].rows * w.t[i].cols; j++)
            assert_true(w.t[i].dw[j] == 0.0f);
    assert_true(optim_grad_norm(w.c, w.t, TENSORS) == 0.0);
    world_close(&w);
}

/* What a product will write over is marked and left alone. */
static void test_zero_grad_marks_what_is_stale(void **state)
{
    (void)state;
    struct world w;
    bool stale = false;
    world_open(&w, 2, false, true);
    float before = w.t[0].dw[5] = 7.0f;
    w.t[0].stale = &stale;
    optim_zero_grad(w.c, w.t, TENSORS);
    assert_true(stale && w.t[0].dw[5] == before && w.t[2].dw[0] == 0.0f);
    world_close(&w);
}

static void test_nan_reaches_norm_and_weights(void **state)
{
    (void)state;
    struct world w;
    struct optim_settings s = settings_of(OPTIM_ADAMW, 0.0, 1.0);
    world_open(&w, 2, true, true);
    w.t[2].dw[777] = NAN;
    double norm = world_run(&w, &s, 1);
    assert_true(isnan(norm) && isnan(w.t[2].w[777]) && isnan(w.t[1].w[0]));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates_are_torchs),
        cmocka_unit_test(test_first_step_moves_by_the_rate),
        cmocka_unit_test(test_threads_and_skipping_cannot_be_seen),
        cmocka_unit_test(test_zero_grad_clears_all_that_counts),
        cmocka_unit_test(test_zero_grad_marks_what_is_stale),
        cmocka_unit_test(test_nan_reaches_norm_and_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
