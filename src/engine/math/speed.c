/* speed.c - the products of one layer of MiniLM, timed one by one. */
#include "engine/math/speed.h"

#include "engine/base/clock.h"
#include "engine/math/machine.h"
#include "engine/math/product.h"

enum { TOKENS = 512, MINILM = 384 };

struct buffers {
    float *x, *y, *w;
};

static void run_product(struct compute *c, const struct buffers *b, enum product_kind kind,
                        size_t N, size_t K)
{
    if (kind == PRODUCT_FORWARD)
        product_forward(c, b->y, b->x, b->w, TOKENS, N, K);
    else if (kind == PRODUCT_BACKWARD)
        product_backward(c, b->y, b->x, b->w, TOKENS, N, K, 0.0f);
    else
        product_weight(c, b->w, b->y, b->x, TOKENS, N, K, 0.0f);
}

static double best_seconds(struct compute *c, const struct buffers *b, enum product_kind kind,
                           size_t N, size_t K, double duration)
{
    double best = 1e9, end = clock_monotonic() + duration;
    for (double start = clock_monotonic(); start < end; start = clock_monotonic()) {
        run_product(c, b, kind, N, K);
        double seconds = clock_monotonic() - start;
        best = seconds < best ? seconds : best;
    }
    return best;
}

int speed_products(struct compute *c, size_t hidden, double duration, double *gflops,
                   struct err *err)
{
    const size_t shapes[][2] = {
        {3 * hidden, hidden}, {hidden, hidden}, {4 * hidden, hidden}, {hidden, 4 * hidden}};
    struct mem_block block = {0};
    size_t wide = TOKENS * 4 * hidden, floats = 2 * wide + 4 * hidden * hidden;
    if (mem_block_init(&block, floats * sizeof(float), "measuring the speed", err))
        return -1;
    float *memory = block.base;
    struct buffers b = {memory, memory + wide, memory + 2 * wide};
    for (size_t i = 0; i < floats; i++)
        memory[i] = (float)(i % 31) - 15.0f;
    double seconds = 0.0, work = 0.0;
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        size_t N = shapes[s][0], K = shapes[s][1];
        compute_admit(c, N, K);
        for (int kind = PRODUCT_FORWARD; kind <= PRODUCT_WEIGHT; kind++) {
            seconds += best_seconds(c, &b, (enum product_kind)kind, N, K, duration);
            work += 2e-9 * TOKENS * (double)N * (double)K;
        }
    }
    *gflops = work / seconds;
    mem_block_clear(&block);
    return 0;
}

int speed_measure(struct compute *c, struct speed *out, struct err *err)
{
    if (speed_products(c, MINILM, 0.03, &out->product_gflops, err))
        return -1;
    out->peak_gflops = machine_peak(c->pool, pool_threads(c->pool));
    return 0;
}
