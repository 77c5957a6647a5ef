/* infer.c - rows in any order to logits in that order.
 *
 * Rows are sorted by length, longest first, and packed greedily: a batch takes rows until its token
 * budget is full. Packing computes no padding whatever the order; sorting is for the attention,
 * whose sequences then have work of one size to share among the workers. */
#include "engine/model/infer.h"

#include "engine/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define BUDGET_TOKENS  2048
#define MOST_SEQUENCES 512

struct infer {
    struct model *m;
    const struct dataset *d;
    const struct encoded *e;
    struct workspace *ws;
    struct batch batch;
    uint32_t rows[MOST_SEQUENCES];
    float *out; /* (MOST_SEQUENCES, the wider of logits and features) */
};

struct infer *infer_create(struct model *m, const struct dataset *d, const struct encoded *e,
                           struct err *err)
{
    if (model_check_tokens(m, e, err))
        return NULL;
    struct infer *i = mem_alloc(1, sizeof *i, "inference", err);
    if (!i)
        return NULL;
    i->m = m, i->d = d, i->e = e;
    size_t longest = e->longest ? e->longest : 1;
    size_t tokens = longest > BUDGET_TOKENS ? longest : BUDGET_TOKENS;
    size_t width = model_feature_width(m);
    width = model_labels(m) > width ? model_labels(m) : width;
    i->out = mem_alloc(MOST_SEQUENCES * width, sizeof *i->out, "logits", err);
    if (i->out && !batch_init(&i->batch, MOST_SEQUENCES, tokens, err) &&
        (i->ws = workspace_create(m, MOST_SEQUENCES, tokens, longest, false, err)))
        return i;
    infer_destroy(i);
    return NULL;
}

void infer_destroy(struct infer *i)
{
    if (!i)
        return;
    workspace_destroy(i->ws);
    batch_clear(&i->batch);
    free(i->out);
    free(i);
}

struct place {
    uint32_t length, at; /* at: place in the caller's list */
};

static int longest_first(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* How many of the places from here on fit one batch; at least one. */
static size_t batch_take(const struct infer *i, const struct place *places, size_t n)
{
    size_t count = 0, tokens = 0;
    while (count < n && count < MOST_SEQUENCES &&
           (tokens += places[count].length) <= i->batch.max_T)
        count++;
    return count;
}

/* One run over all rows; `logits` chooses which of the two outputs. */
static int infer_run(struct infer *i, const uint32_t *rows, size_t n, bool logits, float *out,
                     const atomic_int *stop, atomic_size_t *done, struct err *err)
{
    struct pass off = {0};
    size_t width = logits ? model_labels(i->m) : model_feature_width(i->m);
    struct place *places = mem_alloc(n, sizeof *places, "row order", err);
    if (!places)
        return -1;
    for (size_t r = 0; r < n; r++)
        places[r] = (struct place){(uint32_t)encoded_length(i->e, rows[r]), (uint32_t)r};
    qsort(places, n, sizeof *places, longest_first);
    int rc = 0;
    for (size_t from = 0, count; from < n && !rc; from += count) {
        if (stop && atomic_load(stop)) {
            rc = err_set(err, ERR_CANCELLED, "stopped");
            break;
        }
        count = batch_take(i, places + from, n - from);
        for (size_t r = 0; r < count; r++)
            i->rows[r] = rows[places[from + r].at];
        batch_fill(&i->batch, i->d, i->e, i->rows, count);
        if (logits)
            model_forward(i->m, &i->batch, i->ws, &off, i->out);
        else
            model_features(i->m, &i->batch, i->ws, i->out);
        for (size_t r = 0; r < count; r++)
            memcpy(out + places[from + r].at * width, i->out + r * width, width * sizeof *out);
        if (done)
            atomic_fetch_add(done, count);
    }
    free(places);
    return rc;
}

int infer_logits(struct infer *i, const uint32_t *rows, size_t n, float *logits,
                 const atomic_int *stop, atomic_size_t *done, struct err *err)
{
    return infer_run(i, rows, n, true, logits, stop, done, err);
}

int infer_features(struct infer *i, const uint32_t *rows, size_t n, float *out,
                   const atomic_int *stop, atomic_size_t *done, struct err *err)
{
    return infer_run(i, rows, n, false, out, stop, done, err);
}
