/* blas.h - OpenBLAS, chosen and checked before it is trusted.
 *
 * OpenBLAS picks its kernel when it loads, and picks badly on CPUs younger than it is; environments
 * may force a slow one (OPENBLAS_CORETYPE=Haswell). So the program never links it: blas_load sets
 * OPENBLAS_CORETYPE and OPENBLAS_NUM_THREADS=1 for this process, dlopens the library, then compares
 * a product with plain C and times it. A library that computes a wrong product is not used, and
 * that is said.
 *
 * Which core type: the best of this machine's profile (profile.h), where there is one, else what
 * CPUID says. What the environment asks for is respected where the profile shows that it costs
 * little; what is harmful, or was never measured, is set aside, and that is said. */
#ifndef BLAS_H
#define BLAS_H
#include "engine/base/err.h"
#include "engine/math/profile.h"

#include <stdbool.h>
#include <stddef.h>

typedef void blas_sgemm_fn(int order, int transa, int transb, int m, int n, int k, float alpha,
                           const float *a, int lda, const float *b, int ldb, float beta, float *c,
                           int ldc);
enum { BLAS_ROW_MAJOR = 101, BLAS_NO_TRANS = 111, BLAS_TRANS = 112 };

struct blas {
    blas_sgemm_fn *sgemm;
    char library[256];    /* path that was opened */
    char config[256];     /* openblas_get_config(): version and options */
    char core[64];        /* openblas_get_corename() */
    double gflops;        /* one product of a model's shape on one thread, best of a few */
    double max_error;     /* of the checked product, over its largest element */
    int parallel;         /* openblas_get_parallel(): 1 threads of its own, 2 OpenMP */
    char overridden[128]; /* "OPENBLAS_CORETYPE=Haswell": what the environment asked for and this
                             process set aside; "" when nothing */
    char why[128];        /* and why: "81 % slower than SKYLAKEX" */
};

/* Set the environment the library will read. Called by main before any thread exists, since other
 * threads may not read the environment meanwhile; blas_load does it if nobody has. */
void blas_prepare(void);
/* The same again, after another profile was adopted and before the library is loaded. */
void blas_prepare_again(void);

/* What the environment asked for when the program began. */
struct blas_request blas_request(void);
bool blas_is_loaded(void);
/* "threads of its own", "OpenMP", "no threads" */
const char *blas_parallel_name(int parallel);

/* Which library would be opened, and what it says of itself. It is opened for that, untested: in a
 * child process. -1: there is none. */
int blas_find(char *path, size_t size, char *config, size_t config_size);

/* Load once a process; later calls return the same. NULL with an error that says what to install
 * when there is no library, or why it is not used. */
const struct blas *blas_load(struct err *err);

#endif
