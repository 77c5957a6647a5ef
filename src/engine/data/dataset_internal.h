/* dataset_internal.h - the parts of a dataset, for the files that make it:
 *   dataset.c          files to rows, splits, the questions callers ask
 *   dataset_targets.c  what each row's cell says: which problem it is, labels, sets, numbers
 * Filled while it is opened, by one thread; constant afterwards. */
#ifndef DATASET_INTERNAL_H
#define DATASET_INTERNAL_H
#include "engine/data/dataset.h"
#include "engine/data/intern.h"

#define NO_COLUMN SIZE_MAX

struct source {
    struct table *table;
    size_t text, pair, label; /* columns, or NO_COLUMN */
    size_t *flags;            /* (flag_count) columns of 0 and 1, or NULL: this file has none */
    size_t first;             /* dataset row of its first row */
};

struct row {
    uint64_t text_key, key;
    int32_t label; /* single label, else NO_LABEL */
    uint8_t split, file;
    bool given;
};

struct dataset {
    struct source source[SPLIT_COUNT];
    size_t rows;
    struct row *row;
    uint32_t *list; /* row numbers, train's, then validation's, then test's */
    size_t split_rows[SPLIT_COUNT];

    enum problem problem;
    char ground[200];
    struct intern labels; /* in id order once opened */
    char **own;           /* copies of labels that stand in no table as they are */
    size_t own_count, own_capacity;
    char **flag_names; /* (flag_count) columns of 0 and 1, as given */
    size_t flag_count;
    double *value;     /* (rows) regression */
    size_t *set_start; /* (rows + 1) multi label: row r has set[set_start[r] .. [r+1]) */
    int32_t *set;
    size_t set_capacity;

    size_t *label_rows; /* (labels, SPLIT_COUNT) */
    bool labels_given;
    bool carved; /* one file, split here */
};

/* "path:line:1: text" of a dataset row. Returns -1. */
int dataset_fault(const struct dataset *d, size_t row, struct err *err, const char *text);
struct cell dataset_cell(const struct dataset *d, size_t row, size_t column);

/* Split "a,b,c" of label_column into names of flags. */
int dataset_take_flags(struct dataset *d, const char *list, struct err *err);
/* Decide the problem, then read every row's target; label ids are final afterwards. */
int dataset_read_targets(struct dataset *d, const struct dataset_spec *spec, struct err *err);
/* The hash of what the target's cells say, added to `key`. */
uint64_t dataset_hash_target(const struct dataset *d, size_t row, uint64_t key);
/* "label 'x' is unknown: WHOM does not have it ..." */
int dataset_unknown_label(const struct dataset *d, size_t row, const char *label, const char *whom,
                          struct err *err);
void dataset_clear_targets(struct dataset *d);

#endif
