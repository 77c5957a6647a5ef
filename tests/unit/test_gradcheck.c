/* test_gradcheck.c - every backward of the double reference against central differences of its
 * forward, to 1e-6 relative.
 *
 * A kernel is seen as a function of flat inputs: L = sum of w * output for fixed random w. Its
 * gradient by the reference's backward must equal (L(x + h) - L(x - h)) / 2h for every element of
 * every input. With h = 1e-5 and smooth functions the difference's own error is about 1e-9. */
#include "engine/math/reference.h"
#include "math_check.h"

enum { R = 4, H = 7, S = 5, D = 3, LD = 3 * D, MOST_INPUTS = 5, MOST_FLOATS = 128 };
#define EPSILON 1e-3

static const struct dropout no_dropout = {0, 0, 1.0f};
static struct dropout dropout;

/* Inputs of one kernel, side by side, and the gradient of each. */
struct subject {
    const char *name;
    size_t sizes[MOST_INPUTS];
    double (*loss)(double *const *in);
    void (*gradient)(double *const *in, double *const *grad); /* grad zeroed before */
};

static double weight[MOST_FLOATS]; /* of the outputs in the loss */

static double weighted(const double *y, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += y[i] * weight[i];
    return sum;
}

/* in: o, bias, x, gamma, beta */
struct norm {
    double y[R * H], z[R * H], mean[R], rstd[R];
};

static void norm_forward(struct norm *f, double *const *in)
{
    reference_residual_norm_forward(f->y, f->z, f->mean, f->rstd, in[0], in[1], in[2], in[3], in[4],
                                    EPSILON, R, H, dropout, 11);
}

static double norm_loss(double *const *in)
{
    struct norm f;
    norm_forward(&f, in);
    return weighted(f.y, R * H);
}

static void norm_gradient(double *const *in, double *const *grad)
{
    struct norm f;
    norm_forward(&f, in);
    reference_residual_norm_backward(grad[2], grad[0], grad[3], grad[4], grad[1], weight, f.z,
                                     f.mean, f.rstd, in[3], R, H, dropout, 11);
}

/* in: u, bias */
static double gelu_loss(double *const *in)
{
    double u[R * H], a[R * H];
    memcpy(u, in[0], sizeof u);
    reference_bias_gelu_forward(a, u, in[1], R, H);
    return weighted(a, R * H);
}

static void gelu_gradient(double *const *in, double *const *grad)
{
    double u[R * H], a[R * H];
    memcpy(u, in[0], sizeof u);
    reference_bias_gelu_forward(a, u, in[1], R, H);
    reference_bias_gelu_backward(grad[0], grad[1], weight, u, R, H);
}

static double tanh_loss(double *const *in)
{
    double y[R * H];
    memcpy(y, in[0], sizeof y);
    reference_bias_tanh_forward(y, in[1], R, H);
    return weighted(y, R * H);
}

static void tanh_gradient(double *const *in, double *const *grad)
{
    double y[R * H];
    memcpy(y, in[0], sizeof y);
    reference_bias_tanh_forward(y, in[1], R, H);
    memcpy(grad[0], weight, sizeof y);
    reference_bias_tanh_backward(grad[0], grad[1], y, R, H);
}

/* bias_add's backward is column_sum */
static double bias_loss(double *const *in)
{
    double y[R * H];
    memcpy(y, in[0], sizeof y);
    reference_bias_add(y, in[1], R, H);
    return weighted(y, R * H);
}

static void bias_gradient(double *const *in, double *const *grad)
{
    (void)in;
    memcpy(grad[0], weight, R * H * sizeof(double));
    reference_column_sum(grad[1], weight, R, H);
}

/* dropout_rows is its own backward */
static double dropout_loss(double *const *in)
{
    double y[R * H];
    reference_dropout_rows(y, in[0], R, H, dropout, 3);
    return weighted(y, R * H);
}

static void dropout_gradient(double *const *in, double *const *grad)
{
    (void)in;
    reference_dropout_rows(grad[0], weight, R, H, dropout, 3);
}

/* in: q, k, v side by side in rows of LD */
static double attention_loss(double *const *in)
{
    double o[S * D], P[S * S];
    reference_attention_forward(o, D, P, in[0], in[0] + D, in[0] + 2 * D, LD, S, D, dropout);
    return weighted(o, S * D);
}

static void attention_gradient(double *const *in, double *const *grad)
{
    double o[S * D], P[S * S];
    reference_attention_forward(o, D, P, in[0], in[0] + D, in[0] + 2 * D, LD, S, D, dropout);
    reference_attention_backward(grad[0], grad[0] + D, grad[0] + 2 * D, LD, weight, D, P, in[0],
                                 in[0] + D, in[0] + 2 * D, LD, S, D, dropout);
}

/* y (R,H) = x (R,D) w^T, w (H,D): the three products of a weight */
static double product_loss(double *const *in)
{
    double y[R * H];
    reference_product(y, H, in[0], D, 1, in[1], 1, D, R, H, D, 0.0);
    return weighted(y, R * H);
}

static void product_gradient(double *const *in, double *const *grad)
{
    reference_product(grad[0], D, weight, H, 1, in[1], D, 1, R, D, H, 0.0);
    reference_product(grad[1], D, weight, 1, H, in[0], D, 1, H, D, R, 1.0);
}

static const struct subject subjects[] = {
    {"residual_norm", {R * H, H, R *H, H, H}, norm_loss, norm_gradient},
    {"bias_gelu", {R * H, H}, gelu_loss, gelu_gradient},
    {"bias_tanh", {R * H, H}, tanh_loss, tanh_gradient},
    {"bias_add", {R * H, H}, bias_loss, bias_gradient},
    {"dropout_rows", {R * H}, dropout_loss, dropout_gradient},
    {"attention", {S * LD}, attention_loss, attention_gradient},
    {"product", {R * D, H *D}, product_loss, product_gradient},
};

static void check_subject(const struct subject *s)
{
    const double h = 1e-5;
    double in[MOST_INPUTS][MOST_FLOATS], grad[MOST_INPUTS][MOST_FLOATS] = {{0}};
    double *ins[MOST_INPUTS], *grads[MOST_INPUTS];
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        ins[i] = in[i];
        grads[i] = grad[i];
        for (size_t j = 0; j < MOST_FLOATS; j++)
            in[i][j] = rng_normal(90 + i, RNG_TEST, j);
    }
    s->gradient(ins, grads);
    for (size_t i = 0; i < MOST_INPUTS; i++) {
        double off = 0.0, size = 0.0;
        for (size_t j = 0; j < s->sizes[i]; j++) {
            double x = in[i][j];
            in[i][j] = x + h;
            double above = s->loss(ins);
            in[i][j] = x - h;
            double below = s->loss(ins);
            in[i][j] = x;
            double slope = (above - below) / (2.0 * h);
            off += (slope - grad[i][j]) * (slope - grad[i][j]);
            size += slope * slope;
        }
        if (!(sqrt(off) <= 1e-6 * sqrt(size)))
            fail_msg("%s: the gradient of input %zu is off by %.3g of %.3g", s->name, i, sqrt(off),
                     sqrt(size));
    }
}

static void test_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST_FLOATS; i++)
        weight[i] = rng_normal(99, RNG_TEST, i);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        dropout = no_dropout;
        check_subject(&subjects[i]);
        dropout = dropout_at(0.3, 1, 2, 3, 4);
        check_subject(&subjects[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
