/* source.h - what evaluate, predict and export are given: a run's directory or a model's.
 *
 * A run's model is RUNDIR/model; its columns, format, header and max_length are the run's. For a model
 * directory they are the defaults, and max_length is 128 or what the model has. */
#ifndef SOURCE_H
#define SOURCE_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/math/compute.h"
#include "engine/model/model.h"
#include "engine/text/tokenizer.h"
#include "engine/train/history.h"

#include <stdbool.h>
#include <stddef.h>

struct source {
    char model_dir[4096];
    bool is_run;
    struct run_info *run;  /* NULL for a model directory */
    size_t max_length;     /* asked for; the model may have fewer positions */
    struct compute *compute;
    struct model *model;
    struct tokenizer *tokenizer;
    const char **labels;   /* (model_labels) in id order, for a dataset_spec */
};

/* Where the model is and what the run says; nothing is loaded yet. */
int source_find(struct source *s, const char *path, struct err *err);
/* The model with its own head, and the tokenizer. */
int source_load(struct source *s, int threads, struct err *err);
void source_clear(struct source *s); /* a zeroed struct is fine */

/* The run's columns, format and header where the command line gave none. */
void source_fill_spec(const struct source *s, struct dataset_spec *spec);

/* Logits (n, labels) of texts that are in no file; pairs may be NULL, and so may each of them. */
int source_texts(struct source *s, const char *const *texts, const char *const *pairs, size_t n,
                 float *logits, struct err *err);

/* label function for report.h */
const char *source_label(const void *source, size_t id);

#endif
