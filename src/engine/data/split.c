/* split.c - carving one file.
 *
 * Rows of equal text form a group; a group goes to one side as a whole. Inside a label the groups
 * are ordered by a random number drawn from split_seed and the text's hash, not from the row's
 * place: shuffling the file or adding rows leaves most rows on the side they were on. Then each label
 * gives its first groups to test and the next to validation, up to a quota that carries its rounding
 * over to the next label, so that small labels together still give a tenth. A label always keeps
 * one group for training. */
#include "engine/data/split.h"

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/data/dataset.h"

#include <math.h>
#include <stdlib.h>

struct row {
    uint64_t key;
    uint32_t index;
};

struct group {
    uint64_t order;
    uint32_t label;       /* of its first row */
    uint32_t first, size; /* rows sorted[first .. first+size) */
    uint32_t index;       /* of its first row: the last word among equals */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Sort rows into groups of one key; returns how many. A row without a label counts as label
 * `labels`. */
static size_t make_groups(const struct row *sorted, const int32_t *label, size_t n, size_t labels,
                          uint64_t split_seed, struct group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i && sorted[i].key == sorted[i - 1].key) {
            groups[count - 1].size++;
            continue;
        }
        int32_t id = label[sorted[i].index];
        groups[count++] = (struct group){
            .order = rng_bits(split_seed, RNG_SPLIT, sorted[i].key),
            .label = id < 0 ? (uint32_t)labels : (uint32_t)id,
            .first = (uint32_t)i,
            .size = 1,
            .index = sorted[i].index,
        };
    }
    return count;
}

/* Give groups from *next on to `side`, as long as they fit into the quota and one is left. */
static size_t give(const struct group *groups, size_t *next, size_t end, double quota,
                   enum split side, const struct row *sorted, uint8_t *out)
{
    size_t given = 0;
    while (*next + 1 < end && (double)(given + groups[*next].size) <= quota) {
        const struct group *g = &groups[(*next)++];
        for (uint32_t i = 0; i < g->size; i++)
            out[sorted[g->first + i].index] = (uint8_t)side;
        given += g->size;
    }
    return given;
}

/* The two quotas round at different points (.25 and .75), so that a label of few rows seldom gives to
 * both sides at once. */
static void carve_labels(const struct group *groups, size_t count, const struct row *sorted,
                         uint8_t *out)
{
    double target = 0, test_given = 0, validation_given = 0;
    for (size_t first = 0, end; first < count; first = end) {
        size_t rows = 0;
        for (end = first; end < count && groups[end].label == groups[first].label; end++)
            rows += groups[end].size;
        target += (double)rows / 10;
        size_t next = first;
        test_given += (double)give(groups, &next, end, floor(target + .25) - test_given, SPLIT_TEST,
                                   sorted, out);
        validation_given += (double)give(groups, &next, end, floor(target + .75) - validation_given,
                                         SPLIT_VALIDATION, sorted, out);
    }
}

int split_carve(const uint64_t *text_key, const int32_t *label, size_t n, size_t labels,
                uint64_t split_seed, uint8_t *out, struct err *err)
{
    struct row *sorted = mem_alloc(n, sizeof *sorted, "the split", err);
    struct group *groups = sorted ? mem_alloc(n, sizeof *groups, "the split", err) : NULL;
    if (groups) {
        for (size_t i = 0; i < n; i++) {
            sorted[i] = (struct row){text_key[i], (uint32_t)i};
            out[i] = SPLIT_TRAIN;
        }
        qsort(sorted, n, sizeof *sorted, compare_rows);
        size_t count = make_groups(sorted, label, n, labels, split_seed, groups);
        qsort(groups, count, sizeof *groups, compare_groups);
        carve_labels(groups, count, sorted, out);
    }
    free(sorted);
    free(groups);
    return groups ? 0 : -1;
}
