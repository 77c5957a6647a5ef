/* table_internal.h - what the readers of a table's formats share; nobody else includes it.
 *
 * A reader walks the bytes once, adds cells that point into them, and ends each row. Delimited rows
 * are dense: every row has as many cells as there are columns. Rows of JSON objects are sparse: each
 * cell carries its column, so that a file in which every object has other keys still costs memory in
 * proportion to its size. */
#ifndef TABLE_INTERNAL_H
#define TABLE_INTERNAL_H
#include "engine/base/mem.h"
#include "engine/data/intern.h"
#include "engine/data/table.h"

struct table {
    char *path;
    char sha256[65];
    enum table_format format;
    char *bytes; /* the file, changed in place; a NUL stands after the last byte */
    size_t size_bytes;
    struct cell *cells;
    size_t cell_count, cell_capacity;
    uint32_t *lines; /* per row */
    size_t row_count, line_capacity;
    size_t columns;
    size_t header_rows; /* 1: row 0 of cells holds the names */
    /* JSON only. */
    struct intern names;
    uint32_t *cell_column; /* per cell */
    size_t column_capacity;
    uint64_t *row_start; /* per row, its first cell */
    size_t start_capacity;
};

/* A place in the bytes that are being read. Columns count bytes from 1. */
struct table_cursor {
    struct table *t;
    char *at, *end, *line_start;
    uint32_t line;
    const char *const *wanted;
    size_t wanted_count;
    const char *list_column; /* or NULL */
    struct err *err;
};

static inline int table_add_cell(struct table *t, const char *bytes, size_t length, struct err *err)
{
    if (t->cell_count == t->cell_capacity &&
        mem_grow(&t->cells, &t->cell_capacity, t->cell_count + 1, sizeof *t->cells,
                 "the table's cells", err))
        return -1;
    t->cells[t->cell_count++] = (struct cell){bytes, length};
    return 0;
}

int table_add_row(struct table *t, uint32_t line, struct err *err);

/* "path:line:column: text" as an ERR_INPUT, for the byte at `at` of the cursor's line. Returns -1. */
int table_fault(const struct table_cursor *c, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

int table_read_csv(struct table_cursor *c);
int table_read_tsv(struct table_cursor *c);
int table_read_jsonl(struct table_cursor *c);
int table_read_json(struct table_cursor *c);

#endif
