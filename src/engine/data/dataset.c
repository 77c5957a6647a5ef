/* dataset.c - tables joined into examples.
 *
 * Texts stay in their tables; a row of the dataset is a table, a row of it, a label id, a split and
 * two hashes. Opening goes file by file (columns, texts, labels), then over all rows at once (label
 * order, keys, splits), then asks whether a model can be trained on the result. */
#include "engine/data/dataset.h"

#include "engine/base/hash.h"
#include "engine/base/mem.h"
#include "engine/data/intern.h"
#include "engine/data/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_COLUMN SIZE_MAX

struct source {
    struct table *table;
    size_t text, pair, label; /* columns, or NO_COLUMN */
    size_t first;             /* dataset row of its first row */
};

struct row {
    uint64_t text_key, key;
    int32_t label;
    uint8_t split, file;
};

struct dataset {
    struct source source[SPLIT_COUNT];
    size_t rows;
    struct row *row;
    uint32_t *list;           /* row numbers, train's, then validation's, then test's */
    size_t split_rows[SPLIT_COUNT];
    struct intern labels;     /* in id order once opened */
    char **given;             /* copies of the labels the caller gave, which labels borrows */
    size_t given_count;
    size_t *label_rows;       /* (labels, SPLIT_COUNT) */
    bool labels_given;
    bool carved;              /* one file, split here */
};

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

static int find_columns(struct source *s, const struct dataset_spec *spec, struct err *err)
{
    const struct table *t = s->table;
    s->pair = s->label = NO_COLUMN;
    if (find_column(t, spec->text_column, "text", true, "text-column", &s->text, err))
        return -1;
    if (spec->pair_column &&
        find_column(t, spec->pair_column, NULL, false, "text-column", &s->pair, err))
        return -1;
    bool optional = spec->labels_optional;
    if (find_column(t, spec->label_column, "label", false, "label-column", &s->label,
                    optional ? NULL : err))
        return optional ? 0 : -1;
    return 0;
}

static int open_source(struct dataset *d, const struct dataset_spec *spec, enum split file,
                       struct err *err)
{
    struct source *s = &d->source[file];
    const char *wanted[] = {
        spec->text_column ? spec->text_column : "text",
        spec->label_column ? spec->label_column : "label",
        spec->pair_column,
    };
    s->first = d->rows;
    s->table = table_open(spec->files[file], spec->format, spec->header, wanted, 3, err);
    if (!s->table)
        return -1;
    if (!table_rows(s->table))
        return err_set(err, ERR_INPUT, "%.200s:1:1: a header and no rows; give it rows of text and "
                       "label", spec->files[file]);
    if (find_columns(s, spec, err))
        return -1;
    d->rows += table_rows(s->table);
    if (d->rows > UINT32_MAX - 1)
        return err_set(err, ERR_UNSUPPORTED, "more than 4 billion rows; use fewer");
    return 0;
}

/* "path:line:1" of a dataset row, for a message. */
static int row_fault(const struct dataset *d, size_t row, struct err *err, const char *text)
{
    const struct source *s = &d->source[d->row[row].file];
    return err_set(err, ERR_INPUT, "%.200s:%u:1: %s", table_path(s->table),
                   table_line(s->table, row - s->first), text);
}

static struct cell row_cell(const struct dataset *d, size_t row, size_t column)
{
    const struct source *s = &d->source[d->row[row].file];
    if (column == NO_COLUMN)
        return (struct cell){NULL, 0};
    return table_cell(s->table, row - s->first, column);
}

/* ------------------------------------------------------------------ labels */

static int unknown_label(const struct dataset *d, size_t row, const char *label, const char *whom,
                         struct err *err)
{
    char text[300];
    snprintf(text, sizeof text, "label '%.100s' is unknown: %s does not have it; correct the row or "
             "%s", label, whom,
             d->labels_given ? "use a model trained with this label"
                             : "put rows with this label into the train file");
    return row_fault(d, row, err, text);
}

/* Every row's label as a number in order of appearance, or as the caller's id. */
static int intern_labels(struct dataset *d, bool optional, struct err *err)
{
    for (size_t r = 0; r < d->rows; r++) {
        const struct source *s = &d->source[d->row[r].file];
        struct cell c = row_cell(d, r, s->label);
        uint32_t id = 0;
        d->row[r].label = NO_LABEL;
        if (!c.length)
            continue;
        if (d->labels_given) {
            if (!intern_find(&d->labels, c.bytes, c.length, &id)) {
                if (optional)
                    continue;
                return unknown_label(d, r, c.bytes, "the model", err);
            }
        } else if (intern_add(&d->labels, c.bytes, c.length, &id, err)) {
            return -1;
        }
        d->row[r].label = (int32_t)id;
    }
    return 0;
}

static int take_given_labels(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    d->labels_given = true;
    d->given = mem_alloc(spec->label_count, sizeof *d->given, "the labels", err);
    if (!d->given)
        return -1;
    for (size_t i = 0; i < spec->label_count; i++) {
        uint32_t id;
        d->given[i] = mem_strdup(spec->labels[i], err);
        if (!d->given[i])
            return -1;
        d->given_count++;
        if (intern_add(&d->labels, d->given[i], strlen(d->given[i]), &id, err))
            return -1;
        if (id != i)
            return err_set(err, ERR_INPUT, "the model names the label '%.100s' twice; correct "
                           "id2label in its config.json", d->given[i]);
    }
    return 0;
}

struct ordered {
    struct cell name;
    uint32_t was;
};

static int compare_names(const void *a, const void *b)
{
    const struct cell *x = &((const struct ordered *)a)->name, *y = &((const struct ordered *)b)->name;
    size_t n = x->length < y->length ? x->length : y->length;
    int c = memcmp(x->bytes, y->bytes, n);
    return c ? c : x->length < y->length ? -1 : x->length > y->length;
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
    free(order);
    free(now);
    return result;
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
        struct cell text = row_cell(d, r, s->text), pair = row_cell(d, r, s->pair);
        struct cell label = row_cell(d, r, s->label);
        if (!text.bytes)
            return row_fault(d, r, err, "this row has no text; give it one or take it out");
        if (s->pair != NO_COLUMN && !pair.bytes)
            return row_fault(d, r, err, "this row has no second text; give it one or take it out");
        row->text_key = hash_bytes(text.bytes, text.length, 1);
        if (pair.bytes)
            row->text_key = hash_bytes(pair.bytes, pair.length, row->text_key);
        row->key = hash_bytes(label.length ? label.bytes : "", label.length, row->text_key);
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

static int count_rows(struct dataset *d, struct err *err)
{
    d->list = mem_alloc(d->rows, sizeof *d->list, "the rows", err);
    d->label_rows = mem_alloc(d->labels.count * SPLIT_COUNT, sizeof *d->label_rows, "the labels",
                              err);
    if (!d->list || !d->label_rows)
        return -1;
    size_t at = 0;
    for (int s = 0; s < SPLIT_COUNT; s++) {
        for (size_t r = 0; r < d->rows; r++) {
            if (d->row[r].split != s)
                continue;
            d->list[at++] = (uint32_t)r;
            d->split_rows[s]++;
            if (d->row[r].label != NO_LABEL)
                d->label_rows[(size_t)d->row[r].label * SPLIT_COUNT + (size_t)s]++;
        }
    }
    return 0;
}

/* ------------------------------------------------------------------ is it fit for training */

static bool label_in_train_file(const struct dataset *d, int32_t label)
{
    return d->carved || dataset_label_rows(d, label, SPLIT_TRAIN);
}

static int check_labels_known(const struct dataset *d, struct err *err)
{
    bool compare = d->source[SPLIT_TRAIN].table && !d->labels_given;
    for (size_t r = 0; r < d->rows; r++) {
        int32_t label = d->row[r].label;
        if (label == NO_LABEL)
            return row_fault(d, r, err, "this row has no label; give it one or take it out");
        if (compare && !label_in_train_file(d, label))
            return unknown_label(d, r, dataset_label(d, label), "the train file", err);
    }
    return 0;
}

int dataset_check(const struct dataset *d, struct err *err)
{
    if (check_labels_known(d, err))
        return -1;
    size_t classes = 0;
    for (size_t i = 0; i < d->labels.count; i++)
        classes += label_in_train_file(d, (int32_t)i);
    if (d->source[SPLIT_TRAIN].table && classes < 2)
        return err_set(err, ERR_INPUT, "%.200s:%u:1: every row has the label '%.60s'; a classifier "
                       "needs two or more, see that --label-column is the right one",
                       table_path(d->source[SPLIT_TRAIN].table),
                       table_line(d->source[SPLIT_TRAIN].table, 0),
                       d->labels.count ? dataset_label(d, d->row[0].label) : "");
    return 0;
}

/* ------------------------------------------------------------------ opening */

static int load(struct dataset *d, const struct dataset_spec *spec, struct err *err)
{
    bool lone = spec->files[SPLIT_TRAIN] && !spec->files[SPLIT_VALIDATION] &&
                !spec->files[SPLIT_TEST];
    if (spec->labels && take_given_labels(d, spec, err))
        return -1;
    for (int f = 0; f < SPLIT_COUNT; f++)
        if (spec->files[f] && open_source(d, spec, (enum split)f, err))
            return -1;
    if (!d->rows)
        return err_set(err, ERR_USAGE, "no data file was given; name one with --train or --data");
    if (make_rows(d, err) || intern_labels(d, spec->labels_optional, err) || hash_rows(d, err))
        return -1;
    if (!spec->labels && sort_labels(d, err))
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
    for (int f = 0; f < SPLIT_COUNT; f++)
        table_close(d->source[f].table);
    for (size_t i = 0; i < d->given_count; i++)
        free(d->given[i]);
    free(d->given);
    intern_clear(&d->labels);
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
    struct cell text = row_cell(d, row, s->text), pair = row_cell(d, row, s->pair);
    *out = (struct example){
        .text = text.bytes,
        .pair = pair.bytes,
        .text_length = text.length,
        .pair_length = pair.length,
        .label = r->label,
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
