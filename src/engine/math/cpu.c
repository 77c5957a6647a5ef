/* cpu.c - CPUID and XGETBV: a feature counts only when the operating system saves its registers. */
#include "engine/math/cpu.h"

#include "engine/base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* The register states the OS saves: bit 1 SSE, 2 AVX, 5-7 AVX-512, 17-18 AMX. */
__attribute__((target("xsave"))) static uint64_t saved_states(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return 0;
    return _xgetbv(0);
}

static void read_name(char *out, size_t size)
{
    unsigned words[12] = {0};
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                         &words[4 * i + 3]))
            return;
    char text[sizeof words + 1] = "";
    memcpy(text, words, sizeof words);
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    while (length && start[length - 1] == ' ')
        length--;
    snprintf(out, size, "%.*s", (int)length, start);
}

static void read_features(struct cpu *cpu)
{
    const unsigned avx512_parts = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint64_t saved = saved_states();
    const unsigned amx_parts = 1u << 22 | 1u << 24; /* AMX-BF16, AMX-TILE */
    bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
    bool tiles = (saved & 0x60000) == 0x60000;
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        cpu->signature = a;
        cpu->fma = ymm && (c & bit_FMA);
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        cpu->avx2 = ymm && (b & bit_AVX2);
        cpu->avx512 = zmm && cpu->fma && (b & avx512_parts) == avx512_parts;
        cpu->amx_bf16 = tiles && (d & amx_parts) == amx_parts;
    }
    if (cpu->avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
        cpu->avx512_bf16 = a & (1u << 5);
    read_name(cpu->name, sizeof cpu->name);
}
#else
static void read_features(struct cpu *cpu)
{
    (void)cpu;
}
#endif

static struct cpu detected = {.name = "unknown CPU"};
static pthread_once_t detect_once = PTHREAD_ONCE_INIT;

static void detect(void)
{
    read_features(&detected);
    detected.cores = pool_cores();
}

const struct cpu *cpu_detect(void)
{
    pthread_once(&detect_once, detect);
    return &detected;
}

/* Best first. */
const struct ops *cpu_find_ops(const char *name)
{
    const struct cpu *cpu = cpu_detect();
    struct row {
        const struct ops *ops;
        bool runs;
    } rows[] = {
#if defined(__x86_64__)
        {&ops_avx512, cpu->avx512},
        {&ops_avx2, cpu->avx2 && cpu->fma},
#endif
        {&ops_plain, true},
    };
    (void)cpu;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].runs && (!name || !strcmp(name, rows[i].ops->name)))
            return rows[i].ops;
    return NULL;
}

const struct ops *cpu_choose_ops(struct err *err)
{
    const char *name = getenv("SFT_KERNELS");
    if (!name || !*name)
        return cpu_find_ops(NULL);
    const struct ops *ops = cpu_find_ops(name);
    if (!ops)
        err_set(err, ERR_USAGE,
                "SFT_KERNELS=%.40s: this CPU runs no such kernels; use plain%s%s, or unset it",
                name, cpu_find_ops("avx2") ? ", avx2" : "",
                cpu_find_ops("avx512") ? ", avx512" : "");
    return ops;
}

const char *cpu_blas_core(void)
{
    const struct cpu *cpu = cpu_detect();
    return cpu->avx512 ? "SKYLAKEX" : cpu->avx2 && cpu->fma ? "HASWELL" : NULL;
}
