/* reference.c - the equations of ops.h, in double, one element at a time, with libm. */
#include "engine/math/reference.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

bool reference_kept(struct dropout d, uint64_t counter)
{
    uint32_t key = d.key ^ (uint32_t)(counter >> 32) * 0x85EBCA6Bu;
    uint32_t h = ((uint32_t)counter * 0x9E3779B1u) ^ key;
    h = (h ^ h >> 16) * 0x21F0AAADu;
    h = (h ^ h >> 15) * 0x735A2D97u;
    return (h ^ h >> 15) >= d.threshold;
}

/* dropout(x), and also its own derivative times x. */
static double drop(double x, struct dropout d, uint64_t counter)
{
    if (d.threshold == 0)
        return x;
    return reference_kept(d, counter) ? x * (double)d.scale : 0.0;
}

/* z without its mean, of which RMSNorm takes none. */
static double centred(double z, const double *mean, size_t r, bool rms)
{
    return rms ? z : z - mean[r];
}

void reference_residual_norm_forward(double *y, double *z, double *mean, double *rstd,
                                     const double *o, const double *bias, const double *x,
                                     const struct reference_norm *n, size_t R, size_t H,
                                     struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++) {
        double sum = 0.0, square = 0.0;
        for (size_t j = 0; j < H; j++) {
            size_t i = r * H + j;
            z[i] = drop(o[i] + (bias ? bias[j] : 0.0), d, (first + r) * H + j) + (x ? x[i] : 0.0);
            sum += z[i];
        }
        if (!n->rms)
            mean[r] = sum / (double)H;
        for (size_t j = 0; j < H; j++) {
            double t = centred(z[r * H + j], mean, r, n->rms);
            square += t * t;
        }
        rstd[r] = 1.0 / sqrt(square / (double)H + n->eps);
        for (size_t j = 0; j < H; j++)
            y[r * H + j] = centred(z[r * H + j], mean, r, n->rms) * rstd[r] * n->gamma[j] +
                           (n->beta ? n->beta[j] : 0.0);
    }
}

void reference_residual_norm_backward(double *dz, double *d_o, double *dgamma, double *dbeta,
                                      double *dbias, const double *dy, const double *dres,
                                      const double *z, const double *mean, const double *rstd,
                                      const struct reference_norm *n, size_t R, size_t H,
                                      struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++) {
        double mean_w = 0.0, mean_wh = 0.0;
        for (size_t j = 0; j < H; j++) {
            size_t i = r * H + j;
            double h = centred(z[i], mean, r, n->rms) * rstd[r];
            mean_w += n->rms ? 0.0 : dy[i] * n->gamma[j] / (double)H;
            mean_wh += dy[i] * n->gamma[j] * h / (double)H;
            dgamma[j] += dy[i] * h;
            if (n->beta)
                dbeta[j] += dy[i];
        }
        for (size_t j = 0; j < H; j++) {
            size_t i = r * H + j;
            double h = centred(z[i], mean, r, n->rms) * rstd[r];
            double past = dres ? dres[i] : 0.0;
            dz[i] = past + rstd[r] * (dy[i] * n->gamma[j] - mean_w - h * mean_wh);
            double through = drop(dz[i], d, (first + r) * H + j);
            if (d_o)
                d_o[i] = through;
            if (dbias)
                dbias[j] += through;
        }
    }
}

static double phi(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

static double gelu_tanh_argument(double x)
{
    return sqrt(2.0 / pi) * (x + 0.044715 * x * x * x);
}

double reference_act(enum activation act, double x)
{
    switch (act) {
    case ACT_GELU:
        return x * phi(x);
    case ACT_GELU_TANH:
        return 0.5 * x * (1.0 + tanh(gelu_tanh_argument(x)));
    case ACT_RELU:
        return x > 0.0 ? x : 0.0;
    case ACT_SILU:
        return x / (1.0 + exp(-x));
    default:
        return tanh(x);
    }
}

double reference_act_slope(enum activation act, double x)
{
    double t;
    switch (act) {
    case ACT_GELU:
        return phi(x) + x * exp(-0.5 * x * x) / sqrt(2.0 * pi);
    case ACT_GELU_TANH:
        t = tanh(gelu_tanh_argument(x));
        return 0.5 * (1.0 + t) +
               0.5 * x * (1.0 - t * t) * sqrt(2.0 / pi) * (1.0 + 3.0 * 0.044715 * x * x);
    case ACT_RELU:
        return x > 0.0 ? 1.0 : 0.0;
    case ACT_SILU:
        t = 1.0 / (1.0 + exp(-x));
        return t * (1.0 + x * (1.0 - t));
    default:
        return 1.0 - tanh(x) * tanh(x);
    }
}

void reference_bias_act_forward(enum activation act, double *a, double *u, const double *bias,
                                size_t R, size_t F)
{
    for (size_t i = 0; i < R * F; i++) {
        u[i] += bias ? bias[i % F] : 0.0;
        a[i] = reference_act(act, u[i]);
    }
}

void reference_bias_act_backward(enum activation act, double *du, double *dbias, const double *da,
                                 const double *u, size_t R, size_t F)
{
    for (size_t i = 0; i < R * F; i++) {
        du[i] = da[i] * reference_act_slope(act, u[i]);
        if (dbias)
            dbias[i % F] += du[i];
    }
}

void reference_gated_act_forward(enum activation act, double *a, double *u, const double *bias,
                                 size_t R, size_t F)
{
    for (size_t i = 0; bias && i < R * 2 * F; i++)
        u[i] += bias[i % (2 * F)];
    for (size_t i = 0; i < R * F; i++) {
        const double *x = u + i / F * 2 * F + i % F;
        a[i] = reference_act(act, x[0]) * x[F];
    }
}

void reference_gated_act_backward(enum activation act, double *du, double *dbias, const double *da,
                                  const double *u, size_t R, size_t F)
{
    for (size_t i = 0; i < R * F; i++) {
        size_t at = i / F * 2 * F + i % F;
        double x = u[at], gate = u[at + F];
        du[at] = da[i] * gate * reference_act_slope(act, x);
        du[at + F] = da[i] * reference_act(act, x);
    }
    for (size_t i = 0; dbias && i < R * 2 * F; i++)
        dbias[i % (2 * F)] += du[i];
}

void reference_rope(double *x, size_t ld, const double *cosine, const double *sine, size_t R,
                    size_t heads, size_t D, bool backward)
{
    for (size_t r = 0; r < R; r++)
        for (size_t i = 0; i < heads * (D / 2); i++) {
            size_t pair = i % (D / 2);
            double *low = x + r * ld + i / (D / 2) * D + pair, *high = low + D / 2;
            double c = cosine[r * (D / 2) + pair], s = sine[r * (D / 2) + pair];
            double a = *low, b = *high;
            s = backward ? -s : s;
            *low = a * c - b * s;
            *high = b * c + a * s;
        }
}

void reference_bias_add(double *y, const double *bias, size_t R, size_t N)
{
    for (size_t i = 0; i < R * N; i++)
        y[i] += bias[i % N];
}

void reference_column_sum(double *sum, const double *y, size_t R, size_t N)
{
    for (size_t i = 0; i < R * N; i++)
        sum[i % N] += y[i];
}

void reference_dropout_rows(double *y, const double *x, size_t R, size_t H, struct dropout d,
                            uint64_t first)
{
    for (size_t i = 0; i < R * H; i++)
        y[i] = drop(x[i], d, first * H + i);
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static bool sees(const struct reference_attention *a, size_t i, size_t j)
{
    size_t apart = i > j ? i - j : j - i;
    return (!a->causal || j <= i) && (!a->window || apart <= a->window);
}

void reference_attention_forward(double *o, size_t ldo, double *P, struct reference_qkv x,
                                 const struct reference_attention *a)
{
    size_t S = a->S, D = a->D;
    for (size_t i = 0; i < S; i++) {
        double *p = P + i * S, top = -INFINITY, sum = 0.0;
        for (size_t j = 0; j < S; j++) {
            p[j] = a->scale * dot(x.q + i * x.ldq, x.k + j * x.ldk, D);
            p[j] = sees(a, i, j) ? p[j] + (a->bias ? a->bias[i * S + j] : 0.0) : -INFINITY;
            top = fmax(top, p[j]);
        }
        for (size_t j = 0; j < S; j++)
            sum += p[j] = exp(p[j] - top);
        for (size_t c = 0; c < D; c++)
            o[i * ldo + c] = 0.0;
        for (size_t j = 0; j < S; j++) {
            p[j] /= sum;
            for (size_t c = 0; c < D; c++)
                o[i * ldo + c] += drop(p[j], a->d, i * S + j) * x.v[j * x.ldk + c];
        }
    }
}

/* One query's share of the gradients. */
static void attention_row_backward(size_t i, struct reference_qkv dx, double *dbias,
                                   const double *d_o, const double *p, struct reference_qkv x,
                                   const struct reference_attention *a)
{
    size_t S = a->S, D = a->D;
    double mean = 0.0; /* sum_j p_j g_j, what softmax takes from every g */
    for (size_t j = 0; j < S; j++)
        mean += p[j] * drop(dot(d_o, x.v + j * x.ldk, D), a->d, i * S + j);
    for (size_t j = 0; j < S; j++) {
        double g = drop(dot(d_o, x.v + j * x.ldk, D), a->d, i * S + j);
        double ds = p[j] * (g - mean);
        if (dbias)
            dbias[i * S + j] = ds;
        for (size_t c = 0; c < D; c++) {
            dx.v[j * dx.ldk + c] += drop(p[j], a->d, i * S + j) * d_o[c];
            dx.q[i * dx.ldq + c] += a->scale * ds * x.k[j * x.ldk + c];
            dx.k[j * dx.ldk + c] += a->scale * ds * x.q[i * x.ldq + c];
        }
    }
}

void reference_attention_backward(struct reference_qkv dx, double *dbias, const double *d_o,
                                  size_t ldo, const double *P, struct reference_qkv x,
                                  const struct reference_attention *a, bool add_kv)
{
    for (size_t j = 0; j < a->S; j++)
        for (size_t c = 0; c < a->D; c++) {
            dx.q[j * dx.ldq + c] = 0.0;
            if (!add_kv)
                dx.k[j * dx.ldk + c] = dx.v[j * dx.ldk + c] = 0.0;
        }
    for (size_t i = 0; i < a->S; i++)
        attention_row_backward(i, dx, dbias, d_o + i * ldo, P + i * a->S, x, a);
}

void reference_product(double *c, size_t ldc, const double *a, size_t ar, size_t ac,
                       const double *b, size_t br, size_t bc, size_t M, size_t N, size_t K,
                       double beta)
{
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < K; k++)
                sum += a[i * ar + k * ac] * b[k * br + j * bc];
            c[i * ldc + j] = (beta != 0.0 ? beta * c[i * ldc + j] : 0.0) + sum;
        }
}

void reference_adamw(double *p, double *m, double *v, const double *g, size_t n, double lr,
                     double beta1, double beta2, double epsilon, double weight_decay,
                     double gradient_scale, uint64_t step)
{
    double bias1 = 1.0 - pow(beta1, (double)step), bias2 = 1.0 - pow(beta2, (double)step);
    for (size_t i = 0; i < n; i++) {
        double x = g[i] * gradient_scale;
        m[i] = beta1 * m[i] + (1.0 - beta1) * x;
        v[i] = beta2 * v[i] + (1.0 - beta2) * x * x;
        p[i] *= 1.0 - lr * weight_decay;
        p[i] -= lr * (m[i] / bias1) / (sqrt(v[i] / bias2) + epsilon);
    }
}

void reference_sgd(double *p, const double *g, size_t n, double lr, double weight_decay,
                   double gradient_scale)
{
    for (size_t i = 0; i < n; i++)
        p[i] -= lr * (g[i] * gradient_scale + weight_decay * p[i]);
}
