/* gate.c - one pass to find twins, one to judge each row, one to collect the rows of each finding.
 *
 * Twins are found through a hash table of first rows; equal hashes are not trusted, the bytes are
 * compared. Work and memory are linear in the rows. */
#include "engine/data/gate.h"

#include "engine/base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RARE_ROWS 5 /* a label with fewer training rows is rare */

static const struct {
    const char *key, *name;
    const char *of_values; /* the name in a regression, where it is another */
} findings[FINDING_KINDS] = {
    [FINDING_EMPTY_TEXT] = {"empty_text", "empty text", NULL},
    [FINDING_DUPLICATE] = {"duplicate", "same text again in its split", NULL},
    [FINDING_LEAK] = {"leak", "validation or test text also in train", NULL},
    [FINDING_CONFLICT] = {"conflict", "same text, two labels", "same text, two values"},
    [FINDING_TRUNCATED] = {"truncated", "longer than max_length, cut", NULL},
    [FINDING_RARE_LABEL] = {"rare_label", "label with fewer than 5 train rows", NULL},
    [FINDING_UNTRAINED_LABEL] = {"untrained_label", "label that train does not have", NULL},
    [FINDING_NO_LABEL] = {"no_label", "no label", "no value"},
    [FINDING_CONSTANT] = {"constant", "one target in all of train: nothing to learn", NULL},
};

const char *finding_name(enum finding_kind k, enum problem p)
{
    bool other = p == PROBLEM_REGRESSION && findings[k].of_values;
    return other ? findings[k].of_values : findings[k].name;
}

const char *finding_key(enum finding_kind k)
{
    return findings[k].key;
}

/* What is known of the rows that share a text, kept at the first of them. */
struct family {
    uint32_t seen; /* bit s: the split has a row of this text */
    bool conflict; /* they have more than one target */
};

struct pass {
    const struct dataset *d;
    const struct encoded *e;
    struct gate *g;
    struct family *family; /* per row, used at first rows */
    uint16_t *kinds;       /* per row, bit k: finding k */
};

static bool same_text(const struct dataset *d, const struct example *x, uint32_t row)
{
    struct example y;
    dataset_get(d, row, &y);
    return x->text_key == y.text_key && x->text_length == y.text_length &&
           x->pair_length == y.pair_length && !x->pair == !y.pair &&
           !memcmp(x->text, y.text, x->text_length) &&
           (!x->pair || !memcmp(x->pair, y.pair, x->pair_length));
}

/* twin[r]: the first row, in row order, with the text of r. A slot holds the upper half of the
 * hash beside the row, so that a probe seldom looks at the row itself. */
static int find_twins(const struct dataset *d, uint32_t *twin, struct err *err)
{
    struct slot {
        uint32_t row1, tag; /* row+1, 0 empty */
    } * slots;
    size_t n = dataset_rows(d), size = 64;
    while (size < 2 * n)
        size *= 2;
    slots = mem_alloc(size, sizeof *slots, "the search for duplicates", err);
    if (!slots)
        return -1;
    for (size_t r = 0; r < n; r++) {
        struct example x;
        dataset_get(d, r, &x);
        uint32_t tag = (uint32_t)(x.text_key >> 32);
        size_t i = (size_t)x.text_key & (size - 1);
        while (slots[i].row1 && (slots[i].tag != tag || !same_text(d, &x, slots[i].row1 - 1)))
            i = (i + 1) & (size - 1);
        if (!slots[i].row1)
            slots[i] = (struct slot){(uint32_t)r + 1, tag};
        twin[r] = slots[i].row1 - 1;
    }
    free(slots);
    return 0;
}

static bool is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n\v\f", text[i]) || !text[i])
            return false;
    return true;
}

static bool same_target(const struct example *x, const struct example *y)
{
    return x->label == y->label && x->set_count == y->set_count &&
           (x->value == y->value || (isnan(x->value) && isnan(y->value))) &&
           !memcmp(x->set ? x->set : &x->label, y->set ? y->set : &y->label,
                   x->set_count * sizeof *x->set);
}

/* What one label of a row says. */
static unsigned judge_label(const struct pass *p, const struct example *x, int32_t label)
{
    size_t trained = dataset_label_rows(p->d, label, SPLIT_TRAIN);
    if (x->split == SPLIT_TRAIN)
        return trained < RARE_ROWS ? 1u << FINDING_RARE_LABEL : 0;
    return p->g->rows[SPLIT_TRAIN] && !trained ? 1u << FINDING_UNTRAINED_LABEL : 0;
}

/* Findings that a row alone, or its labels, decide. */
static unsigned judge_alone(const struct pass *p, const struct example *x, size_t row)
{
    unsigned kinds = 0;
    if (is_blank(x->text, x->text_length))
        kinds |= 1u << FINDING_EMPTY_TEXT;
    if (p->e && p->e->full_length[row] > encoded_length(p->e, row))
        kinds |= 1u << FINDING_TRUNCATED;
    if (!x->given)
        return kinds | 1u << FINDING_NO_LABEL;
    if (x->label != NO_LABEL)
        kinds |= judge_label(p, x, x->label);
    for (size_t i = 0; i < x->set_count; i++)
        kinds |= judge_label(p, x, x->set[i]);
    return kinds;
}

static void judge_rows(struct pass *p)
{
    size_t n = dataset_rows(p->d);
    for (size_t r = 0; r < n; r++) {
        struct example x, first;
        struct family *f = &p->family[p->g->twin[r]];
        dataset_get(p->d, r, &x);
        p->kinds[r] = (uint16_t)judge_alone(p, &x, r);
        if (f->seen >> x.split & 1)
            p->kinds[r] |= 1u << FINDING_DUPLICATE;
        f->seen |= 1u << x.split;
        if (p->g->twin[r] == r)
            continue;
        dataset_get(p->d, p->g->twin[r], &first);
        f->conflict |= first.given && x.given && !same_target(&first, &x);
    }
    for (size_t r = 0; r < n; r++) {
        struct example x;
        const struct family *f = &p->family[p->g->twin[r]];
        dataset_get(p->d, r, &x);
        if (x.split != SPLIT_TRAIN && f->seen >> SPLIT_TRAIN & 1)
            p->kinds[r] |= 1u << FINDING_LEAK;
        if (f->conflict)
            p->kinds[r] |= 1u << FINDING_CONFLICT;
    }
}

/* One class has been refused before; a number or a set that never varies can be trained on, if to no
 * end. */
static void judge_spread(struct pass *p)
{
    const uint32_t *rows = dataset_split_list(p->d, SPLIT_TRAIN);
    size_t n = p->g->rows[SPLIT_TRAIN];
    struct example first, x;
    if (n < 2 || dataset_problem(p->d) == PROBLEM_SINGLE_LABEL)
        return;
    dataset_get(p->d, rows[0], &first);
    for (size_t i = 1; i < n; i++) {
        dataset_get(p->d, rows[i], &x);
        if (!same_target(&first, &x))
            return;
    }
    for (size_t i = 0; i < n; i++)
        p->kinds[rows[i]] |= 1u << FINDING_CONSTANT;
}

static int collect(const struct pass *p, struct err *err)
{
    size_t n = dataset_rows(p->d);
    for (int k = 0; k < FINDING_KINDS; k++) {
        struct finding *f = &p->g->findings[k];
        size_t count = 0;
        for (size_t r = 0; r < n; r++)
            count += p->kinds[r] >> k & 1;
        f->kind = (enum finding_kind)k;
        f->rows = mem_alloc(count, sizeof *f->rows, "the findings", err);
        if (!f->rows)
            return -1;
        for (size_t r = 0; r < n; r++)
            if (p->kinds[r] >> k & 1)
                f->rows[f->count++] = (uint32_t)r;
    }
    return 0;
}

static int compare_lengths(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

void gate_lengths(uint32_t *length, size_t n, struct lengths *out)
{
    *out = (struct lengths){0};
    if (!n)
        return;
    qsort(length, n, sizeof *length, compare_lengths);
    for (size_t i = 0; i < n; i++)
        out->sum += length[i];
    out->shortest = length[0];
    out->median = length[(n - 1) / 2];
    out->p95 = length[(n * 95 + 99) / 100 - 1];
    out->longest = length[n - 1];
}

static bool next_value(const struct dataset *d, size_t row, enum split split, double *x)
{
    struct example e;
    dataset_get(d, row, &e);
    *x = e.value;
    return (split == SPLIT_COUNT || e.split == split) && !isnan(e.value);
}

void gate_values(const struct dataset *d, enum split split, struct value_summary *out)
{
    double sum = 0, spread = 0, x;
    size_t n = dataset_rows(d);
    *out = (struct value_summary){0};
    for (size_t r = 0; r < n; r++) {
        if (!next_value(d, r, split, &x))
            continue;
        out->least = !out->rows || x < out->least ? x : out->least;
        out->most = !out->rows || x > out->most ? x : out->most;
        sum += x;
        out->rows++;
    }
    if (!out->rows)
        return;
    out->mean = sum / (double)out->rows;
    for (size_t r = 0; r < n; r++) {
        if (!next_value(d, r, split, &x))
            continue;
        spread += (x - out->mean) * (x - out->mean);
        double at = out->most > out->least ? (x - out->least) / (out->most - out->least) : 0;
        size_t bin = (size_t)(at * VALUE_BINS);
        out->bins[bin < VALUE_BINS ? bin : VALUE_BINS - 1]++;
    }
    out->deviation = sqrt(spread / (double)out->rows);
}

static int measure_tokens(struct gate *g, const struct encoded *e, struct err *err)
{
    uint32_t *length = mem_alloc(e->rows, sizeof *length, "token lengths", err);
    struct lengths l;
    if (!length)
        return -1;
    memcpy(length, e->full_length, e->rows * sizeof *length);
    gate_lengths(length, e->rows, &l);
    g->tokens = l.sum;
    g->shortest = l.shortest;
    g->median = l.median;
    g->p95 = l.p95;
    g->longest = l.longest;
    free(length);
    return 0;
}

struct gate *gate_run(const struct dataset *d, const struct encoded *e, struct err *err)
{
    size_t n = dataset_rows(d);
    struct gate *g = mem_alloc(1, sizeof *g, "the findings", err);
    if (!g)
        return NULL;
    struct pass p = {.d = d, .e = e, .g = g};
    for (int s = 0; s < SPLIT_COUNT; s++)
        g->rows[s] = dataset_split_rows(d, (enum split)s);
    g->twin = mem_alloc(n, sizeof *g->twin, "the search for duplicates", err);
    p.family = mem_alloc(n, sizeof *p.family, "the search for duplicates", err);
    p.kinds = mem_alloc(n, sizeof *p.kinds, "the findings", err);
    bool ok = g->twin && p.family && p.kinds && !find_twins(d, g->twin, err);
    if (ok) {
        judge_rows(&p);
        judge_spread(&p);
    }
    ok = ok && !collect(&p, err) && (!e || !measure_tokens(g, e, err));
    free(p.family);
    free(p.kinds);
    if (!ok) {
        gate_destroy(g);
        return NULL;
    }
    return g;
}

void gate_destroy(struct gate *g)
{
    if (!g)
        return;
    for (int k = 0; k < FINDING_KINDS; k++)
        free(g->findings[k].rows);
    free(g->twin);
    free(g);
}
