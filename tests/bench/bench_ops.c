/* bench_ops.c - what each kernel costs by itself, on one thread, for each row of the table this CPU
 * runs: GB/s of the row kernels, next to the plainest of them (y += x), and GFLOP/s of attention,
 * next to the product.
 *
 * usage: bench_ops [MILLISECONDS a kernel [PART of its name]]. Bytes are those that must be read and
 * written once; FLOPs those of the pairs a query sees. Best of many rounds, as other jobs only ever
 * slow one down. */
#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/math/cpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { R = 512, H = 768, F = 3072, HEADS = 12, D = 64, LONGEST = 512 };

static const struct dropout none = {.scale = 1.0f};

/* Room for every kernel, filled once; what they make of it does not matter. */
static float *a, *b, *c, *u, *P, *scratch, small[8][2 * F], mean[R], rstd[R];
static float turn[R * D / 2]; /* cosines and sines of an eighth */

static float *floats(size_t n, uint64_t seed)
{
    float *x = malloc(n * sizeof *x);
    if (!x)
        exit(1);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(seed, RNG_TEST, i % 4099);
    return x;
}

struct subject {
    const char *name;
    void (*run)(const struct ops *ops, int option);
    int option;
    double floats, flop; /* of one call */
};

static void run_add(const struct ops *ops, int option)
{
    (void)option;
    ops->add(a, b, R * H);
}

static void run_norm(const struct ops *ops, int rms)
{
    struct norm n = {small[0], rms ? NULL : small[1], 1e-5f, rms};
    ops->residual_norm_forward(a, c, mean, rstd, b, NULL, u, &n, R, H, none, 0);
}

static void run_norm_back(const struct ops *ops, int rms)
{
    struct norm n = {small[0], rms ? NULL : small[1], 1e-5f, rms};
    ops->residual_norm_backward(a, NULL, small[2], small[3], NULL, b, u, c, mean, rstd, &n, R, H,
                                none, 0);
}

static void run_act(const struct ops *ops, int act)
{
    ops->bias_act_forward((enum activation)act, a, u, small[7], R, F);
}
static void run_act_back(const struct ops *ops, int act)
{
    ops->bias_act_backward((enum activation)act, a, small[2], b, u, R, F);
}
static void run_gated(const struct ops *ops, int act)
{
    ops->gated_act_forward((enum activation)act, a, u, small[7], R, F);
}
static void run_gated_back(const struct ops *ops, int act)
{
    ops->gated_act_backward((enum activation)act, a, small[2], b, u, R, F);
}

static void run_rope(const struct ops *ops, int back)
{
    ops->rope(a, H, turn, turn, R, HEADS, D, back);
}

/* option: S, and what is masked */
enum { CAUSAL = 1 << 12, WINDOW = 1 << 13 };
static struct attention attention_of(int option)
{
    return (struct attention){.S = (size_t)option & (CAUSAL - 1),
                              .D = D,
                              .scale = 0.125f,
                              .causal = option & CAUSAL,
                              .window = option & WINDOW ? 64 : 0,
                              .d = none};
}
static void run_attention(const struct ops *ops, int option)
{
    struct attention x = attention_of(option);
    ops->attention_forward(a, H, P, (struct qkv){u, u + H, u + 2 * H, 3 * H, 3 * H}, &x, scratch);
}
static void run_attention_back(const struct ops *ops, int option)
{
    struct attention x = attention_of(option);
    ops->attention_backward((struct qkv){c, c + H, c + 2 * H, 3 * H, 3 * H}, NULL, b, H, P,
                            (struct qkv){u, u + H, u + 2 * H, 3 * H, 3 * H}, &x, false, scratch);
}

static void run_product(const struct ops *ops, int option)
{
    (void)option;
    ops->product(a, H, b, H, 1, u, 1, H, R, H, H, 0.0f, scratch);
}

#define ROWS(name, run, option, n)                                                                 \
    {                                                                                              \
        name, run, option, (double)(n), 0.0                                                        \
    }
#define ATTENTION(name, option, pairs)                                                             \
    {name, run_attention, option, 0.0, 4.0 * D * (pairs)},                                         \
    {                                                                                              \
        name " back", run_attention_back, option, 0.0, 8.0 * D *(pairs)                            \
    }
#define PAIRS(S)        ((double)(S) * (S))
#define CAUSAL_PAIRS(S) ((double)(S) * ((S) + 1) / 2)
#define WINDOW_PAIRS(S) ((double)(S)*129 - 64.0 * 65)

static const struct subject subjects[] = {
    ROWS("y += x", run_add, 0, 3 * R * H),
    ROWS("LayerNorm", run_norm, false, 4 * R * H),
    ROWS("LayerNorm back", run_norm_back, false, 4 * R * H),
    ROWS("RMSNorm", run_norm, true, 4 * R * H),
    ROWS("RMSNorm back", run_norm_back, true, 4 * R * H),
    ROWS("GELU", run_act, ACT_GELU, 3 * R * F),
    ROWS("GELU back", run_act_back, ACT_GELU, 3 * R * F),
    ROWS("GELU tanh", run_act, ACT_GELU_TANH, 3 * R * F),
    ROWS("GELU tanh back", run_act_back, ACT_GELU_TANH, 3 * R * F),
    ROWS("ReLU", run_act, ACT_RELU, 3 * R * F),
    ROWS("ReLU back", run_act_back, ACT_RELU, 3 * R * F),
    ROWS("SiLU", run_act, ACT_SILU, 3 * R * F),
    ROWS("SiLU back", run_act_back, ACT_SILU, 3 * R * F),
    ROWS("tanh", run_act, ACT_TANH, 3 * R * F),
    ROWS("tanh back", run_act_back, ACT_TANH, 3 * R * F),
    ROWS("gated SiLU", run_gated, ACT_SILU, 5 * R * F),
    ROWS("gated SiLU back", run_gated_back, ACT_SILU, 5 * R * F),
    ROWS("gated GELU", run_gated, ACT_GELU, 5 * R * F),
    ROWS("gated GELU back", run_gated_back, ACT_GELU, 5 * R * F),
    ROWS("rotary", run_rope, false, 2 * R * H + R * D),
    {"product", run_product, 0, 0.0, 2.0 * R *H *H},
    ATTENTION("attention 128", 128, PAIRS(128)),
    ATTENTION("attention 256", 256, PAIRS(256)),
    ATTENTION("attention 512", 512, PAIRS(512)),
    ATTENTION("causal 128", 128 | CAUSAL, CAUSAL_PAIRS(128)),
    ATTENTION("causal 256", 256 | CAUSAL, CAUSAL_PAIRS(256)),
    ATTENTION("causal 512", 512 | CAUSAL, CAUSAL_PAIRS(512)),
    ATTENTION("window of 64, 512", 512 | WINDOW, WINDOW_PAIRS(512)),
};

static double best_seconds(const struct subject *s, const struct ops *ops, double budget)
{
    double best = INFINITY, start = clock_monotonic();
    for (int round = 0; round < 3 || clock_monotonic() - start < budget; round++) {
        double from = clock_monotonic();
        s->run(ops, s->option);
        best = fmin(best, clock_monotonic() - from);
    }
    return best;
}

int main(int argc, char **argv)
{
    double budget = argc > 1 ? atof(argv[1]) * 1e-3 : 0.1;
    a = floats(2 * R * F, 1), b = floats(R * F, 2), c = floats(3 * R * H, 3);
    u = floats(2 * R * F, 4), P = floats(LONGEST * ops_attention_stride(LONGEST), 5);
    size_t need = ops_attention_scratch(LONGEST, D);
    scratch = floats(need > ops_product_scratch() ? need : ops_product_scratch(), 6);
    for (size_t i = 0; i < R; i++)
        rstd[i] = 1.0f;
    for (size_t i = 0; i < R * D / 2; i++)
        turn[i] = sqrtf(0.5f);
    for (int row = 0; row < 3; row++) {
        const struct ops *ops = cpu_find_ops((const char *[]){"plain", "avx2", "avx512"}[row]);
        for (size_t i = 0; ops && i < sizeof subjects / sizeof subjects[0]; i++) {
            const struct subject *s = &subjects[i];
            if (argc > 2 && !strstr(s->name, argv[2]))
                continue;
            double seconds = best_seconds(s, ops, budget);
            if (s->flop > 0.0)
                printf("%-7s %-24s %8.1f us %8.1f GFLOP/s\n", ops->name, s->name, seconds * 1e6,
                       s->flop / seconds * 1e-9);
            else
                printf("%-7s %-24s %8.1f us %8.1f GB/s\n", ops->name, s->name, seconds * 1e6,
                       4.0 * s->floats / seconds * 1e-9);
        }
    }
    free(a), free(b), free(c), free(u), free(P), free(scratch);
    return 0;
}
