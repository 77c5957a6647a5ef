/* run.h - the directory a run lives in, and run.json, which says what the run is.
 *
 * A run directory is made empty (run_create), gets its rings, then run.json once everything the
 * run's bytes depend on is known. run.json is written whole and never edited; a resume under other
 * kernels writes it anew with the set that was accepted. history.h reads it back (run_info_read):
 *
 *   { "name", "created": "2026-11-23T14:05:00Z", "version",
 *     "model": absolute path, "model_sha256": of its weights (weight_files_sha256),
 *     "data": { "files": { "train": {"path": absolute, "sha256", "rows"} or null, "validation", "test" },
 *               "rows": { "train", "validation", "test" }      after the split
 *               "text_column", "pair_column", "label_column", "label_separator": as
 *               given, or null
 *               "format": "auto", "header": "auto", "labels": [in id order] },
 *     "settings": { as settings_to_json },
 *     "cpu", "kernel_set", "accepted_kernel_sets": [ "..." ] }
 *
 * `kernel_set` is what the run is pinned to; `accepted_kernel_sets` are those of a resume with
 * --accept-other-kernels, in order, the last one pinned. */
#ifndef RUN_H
#define RUN_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/train/settings.h"

#include <stddef.h>

struct run_facts {
    const char *rundir, *created;
    const char *model_dir, *model_sha256;
    const struct dataset *dataset;
    const struct dataset_spec *data_spec;
    const struct settings *settings;
    const char *cpu, *kernel_set;
};

/* The directory of a new run: `out`, or WORKSPACE/runs/<name> with -2, -3 ... when that is taken.
 * Makes it; `out` must be absent or empty. `rundir` gets the path. */
int run_create(char *rundir, size_t size, const char *out, const char *workspace, const char *name,
               struct err *err);

/* "<stamp>-<data>-<model>": words of the data file (its directory, when the file is called train)
 * and of the model's directory, in lower case. */
void run_name(char *out, size_t size, const char *data_path, const char *model_dir);

/* The last part of a path without a trailing slash: what a run is called. */
const char *run_base_name(const char *path, size_t *length);

int run_write_json(const struct run_facts *f, struct err *err);

/* In an existing run.json pin another kernel set, keeping the list of those accepted. */
int run_accept_kernels(const char *rundir, const char *kernel_set, struct err *err);

/* Now as run.json and the model card write it: "2026-11-23T14:05:00Z". */
void run_timestamp(char out[32]);

#endif
