#include "engine/model/work.h"

#include "engine/model/parts.h"

size_t work_layers(const struct model *m)
{
    return m->L;
}

/* Multiply-adds a token of a layer before and after the attention. */
static double before(const struct model *m)
{
    return (double)(m->QKV * m->H);
}

static double after(const struct model *m)
{
    return (double)(m->H * m->QW + m->U * m->H + m->F * m->H);
}

struct work work_forward(const struct model *m, size_t first, size_t end,
                         const struct work_batch *batch)
{
    struct work w = {0};
    for (size_t l = first; l < end; l++) {
        bool few = l + 1 == m->L && !m->reads_mean;
        double on = few ? batch->sequences : batch->tokens;
        w.products += 2 * (batch->tokens * before(m) + on * after(m));
        w.attention += 2 * 2 * batch->squares * (double)m->QW;
        w.elements += on * (double)(m->U + m->F + 4 * m->H) + batch->tokens * (double)m->QKV;
    }
    if (end == m->L) {
        double head = (double)(m->K * m->H) + (model_has_dense(m) ? (double)(m->H * m->H) : 0.0);
        w.products += 2 * batch->sequences * head;
    }
    if (first == 0 && m->embedding[PROJECT_W])
        w.products += 2 * batch->tokens * (double)(m->H * m->E);
    return w;
}

double work_weights(const struct model *m, size_t first, size_t end)
{
    return (double)(end - first) * (before(m) + after(m)) * (double)sizeof(float);
}
