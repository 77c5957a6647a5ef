#include "engine/train/evaluator.h"

#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/model/infer.h"

enum { HEAD_ROWS = 256 }; /* rows of features a head pass takes at once */

struct evaluator {
    struct model *model;
    const struct dataset *dataset;
    const struct encoded *encoded;
    struct infer *infer;       /* without features */
    struct features *features; /* borrowed */
    struct workspace *workspace;
    float *gathered; /* (HEAD_ROWS, width) */
    float *logits;   /* (capacity, labels) */
    struct targets truth;
    struct evaluated last;
};

/* The logits of the largest split, so that a pass allocates nothing. */
static int make_arrays(struct evaluator *v, struct err *err)
{
    size_t most = 0;
    for (enum split s = 0; s < SPLIT_COUNT; s++)
        if (s != SPLIT_TRAIN && dataset_split_rows(v->dataset, s) > most)
            most = dataset_split_rows(v->dataset, s);
    v->logits = mem_alloc(most * model_labels(v->model), sizeof *v->logits, "an evaluation", err);
    return v->logits ? targets_init(&v->truth, v->dataset, most, err) : -1;
}

static int make_head_pass(struct evaluator *v, struct err *err)
{
    v->workspace = workspace_create(v->model, HEAD_ROWS, HEAD_ROWS, 1, false, err);
    v->gathered = mem_alloc(HEAD_ROWS * features_width(v->features), sizeof *v->gathered,
                            "an evaluation", err);
    return v->workspace && v->gathered ? 0 : -1;
}

struct evaluator *evaluator_create(struct model *m, const struct dataset *d,
                                   const struct encoded *e, struct features *features,
                                   struct err *err)
{
    struct evaluator *v = mem_alloc(1, sizeof *v, "an evaluation", err);
    if (!v)
        return NULL;
    *v = (struct evaluator){.model = m, .dataset = d, .encoded = e, .features = features};
    if (make_arrays(v, err) || (features && make_head_pass(v, err)))
        goto fail;
    if (!features && !(v->infer = infer_create(m, d, e, err)))
        goto fail;
    return v;
fail:
    evaluator_destroy(v);
    return NULL;
}

void evaluator_destroy(struct evaluator *v)
{
    if (!v)
        return;
    infer_destroy(v->infer);
    workspace_destroy(v->workspace);
    free(v->gathered);
    free(v->logits);
    targets_clear(&v->truth);
    free(v);
}

static int cancelled(struct err *err)
{
    return err_set(err, ERR_CANCELLED, "stopped during an evaluation");
}

static int logits_by_backbone(struct evaluator *v, const uint32_t *rows, size_t n,
                              const struct watch *watch, struct err *err)
{
    for (size_t done = 0; done < n;) {
        size_t piece = features_piece(v->encoded, rows + done, n - done);
        float *out = v->logits + done * model_labels(v->model);
        if (infer_logits(v->infer, rows + done, piece, out, NULL, NULL, err))
            return -1;
        done += piece;
        if (watch_poll(watch, done, n))
            return cancelled(err);
    }
    return 0;
}

static int logits_by_features(struct evaluator *v, const uint32_t *rows, size_t n,
                              const struct watch *watch, struct err *err)
{
    const struct pass pass = {.training = false};
    if (features_compute(v->features, rows, n, watch, err))
        return -1;
    for (size_t done = 0; done < n; done += HEAD_ROWS) {
        size_t piece = n - done < HEAD_ROWS ? n - done : HEAD_ROWS;
        features_gather(v->features, rows + done, piece, v->gathered);
        model_head_forward(v->model, v->gathered, piece, v->workspace, &pass,
                           v->logits + done * model_labels(v->model));
    }
    return watch_poll(watch, n, n) ? cancelled(err) : 0;
}

int evaluator_run(struct evaluator *v, enum split split, const struct watch *watch,
                  struct metrics *m, struct err *err)
{
    const uint32_t *rows = dataset_split_list(v->dataset, split);
    size_t n = dataset_split_rows(v->dataset, split);
    int rc = v->features ? logits_by_features(v, rows, n, watch, err)
                         : logits_by_backbone(v, rows, n, watch, err);
    if (rc)
        return -1;
    targets_fill(&v->truth, v->dataset, rows, n);
    v->last = (struct evaluated){rows, &v->truth, v->logits, n};
    return metrics_of_targets(m, v->logits, &v->truth, n, err);
}

struct evaluated evaluator_last(const struct evaluator *v)
{
    return v->last;
}
