/* metrics_sets.c - sets of labels: each label is a yes or no of its own.
 *
 * As scikit-learn on indicator matrices: macro and weighted means over all labels, micro over all
 * cells. */
#include "engine/base/mem.h"
#include "engine/eval/metrics_internal.h"

#include <stdlib.h>

/* Counts into the (labels, 2, 2) matrix; returns how many rows are right as a whole. */
static size_t count_cells(struct metrics *m, const float *probs, const float *truth)
{
    size_t whole = 0;
    for (size_t i = 0; i < m->rows; i++) {
        bool right = true;
        for (size_t k = 0; k < m->labels; k++) {
            bool is = truth[i * m->labels + k] > 0.5f, said = answer_has(probs[i * m->labels + k]);
            m->confusion[4 * k + 2 * is + said]++;
            right = right && is == said;
        }
        whole += right;
    }
    return whole;
}

static struct label_score score(double hits, double said, double is)
{
    return (struct label_score){.precision = metrics_ratio(hits, said),
                                .recall = metrics_ratio(hits, is),
                                .f1 = metrics_ratio(2 * hits, said + is),
                                .support = (size_t)is};
}

static void add_means(struct metrics *m)
{
    double labels = (double)m->labels, hits = 0, said = 0, is = 0;
    struct label_score macro = {0}, weighted = {0};
    for (size_t k = 0; k < m->labels; k++) {
        const uint64_t *c = m->confusion + 4 * k;
        struct label_score s = score((double)c[3], (double)(c[1] + c[3]), (double)(c[2] + c[3]));
        double weight = (double)s.support;
        m->per_label[k] = s;
        macro.precision += s.precision / labels;
        macro.recall += s.recall / labels;
        macro.f1 += s.f1 / labels;
        weighted.precision += s.precision * weight;
        weighted.recall += s.recall * weight;
        weighted.f1 += s.f1 * weight;
        hits += (double)c[3];
        said += (double)(c[1] + c[3]);
        is += weight;
    }
    struct label_score micro = score(hits, said, is);
    m->macro_precision = macro.precision;
    m->macro_recall = macro.recall;
    m->macro_f1 = macro.f1;
    m->micro_precision = micro.precision;
    m->micro_recall = micro.recall;
    m->micro_f1 = micro.f1;
    m->weighted_precision = metrics_ratio(weighted.precision, is);
    m->weighted_recall = metrics_ratio(weighted.recall, is);
    m->weighted_f1 = metrics_ratio(weighted.f1, is);
    m->hamming_loss = metrics_ratio(said + is - 2 * hits, (double)m->rows * labels);
}

int metrics_of_sets(struct metrics *m, const float *probs, const float *truth, size_t n,
                    size_t labels, double loss, struct err *err)
{
    *m = metrics_blank(PROBLEM_MULTI_LABEL, labels);
    m->rows = n;
    m->loss = loss;
    m->per_label = mem_alloc(labels, sizeof *m->per_label, "metrics", err);
    m->confusion = mem_alloc(4 * labels, sizeof *m->confusion, "metrics", err);
    if (!m->per_label || !m->confusion) {
        metrics_clear(m);
        return -1;
    }
    m->subset_accuracy = metrics_ratio((double)count_cells(m, probs, truth), (double)n);
    add_means(m);
    return 0;
}
