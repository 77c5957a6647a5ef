/* load.h - what the jobs thread makes for the session: the data set, its tokens, the gate's
 * findings, search results, evaluations and the curves of a run that has ended.
 *
 * Each kind is one struct with its inputs (copies, or immutable things that outlive the job) and
 * its result, a run function for the jobs thread and a destroy that frees both; the app's done
 * function takes what it wants out (and NULLs it) first. */
#ifndef LOAD_H
#define LOAD_H
#include "engine/base/err.h"
#include "ui/jobs.h"
#include "ui/search.h"
#include "ui/session.h"

struct load_data {            /* files to rows */
    struct dataset_spec spec; /* its strings are the session's */
    char model_dir[4096];     /* "": none; else its labels' order counts */
    struct dataset *dataset;
};
struct load_tokens { /* rows to tokens */
    char model_dir[4096];
    struct settings settings; /* max_length, never above the model's */
    const struct dataset *dataset;
    struct tokenizer *tokenizer;
    struct encoded *encoded;
    bool tokenizer_is_ours; /* opened by this job */
};
struct load_gate { /* rows and tokens to findings */
    const struct dataset *dataset;
    const struct encoded *encoded; /* NULL without a model */
    struct gate *gate;
};
struct load_search {
    struct query *query;
    const struct dataset *dataset;
    const struct encoded *encoded;
    uint32_t *rows;
    size_t count;
};
struct load_inspection { /* an evaluation out of run.db */
    char rundir[4096];
    int64_t id;
    enum split split;
    struct inspection *inspection;
};
struct load_estimate { /* what a run would take */
    char model_dir[4096];
    struct settings settings; /* resolved */
    const struct dataset *dataset;
    const struct encoded *encoded;
    struct pace pace; /* in and out: measured once */
    struct estimate estimate;
};
struct load_run { /* a run directory: what it was about, how it went */
    char rundir[4096];
    struct run_info info;
    struct record *records;
    size_t record_count;
    struct run_result result;
    bool has_result;
};

job_run_fn load_data_run, load_tokens_run, load_gate_run, load_search_run, load_inspection_run,
    load_estimate_run, load_run_run;
void load_data_destroy(struct load_data *l);
void load_tokens_destroy(struct load_tokens *l);
void load_gate_destroy(struct load_gate *l);
void load_search_destroy(struct load_search *l);
void load_inspection_destroy(struct load_inspection *l);
void load_estimate_destroy(struct load_estimate *l);
void load_run_destroy(struct load_run *l);

#endif
