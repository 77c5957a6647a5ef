/* table.h - a file of rows, whatever its format, as columns of strings.
 *
 * CSV is RFC 4180 (quotes, embedded newlines, CRLF); TSV has no quoting: a tab ends a field, a
 * newline a row, one CR before it is dropped. JSONL is an object a line, JSON an array of objects.
 * A byte order mark is skipped. Errors name file:line:column. The file is read into one block and
 * cells are unescaped where they stand in it, so a table costs its file plus an index, and a loaded
 * table never changes. A blank line is no row, except in a table of one column, where it is an empty
 * cell. */
#ifndef TABLE_H
#define TABLE_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_format { TABLE_AUTO, TABLE_CSV, TABLE_TSV, TABLE_JSONL, TABLE_JSON };
enum table_header { HEADER_AUTO, HEADER_YES, HEADER_NO };

struct cell {
    const char *bytes; /* NUL-terminated as well; NULL for a JSON member that is absent or null */
    size_t length;
};

/* A JSON array of strings and numbers, where the caller takes them (table_open_lists), is a cell that
 * begins with a NUL, as no text may: each item follows a NUL. */
static inline bool table_is_list(struct cell c)
{
    return c.length && !c.bytes[0];
}
/* Takes the next item from the front of a list; false at its end. Items are NUL-terminated. */
bool table_next_item(struct cell *list, const char **item, size_t *length);

struct table;

/* `wanted` (may be NULL) are the column names or numbers the caller will ask for: HEADER_AUTO means
 * yes when one of them stands in the first row; numbers imply no. With no wanted names, yes when
 * the first row holds "text" or "label". */
struct table *table_open(const char *path, enum table_format format, enum table_header header,
                         const char *const *wanted, size_t wanted_count, struct err *err);
/* The same, and in the wanted column `list_column` a JSON array is a list instead of an error. */
struct table *table_open_lists(const char *path, enum table_format format, enum table_header header,
                               const char *const *wanted, size_t wanted_count,
                               const char *list_column, struct err *err);
void table_close(struct table *t); /* NULL is fine */

size_t table_rows(const struct table *t);
size_t table_columns(const struct table *t);
const char *table_column_name(const struct table *t, size_t column); /* NULL without a header */
/* By header name, or by number from 0. -1 and an error that lists the columns there are. */
int table_find_column(const struct table *t, const char *name, size_t *column, struct err *err);
struct cell table_cell(const struct table *t, size_t row, size_t column);
uint32_t table_line(const struct table *t, size_t row); /* from 1, where the row starts */
const char *table_path(const struct table *t);
const char *table_sha256(const struct table *t); /* of the bytes read, in hex */

int table_format_parse(const char *text, enum table_format *out, struct err *err);
int table_header_parse(const char *text, enum table_header *out, struct err *err);

#endif
