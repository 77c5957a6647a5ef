/* run_summary.h - one run as `sft runs` speaks of it: what run.json, run.db and the locks say. */
#ifndef RUN_SUMMARY_H
#define RUN_SUMMARY_H
#include "engine/base/json.h"
#include "engine/train/history.h"

#include <stdbool.h>
#include <stddef.h>

struct run_summary {
    struct run_info info;
    char name[256];    /* of the directory */
    const char *state; /* "finished"; "interrupted" when its trainer was killed */
    bool has_result;
    struct run_result result; /* the numbers so far while has_result is false */
    struct record *records;   /* all of them, when asked for or needed */
    size_t count;
    char tune[16], rate[32], epochs[48]; /* as text */
};

/* The directory of a run that is named by its path or by its name under WORKSPACE/runs. */
int run_find(char *rundir, size_t size, const char *workspace, const char *run, struct err *err);

/* A run that has ended is read without its records unless `all`. */
int run_summary_read(struct run_summary *s, const char *rundir, bool all, struct err *err);
void run_summary_clear(struct run_summary *s); /* a zeroed struct is fine */

/* The members of the object that `runs list --json` prints. */
void run_summary_json(const struct run_summary *s, struct json_writer *w);

/* "0.9123", or "-" when there is none. */
void run_format_share(char *out, size_t size, bool there, double x);

/* sft runs show, compare: to standard output. */
int run_show(const struct run_summary *s, bool json, struct err *err);
int run_compare(const struct run_summary *a, const struct run_summary *b, bool json,
                struct err *err);

#endif
