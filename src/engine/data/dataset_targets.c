/* dataset_targets.c - from cells to targets: which problem the data pose, then labels, sets or
 * numbers.
 *
 * Labels become numbers in order of appearance and are renumbered bytewise at the end, unless the
 * caller gave an order. A set is kept as the ids it holds, so that a thousand labels cost a row no
 * more than those it has. */
#include "engine/data/dataset_internal.h"

#include "engine/base/hash.h"
#include "engine/base/mem.h"
#include "engine/base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ which problem */

/* What the cells of the label column look like, over all files. */
struct looks {
    size_t given, lists, numbers, fractions;
    uint32_t first_fraction; /* row of the first number with one */
};

static struct looks look_at_cells(const struct dataset *d)
{
    struct looks l = {0};
    for (size_t r = 0; r < d->rows; r++) {
        struct cell c = dataset_cell(d, r, d->source[d->row[r].file].label);
        double x;
        if (!c.length)
            continue;
        l.given++;
        if (table_is_list(c)) {
            l.lists++;
        } else if (number_parse(c.bytes, &x) && strlen(c.bytes) == c.length) {
            l.numbers++;
            if (x != floor(x) && !l.fractions++)
                l.first_fraction = (uint32_t)r;
        }
    }
    return l;
}

static void decide_problem(struct dataset *d, const struct dataset_spec *spec)
{
    d->problem = spec->problem;
    if (d->problem != PROBLEM_AUTO)
        return;
    d->problem = PROBLEM_SINGLE_LABEL;
    if (d->flag_count) {
        d->problem = PROBLEM_MULTI_LABEL;
        snprintf(d->ground, sizeof d->ground, "%zu label columns are named", d->flag_count);
        return;
    }
    if (spec->label_separator) {
        d->problem = PROBLEM_MULTI_LABEL;
        snprintf(d->ground, sizeof d->ground, "a separator of labels is given");
        return;
    }
    struct looks l = look_at_cells(d);
    if (l.lists) {
        d->problem = PROBLEM_MULTI_LABEL;
        snprintf(d->ground, sizeof d->ground, "the label column holds arrays");
    } else if (!spec->labels && l.fractions &&
               l.numbers == l.given) { /* labels may read like 1.5 */
        struct cell c =
            dataset_cell(d, l.first_fraction, d->source[d->row[l.first_fraction].file].label);
        d->problem = PROBLEM_REGRESSION;
        snprintf(d->ground, sizeof d->ground,
                 "every value is a number, and not all are whole: the first that is not is %.30s",
                 c.bytes);
    }
}

/* ------------------------------------------------------------------ labels */

int dataset_unknown_label(const struct dataset *d, size_t row, const char *label, const char *whom,
                          struct err *err)
{
    char text[300];
    snprintf(text, sizeof text,
             "label '%.100s' is unknown: %s does not have it; correct the row or "
             "%s",
             label, whom,
             d->labels_given ? "use a model trained with this label"
                             : "put rows with this label into the train file");
    return dataset_fault(d, row, err, text);
}

/* A copy of bytes[0..n) that lives as long as the dataset; NULL and *err without memory. */
static const char *keep(struct dataset *d, const char *bytes, size_t n, struct err *err)
{
    char *copy = mem_alloc(n + 1, 1, "the labels", err);
    if (!copy ||
        mem_grow(&d->own, &d->own_capacity, d->own_count + 1, sizeof *d->own, "the labels", err)) {
        free(copy);
        return NULL;
    }
    memcpy(copy, bytes, n);
    return d->own[d->own_count++] = copy;
}

/* The id of a label, made when it is new; NO_LABEL for one the model lacks where that is allowed.
 * `stands` says that the bytes live in a table, NUL and all. */
static int find_id(struct dataset *d, size_t row, const char *bytes, size_t n, bool stands,
                   bool optional, int32_t *id, struct err *err)
{
    uint32_t found;
    if (intern_find(&d->labels, bytes, n, &found)) {
        *id = (int32_t)found;
        return 0;
    }
    *id = NO_LABEL;
    if (d->labels_given && optional)
        return 0;
    if (!stands && !(bytes = keep(d, bytes, n, err)))
        return -1;
    if (d->labels_given)
        return dataset_unknown_label(d, row, bytes, "the model", err);
    if (intern_add(&d->labels, bytes, n, &found, err))
        return -1;
    *id = (int32_t)found;
    return 0;
}

static int read_labels(struct dataset *d, bool optional, struct err *err)
{
    for (size_t r = 0; r < d->rows; r++) {
        struct row *row = &d->row[r];
        struct cell c = dataset_cell(d, r, d->source[row->file].label);
        if (!c.length)
            continue;
        if (table_is_list(c))
            return dataset_fault(d, r, err,
                                 "an array of labels; one label a row is wanted here, or "
                                 "problem_type multi_label_classification");
        if (find_id(d, r, c.bytes, c.length, true, optional, &row->label, err))
            return -1;
        row->given = row->label != NO_LABEL;
    }
    return 0;
}

static int take_given_labels(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    d->labels_given = true;
    for (size_t i = 0; i < spec->label_count; i++) {
        uint32_t id;
        const char *label = keep(d, spec->labels[i], strlen(spec->labels[i]), err);
        if (!label || intern_add(&d->labels, label, strlen(label), &id, err))
            return -1;
        if (id != i)
            return err_set(err, ERR_INPUT,
                           "the model names the label '%.100s' twice; correct "
                           "id2label in its config.json",
                           label);
    }
    return 0;
}

/* ------------------------------------------------------------------ sets */

int dataset_take_flags(struct dataset *d, const char *list, struct err *err)
{
    size_t count = 1, capacity = 0;
    for (const char *at = list; *at; at++)
        count += *at == ',';
    if (mem_grow(&d->flag_names, &capacity, count, sizeof *d->flag_names, "the label columns", err))
        return -1;
    for (const char *at = list;; at++) {
        size_t n = strcspn(at, ",");
        if (!n)
            return err_set(err, ERR_USAGE,
                           "--label-column '%.60s' has an empty name; give COL or "
                           "COL,COL2,...",
                           list);
        for (size_t i = 0; i < d->flag_count; i++)
            if (strlen(d->flag_names[i]) == n && !memcmp(d->flag_names[i], at, n))
                return err_set(err, ERR_USAGE, "--label-column names '%.*s' twice", (int)n, at);
        char *name = (char *)(uintptr_t)keep(d, at, n, err);
        if (!name)
            return -1;
        d->flag_names[d->flag_count++] = name;
        at += n;
        if (!*at)
            return 0;
    }
}

/* One more label of the row that is being read. */
static int add_to_set(struct dataset *d, size_t row, const char *bytes, size_t n, bool stands,
                      bool optional, struct err *err)
{
    char text[300];
    int32_t id;
    size_t *end = &d->set_start[row + 1];
    if (!n)
        return dataset_fault(d, row, err, "an empty name in the set of labels; correct the row");
    if (find_id(d, row, bytes, n, stands, optional, &id, err))
        return -1;
    if (id == NO_LABEL)
        return 0;
    for (size_t i = d->set_start[row]; i < *end; i++) {
        if (d->set[i] != id)
            continue;
        snprintf(text, sizeof text,
                 "the label '%.*s' stands twice in the row's set; correct the row "
                 "(0 and 1 for each label go into columns of their own: --label a,b,c)",
                 n < 100 ? (int)n : 100, bytes);
        return dataset_fault(d, row, err, text);
    }
    if (mem_grow(&d->set, &d->set_capacity, *end + 1, sizeof *d->set, "the labels", err))
        return -1;
    d->set[(*end)++] = id;
    return 0;
}

/* A JSON array, as table.h lays it out. */
static int read_list(struct dataset *d, size_t row, struct cell c, bool optional, struct err *err)
{
    const char *item;
    size_t n;
    while (table_next_item(&c, &item, &n))
        if (add_to_set(d, row, item, n, true, optional, err))
            return -1;
    return 0;
}

/* "a|b": labels between separators, blanks around them dropped. */
static int read_divided(struct dataset *d, size_t row, struct cell c, const char *separator,
                        bool optional, struct err *err)
{
    const char *at = c.bytes, *end = c.bytes + c.length;
    size_t wide = strlen(separator);
    while (at <= end) {
        const char *stop = memmem(at, (size_t)(end - at), separator, wide);
        const char *next = stop ? stop + wide : end + 1;
        stop = stop ? stop : end;
        while (at < stop && *at == ' ')
            at++;
        while (stop > at && stop[-1] == ' ')
            stop--;
        if (add_to_set(d, row, at, (size_t)(stop - at), false, optional, err))
            return -1;
        at = next;
    }
    return 0;
}

static int read_flags(struct dataset *d, size_t row, const size_t *columns, bool optional,
                      struct err *err)
{
    char text[300];
    for (size_t i = 0; i < d->flag_count; i++) {
        struct cell c = dataset_cell(d, row, columns[i]);
        const char *is = c.bytes ? c.bytes : "";
        bool yes = !strcmp(is, "1") || !strcmp(is, "1.0") || !strcmp(is, "true");
        bool no = !strcmp(is, "0") || !strcmp(is, "0.0") || !strcmp(is, "false");
        if (!yes && !no) {
            snprintf(text, sizeof text, "'%.60s' in the label column '%.60s'; it must be 0 or 1",
                     is, d->flag_names[i]);
            return dataset_fault(d, row, err, text);
        }
        if (yes &&
            add_to_set(d, row, d->flag_names[i], strlen(d->flag_names[i]), true, optional, err))
            return -1;
    }
    return 0;
}

/* A cell that holds only the empty set is given; one that is null or absent is not. */
static int read_sets(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    const char *separator = spec->label_separator ? spec->label_separator : "|";
    bool optional = spec->labels_optional;
    uint32_t ignored;
    d->set_start = mem_alloc(d->rows + 1, sizeof *d->set_start, "the labels", err);
    if (!d->set_start)
        return -1;
    /* A column of zeros is a label too, if one that cannot be learnt. */
    for (size_t i = 0; i < d->flag_count && !d->labels_given; i++)
        if (intern_add(&d->labels, d->flag_names[i], strlen(d->flag_names[i]), &ignored, err))
            return -1;
    for (size_t r = 0; r < d->rows; r++) {
        const struct source *s = &d->source[d->row[r].file];
        struct cell c = dataset_cell(d, r, s->label);
        d->set_start[r + 1] = d->set_start[r];
        d->row[r].given = s->flags || c.bytes;
        int rc = s->flags           ? read_flags(d, r, s->flags, optional, err)
                 : table_is_list(c) ? read_list(d, r, c, optional, err)
                 : c.length         ? read_divided(d, r, c, separator, optional, err)
                                    : 0;
        if (rc)
            return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ numbers */

static int read_values(struct dataset *d, struct err *err)
{
    char text[300];
    d->value = mem_alloc(d->rows, sizeof *d->value, "the values", err);
    if (!d->value)
        return -1;
    for (size_t r = 0; r < d->rows; r++) {
        struct cell c = dataset_cell(d, r, d->source[d->row[r].file].label);
        d->value[r] = NAN;
        if (!c.length)
            continue;
        double x;
        if (table_is_list(c) || strlen(c.bytes) != c.length || !number_parse(c.bytes, &x) ||
            fabs(x) > FLT_MAX) {
            snprintf(text, sizeof text,
                     "the value '%.60s' is no finite decimal number; correct the "
                     "row or take it out",
                     table_is_list(c) ? "[...]" : c.bytes);
            return dataset_fault(d, r, err, text);
        }
        d->value[r] = x;
        d->row[r].given = true;
    }
    return 0;
}

/* The one output of a regression is called after its column. */
static int name_value(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    uint32_t id;
    double number;
    if (d->flag_count)
        return err_set(err, ERR_USAGE,
                       "regression has one column of values, not %zu; name it with "
                       "--label-column",
                       d->flag_count);
    if (d->labels_given)
        return 0;
    const char *name = spec->label_column ? spec->label_column : "label";
    const char *label = keep(d, name, strlen(name), err);
    if (!label)
        return -1;
    if (number_parse(label, &number))
        label = "LABEL_0"; /* a column number says nothing; Transformers' own name for it */
    return intern_add(&d->labels, label, strlen(label), &id, err);
}

/* ------------------------------------------------------------------ the order of labels */

struct ordered {
    struct cell name;
    uint32_t was;
};

static int compare_names(const void *a, const void *b)
{
    const struct cell *x = &((const struct ordered *)a)->name,
                      *y = &((const struct ordered *)b)->name;
    size_t n = x->length < y->length ? x->length : y->length;
    int c = memcmp(x->bytes, y->bytes, n);
    return c ? c : x->length < y->length ? -1 : x->length > y->length;
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* Renumber the labels bytewise. */
static int sort_labels(struct dataset *d, struct err *err)
{
    size_t count = d->labels.count;
    struct ordered *order = mem_alloc(count, sizeof *order, "the labels", err);
    int32_t *now = order ? mem_alloc(count, sizeof *now, "the labels", err) : NULL;
    int result = now ? 0 : -1;
    for (size_t i = 0; now && i < count; i++)
        order[i] = (struct ordered){d->labels.items[i], (uint32_t)i};
    if (now) {
        qsort(order, count, sizeof *order, compare_names);
        intern_clear(&d->labels);
    }
    for (size_t i = 0; now && !result && i < count; i++) {
        uint32_t id;
        now[order[i].was] = (int32_t)i;
        result = intern_add(&d->labels, order[i].name.bytes, order[i].name.length, &id, err);
    }
    for (size_t r = 0; !result && r < d->rows; r++)
        if (d->row[r].label != NO_LABEL)
            d->row[r].label = now[d->row[r].label];
    for (size_t i = 0; !result && d->set_start && i < d->set_start[d->rows]; i++)
        d->set[i] = now[d->set[i]];
    free(order);
    free(now);
    return result;
}

static void sort_sets(struct dataset *d)
{
    for (size_t r = 0; d->set_start && r < d->rows; r++) {
        size_t n = d->set_start[r + 1] - d->set_start[r];
        if (n > 1)
            qsort(d->set + d->set_start[r], n, sizeof *d->set, compare_ids);
    }
}

/* ------------------------------------------------------------------ all of it */

int dataset_read_targets(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    for (size_t r = 0; r < d->rows; r++)
        d->row[r].label = NO_LABEL;
    if (spec->labels && take_given_labels(d, spec, err))
        return -1;
    decide_problem(d, spec);
    int rc = -1;
    if (d->problem == PROBLEM_REGRESSION)
        rc = name_value(d, spec, err) || read_values(d, err);
    else if (d->problem == PROBLEM_MULTI_LABEL)
        rc = read_sets(d, spec, err);
    else if (d->flag_count)
        err_set(err, ERR_USAGE,
                "%zu label columns and problem_type single_label_classification; "
                "name one column, or use multi_label_classification",
                d->flag_count);
    else
        rc = read_labels(d, spec->labels_optional, err);
    if (rc || (!spec->labels && sort_labels(d, err)))
        return -1;
    sort_sets(d);
    return 0;
}

uint64_t dataset_hash_target(const struct dataset *d, size_t row, uint64_t key)
{
    const struct source *s = &d->source[d->row[row].file];
    struct cell label = dataset_cell(d, row, s->label);
    key = hash_bytes(label.length ? label.bytes : "", label.length, key);
    for (size_t i = 0; s->flags && i < d->flag_count; i++) {
        struct cell flag = dataset_cell(d, row, s->flags[i]);
        key = hash_bytes(flag.bytes, flag.length, key);
    }
    return key;
}

void dataset_clear_targets(struct dataset *d)
{
    for (size_t i = 0; i < d->own_count; i++)
        free(d->own[i]);
    free(d->own);
    free(d->flag_names);
    free(d->value);
    free(d->set_start);
    free(d->set);
    intern_clear(&d->labels);
}
