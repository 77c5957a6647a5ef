/* gate.h - what the data hold and what is wrong with them, before any compute.
 *
 * A finding never changes the data; it is a line for `sft data`, for the train command's preamble
 * and for the workbench. Rows, labels with counts, token lengths, the share that max_length cuts,
 * empty texts, exact duplicates inside a split and across splits, one text with two targets,
 * labels with few rows or absent from a split, a target that never varies, and the spread of
 * values. */
#ifndef GATE_H
#define GATE_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"

#include <stddef.h>
#include <stdint.h>

/* A distribution of lengths; percentiles are lengths that occur (nearest rank). */
struct lengths {
    size_t sum, shortest, median, p95, longest;
};

enum finding_kind {
    FINDING_EMPTY_TEXT,      /* rows whose text is empty or only white space */
    FINDING_DUPLICATE,       /* rows whose text stands earlier in the same split */
    FINDING_LEAK,            /* validation and test rows whose text is also in train */
    FINDING_CONFLICT,        /* rows whose text also stands with another target */
    FINDING_TRUNCATED,       /* rows longer than max_length */
    FINDING_RARE_LABEL,      /* train rows with a label that has fewer than 5 train rows */
    FINDING_UNTRAINED_LABEL, /* validation and test rows with a label train does not have */
    FINDING_NO_LABEL,        /* rows without a target (a survey, or predict) */
    FINDING_CONSTANT,        /* train rows, when all have one value or one set of labels */
    FINDING_KINDS
};
/* Short, for a panel: "same text, two labels"; of a regression "same text, two values". */
const char *finding_name(enum finding_kind k, enum problem p);
const char *finding_key(enum finding_kind k); /* for JSON: "conflict" */

struct finding {
    enum finding_kind kind;
    uint32_t *rows; /* dataset rows it is about, ascending */
    size_t count;
};

struct gate {
    size_t rows[SPLIT_COUNT];
    struct finding findings[FINDING_KINDS]; /* count 0: nothing to say */
    uint32_t *twin; /* per row: the first row with its text, itself if none */
    /* Token lengths before truncation over all rows; 0 when no encoding was given. */
    size_t tokens, shortest, median, p95, longest;
};

/* `e` may be NULL: nothing is said of tokens. */
struct gate *gate_run(const struct dataset *d, const struct encoded *e, struct err *err);
void gate_destroy(struct gate *g); /* NULL is fine */

/* The values of a regression over one split, or all of them with SPLIT_COUNT. */
enum { VALUE_BINS = 20 };
struct value_summary {
    size_t rows;                         /* with a value; all else is 0 when there is none */
    double least, most, mean, deviation; /* of the population, divided by rows */
    size_t bins[VALUE_BINS];             /* of equal width from least to most */
};
void gate_values(const struct dataset *d, enum split split, struct value_summary *out);

/* Sorts length[0..n). All zero when n is 0. */
void gate_lengths(uint32_t *length, size_t n, struct lengths *out);

#endif
