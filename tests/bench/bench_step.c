/* bench_step.c - what a whole training step costs at the shapes that matter: forward, backward,
 * clipping and AdamW, dropout 0.1, all parameters trained.
 *
 * usage: bench_step [MODELDIR [THREADS [ROUNDS [SEQUENCES TOKENS]]]]; the directory is SFT_MODEL,
 * else where `make model` puts it. Prints, for 32 sequences of 64 tokens and 16 of 11, or for the
 * shape given: tokens per second and GFLOP/s of the best and of the median round, and where the
 * time goes. FLOPs are those executed: products and attention, the last block's rows that nobody
 * reads not counted. SFT_BF16=amx or another kernel of bf16.h: the products in bf16. The CPU time of all threads is what other jobs on the machine distort least.
 * Random ids: only shapes matter. */
#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/math/cpu.h"
#include "engine/model/loss.h"
#include "model_steps.h"

#include <time.h>

/* CPU time of all threads: what a busy machine distorts least. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { ZERO, FORWARD, BACKWARD, OPTIM, PARTS };
static const char *const part_names[PARTS] = {"zero_grad", "forward", "backward", "clip + adamw"};

static void make_batch(struct batch *b, size_t B, size_t S, size_t vocabulary)
{
    struct err err;
    if (batch_init(b, B, B * S, &err))
        DIE("%s", err.text);
    b->B = B, b->T = B * S, b->longest = S;
    for (size_t t = 0; t < b->T; t++) {
        b->position[t] = (int32_t)(t % S);
        b->token[t] = (int32_t)(rng_bits(1, RNG_TEST, t) % vocabulary);
    }
    for (size_t s = 0; s <= B; s++)
        b->start[s] = (uint32_t)(s * S);
}

/* Multiply-adds count two. Forward and two gradients of every product; attention likewise. */
static double step_gflop(const struct model *m, size_t B, size_t S)
{
    const struct model_config *c = model_config(m);
    double H = (double)c->hidden_size, F = (double)c->intermediate_size, T = (double)(B * S);
    double L = (double)c->num_hidden_layers;
    double attention = 2 * 2 * T * (double)S * H, all = 2 * T * 3 * H * H + attention;
    double tail = 2 * (H * H + 2 * H * F);
    return 3 * (L * all + (L - 1) * T * tail + (double)B * (tail + 2 * H * H)) * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void bench(struct compute *c, struct model *m, size_t B, size_t S, int rounds, double peak)
{
    struct err err = {0};
    struct batch b;
    struct optim_settings o = {OPTIM_ADAMW, 2e-5, 0.9, 0.999, 1e-8, 0, 1.0};
    double total[1000], part[PARTS] = {0}, cpu = 0;
    size_t n;
    float *moments, *logits = calloc(B * model_labels(m), sizeof *logits);
    struct optim_tensor *t = steps_tensors(m, &n, &moments);
    struct workspace *ws = workspace_create(m, B, B * S, S, true, &err);
    if (!ws)
        DIE("%s", err.text);
    make_batch(&b, B, S, model_config(m)->vocab_size);
    for (int r = -2; r < rounds; r++) { /* two to warm up */
        struct pass p = {.training = true, .seed = 1, .step = (uint64_t)(r + 3)};
        double at[PARTS + 1];
        cpu = r == 0 ? cpu_seconds() : cpu;
        at[ZERO] = clock_monotonic();
        optim_zero_grad(c, t, n);
        at[FORWARD] = clock_monotonic();
        model_forward(m, &b, ws, &p, logits);
        at[BACKWARD] = clock_monotonic();
        loss_cross_entropy(logits, logits, b.label, B, model_labels(m), NULL, 0, (double)B);
        model_backward(m, &b, ws, &p, logits);
        at[OPTIM] = clock_monotonic();
        optim_step(c, t, n, &o, p.step, optim_grad_norm(c, t, n));
        at[PARTS] = clock_monotonic();
        for (int i = 0; r >= 0 && i < PARTS; i++)
            part[i] += (at[i + 1] - at[i]) / rounds;
        if (r >= 0)
            total[r] = at[PARTS] - at[0];
    }
    cpu = (cpu_seconds() - cpu) / rounds;
    qsort(total, (size_t)rounds, sizeof *total, by_value);
    double gflop = step_gflop(m, B, S), median = total[rounds / 2];
    printf("%zux%zu: best %.1f ms, median %.1f ms, %.0f tokens/s, %.0f GFLOP/s = %.2f of peak; "
           "CPU %.1f ms = "
           "%.2f of peak\n",
           B, S, total[0] * 1e3, median * 1e3, (double)b.T / total[0], gflop / total[0],
           gflop / total[0] / peak, cpu * 1e3, gflop / cpu / (peak / pool_threads(c->pool)));
    for (int i = 0; i < PARTS; i++)
        printf("    %-12s %7.2f ms in the mean\n", part_names[i], part[i] * 1e3);
    workspace_destroy(ws);
    batch_clear(&b);
    free(moments);
    free(logits);
    free(t);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct head_spec head = {.labels = 8, .dropout = 0.1, .seed = 1};
    struct compute *c = compute_create(argc > 2 ? atoi(argv[2]) : 0, &err);
    int rounds = argc > 3 ? atoi(argv[3]) : 10;
    if (c && getenv("SFT_BF16") && compute_use_bf16(c, false, &err))
        DIE("bench_step: %s", err.text);
    char kernels[256];
    const char *dir = getenv("SFT_MODEL");
    dir = argc > 1 ? argv[1] : dir ? dir : "models/all-MiniLM-L6-v2";
    if (rounds < 1 || rounds > 1000)
        DIE("usage: bench_step [MODELDIR [THREADS [ROUNDS [SEQUENCES TOKENS]]]]");
    struct model *m = c ? model_open(dir, &head, c, &err) : NULL;
    if (!m || model_prepare_training(m, TUNE_FULL, &err))
        DIE("bench_step: %s", err.text);
    double peak = cpu_measure_peak(pool_threads(c->pool));
    compute_kernel_set(c, kernels, sizeof kernels);
    printf("%s, %d threads, peak %.0f GFLOP/s\n", kernels, pool_threads(c->pool), peak);
    if (argc > 5) {
        bench(c, m, (size_t)atoi(argv[4]), (size_t)atoi(argv[5]), rounds, peak);
    } else {
        bench(c, m, 32, 64, rounds, peak);
        bench(c, m, 16, 11, 4 * rounds > 1000 ? 1000 : 4 * rounds, peak);
    }
    model_close(m);
    compute_destroy(c);
    return 0;
}
