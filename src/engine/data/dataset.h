/* dataset.h - labelled rows, read once, never changed.
 *
 * A dataset joins up to three files (train, validation, test) into one list of examples with a
 * label id and a split each. One file alone is split 80/10/10, stratified by label, with rows of
 * equal text on one side (split.h); once a validation or a test file is given nothing is carved
 * out of train. Label ids are the labels sorted bytewise, unless the caller has an order (a
 * model's id2label). Because nothing changes after dataset_open, the UI and the trainer read it
 * without a lock. */
#ifndef DATASET_H
#define DATASET_H
#include "engine/base/err.h"
#include "engine/data/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_COUNT };
const char *split_name(enum split s); /* "train", "validation", "test" */

#define NO_LABEL (-1)

struct dataset_spec {
    const char *files[SPLIT_COUNT];        /* NULL: not given. evaluate and predict give only TEST */
    const char *text_column, *pair_column; /* NULL: "text", else the only column; pair NULL: none */
    const char *label_column;              /* NULL: "label" */
    enum table_format format;
    enum table_header header;
    uint64_t split_seed;
    const char *const *labels;             /* the label order to use, or NULL: sorted bytewise */
    size_t label_count;
    bool labels_optional;                  /* predict: a missing column or empty label is NO_LABEL */
    bool split_lone_train;                 /* carve 80/10/10 when only the train file is given */
    bool survey;                           /* `sft data`: rows that training would refuse (no label, a
                                              label train lacks, one class) are kept; see
                                              dataset_check */
};

struct example {
    const char *text, *pair; /* borrowed until close; pair NULL when there is none */
    size_t text_length, pair_length;
    int32_t label;           /* id, or NO_LABEL */
    enum split split;
    uint32_t line;           /* of its source file, from 1 */
    uint64_t text_key;       /* content hash of text and pair */
    uint64_t key;            /* content hash of text, pair and label */
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

size_t dataset_labels(const struct dataset *d);
const char *dataset_label(const struct dataset *d, int32_t id);
size_t dataset_label_rows(const struct dataset *d, int32_t id, enum split s);

/* The file a row came from, as the user named it, and its SHA-256. */
const char *dataset_path(const struct dataset *d, enum split s); /* the file given for s, or NULL */
const char *dataset_sha256(const struct dataset *d, enum split s);
const char *dataset_row_path(const struct dataset *d, size_t row);

#endif
