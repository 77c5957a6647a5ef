/* metrics.c - one label a row: everything but the loss comes from the confusion matrix. Sets and
 * values are in metrics_sets.c and metrics_values.c. */
#include "engine/eval/metrics.h"

#include "engine/base/mem.h"
#include "engine/eval/metrics_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* log(sum exp) of a row, shifted by the maximum so that exp() stays finite. */
static double log_sum_exp(const float *logits, size_t n)
{
    double top = logits[argmax_row(logits, n)], sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(logits[i] - top);
    return log(sum) + top;
}

void softmax_row(float *probs, const float *logits, size_t n)
{
    double top = logits[argmax_row(logits, n)], sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(logits[i] - top);
    for (size_t i = 0; i < n; i++)
        probs[i] = (float)(exp(logits[i] - top) / sum);
}

size_t argmax_row(const float *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

void answer_row(float *answer, const float *logits, size_t n, enum problem p)
{
    if (p == PROBLEM_REGRESSION) {
        memcpy(answer, logits, n * sizeof *answer);
    } else if (p == PROBLEM_MULTI_LABEL) {
        for (size_t i = 0; i < n; i++)
            answer[i] = (float)(1.0 / (1.0 + exp(-(double)logits[i])));
    } else {
        softmax_row(answer, logits, n);
    }
}

/* True and predicted rows of each label: the sums of the matrix's rows and columns. */
static void sum_labels(const struct metrics *m, double *truth, double *predicted)
{
    for (size_t i = 0; i < m->labels; i++) {
        for (size_t j = 0; j < m->labels; j++) {
            double n = (double)m->confusion[i * m->labels + j];
            truth[i] += n;
            predicted[j] += n;
        }
    }
}

static void score_labels(struct metrics *m, const double *truth, const double *predicted)
{
    size_t occurring = 0;
    m->accuracy = m->macro_precision = m->macro_recall = m->macro_f1 = 0;
    m->weighted_precision = m->weighted_recall = m->weighted_f1 = 0;
    for (size_t i = 0; i < m->labels; i++) {
        struct label_score *s = &m->per_label[i];
        double hits = (double)m->confusion[i * m->labels + i];
        *s = (struct label_score){
            .precision = metrics_ratio(hits, predicted[i]),
            .recall = metrics_ratio(hits, truth[i]),
            .f1 = metrics_ratio(2 * hits, truth[i] + predicted[i]),
            .support = (size_t)truth[i],
        };
        m->accuracy += hits;
        m->weighted_precision += s->precision * truth[i];
        m->weighted_recall += s->recall * truth[i];
        m->weighted_f1 += s->f1 * truth[i];
        m->macro_precision += s->precision;
        m->macro_recall += s->recall;
        m->macro_f1 += s->f1;
        occurring += truth[i] + predicted[i] > 0;
    }
    double rows = (double)m->rows, labels = (double)occurring;
    m->accuracy = metrics_ratio(m->accuracy, rows);
    m->micro_precision = m->micro_recall = m->micro_f1 = m->accuracy; /* one guess a row */
    m->weighted_precision = metrics_ratio(m->weighted_precision, rows);
    m->weighted_recall = metrics_ratio(m->weighted_recall, rows);
    m->weighted_f1 = metrics_ratio(m->weighted_f1, rows);
    m->macro_precision = metrics_ratio(m->macro_precision, labels);
    m->macro_recall = metrics_ratio(m->macro_recall, labels);
    m->macro_f1 = metrics_ratio(m->macro_f1, labels);
}

/* Gorodkin (2004), equation 8, as covariances of the one-hot truth and prediction. */
static double correlation(const struct metrics *m, const double *truth, const double *predicted)
{
    double n = (double)m->rows, hits = 0, cross = 0, tt = 0, pp = 0;
    for (size_t i = 0; i < m->labels; i++) {
        hits += (double)m->confusion[i * m->labels + i];
        cross += truth[i] * predicted[i];
        tt += truth[i] * truth[i];
        pp += predicted[i] * predicted[i];
    }
    double spread = (n * n - tt) * (n * n - pp);
    return spread > 0 ? (hits * n - cross) / sqrt(spread) : 0.0;
}

static int alloc_results(struct metrics *m, size_t labels, struct err *err)
{
    *m = metrics_blank(PROBLEM_SINGLE_LABEL, labels);
    m->per_label = mem_alloc(labels, sizeof *m->per_label, "metrics", err);
    m->confusion = mem_alloc(labels * labels, sizeof *m->confusion, "a confusion matrix", err);
    if (m->per_label && m->confusion)
        return 0;
    metrics_clear(m);
    return -1;
}

/* The confusion matrix and the loss stand; the rest follows. */
static int finish(struct metrics *m, struct err *err)
{
    double *sums = mem_alloc(2 * m->labels, sizeof *sums, "metrics", err);
    if (!sums) {
        metrics_clear(m);
        return -1;
    }
    for (size_t i = 0; i < m->labels * m->labels; i++)
        m->rows += m->confusion[i];
    sum_labels(m, sums, sums + m->labels);
    score_labels(m, sums, sums + m->labels);
    m->mcc = correlation(m, sums, sums + m->labels);
    free(sums);
    return 0;
}

int metrics_compute(struct metrics *m, const float *logits, const int32_t *truth, size_t n,
                    size_t labels, struct err *err)
{
    if (alloc_results(m, labels, err))
        return -1;
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = logits + i * labels;
        assert(truth[i] >= 0 && (size_t)truth[i] < labels);
        loss += log_sum_exp(row, labels) - row[truth[i]];
        m->confusion[(size_t)truth[i] * labels + argmax_row(row, labels)]++;
    }
    m->loss = metrics_ratio(loss, (double)n);
    return finish(m, err);
}

int metrics_from_confusion(struct metrics *m, const uint64_t *confusion, size_t labels, double loss,
                           struct err *err)
{
    if (alloc_results(m, labels, err))
        return -1;
    memcpy(m->confusion, confusion, labels * labels * sizeof *confusion);
    m->loss = loss;
    return finish(m, err);
}

void metrics_clear(struct metrics *m)
{
    free(m->per_label);
    free(m->confusion);
    memset(m, 0, sizeof *m);
}

/* Mean over rows and labels of binary cross-entropy; probs gets the answers. */
static double binary_loss(float *probs, const float *logits, const float *truth, size_t n,
                          size_t labels)
{
    double loss = 0;
    for (size_t i = 0; i < n * labels; i++) {
        double z = logits[i];
        loss += (z > 0 ? z : 0.0) - z * truth[i] + log1p(exp(-fabs(z)));
    }
    for (size_t i = 0; i < n; i++)
        answer_row(probs + i * labels, logits + i * labels, labels, PROBLEM_MULTI_LABEL);
    return metrics_ratio(loss, (double)n * (double)labels);
}

int metrics_of_targets(struct metrics *m, const float *logits, const struct targets *t, size_t n,
                       struct err *err)
{
    if (t->problem == PROBLEM_REGRESSION)
        return metrics_of_values(m, logits, t->value, n, err);
    if (t->problem != PROBLEM_MULTI_LABEL)
        return metrics_compute(m, logits, t->label, n, t->width, err);
    float *probs = mem_alloc(n, t->width * sizeof *probs, "metrics", err);
    if (!probs)
        return -1;
    double loss = binary_loss(probs, logits, t->value, n, t->width);
    int rc = metrics_of_sets(m, probs, t->value, n, t->width, loss, err);
    free(probs);
    return rc;
}
