/* blas.c - finds OpenBLAS, tells it which kernel to be, and believes nothing it has not seen.
 *
 * The library reads its environment once, when it is mapped, so the variables are set just before
 * dlopen; a variable set in main() of a linked program would come too late. The core type follows
 * from CPUID alone. Builds without threads are refused: they keep no lock on their buffers, and our
 * workers call at the same time. */
#include "engine/math/blas.h"

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/math/cpu.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const library_names[] = {"libopenblas.so.0", "libopenblasp.so.0",
                                            "libopenblas.so"};

static struct blas loaded;
static struct err load_error;
static pthread_once_t load_once = PTHREAD_ONCE_INIT, prepare_once = PTHREAD_ONCE_INIT;

/* Set or (value NULL) unset a variable, noting what it said before if that was something else. */
static void take_over(const char *name, const char *value)
{
    const char *before = getenv(name);
    if (before && *before && !(value && !strcasecmp(before, value))) {
        size_t used = strlen(loaded.overridden);
        snprintf(loaded.overridden + used, sizeof loaded.overridden - used, "%s%s=%s",
                 used ? " " : "", name, before);
    }
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void prepare_environment(void)
{
    const struct cpu *cpu = cpu_detect();
    take_over("OPENBLAS_CORETYPE", cpu->avx512             ? "SKYLAKEX"
                                   : cpu->avx2 && cpu->fma ? "HASWELL"
                                                           : NULL);
    take_over("OPENBLAS_L2_SIZE", NULL);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
}

void blas_prepare(void)
{
    pthread_once(&prepare_once, prepare_environment);
}

static void *open_library(const char *wanted)
{
    if (wanted) {
        void *handle = dlopen(wanted, RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            err_set(&load_error, ERR_USAGE, "SFT_BLAS: %s; name an OpenBLAS library or 'none'",
                    dlerror());
        return handle;
    }
    for (size_t i = 0; i < sizeof library_names / sizeof library_names[0]; i++) {
        void *handle = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
        if (handle)
            return handle;
    }
    err_set(&load_error, ERR_UNSUPPORTED,
            "no OpenBLAS library found; install libopenblas0-pthread (Debian) or openblas-threads "
            "(Fedora) for speed");
    return NULL;
}

/* Fill *loaded from the library's own words. A library asked for by name must serve: its refusal is
 * the user's to mend, where a missing default is none. */
static int read_symbols(void *handle, const char *wanted)
{
    const enum err_code refused = wanted ? ERR_USAGE : ERR_UNSUPPORTED;
    typedef const char *text_fn(void);
    typedef int number_fn(void);
    typedef void set_fn(int);
    *(void **)&loaded.sgemm = dlsym(handle, "cblas_sgemm");
    text_fn *config, *core;
    number_fn *parallel;
    set_fn *set_threads;
    *(void **)&config = dlsym(handle, "openblas_get_config");
    *(void **)&core = dlsym(handle, "openblas_get_corename");
    *(void **)&parallel = dlsym(handle, "openblas_get_parallel");
    *(void **)&set_threads = dlsym(handle, "openblas_set_num_threads");
    Dl_info info;
    if (loaded.sgemm && dladdr(*(void **)&loaded.sgemm, &info))
        snprintf(loaded.library, sizeof loaded.library, "%s", info.dli_fname);
    else
        snprintf(loaded.library, sizeof loaded.library, "%s", wanted ? wanted : "the library");
    if (!loaded.sgemm || !config || !core || !parallel || !set_threads)
        return err_set(&load_error, refused,
                       "'%.200s' is not OpenBLAS; install libopenblas0-pthread%s", loaded.library,
                       wanted ? ", or unset SFT_BLAS" : "");
    if (parallel() == 0)
        return err_set(&load_error, refused,
                       "'%.200s' is built without threads and is not safe to call from several; "
                       "install libopenblas0-pthread",
                       loaded.library);
    set_threads(1);
    snprintf(loaded.config, sizeof loaded.config, "%s", config());
    snprintf(loaded.core, sizeof loaded.core, "%s", core());
    return 0;
}

static void fill(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rng_uniform(seed, RNG_TEST, i) - 0.5);
}

/* The largest difference between c (M,N) and a b^T in double, over the largest element. */
static double product_error(const float *c, const float *a, const float *b, size_t M, size_t N,
                            size_t K)
{
    double worst = 0.0, largest = 0.0;
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < K; k++)
                sum += (double)a[i * K + k] * (double)b[j * K + k];
            double off = fabs((double)c[i * N + j] - sum);
            worst = off > worst || isnan(off) ? off : worst;
            largest = fmax(largest, fabs(sum));
        }
    return worst / largest;
}

static void multiply(float *c, const float *a, const float *b, int M, int N, int K)
{
    loaded.sgemm(BLAS_ROW_MAJOR, BLAS_NO_TRANS, BLAS_TRANS, M, N, K, 1.0f, a, K, b, K, 0.0f, c, N);
}

/* One product compared with plain C, one of a BERT's shape timed. */
static int check_and_time(void)
{
    enum { M = 512, N = 768, K = 768, FEW = 100 };
    struct err err;
    float *a = mem_alloc((size_t)M * K, sizeof *a, "a trial product", &err);
    float *b = mem_alloc((size_t)N * K, sizeof *b, "a trial product", &err);
    float *c = mem_alloc((size_t)M * N, sizeof *c, "a trial product", &err);
    int result = -1;
    if (!a || !b || !c) {
        load_error = err;
        goto out;
    }
    fill(a, (size_t)M * K, 1);
    fill(b, (size_t)N * K, 2);
    multiply(c, a, b, FEW, FEW, K);
    loaded.max_error = product_error(c, a, b, FEW, FEW, K);
    if (!(loaded.max_error < 1e-5)) {
        err_set(
            &load_error, ERR_NUMERIC,
            "'%.200s' (%s) computes wrong products (error %.2g) and is not used; update OpenBLAS",
            loaded.library, loaded.core, loaded.max_error);
        goto out;
    }
    for (int round = 0; round < 4; round++) {
        double start = clock_monotonic();
        multiply(c, a, b, M, N, K);
        double gflops = 2e-9 * M * N * K / (clock_monotonic() - start);
        loaded.gflops = gflops > loaded.gflops ? gflops : loaded.gflops;
    }
    result = 0;
out:
    free(a);
    free(b);
    free(c);
    return result;
}

static void load(void)
{
    const char *wanted = getenv("SFT_BLAS");
    if (wanted && !strcmp(wanted, "none")) {
        err_set(&load_error, ERR_UNSUPPORTED, "OpenBLAS is switched off by SFT_BLAS=none");
        return;
    }
    blas_prepare();
    if (wanted && (!*wanted || !strcmp(wanted, "system")))
        wanted = NULL;
    void *handle = open_library(wanted);
    if (handle && (read_symbols(handle, wanted) || check_and_time()))
        dlclose(handle);
}

const struct blas *blas_load(struct err *err)
{
    pthread_once(&load_once, load);
    if (load_error.code == ERR_NONE)
        return &loaded;
    if (err)
        *err = load_error;
    return NULL;
}
