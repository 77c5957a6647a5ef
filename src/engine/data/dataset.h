/* dataset.h - labelled rows, read once, never changed.
 *
 * A dataset joins up to three files (train, validation, test) into one list of examples with a
 * target and a split each. One file alone is split 80/10/10, stratified by label where rows have one
 * label each, with rows of equal text on one side (split.h); once a validation or a test file is
 * given nothing is carved out of train. Label ids are the labels sorted bytewise, unless the caller
 * has an order (a model's id2label). Because nothing changes after dataset_open, the UI and the
 * trainer read it without a lock.
 *
 * The form of a target is the problem's:
 *   single label   the cell is the label; an empty one is no label;
 *   multi label    a JSON array of labels; or one cell with a separator between labels, where an
 *                  empty cell is the empty set; or several columns of 0 and 1, named by a list
 *                  "a,b,c" as label_column, whose names are the labels;
 *   regression     the cell is one finite decimal number; an empty one is no value.
 * PROBLEM_AUTO reads it off the data, and dataset_ground says why: arrays, a separator that was given
 * or several columns mean multi label; a column of numbers, one of them with a fraction, means
 * regression; whole numbers are labels like any other, since nothing tells 3 stars from class 3. */
#ifndef DATASET_H
#define DATASET_H
#include "engine/base/err.h"
#include "engine/data/problem.h"
#include "engine/data/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_COUNT };
const char *split_name(enum split s); /* "train", "validation", "test" */

#define NO_LABEL (-1)

struct dataset_spec {
    const char *files[SPLIT_COUNT]; /* NULL: not given. evaluate and predict give only TEST */
    const char *text_column, *pair_column; /* NULL: "text", else the only column; pair NULL: none */
    const char *label_column;              /* NULL: "label"; "a,b,c": columns of 0 and 1 */
    enum problem problem;                  /* AUTO: as the data look */
    const char *label_separator;           /* of sets in one cell; NULL: "|" */
    enum table_format format;
    enum table_header header;
    uint64_t split_seed;
    const char *const *labels; /* the label order to use, or NULL: sorted bytewise */
    size_t label_count;
    bool labels_optional;  /* predict: a missing column or empty label is NO_LABEL */
    bool split_lone_train; /* carve 80/10/10 when only the train file is given */
    bool survey;           /* `sft data`: rows that training would refuse (no label, a
                                              label train lacks, one class) are kept; see
                                              dataset_check */
};

struct example {
    const char *text, *pair; /* borrowed until close; pair NULL when there is none */
    size_t text_length, pair_length;
    bool given;         /* the row has a target */
    int32_t label;      /* single label: id, or NO_LABEL */
    double value;       /* regression; NaN when not given */
    const int32_t *set; /* multi label: ids, ascending */
    size_t set_count;
    enum split split;
    uint32_t line;     /* of its source file, from 1 */
    uint64_t text_key; /* content hash of text and pair */
    uint64_t key;      /* content hash of text, pair and target */
};

struct dataset;
struct dataset *dataset_open(const struct dataset_spec *spec, struct err *err);
void dataset_close(struct dataset *d); /* NULL is fine */

/* 0 when a model can be trained on it, else -1 and the first reason with file:line and remedy.
 * dataset_open has asked already, unless it was a survey. */
int dataset_check(const struct dataset *d, struct err *err);

/* Rows keep file order: train, then validation, then test. A carved split keeps the row where the
 * file has it. */
size_t dataset_rows(const struct dataset *d);
void dataset_get(const struct dataset *d, size_t row, struct example *out);
size_t dataset_split_rows(const struct dataset *d, enum split s);
/* The rows of one split in order, dataset_split_rows() of them; borrowed. */
const uint32_t *dataset_split_list(const struct dataset *d, enum split s);

enum problem dataset_problem(const struct dataset *d); /* never AUTO */
/* Why it is that, when nobody said so: "the label column holds arrays"; "" otherwise. */
const char *dataset_ground(const struct dataset *d);

/* The outputs a model needs: labels, or for regression the one column of values. */
size_t dataset_labels(const struct dataset *d);
const char *dataset_label(const struct dataset *d, int32_t id);
/* Rows of a split that have this label; for regression those with a value. */
size_t dataset_label_rows(const struct dataset *d, int32_t id, enum split s);

/* A row's target as text: the label, "3.5", "a, b", "none" for the empty set, "-" when not given.
 * Cut to size. */
void dataset_target_text(const struct dataset *d, const struct example *x, char *out, size_t size);

/* The file a row came from, as the user named it, and its SHA-256. */
const char *dataset_path(const struct dataset *d, enum split s); /* the file given for s, or NULL */
const char *dataset_sha256(const struct dataset *d, enum split s);
const char *dataset_row_path(const struct dataset *d, size_t row);

#endif
