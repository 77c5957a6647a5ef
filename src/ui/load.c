#include "ui/load.h"

#include "engine/base/mem.h"
#include "engine/train/trainer.h"
#include "ui/session_write.h"

#include <stdlib.h>

int load_data_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_data *l = arg;
    (void)cancel; /* reading is quick beside what comes after */
    l->dataset = l->model_dir[0] ? trainer_open_dataset(l->model_dir, &l->spec, err)
                                 : dataset_open(&l->spec, err);
    return l->dataset ? 0 : -1;
}

void load_data_destroy(struct load_data *l)
{
    dataset_close(l->dataset);
    free(l);
}

int load_tokens_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_tokens *l = arg;
    if (!l->tokenizer) {
        l->tokenizer = tokenizer_open(l->model_dir, err);
        l->tokenizer_is_ours = true;
    }
    size_t max_length;
    if (!l->tokenizer || trainer_max_length(l->model_dir, &l->settings, &max_length, err))
        return -1;
    l->encoded = encode_dataset(l->dataset, l->tokenizer, max_length, NULL, cancel, err);
    return l->encoded ? 0 : -1;
}

void load_tokens_destroy(struct load_tokens *l)
{
    encoded_destroy(l->encoded);
    if (l->tokenizer_is_ours)
        tokenizer_close(l->tokenizer);
    free(l);
}

int load_gate_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_gate *l = arg;
    (void)cancel;
    l->gate = gate_run(l->dataset, l->encoded, err);
    return l->gate ? 0 : -1;
}

void load_gate_destroy(struct load_gate *l)
{
    gate_destroy(l->gate);
    free(l);
}

int load_estimate_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_estimate *l = arg;
    const struct estimate_ask ask = {.model_dir = l->model_dir,
                                     .dataset = l->dataset,
                                     .encoded = l->encoded,
                                     .settings = &l->settings};
    int rc = *cancel ? 0 : estimate_run(&ask, &l->pace, &l->estimate, err);
    return *cancel ? err_set(err, ERR_CANCELLED, "other settings have come") : rc;
}

void load_estimate_destroy(struct load_estimate *l)
{
    free(l);
}

int load_search_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_search *l = arg;
    return query_run(l->query, l->dataset, l->encoded, cancel, &l->rows, &l->count, err);
}

void load_search_destroy(struct load_search *l)
{
    query_destroy(l->query);
    free(l->rows);
    free(l);
}

static int measure(struct inspection *i, struct err *err)
{
    const struct evaluation *e = &i->evaluation;
    if (e->problem == PROBLEM_REGRESSION)
        return metrics_of_values(&i->metrics, e->probs, e->target, e->rows, err);
    if (e->problem == PROBLEM_MULTI_LABEL)
        return metrics_of_sets(&i->metrics, e->probs, e->target, e->rows, e->labels, e->loss, err);
    uint64_t *confusion =
        mem_alloc(e->labels * e->labels, sizeof *confusion, "a confusion matrix", err);
    if (!confusion)
        return -1;
    for (size_t r = 0; r < e->rows; r++)
        if (e->truth[r] >= 0 && e->predicted[r] >= 0)
            confusion[(size_t)e->truth[r] * e->labels + (size_t)e->predicted[r]]++;
    int failed = metrics_from_confusion(&i->metrics, confusion, e->labels, e->loss, err);
    free(confusion);
    return failed;
}

int load_inspection_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_inspection *l = arg;
    struct history *h = history_open(l->rundir, err);
    (void)cancel;
    if (!h)
        return -1;
    int failed = -1;
    if ((l->inspection = mem_alloc(1, sizeof *l->inspection, "an evaluation", err)))
        failed = history_evaluation(h, l->id, l->split, &l->inspection->evaluation, err) ||
                         measure(l->inspection, err)
                     ? -1
                     : 0;
    history_close(h);
    return failed;
}

void load_inspection_destroy(struct load_inspection *l)
{
    inspection_destroy(l->inspection);
    free(l);
}

int load_run_run(void *arg, const _Atomic int *cancel, struct err *err)
{
    struct load_run *l = arg;
    struct history *h = NULL;
    (void)cancel;
    if (run_info_read(&l->info, l->rundir, err) || !(h = history_open(l->rundir, err)))
        return -1;
    int failed = history_records(h, &l->records, &l->record_count, err);
    l->has_result = !failed && !history_result(h, &l->result, NULL);
    history_close(h);
    return failed;
}

void load_run_destroy(struct load_run *l)
{
    free(l->records);
    free(l);
}
