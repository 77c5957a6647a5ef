/* result.h - RUNDIR/model: what a run is for.
 *
 * A directory AutoModelForSequenceClassification and AutoTokenizer load: config.json,
 * model.safetensors, the tokenizer's files, and README.md, a model card made from the run's facts.
 * Written aside, synced, renamed; an older one is there until the new one is whole. */
#ifndef RESULT_H
#define RESULT_H
#include "engine/base/err.h"
#include "engine/base/mem.h"
#include "engine/eval/metrics.h"
#include "engine/model/model.h"
#include "engine/text/tokenizer.h"
#include "engine/train/ring.h"

#include <stdint.h>

/* What the card says besides what the model knows. */
struct result_facts {
    const char *model_dir, *data_path, *created;
    const struct trainer_view *view; /* rows, settings, counts, kernels */
    int64_t steps;
    double epochs, seconds, train_loss;
    const struct metrics *validation, *test; /* NULL: none */
};

int result_write(const char *rundir, struct model *m, const struct tokenizer *t,
                 const struct result_facts *f, char weights_sha256[65], struct err *err);

/* The card alone, Markdown with the front matter the hub reads. */
void result_card(struct strbuf *out, const struct model *m, const struct result_facts *f);

#endif
