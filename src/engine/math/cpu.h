/* cpu.h - what this CPU can do, by CPUID features and the state the OS saves, never by its name. */
#ifndef CPU_H
#define CPU_H
#include "engine/base/err.h"
#include "engine/math/ops.h"

#include <stdbool.h>

struct cpu {
    char name[64];                       /* the brand string */
    bool avx2, fma, avx512, avx512_bf16; /* avx512: F, BW, DQ and VL */
    bool amx_bf16;                       /* tiles too, and the system saves them */
    unsigned signature; /* family, model and stepping as CPUID has them; 0: unknown */
    int cores;                           /* this process may use */
};
const struct cpu *cpu_detect(void);

/* The widest row of the kernel table this CPU runs, or the one SFT_KERNELS=plain|avx2|avx512 names.
 * NULL with an error when that is unknown or beyond the CPU. */
const struct ops *cpu_choose_ops(struct err *err);

/* The core type to ask OpenBLAS for where nothing was measured; NULL: let it choose. */
const char *cpu_blas_core(void);

/* A row by name: NULL when there is none of that name, or the CPU cannot run it. */
const struct ops *cpu_find_ops(const char *name);

#endif
