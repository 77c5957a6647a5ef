/* estimate.c - counts of work times what was measured. The constants say how far kernels other than
 * products stay below the machine's peak; they were fitted to whole runs on one AVX2
 * machine (docs/performance.md has what came of it). */
#include "engine/train/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/math/compute.h"
#include "engine/math/machine.h"
#include "engine/math/speed.h"
#include "engine/model/model.h"
#include "engine/model/weight_files.h"
#include "engine/model/work.h"
#include "engine/train/features_store.h"
#include "engine/train/order.h"
#include "engine/train/prefix.h"

static const double attention_share = 0.38; /* of the peak */
static const double element_flops = 75;     /* of the peak's, that an element takes forward */
static const double element_training = 2.2; /* times as much with backward */
static const double attention_training = 3.5;
static const double typical =
    1.1; /* times as long as the best of a few: others use the machine, too */
static const double dispatch_seconds = 5e-6; /* to hand out work and wait for it */
static const double dispatches = 10;         /* a layer forward; as many twice for backward */
static const double disk_rate = 5e8;         /* bytes a second, to files that are synced */
static const double start_rate = 6e8;        /* bytes of weights a second, hashed and read */

enum { BANDWIDTH_BYTES = 64 << 20, WIDEST = 768, EVALUATION_TOKENS = 2048 };
enum { ROUNDS = 3, MOST_ROUNDS = 12 };

/* ---- the machine ---- */

/* Products reach two thirds of the peak and more. Far below it threads shared a core, as some systems
 * pack them when they wake; a moment later they do not. */
static bool is_odd(const struct pace *found)
{
    return !found->bf16 && found->products < 0.6 * found->peak;
}

static int measure(struct pace *p, struct compute *c, size_t hidden, const struct settings *s,
                   struct err *err)
{
    if (p->peak > 0 && p->bf16 == s->bf16 && p->threads == s->threads)
        return 0;
    struct machine_memory *m = machine_memory_create(c->pool, BANDWIDTH_BYTES, err);
    if (!m)
        return -1;
    struct machine_bandwidth width = machine_bandwidth(m, 2);
    struct pace found = {.bandwidth = fmax(width.huge_pages, width.small_pages),
                         .bf16 = s->bf16,
                         .threads = s->threads};
    machine_memory_destroy(m);
    for (int round = 0; round < ROUNDS || (round < MOST_ROUNDS && is_odd(&found)); round++) {
        double products;
        if (speed_products(c, hidden < WIDEST ? hidden : WIDEST, 0.008, &products, err))
            return -1;
        found.products = fmax(found.products, products);
        found.peak = fmax(found.peak, machine_peak(c->pool, pool_threads(c->pool)));
    }
    *p = found;
    return 0;
}

/* ---- what there is to do ---- */

struct plan {
    const struct estimate_ask *ask;
    const struct pace *pace;
    struct model *model;
    size_t first, layers; /* layers [first, layers) are trained, those before are frozen */
    bool head;            /* tune head */
    bool features_kept;   /* by an earlier run: its backbone's pass falls away */
    double trained;       /* parameters that the optimiser moves */
    double table_unused;  /* of the word table's, those that no text has */
    struct work_batch all, largest; /* of an epoch's batches: their sum; the one with most tokens */
    double batches;                 /* of an epoch */
};

static double seconds_of(const struct plan *p, struct work w, double products, double attention,
                         double elements)
{
    return 1e-9 * typical *
           (products * w.products / p->pace->products +
            attention * w.attention / (attention_share * p->pace->peak) +
            elements * w.elements * element_flops / p->pace->peak);
}

static double forward_seconds(const struct plan *p, size_t first, size_t end,
                              const struct work_batch *b)
{
    return seconds_of(p, work_forward(p->model, first, end, b), 1, 1, 1) +
           dispatch_seconds * dispatches * (double)(end - first);
}

/* Forward and backward over an epoch. Each batch reads the weights twice, and adds to their gradient. */
static double epoch_seconds(const struct plan *p)
{
    const struct work w =
        work_forward(p->model, p->head ? p->layers : p->first, p->layers, &p->all);
    double layers = p->head ? 0 : (double)(p->layers - p->first);
    double weights = p->head ? 0 : work_weights(p->model, p->first, p->layers);
    return seconds_of(p, w, 3, attention_training, element_training) +
           p->batches * (4e-9 * weights / p->pace->bandwidth +
                         3 * dispatch_seconds * dispatches * (layers + 1));
}

/* Gradients are read for their norm and again; weights and moments read and written. */
static double optimiser_seconds(const struct plan *p)
{
    double bytes = p->ask->settings->optim == OPTIM_ADAMW ? 32 : 16;
    return bytes * 1e-9 * p->trained / p->pace->bandwidth;
}

static struct work_batch rows_of(const struct plan *p, enum split split)
{
    const struct estimate_ask *a = p->ask;
    const uint32_t *rows = dataset_split_list(a->dataset, split);
    struct work_batch b = {.sequences = (double)dataset_split_rows(a->dataset, split)};
    for (size_t i = 0; i < dataset_split_rows(a->dataset, split); i++) {
        double length = (double)encoded_length(a->encoded, rows[i]);
        b.tokens += length;
        b.squares += length * length;
    }
    return b;
}

/* An evaluation runs batches of 2048 tokens through all layers; with tune head, the head alone. */
static double evaluation_seconds(const struct plan *p, enum split split)
{
    const struct work_batch b = rows_of(p, split);
    return forward_seconds(p, p->head ? p->layers : 0, p->layers, &b);
}

/* ---- the run ---- */

static void add_batch(struct plan *p, const struct order_step *s, size_t which)
{
    struct work_batch b = {.sequences = s->start[which + 1] - s->start[which]};
    for (uint32_t i = s->start[which]; i < s->start[which + 1]; i++) {
        double length = (double)encoded_length(p->ask->encoded, s->rows[i - s->start[0]]);
        b.tokens += length;
        b.squares += length * length;
    }
    p->all.sequences += b.sequences;
    p->all.tokens += b.tokens;
    p->all.squares += b.squares;
    p->batches++;
    if (b.tokens > p->largest.tokens)
        p->largest = b;
}

static int count_batches(struct plan *p, struct estimate *out, struct err *err)
{
    const struct estimate_ask *a = p->ask;
    struct order o;
    if (order_init(&o, dataset_split_list(a->dataset, SPLIT_TRAIN),
                   dataset_split_rows(a->dataset, SPLIT_TRAIN), a->encoded, a->settings, err))
        return -1;
    for (int64_t step = 0; step < o.steps_per_epoch; step++) {
        struct order_step s = order_step(&o, step);
        for (size_t i = 0; i < s.batches; i++)
            add_batch(p, &s, i);
    }
    out->steps = o.total_steps;
    out->epochs = (double)o.total_steps / (double)o.steps_per_epoch;
    order_clear(&o);
    return 0;
}

/* Rows of the word table that no text of the training rows has are neither touched nor moved. */
static int count_unused(struct plan *p, size_t words, double width, struct err *err)
{
    const struct estimate_ask *a = p->ask;
    const uint32_t *rows = dataset_split_list(a->dataset, SPLIT_TRAIN);
    uint8_t *seen = mem_alloc(words, 1, "row marks", err);
    size_t unused = words;
    if (!seen)
        return -1;
    for (size_t i = 0; i < dataset_split_rows(a->dataset, SPLIT_TRAIN); i++)
        for (uint64_t t = a->encoded->start[rows[i]]; t < a->encoded->start[rows[i] + 1]; t++) {
            size_t id = (size_t)a->encoded->token[t];
            unused -= id < words && !seen[id];
            if (id < words)
                seen[id] = 1;
        }
    free(seen);
    p->table_unused = (double)unused * width;
    return 0;
}

static int count_params(struct plan *p, struct estimate *out, struct err *err)
{
    size_t n;
    const struct param *word = model_params(p->model, &n); /* the first of them */
    const struct param_counts counts = model_count_params(p->model);
    out->params = counts.all;
    out->params_trained = counts.trained;
    out->params_new = counts.fresh;
    p->trained = (double)counts.trained;
    bool skips = word->trainable && !(word->decays && p->ask->settings->weight_decay > 0);
    if (skips && count_unused(p, word->rows, (double)word->cols, err))
        return -1;
    p->trained -= p->table_unused;
    return 0;
}

/* How often something that is due every so many steps, or every epoch, falls into the rest. */
static double times(const struct plan *p, const struct estimate *e, int64_t every)
{
    double left = (double)(e->steps - p->ask->done), epoch = (double)e->steps / e->epochs;
    return ceil(left / (every > 0 ? (double)every : epoch));
}

static void count_seconds(const struct plan *p, struct estimate *e)
{
    const struct settings *s = p->ask->settings;
    const double per_epoch = (double)e->steps / e->epochs, left = (double)(e->steps - p->ask->done);
    const double copies = s->optim == OPTIM_ADAMW ? 12 : 4, weights = 4 * (double)e->params;
    double saves = times(p, e, s->save_steps);
    e->tokens = (uint64_t)(left / per_epoch * p->all.tokens);
    e->step_seconds = epoch_seconds(p) / per_epoch + optimiser_seconds(p);
    e->seconds = left * e->step_seconds + weights / start_rate + weights / disk_rate;
    if (p->head) {
        const struct work_batch validation = rows_of(p, SPLIT_VALIDATION);
        if (!p->features_kept)
            e->seconds += forward_seconds(p, 0, p->layers, &p->all) +
                          forward_seconds(p, 0, p->layers, &validation);
        saves = fmin(saves, e->seconds); /* one a second at most */
    } else if (p->first) {               /* once for every row, in the first epoch */
        e->seconds += fmin(1, left / per_epoch) * forward_seconds(p, 0, p->first, &p->all);
    }
    e->seconds += times(p, e, s->eval_steps) * evaluation_seconds(p, SPLIT_VALIDATION);
    if (p->ask->tests)
        e->seconds += evaluation_seconds(p, SPLIT_TEST);
    e->seconds += saves * copies * (double)e->params_trained / disk_rate;
}

static void count_memory(const struct plan *p, struct estimate *e)
{
    const struct estimate_ask *a = p->ask;
    const struct settings *s = a->settings;
    const double program = 52e6, row_bytes = 200; /* what a row's cells and lists take */
    const double moments = s->optim == OPTIM_ADAMW ? 2 : 0,
                 width = (double)model_feature_width(p->model);
    const struct work_batch validation = rows_of(p, SPLIT_VALIDATION);
    size_t longest = a->encoded->longest;
    double rows = (double)dataset_rows(a->dataset),
           tokens = (double)a->encoded->start[a->encoded->rows];
    double evaluated = fmin(EVALUATION_TOKENS, p->head ? p->all.tokens : validation.tokens);
    double mean = tokens / fmax(rows, 1);
    e->peak_bytes = program + rows * row_bytes + tokens * 5 + 4 * (double)e->params +
                    4 * (1 + moments) * p->trained;
    if (!p->head)
        e->peak_bytes += (double)workspace_bytes(p->model, (size_t)p->largest.sequences,
                                                 (size_t)p->largest.tokens, longest, true);
    e->peak_bytes += (double)workspace_bytes(p->model, (size_t)(evaluated / fmax(mean, 1)) + 1,
                                             (size_t)evaluated, longest, false);
    if (p->head)
        e->peak_bytes += (p->all.sequences + validation.sequences) * width * 4;
    else if (p->first)
        e->peak_bytes += fmin(p->all.tokens * width * 4, (double)prefix_room_bytes());
}

static int open_model(struct plan *p, struct compute *c, struct err *err)
{
    const struct estimate_ask *a = p->ask;
    const struct head_spec head = {.labels = dataset_labels(a->dataset),
                                   .problem = dataset_problem(a->dataset),
                                   .pooling = a->settings->pooling,
                                   .dropout = a->settings->dropout};
    p->model = model_open(a->model_dir, &head, c, err);
    if (!p->model ||
        model_mark_training(p->model, a->settings->tune, (size_t)a->settings->freeze_layers, err))
        return -1;
    p->head = a->settings->tune == TUNE_HEAD;
    p->first = (size_t)a->settings->freeze_layers;
    p->layers = work_layers(p->model);
    return 0;
}

/* What cannot be told, for want of a cache directory say, will be computed. */
static bool are_kept(const struct plan *p, const char *kernels)
{
    char sha256[65];
    const struct features_origin origin = {.model_dir = p->ask->model_dir,
                                           .weights_sha256 = sha256,
                                           .kernels = kernels,
                                           .pooling = model_pooling(p->model),
                                           .encoded = p->ask->encoded};
    struct features_store store;
    return !weight_files_sha256(p->ask->model_dir, sha256, NULL) &&
           features_store_init(&store, &origin, dataset_rows(p->ask->dataset),
                               model_feature_width(p->model), NULL) > 0 &&
           file_exists(store.path);
}

static int estimate(struct plan *p, struct compute *c, struct pace *pace, struct estimate *out,
                    struct err *err)
{
    const struct settings *s = p->ask->settings;
    if (s->bf16 && compute_use_bf16(c, !p->ask->resumed, err))
        return -1;
    compute_kernel_set(c, out->kernels, sizeof out->kernels);
    if (open_model(p, c, err) || measure(pace, c, model_feature_width(p->model), s, err) ||
        count_batches(p, out, err) || count_params(p, out, err))
        return -1;
    p->features_kept = p->head && are_kept(p, out->kernels);
    count_seconds(p, out);
    count_memory(p, out);
    return 0;
}

int estimate_run(const struct estimate_ask *ask, struct pace *pace, struct estimate *out,
                 struct err *err)
{
    struct plan p = {.ask = ask, .pace = pace};
    struct compute *c = compute_create((int)ask->settings->threads, err);
    memset(out, 0, sizeof *out);
    int rc = c ? estimate(&p, c, pace, out, err) : -1;
    model_close(p.model);
    compute_destroy(c);
    return rc;
}
