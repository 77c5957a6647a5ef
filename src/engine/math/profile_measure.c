/* profile_measure.c - the rows of a profile, each in a child process. */
#include "engine/math/profile.h"

#include "engine/base/child.h"
#include "engine/base/version.h"
#include "engine/math/blas.h"
#include "engine/math/compute.h"
#include "engine/math/cpu.h"
#include "engine/math/speed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A good child takes a second; a core type that takes this long is of no use. */
static const double patience = 30.0, seconds_a_product = 0.015;
enum { ROUNDS = 3 };

struct answer {
    enum profile_verdict verdict;
    double gflops;
    int threads;
    char core[64];
};

struct library {
    char path[256], config[256];
};

static int find_library(void *arg, void *answer)
{
    (void)arg;
    struct library *l = answer;
    return blas_find(l->path, sizeof l->path, l->config, sizeof l->config);
}

/* So that the profile ends with the library it was made of, even one that crashes. */
static void name_library(struct profile *p)
{
    struct library l = {0};
    if (child_run(find_library, NULL, &l, sizeof l, patience) == CHILD_ANSWERED) {
        memcpy(p->library, l.path, sizeof p->library);
        memcpy(p->config, l.config, sizeof p->config);
    }
    profile_stamp_library(p);
}

static int open_row(const struct profile_row *r, struct answer *out)
{
    struct err err;
    setenv("SFT_BLAS", r->blas ? "system" : "none", 1);
    unsetenv("SFT_KERNELS");
    unsetenv("OPENBLAS_CORETYPE");
    unsetenv("OPENBLAS_L2_SIZE");
    if (r->request.core[0])
        setenv("OPENBLAS_CORETYPE", r->request.core, 1);
    if (r->request.l2[0])
        setenv("OPENBLAS_L2_SIZE", r->request.l2, 1);
    const struct blas *b = r->blas ? blas_load(&err) : NULL;
    if (!r->blas)
        return 0;
    out->verdict = err.code == ERR_NUMERIC && !b ? PROFILE_WRONG : PROFILE_ABSENT;
    if (!b)
        return -1;
    snprintf(out->core, sizeof out->core, "%s", b->core);
    /* A core type the library does not have is silently another one: that has a row of its own. */
    return r->asked || !r->request.core[0] || !strcasecmp(b->core, r->request.core) ? 0 : -1;
}

/* Let BLAS make every product of the shapes from `first` on, if it may make none of them. */
static bool force_blas(struct compute *c, size_t first)
{
    for (size_t i = first; i < c->shape_count; i++)
        if (c->shapes[i].forward || c->shapes[i].backward || c->shapes[i].weight)
            return false;
    for (size_t i = first; i < c->shape_count; i++)
        c->shapes[i].forward = c->shapes[i].backward = c->shapes[i].weight = true;
    return true;
}

/* The speed of one width. A BLAS that may serve nothing is timed all the same, for the table. */
static int measure_width(struct compute *c, size_t hidden, double *gflops,
                         enum profile_verdict *verdict)
{
    size_t first = c->shape_count;
    if (speed_products(c, hidden, seconds_a_product, gflops, NULL))
        return -1;
    if (!c->blas || !force_blas(c, first))
        return 0;
    *verdict = PROFILE_DEPENDENT;
    return speed_products(c, hidden, seconds_a_product, gflops, NULL);
}

/* MiniLM's and BERT-base's layers, weighed alike. */
static int measure_row(void *arg, void *answer)
{
    const struct profile_row *r = arg;
    struct answer *out = answer;
    double small, large;
    if (open_row(r, out))
        return 0;
    struct compute *c = compute_create(0, NULL);
    out->verdict = PROFILE_GOOD;
    if (!c || measure_width(c, 384, &small, &out->verdict) ||
        measure_width(c, 768, &large, &out->verdict))
        return -1;
    out->gflops = 2.0 / (1.0 / small + 1.0 / large);
    out->threads = pool_threads(c->pool);
    compute_destroy(c);
    return 0;
}

static void take_answer(struct profile *p, struct profile_row *r, const struct answer *a)
{
    r->verdict = a->verdict;
    r->gflops = a->gflops > r->gflops ? a->gflops : r->gflops;
    memcpy(r->core, a->core, sizeof r->core);
    p->threads = a->threads ? a->threads : p->threads;
}

/* What fails once is out for good; the last verdict of the others stands. */
static void run_row(struct profile *p, struct profile_row *r)
{
    static const enum profile_verdict verdicts[] = {[CHILD_FAILED] = PROFILE_CRASHED,
                                                    [CHILD_CRASHED] = PROFILE_CRASHED,
                                                    [CHILD_HUNG] = PROFILE_HUNG};
    struct answer a = {0};
    if (r->verdict != PROFILE_GOOD && r->verdict != PROFILE_DEPENDENT)
        return;
    enum child_end end = child_run(measure_row, r, &a, sizeof a, patience);
    if (end == CHILD_ANSWERED)
        take_answer(p, r, &a);
    else
        r->verdict = verdicts[end];
    if (r->verdict != PROFILE_GOOD && r->verdict != PROFILE_DEPENDENT)
        r->gflops = 0.0;
}

static void add_row(struct profile *p, bool blas, const char *core, const char *l2, bool asked)
{
    struct profile_row r = {.blas = blas, .asked = asked};
    snprintf(r.request.core, sizeof r.request.core, "%s", core);
    snprintf(r.request.l2, sizeof r.request.l2, "%s", l2);
    if ((!blas || !profile_find(p, &r.request)) && p->count < PROFILE_ROWS)
        p->row[p->count++] = r;
}

static void add_rows(struct profile *p)
{
    const struct cpu *cpu = cpu_detect();
    const struct blas_request asked = blas_request();
    const struct {
        const char *core;
        bool runs;
    } cores[] = {
        {"SAPPHIRERAPIDS", cpu->avx512_bf16},
        {"COOPERLAKE", cpu->avx512_bf16},
        {"SKYLAKEX", cpu->avx512},
        {"ZEN", cpu->avx2 && cpu->fma},
        {"HASWELL", cpu->avx2 && cpu->fma},
    };
    add_row(p, false, "", "", false);
    add_row(p, true, "", "", false);
    for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++)
        if (cores[i].runs)
            add_row(p, true, cores[i].core, "", false);
    if (asked.core[0] || asked.l2[0])
        add_row(p, true, asked.core, asked.l2, true);
}

int profile_measure(struct profile *p, profile_progress_fn *each, void *arg, struct err *err)
{
    time_t now = time(NULL);
    struct tm local;
    assert(!blas_is_loaded());
    profile_forget(); /* what it says of a core type must not keep a child from trying it */
    blas_prepare_again();
    *p = (struct profile){.signature = cpu_detect()->signature};
    snprintf(p->version, sizeof p->version, "%s", SFT_VERSION);
    snprintf(p->cpu, sizeof p->cpu, "%s", cpu_detect()->name);
    snprintf(p->kernels, sizeof p->kernels, "%s", cpu_find_ops(NULL)->name);
    if (localtime_r(&now, &local))
        strftime(p->measured, sizeof p->measured, "%Y-%m-%d %H:%M", &local);
    name_library(p);
    add_rows(p);
    for (size_t i = 0; i < ROUNDS * p->count; i++) {
        if (each)
            each(arg, i, ROUNDS * p->count);
        run_row(p, &p->row[i % p->count]);
    }
    if (!profile_choice(p))
        return err_set(err, ERR_NUMERIC,
                       "no product could be measured, not even the project's own; see sft doctor");
    return 0;
}
