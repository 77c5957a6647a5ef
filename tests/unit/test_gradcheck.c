/* test_gradcheck.c - every backward of the double reference against central differences of its
 * forward, to 1e-6 relative.
 *
 * A kernel is seen as a function of flat inputs: L = sum of w * output for fixed random w. Its
 * gradient by the reference's backward must equal (L(x + h) - L(x - h)) / 2h for every element of
 * every input. With h = 1e-5 and smooth functions the difference's own error is about 1e-9. */
#include "engine/math/reference.h"
#include "math_check.h"

enum { R = 4, H = 7, S = 5, D = 3, LD = 3 * D, ROPE_LD = 11, MOST_INPUTS = 5, MOST_FLOATS = 128 };
#define EPSILON 1e-3

static const struct dropout no_dropout = {0, 0, 1.0f};
static struct dropout dropout;

/* What a subject with options is at this time: an activation, or a sum of the options below. */
static int variant;
enum { NORM_RMS = 1, NORM_BETA = 2, NORM_PAST = 4 };
enum { ATTENTION_CAUSAL = 1, ATTENTION_WINDOW = 2, ATTENTION_BIAS = 4, ATTENTION_ADDS = 8 };

/* Inputs of one kernel, side by side, and the gradient of each. */
struct subject {
    const char *name;
    int variants;
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

/* in: o, bias, x, gamma, beta. The loss also reads z, as a pre-norm block's residual does: its
 * weights are the gradient that comes past the norm. */
struct norm_run {
    double y[R * H], z[R * H], mean[R], rstd[R];
    struct reference_norm norm;
};

static const double *past(void)
{
    return variant & NORM_PAST ? weight + R * H : NULL;
}

static void norm_forward(struct norm_run *f, double *const *in)
{
    f->norm = (struct reference_norm){in[3], variant & NORM_BETA ? in[4] : NULL, EPSILON,
                                      variant & NORM_RMS};
    reference_residual_norm_forward(f->y, f->z, f->mean, f->rstd, in[0], in[1], in[2], &f->norm, R,
                                    H, dropout, 11);
}

static double norm_loss(double *const *in)
{
    struct norm_run f;
    norm_forward(&f, in);
    double loss = weighted(f.y, R * H);
    for (size_t i = 0; past() && i < R * H; i++)
        loss += f.z[i] * past()[i];
    return loss;
}

static void norm_gradient(double *const *in, double *const *grad)
{
    struct norm_run f;
    norm_forward(&f, in);
    reference_residual_norm_backward(grad[2], grad[0], grad[3], grad[4], grad[1], weight, past(),
                                     f.z, f.mean, f.rstd, &f.norm, R, H, dropout, 11);
}

/* in: u, bias; the variant is the activation */
static double act_loss(double *const *in)
{
    double u[R * H], a[R * H];
    memcpy(u, in[0], sizeof u);
    reference_bias_act_forward(variant, a, u, in[1], R, H);
    return weighted(a, R * H);
}

static void act_gradient(double *const *in, double *const *grad)
{
    double u[R * H], a[R * H];
    memcpy(u, in[0], sizeof u);
    reference_bias_act_forward(variant, a, u, in[1], R, H);
    reference_bias_act_backward(variant, grad[0], grad[1], weight, u, R, H);
}

static double gated_loss(double *const *in)
{
    double u[2 * R * H], a[R * H];
    memcpy(u, in[0], sizeof u);
    reference_gated_act_forward(variant, a, u, in[1], R, H);
    return weighted(a, R * H);
}

static void gated_gradient(double *const *in, double *const *grad)
{
    double u[2 * R * H], a[R * H];
    memcpy(u, in[0], sizeof u);
    reference_gated_act_forward(variant, a, u, in[1], R, H);
    reference_gated_act_backward(variant, grad[0], grad[1], weight, u, R, H);
}

/* in: x, and angles whose own gradient nobody asks for; two heads of width 4 in rows of H */
static void turn(double *x, const double *angles, bool backward)
{
    double cosine[R * 2], sine[R * 2];
    for (size_t i = 0; i < R * 2; i++) {
        cosine[i] = cos(angles[i]);
        sine[i] = sin(angles[i]);
    }
    reference_rope(x, ROPE_LD, cosine, sine, R, 2, 4, backward);
}

static double rope_loss(double *const *in)
{
    double x[R * ROPE_LD];
    memcpy(x, in[0], sizeof x);
    turn(x, in[1], false);
    return weighted(x, R * ROPE_LD);
}

static void rope_gradient(double *const *in, double *const *grad)
{
    memcpy(grad[0], weight, R * ROPE_LD * sizeof(double));
    turn(grad[0], in[1], true);
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

/* in: q, k, v side by side in rows of LD, and the bias of the scores */
static struct reference_attention attention_variant(double *const *in)
{
    return (struct reference_attention){
        .S = S,
        .D = D,
        .scale = 0.7,
        .causal = variant & ATTENTION_CAUSAL,
        .window = variant & ATTENTION_WINDOW ? 2 : 0,
        .bias = variant & ATTENTION_BIAS ? in[1] : NULL,
        .d = dropout,
    };
}

static struct reference_qkv side_by_side(double *rows)
{
    return (struct reference_qkv){rows, rows + D, rows + 2 * D, LD, LD};
}

static double attention_loss(double *const *in)
{
    double o[S * D], P[S * S];
    struct reference_attention a = attention_variant(in);
    reference_attention_forward(o, D, P, side_by_side(in[0]), &a);
    return weighted(o, S * D);
}

static void attention_gradient(double *const *in, double *const *grad)
{
    double o[S * D], P[S * S];
    struct reference_attention a = attention_variant(in);
    reference_attention_forward(o, D, P, side_by_side(in[0]), &a);
    reference_attention_backward(side_by_side(grad[0]), a.bias ? grad[1] : NULL, weight, D, P,
                                 side_by_side(in[0]), &a, variant & ATTENTION_ADDS);
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
    {"residual_norm", 8, {R * H, H, R *H, H, H}, norm_loss, norm_gradient},
    {"bias_act", ACT_TANH + 1, {R * H, H}, act_loss, act_gradient},
    {"gated_act", ACT_TANH + 1, {2 * R * H, 2 * H}, gated_loss, gated_gradient},
    {"rope", 1, {R * ROPE_LD}, rope_loss, rope_gradient},
    {"bias_add", 1, {R * H, H}, bias_loss, bias_gradient},
    {"dropout_rows", 1, {R * H}, dropout_loss, dropout_gradient},
    {"attention", 16, {S * LD, S *S}, attention_loss, attention_gradient},
    {"product", 1, {R * D, H *D}, product_loss, product_gradient},
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
            fail_msg("%s %d: the gradient of input %zu is off by %.3g of %.3g", s->name, variant, i,
                     sqrt(off), sqrt(size));
    }
}

static void test_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST_FLOATS; i++)
        weight[i] = rng_normal(99, RNG_TEST, i);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        for (variant = 0; variant < subjects[i].variants; variant++) {
            dropout = no_dropout;
            check_subject(&subjects[i]);
            dropout = dropout_at(0.3, 1, 2, 3, 4);
            check_subject(&subjects[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
