/* blas.c - finds OpenBLAS, tells it which kernel to be, and believes nothing it has not seen.
 *
 * The library reads its environment once, when it is mapped, so the variables are set just before
 * dlopen; a variable set in main() of a linked program would come too late. Builds without threads
 * are refused: they keep no lock on their buffers, and our workers call at the same time. Builds
 * with OpenMP are held to one thread a call, in the variable that OpenMP reads too. */
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

/* ---- the environment ---- */

static struct blas_request request; /* as the program found it */
static char banned[32];             /* how OpenBLAS failed in a child; "": it may be loaded */

static void read_request(void)
{
    const char *core = getenv("OPENBLAS_CORETYPE"), *l2 = getenv("OPENBLAS_L2_SIZE");
    snprintf(request.core, sizeof request.core, "%s", core ? core : "");
    snprintf(request.l2, sizeof request.l2, "%s", l2 ? l2 : "");
}

struct blas_request blas_request(void)
{
    blas_prepare();
    return request;
}

static void set_variable(const char *name, const char *value)
{
    if (value && *value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* The profile of the library that will be opened. */
static const struct profile *profile_in_force(void)
{
    const struct profile *p = profile_cached(NULL);
    const char *wanted = getenv("SFT_BLAS");
    bool by_path = wanted && strchr(wanted, '/');
    return p && (!by_path || !strcmp(wanted, p->library)) ? p : NULL;
}

static void set_aside(const struct blas_request *r, const char *why)
{
    snprintf(loaded.overridden, sizeof loaded.overridden, "%s%s%s%s%s",
             r->core[0] ? "OPENBLAS_CORETYPE=" : "", r->core, r->core[0] && r->l2[0] ? " " : "",
             r->l2[0] ? "OPENBLAS_L2_SIZE=" : "", r->l2);
    snprintf(loaded.why, sizeof loaded.why, "%s", why);
}

/* Whether the environment may have its way. What was not measured may not: it may be five times
 * slower, or wrong. */
static bool may_have(const struct blas_request *r, const struct profile *p)
{
    char why[sizeof loaded.why] = "not measured on this machine; sft doctor --measure judges it";
    const struct profile_row *row = p ? profile_find(p, r) : NULL;
    if (row && !profile_is_harmful(p, row))
        return true;
    const struct profile_row *best = p ? profile_best_blas(p) : NULL;
    if (row && row->gflops > 0.0 && best && row->gflops < best->gflops)
        snprintf(why, sizeof why, "%.0f %% slower than %s",
                 100.0 * (1.0 - row->gflops / best->gflops), best->core);
    else if (row)
        snprintf(why, sizeof why, "it was measured, and %s", profile_verdict_name(row->verdict));
    set_aside(r, why);
    return false;
}

/* A core type that crashed, hung or was wrong in a child is not let into this process. */
static void ban(const struct profile_row *row)
{
    if (row && (row->verdict == PROFILE_WRONG || row->verdict == PROFILE_CRASHED ||
                row->verdict == PROFILE_HUNG))
        snprintf(banned, sizeof banned, "%s", profile_verdict_name(row->verdict));
}

static void decide(void)
{
    const struct profile *p = profile_in_force();
    const struct profile_row *best = p ? profile_best_blas(p) : NULL;
    struct blas_request ours = {0};
    const char *usual = cpu_blas_core();
    snprintf(ours.core, sizeof ours.core, "%s", usual ? usual : "");
    banned[0] = '\0';
    if (best)
        ours = best->request;
    else if (p)
        ban(profile_find(p, &ours));
    bool asks = request.core[0] || request.l2[0];
    bool same = !strcasecmp(request.core, ours.core) && !strcmp(request.l2, ours.l2);
    loaded.overridden[0] = loaded.why[0] = '\0';
    if (asks && !same && may_have(&request, p))
        ours = request;
    set_variable("OPENBLAS_CORETYPE", ours.core);
    set_variable("OPENBLAS_L2_SIZE", ours.l2);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
}

static void prepare_environment(void)
{
    read_request();
    decide();
}

void blas_prepare(void)
{
    pthread_once(&prepare_once, prepare_environment);
}

void blas_prepare_again(void)
{
    blas_prepare();
    decide();
}

/* ---- the library ---- */

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
    loaded.parallel = parallel();
    if (loaded.parallel == 0)
        return err_set(&load_error, refused,
                       "'%.200s' is built without threads and is not safe to call from several; "
                       "install libopenblas0-pthread",
                       loaded.library);
    set_threads(1);
    snprintf(loaded.config, sizeof loaded.config, "%s", config());
    snprintf(loaded.core, sizeof loaded.core, "%s", core());
    return 0;
}

int blas_find(char *path, size_t size, char *config, size_t config_size)
{
    void *handle = open_library(NULL), *sgemm = handle ? dlsym(handle, "cblas_sgemm") : NULL;
    const char *(*words)(void) = NULL;
    Dl_info info;
    if (handle)
        *(void **)&words = dlsym(handle, "openblas_get_config");
    if (!sgemm || !words || !dladdr(sgemm, &info))
        return -1;
    snprintf(path, size, "%s", info.dli_fname);
    snprintf(config, config_size, "%s", words());
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
    if (banned[0]) {
        err_set(&load_error, ERR_UNSUPPORTED,
                "OpenBLAS is not loaded: when it was measured it %s; update it, then sft doctor "
                "--measure",
                banned);
        return;
    }
    void *handle = open_library(wanted);
    if (handle && (read_symbols(handle, wanted) || check_and_time()))
        dlclose(handle);
}

const char *blas_parallel_name(int parallel)
{
    return parallel == 0 ? "no threads" : parallel == 2 ? "OpenMP" : "threads of its own";
}

bool blas_is_loaded(void)
{
    return loaded.sgemm != NULL;
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
