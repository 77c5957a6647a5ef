/* bf16.c - which product in bf16 this CPU runs, and whether it pays. */
#include "engine/math/bf16.h"

#include "engine/base/clock.h"
#include "engine/math/bf16_sizes.h"
#include "engine/math/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux gives a process the 8 kB of tile registers only when it asks (Documentation/x86/xstate). */
static bool tiles_granted;

static void ask_for_tiles(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    tiles_granted = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

static bool tiles_allowed(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask_for_tiles);
    return tiles_granted;
}
#endif

size_t bf16_scratch(void)
{
    return (size_t)BF16_DEPTH / 2 * (BF16_ROWS + BF16_STRIP);
}

const struct bf16 *bf16_find(const char *name)
{
#if defined(__x86_64__)
    const struct cpu *cpu = cpu_detect();
    if ((!name || !strcmp(name, bf16_amx.name)) && cpu->avx512_bf16 && cpu->amx_bf16 &&
        tiles_allowed())
        return &bf16_amx;
    if ((!name || !strcmp(name, bf16_avx512.name)) && cpu->avx512_bf16)
        return &bf16_avx512;
#endif
    return name && !strcmp(name, bf16_plain.name) ? &bf16_plain : NULL;
}

/* A product of MiniLM's width over a few hundred tokens. */
enum { TOKENS = 256, WIDTH = 384 };

struct bf16_speed bf16_measure(const struct bf16 *bf16, const struct ops *ops, float *scratch)
{
    static float a[TOKENS * WIDTH], b[WIDTH * WIDTH], c[TOKENS * WIDTH];
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
        a[i] = (float)(i % 31) - 15.0f;
    for (size_t i = 0; i < sizeof b / sizeof b[0]; i++)
        b[i] = (float)(i % 29) - 14.0f;
    double best[2] = {1e9, 1e9};
    for (int round = 0; round < 12; round++) {
        double start = clock_monotonic();
        (round & 1 ? bf16->product : ops->product)(c, WIDTH, a, WIDTH, 1, b, 1, WIDTH, TOKENS,
                                                   WIDTH, WIDTH, 0.0f, scratch);
        double seconds = clock_monotonic() - start;
        best[round & 1] = seconds < best[round & 1] ? seconds : best[round & 1];
    }
    const double work = 2e-9 * TOKENS * WIDTH * WIDTH;
    return (struct bf16_speed){.bf16 = work / best[1], .fp32 = work / best[0]};
}
