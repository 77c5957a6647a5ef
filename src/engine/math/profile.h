/* profile.h - who makes the products fastest on this machine, measured once and kept in a file.
 *
 * A profile is a table: the project's own product, and OpenBLAS under each core type worth trying,
 * each measured in a child process of its own (the library reads OPENBLAS_CORETYPE when it loads,
 * and a core type may crash, hang or compute wrongly). What the environment asks OpenBLAS for is a
 * row, too, so that it can be judged. The choice follows from the rows alone.
 *
 * The file is ${XDG_CACHE_HOME:-~/.cache}/sft/kernels.json. It holds for one CPU, one build of the
 * library and one version of this program; for any other it counts as absent, and so does a file
 * that cannot be read. Reading it takes less than a millisecond; nothing measures by itself. */
#ifndef PROFILE_H
#define PROFILE_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum profile_verdict {
    PROFILE_GOOD,
    PROFILE_ABSENT,    /* the library has no such core type, or there is no library */
    PROFILE_DEPENDENT, /* its sums depend on how a product is cut (admit.c): it may make none */
    PROFILE_WRONG,
    PROFILE_CRASHED, /* or ended without an answer */
    PROFILE_HUNG,
    PROFILE_VERDICTS
};
const char *profile_verdict_name(enum profile_verdict verdict); /* "good", "crashed", ... */

/* What the environment may ask of OpenBLAS; "" where it asks nothing. */
struct blas_request {
    char core[32]; /* OPENBLAS_CORETYPE */
    char l2[16];   /* OPENBLAS_L2_SIZE */
};

struct profile_row {
    bool blas;                   /* false: the project's own product */
    bool asked;                  /* `request` is what the environment asked for */
    struct blas_request request; /* of a BLAS row; both "": the library's own choice */
    char core[64];               /* what the library says it is then */
    enum profile_verdict verdict;
    double gflops; /* the products of layers of MiniLM and BERT-base, all threads; 0 if
                      not measured */
};

enum { PROFILE_ROWS = 12 };

struct profile {
    /* What it holds for. */
    char version[32], cpu[64], kernels[16];
    uint32_t signature;
    char library[256], config[256]; /* "" and "": no OpenBLAS was found */
    int64_t library_bytes, library_modified_ns;
    /* What was found. */
    char measured[24]; /* when, for people: "2026-11-27 14:05" */
    int threads;
    struct profile_row row[PROFILE_ROWS];
    size_t count;
};

/* ---- the choice ---- */

/* The row that makes the products: the kernels' default (own where it leads BLAS, see ops.h, else
 * OpenBLAS under the core type that CPUID names) unless another is faster by more than a tenth.
 * NULL when no row is good. */
const struct profile_row *profile_choice(const struct profile *p);
/* The best of the BLAS rows that the environment did not ask for, likewise. NULL: none is good. */
const struct profile_row *profile_best_blas(const struct profile *p);
/* The row of what the environment asks for, NULL when it was not measured. */
const struct profile_row *profile_find(const struct profile *p, const struct blas_request *request);
/* More than a fifth slower than the best, or not good at all. */
bool profile_is_harmful(const struct profile *p, const struct profile_row *row);

/* ---- the file ---- */

/* Where it is; -1 where neither XDG_CACHE_HOME nor HOME says. */
int profile_path(char *out, size_t size, struct err *err);
/* Make the directory that the file is in, before time is spent on what to write there. */
int profile_make_place(const char *path, struct err *err);
/* Note size and time of the file p->library, so that another build of it is noticed. */
void profile_stamp_library(struct profile *p);
int profile_write(const struct profile *p, const char *path, struct err *err);
/* -1 with the reason when there is none, it is broken, or holds for something else. */
int profile_read(struct profile *p, const char *path, struct err *err);

/* The file's, read once; NULL where there is none that holds, and *why (may be NULL) then has the
 * reason. First call before there are threads. */
const struct profile *profile_cached(struct err *why);
/* From now on the cached one is *p, which is copied. Before threads and before OpenBLAS loads. */
void profile_adopt(const struct profile *p);
/* From now on there is none. */
void profile_forget(void);

/* ---- measuring: profile_measure.c ---- */

/* Fill *p, about fifteen seconds. Before the program has threads and has loaded OpenBLAS. `each`,
 * when not NULL, is called before a row is measured. */
typedef void profile_progress_fn(void *arg, size_t done, size_t count);
int profile_measure(struct profile *p, profile_progress_fn *each, void *arg, struct err *err);

#endif
