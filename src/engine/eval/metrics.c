/* metrics.c - everything but the loss comes from the confusion matrix. */
#include "engine/eval/metrics.h"

#include "engine/base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0.0;
}

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
    for (size_t i = 0; i < m->labels; i++) {
        struct label_score *s = &m->per_label[i];
        double hits = (double)m->confusion[i * m->labels + i];
        *s = (struct label_score){
            .precision = ratio(hits, predicted[i]),
            .recall = ratio(hits, truth[i]),
            .f1 = ratio(2 * hits, truth[i] + predicted[i]),
            .support = (size_t)truth[i],
        };
        m->accuracy += hits;
        m->weighted_f1 += s->f1 * truth[i];
        m->macro_precision += s->precision;
        m->macro_recall += s->recall;
        m->macro_f1 += s->f1;
        occurring += truth[i] + predicted[i] > 0;
    }
    double rows = (double)m->rows, labels = (double)occurring;
    m->accuracy = ratio(m->accuracy, rows);
    m->weighted_f1 = ratio(m->weighted_f1, rows);
    m->macro_precision = ratio(m->macro_precision, labels);
    m->macro_recall = ratio(m->macro_recall, labels);
    m->macro_f1 = ratio(m->macro_f1, labels);
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
    *m = (struct metrics){.labels = labels};
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
    m->loss = ratio(loss, (double)n);
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
