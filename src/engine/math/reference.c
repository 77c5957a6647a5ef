/* reference.c - the equations of ops.h, in double, one element at a time, with libm. */
#include "engine/math/reference.h"

#include <math.h>

static const double root_half = 0.70710678118654752440;
static const double inverse_root_2pi = 0.39894228040143267794;

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

void reference_residual_norm_forward(double *y, double *z, double *mean, double *rstd,
                                     const double *o, const double *bias, const double *x,
                                     const double *gamma, const double *beta, double eps, size_t R,
                                     size_t H, struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++) {
        double sum = 0.0, square = 0.0;
        for (size_t j = 0; j < H; j++) {
            size_t i = r * H + j;
            z[i] = drop(o[i] + (bias ? bias[j] : 0.0), d, (first + r) * H + j) + (x ? x[i] : 0.0);
            sum += z[i];
        }
        mean[r] = sum / (double)H;
        for (size_t j = 0; j < H; j++)
            square += (z[r * H + j] - mean[r]) * (z[r * H + j] - mean[r]);
        rstd[r] = 1.0 / sqrt(square / (double)H + eps);
        for (size_t j = 0; j < H; j++)
            y[r * H + j] = (z[r * H + j] - mean[r]) * rstd[r] * gamma[j] + beta[j];
    }
}

void reference_residual_norm_backward(double *dz, double *d_o, double *dgamma, double *dbeta,
                                      double *dbias, const double *dy, const double *z,
                                      const double *mean, const double *rstd, const double *gamma,
                                      size_t R, size_t H, struct dropout d, uint64_t first)
{
    for (size_t r = 0; r < R; r++) {
        double mean_w = 0.0, mean_wh = 0.0;
        for (size_t j = 0; j < H; j++) {
            size_t i = r * H + j;
            double h = (z[i] - mean[r]) * rstd[r];
            mean_w += dy[i] * gamma[j] / (double)H;
            mean_wh += dy[i] * gamma[j] * h / (double)H;
            dgamma[j] += dy[i] * h;
            dbeta[j] += dy[i];
        }
        for (size_t j = 0; j < H; j++) {
            size_t i = r * H + j;
            double h = (z[i] - mean[r]) * rstd[r];
            dz[i] = rstd[r] * (dy[i] * gamma[j] - mean_w - h * mean_wh);
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
    return 0.5 * erfc(-x * root_half);
}

void reference_bias_gelu_forward(double *a, double *u, const double *bias, size_t R, size_t F)
{
    for (size_t i = 0; i < R * F; i++) {
        u[i] += bias[i % F];
        a[i] = u[i] * phi(u[i]);
    }
}

void reference_bias_gelu_backward(double *du, double *dbias, const double *da, const double *u,
                                  size_t R, size_t F)
{
    for (size_t i = 0; i < R * F; i++) {
        double density = inverse_root_2pi * exp(-0.5 * u[i] * u[i]);
        du[i] = da[i] * (phi(u[i]) + u[i] * density);
        dbias[i % F] += du[i];
    }
}

void reference_bias_tanh_forward(double *y, const double *bias, size_t R, size_t H)
{
    for (size_t i = 0; i < R * H; i++)
        y[i] = tanh(y[i] + bias[i % H]);
}

void reference_bias_tanh_backward(double *dy, double *dbias, const double *y, size_t R, size_t H)
{
    for (size_t i = 0; i < R * H; i++) {
        dy[i] *= 1.0 - y[i] * y[i];
        dbias[i % H] += dy[i];
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

void reference_attention_forward(double *o, size_t ldo, double *P, const double *q, const double *k,
                                 const double *v, size_t ld, size_t S, size_t D, struct dropout d)
{
    for (size_t i = 0; i < S; i++) {
        double *p = P + i * S, top = -INFINITY, sum = 0.0;
        for (size_t j = 0; j < S; j++) {
            p[j] = dot(q + i * ld, k + j * ld, D) / sqrt((double)D);
            top = fmax(top, p[j]);
        }
        for (size_t j = 0; j < S; j++)
            sum += p[j] = exp(p[j] - top);
        for (size_t c = 0; c < D; c++)
            o[i * ldo + c] = 0.0;
        for (size_t j = 0; j < S; j++) {
            p[j] /= sum;
            for (size_t c = 0; c < D; c++)
                o[i * ldo + c] += drop(p[j], d, i * S + j) * v[j * ld + c];
        }
    }
}

void reference_attention_backward(double *dq, double *dk, double *dv, size_t ldd, const double *d_o,
                                  size_t ldo, const double *P, const double *q, const double *k,
                                  const double *v, size_t ld, size_t S, size_t D, struct dropout d)
{
    for (size_t j = 0; j < S; j++)
        for (size_t c = 0; c < D; c++)
            dq[j * ldd + c] = dk[j * ldd + c] = dv[j * ldd + c] = 0.0;
    for (size_t i = 0; i < S; i++) {
        const double *p = P + i * S;
        double mean = 0.0; /* sum_j p_j g_j, what softmax takes from every g */
        for (size_t j = 0; j < S; j++)
            mean += p[j] * drop(dot(d_o + i * ldo, v + j * ld, D), d, i * S + j);
        for (size_t j = 0; j < S; j++) {
            double g = drop(dot(d_o + i * ldo, v + j * ld, D), d, i * S + j);
            double ds = p[j] * (g - mean) / sqrt((double)D);
            for (size_t c = 0; c < D; c++) {
                dv[j * ldd + c] += drop(p[j], d, i * S + j) * d_o[i * ldo + c];
                dq[i * ldd + c] += ds * k[j * ld + c];
                dk[j * ldd + c] += ds * q[i * ld + c];
            }
        }
    }
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
