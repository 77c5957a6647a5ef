/* dataset.c - tables joined into examples.
 *
 * Texts stay in their tables; a row of the dataset is a table, a row of it, a target, a split and
 * two hashes. Opening goes file by file (columns), then over all rows at once (targets, keys,
 * splits), then asks whether a model can be trained on the result. */
#include "engine/data/dataset_internal.h"

#include "engine/base/hash.h"
#include "engine/base/mem.h"
#include "engine/data/split.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *split_name(enum split s)
{
    static const char *const names[SPLIT_COUNT] = {"train", "validation", "test"};
    return names[s];
}

/* ------------------------------------------------------------------ one file */

/* A column by name; when `name` is NULL the usual one, else the only one where that is enough. */
static int find_column(const struct table *t, const char *name, const char *usual, bool only,
                       const char *flag, size_t *column, struct err *err)
{
    struct err inner;
    if (!table_find_column(t, name ? name : usual, column, &inner))
        return 0;
    if (!name && only && table_columns(t) == 1) {
        *column = 0;
        return 0;
    }
    return err_set(err, ERR_INPUT, "%s; choose one with --%s", inner.text, flag);
}

/* Columns of 0 and 1: a file has all of them, or none where labels are optional. */
static int find_flags(struct source *s, const struct dataset *d, bool optional, struct err *err)
{
    s->flags = mem_alloc(d->flag_count, sizeof *s->flags, "the label columns", err);
    if (!s->flags)
        return -1;
    for (size_t i = 0; i < d->flag_count; i++) {
        if (!find_column(s->table, d->flag_names[i], NULL, false, "label-column", &s->flags[i],
                         optional ? NULL : err))
            continue;
        free(s->flags);
        s->flags = NULL;
        return optional ? 0 : -1;
    }
    return 0;
}

static int find_columns(struct dataset *d, struct source *s, const struct dataset_spec *spec,
                        struct err *err)
{
    const struct table *t = s->table;
    bool optional = spec->labels_optional;
    size_t whole;
    s->pair = s->label = NO_COLUMN;
    if (find_column(t, spec->text_column, "text", true, "text-column", &s->text, err))
        return -1;
    if (spec->pair_column &&
        find_column(t, spec->pair_column, NULL, false, "text-column", &s->pair, err))
        return -1;
    /* A comma may also stand in the name of one column. */
    bool list = spec->label_column && strchr(spec->label_column, ',') &&
                table_find_column(t, spec->label_column, &whole, NULL);
    if (list && !d->flag_count && dataset_take_flags(d, spec->label_column, err))
        return -1;
    if (d->flag_count)
        return find_flags(s, d, optional, err);
    if (find_column(t, spec->label_column, "label", false, "label-column", &s->label,
                    optional ? NULL : err))
        return optional ? 0 : -1;
    return 0;
}

static int open_source(struct dataset *d, const struct dataset_spec *spec, enum split file,
                       struct err *err)
{
    struct source *s = &d->source[file];
    const char *label = spec->label_column ? spec->label_column : "label";
    const char *wanted[] = {spec->text_column ? spec->text_column : "text", label,
                            spec->pair_column};
    s->first = d->rows;
    s->table =
        table_open_lists(spec->files[file], spec->format, spec->header, wanted, 3, label, err);
    if (!s->table)
        return -1;
    if (!table_rows(s->table))
        return err_set(err, ERR_INPUT,
                       "%.200s:1:1: a header and no rows; give it rows of text and "
                       "label",
                       spec->files[file]);
    if (find_columns(d, s, spec, err))
        return -1;
    d->rows += table_rows(s->table);
    if (d->rows > UINT32_MAX - 1)
        return err_set(err, ERR_UNSUPPORTED, "more than 4 billion rows; use fewer");
    return 0;
}

int dataset_fault(const struct dataset *d, size_t row, struct err *err, const char *text)
{
    const struct source *s = &d->source[d->row[row].file];
    return err_set(err, ERR_INPUT, "%.200s:%u:1: %s", table_path(s->table),
                   table_line(s->table, row - s->first), text);
}

struct cell dataset_cell(const struct dataset *d, size_t row, size_t column)
{
    const struct source *s = &d->source[d->row[row].file];
    if (column == NO_COLUMN)
        return (struct cell){NULL, 0};
    return table_cell(s->table, row - s->first, column);
}

/* ------------------------------------------------------------------ all rows */

static int make_rows(struct dataset *d, struct err *err)
{
    d->row = mem_alloc(d->rows, sizeof *d->row, "the rows", err);
    if (!d->row)
        return -1;
    for (int f = 0; f < SPLIT_COUNT; f++) {
        const struct source *s = &d->source[f];
        for (size_t i = 0; s->table && i < table_rows(s->table); i++)
            d->row[s->first + i].file = d->row[s->first + i].split = (uint8_t)f;
    }
    return 0;
}

/* A text that is absent (JSON null, or no such key) is an error; an empty one is a finding. The hash
 * of a pair differs from that of its absence, and text "ab" + pair "c" from "a" + "bc". */
static int hash_rows(struct dataset *d, struct err *err)
{
    for (size_t r = 0; r < d->rows; r++) {
        struct row *row = &d->row[r];
        const struct source *s = &d->source[row->file];
        struct cell text = dataset_cell(d, r, s->text), pair = dataset_cell(d, r, s->pair);
        if (!text.bytes)
            return dataset_fault(d, r, err, "this row has no text; give it one or take it out");
        if (s->pair != NO_COLUMN && !pair.bytes)
            return dataset_fault(d, r, err,
                                 "this row has no second text; give it one or take it out");
        row->text_key = hash_bytes(text.bytes, text.length, 1);
        if (pair.bytes)
            row->text_key = hash_bytes(pair.bytes, pair.length, row->text_key);
        row->key = dataset_hash_target(d, r, row->text_key);
    }
    return 0;
}

static int carve(struct dataset *d, uint64_t split_seed, struct err *err)
{
    uint64_t *key = mem_alloc(d->rows, sizeof *key, "the split", err);
    int32_t *label = key ? mem_alloc(d->rows, sizeof *label, "the split", err) : NULL;
    uint8_t *side = label ? mem_alloc(d->rows, 1, "the split", err) : NULL;
    int result = side ? 0 : -1;
    for (size_t r = 0; side && r < d->rows; r++)
        key[r] = d->row[r].text_key, label[r] = d->row[r].label;
    if (side)
        result = split_carve(key, label, d->rows, d->labels.count, split_seed, side, err);
    for (size_t r = 0; !result && r < d->rows; r++)
        d->row[r].split = side[r];
    free(key);
    free(label);
    free(side);
    return result;
}

/* One row into the counts of the labels it has. */
static void count_labels(struct dataset *d, size_t r)
{
    size_t *counts = d->label_rows + d->row[r].split;
    if (d->problem == PROBLEM_REGRESSION && d->row[r].given)
        counts[0]++;
    if (d->row[r].label != NO_LABEL)
        counts[(size_t)d->row[r].label * SPLIT_COUNT]++;
    for (size_t i = d->set_start ? d->set_start[r] : 0; d->set_start && i < d->set_start[r + 1];
         i++)
        counts[(size_t)d->set[i] * SPLIT_COUNT]++;
}

static int count_rows(struct dataset *d, struct err *err)
{
    d->list = mem_alloc(d->rows, sizeof *d->list, "the rows", err);
    d->label_rows =
        mem_alloc(d->labels.count * SPLIT_COUNT, sizeof *d->label_rows, "the labels", err);
    if (!d->list || !d->label_rows)
        return -1;
    size_t at = 0;
    for (int s = 0; s < SPLIT_COUNT; s++) {
        for (size_t r = 0; r < d->rows; r++) {
            if (d->row[r].split != s)
                continue;
            d->list[at++] = (uint32_t)r;
            d->split_rows[s]++;
            count_labels(d, r);
        }
    }
    return 0;
}

/* ------------------------------------------------------------------ is it fit for training */

static bool label_in_train_file(const struct dataset *d, int32_t label)
{
    return d->carved || dataset_label_rows(d, label, SPLIT_TRAIN);
}

/* A label of the row that the train file lacks, or NO_LABEL. */
static int32_t unknown_label(const struct dataset *d, size_t row)
{
    struct example x;
    dataset_get(d, row, &x);
    if (x.label != NO_LABEL && !label_in_train_file(d, x.label))
        return x.label;
    for (size_t i = 0; i < x.set_count; i++)
        if (!label_in_train_file(d, x.set[i]))
            return x.set[i];
    return NO_LABEL;
}

static int check_targets_known(const struct dataset *d, struct err *err)
{
    bool compare = d->source[SPLIT_TRAIN].table && !d->labels_given;
    char text[100];
    snprintf(text, sizeof text, "this row has no %s; give it one or take it out",
             d->problem == PROBLEM_REGRESSION ? "value" : "label");
    for (size_t r = 0; r < d->rows; r++) {
        if (!d->row[r].given)
            return dataset_fault(d, r, err, text);
        int32_t label = compare ? unknown_label(d, r) : NO_LABEL;
        if (label != NO_LABEL)
            return dataset_unknown_label(d, r, dataset_label(d, label), "the train file", err);
    }
    return 0;
}

int dataset_check(const struct dataset *d, struct err *err)
{
    const struct table *train = d->source[SPLIT_TRAIN].table;
    if (check_targets_known(d, err))
        return -1;
    size_t classes = 0;
    for (size_t i = 0; i < d->labels.count; i++)
        classes += label_in_train_file(d, (int32_t)i);
    if (train && d->problem == PROBLEM_SINGLE_LABEL && classes < 2)
        return err_set(err, ERR_INPUT,
                       "%.200s:%u:1: every row has the label '%.60s'; a classifier "
                       "needs two or more, see that --label-column is the right one",
                       table_path(train), table_line(train, 0),
                       d->labels.count ? dataset_label(d, d->row[0].label) : "");
    if (train && d->problem == PROBLEM_MULTI_LABEL && !classes)
        return err_set(err, ERR_INPUT,
                       "%.200s:%u:1: no row has any label; see that --label-column is "
                       "the right one",
                       table_path(train), table_line(train, 0));
    return 0;
}

/* ------------------------------------------------------------------ opening */

static int load(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    bool lone =
        spec->files[SPLIT_TRAIN] && !spec->files[SPLIT_VALIDATION] && !spec->files[SPLIT_TEST];
    for (int f = 0; f < SPLIT_COUNT; f++)
        if (spec->files[f] && open_source(d, spec, (enum split)f, err))
            return -1;
    if (!d->rows)
        return err_set(err, ERR_USAGE, "no data file was given; name one with --train or --data");
    if (make_rows(d, err) || dataset_read_targets(d, spec, err) || hash_rows(d, err))
        return -1;
    d->carved = lone && spec->split_lone_train;
    if (d->carved && carve(d, spec->split_seed, err))
        return -1;
    if (count_rows(d, err))
        return -1;
    return spec->survey || spec->labels_optional ? 0 : dataset_check(d, err);
}

struct dataset *dataset_open(const struct dataset_spec *spec, struct err *err)
{
    struct dataset *d = mem_alloc(1, sizeof *d, "a data set", err);
    if (d && load(d, spec, err)) {
        dataset_close(d);
        return NULL;
    }
    return d;
}

void dataset_close(struct dataset *d)
{
    if (!d)
        return;
    dataset_clear_targets(d);
    for (int f = 0; f < SPLIT_COUNT; f++) {
        table_close(d->source[f].table);
        free(d->source[f].flags);
    }
    free(d->row);
    free(d->list);
    free(d->label_rows);
    free(d);
}

/* ------------------------------------------------------------------ asking */

size_t dataset_rows(const struct dataset *d)
{
    return d->rows;
}

void dataset_get(const struct dataset *d, size_t row, struct example *out)
{
    const struct row *r = &d->row[row];
    const struct source *s = &d->source[r->file];
    struct cell text = dataset_cell(d, row, s->text), pair = dataset_cell(d, row, s->pair);
    *out = (struct example){
        .text = text.bytes,
        .pair = pair.bytes,
        .text_length = text.length,
        .pair_length = pair.length,
        .given = r->given,
        .label = r->label,
        .value = d->value ? d->value[row] : (double)NAN,
        .set = d->set_start ? d->set + d->set_start[row] : NULL,
        .set_count = d->set_start ? d->set_start[row + 1] - d->set_start[row] : 0,
        .split = (enum split)r->split,
        .line = table_line(s->table, row - s->first),
        .text_key = r->text_key,
        .key = r->key,
    };
}

size_t dataset_split_rows(const struct dataset *d, enum split s)
{
    return d->split_rows[s];
}

const uint32_t *dataset_split_list(const struct dataset *d, enum split s)
{
    const uint32_t *list = d->list;
    for (int before = 0; before < (int)s; before++)
        list += d->split_rows[before];
    return list;
}

enum problem dataset_problem(const struct dataset *d)
{
    return d->problem;
}

const char *dataset_ground(const struct dataset *d)
{
    return d->ground;
}

size_t dataset_labels(const struct dataset *d)
{
    return d->labels.count;
}

const char *dataset_label(const struct dataset *d, int32_t id)
{
    return d->labels.items[id].bytes;
}

size_t dataset_label_rows(const struct dataset *d, int32_t id, enum split s)
{
    return d->label_rows[(size_t)id * SPLIT_COUNT + (size_t)s];
}

static void set_text(const struct dataset *d, const struct example *x, char *out, size_t size)
{
    size_t n = 0;
    snprintf(out, size, "none");
    for (size_t i = 0; i < x->set_count && n < size; i++)
        n +=
            (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", dataset_label(d, x->set[i]));
}

void dataset_target_text(const struct dataset *d, const struct example *x, char *out, size_t size)
{
    if (!x->given)
        snprintf(out, size, "-");
    else if (d->problem == PROBLEM_SINGLE_LABEL)
        snprintf(out, size, "%s", dataset_label(d, x->label));
    else if (d->problem == PROBLEM_REGRESSION)
        snprintf(out, size, "%.6g", x->value);
    else
        set_text(d, x, out, size);
}

const char *dataset_path(const struct dataset *d, enum split s)
{
    return d->source[s].table ? table_path(d->source[s].table) : NULL;
}

const char *dataset_sha256(const struct dataset *d, enum split s)
{
    return d->source[s].table ? table_sha256(d->source[s].table) : NULL;
}

const char *dataset_row_path(const struct dataset *d, size_t row)
{
    return table_path(d->source[d->row[row].file].table);
}
