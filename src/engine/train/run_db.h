/* run_db.h - run.db: its schema, and how a record becomes a row and a row a record.
 *
 * recorder.c writes, history.c reads; both go through the tables of columns below, so that a field
 * is named once. NaN is stored as NULL, which is what SQLite makes of it. Every row carries the
 * attempt that wrote it and whether a later resume has superseded it; (attempt, seq) is the order
 * in which the trainer said things. */
#ifndef RUN_DB_H
#define RUN_DB_H
#include "engine/base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

enum column_type { COLUMN_I64, COLUMN_I32, COLUMN_BOOL, COLUMN_REAL, COLUMN_TEXT, COLUMN_WORD };

struct column {
    const char *name;
    enum column_type type;          /* unsigned fields are stored as signed of that size */
    size_t offset, size;            /* in the struct */
    const char *(*word)(int value); /* COLUMN_WORD: enums are stored as names */
    int words;
};

struct run_table {
    const char *name, *event; /* `event`: the value of the column `event`; NULL: has none */
    const struct column *columns;
    size_t count;
};

extern const struct run_table run_db_results;          /* of struct run_result */
const struct run_table *run_db_table(int record_kind); /* of struct record; NULL: no such kind */

/* A writer makes the file and its tables. A reader never blocks a writer. */
sqlite3 *run_db_open(const char *rundir, bool writable, struct err *err);
/* What SQLite said last, with `what` was tried. Returns -1. */
int run_db_fail(sqlite3 *db, const char *what, struct err *err);
int run_db_run(sqlite3 *db, const char *sql, struct err *err);
sqlite3_stmt *run_db_prepare(sqlite3 *db, const char *sql, struct err *err);

/* Bind columns from parameter `first` on; read them from result column `first` on. */
void run_db_bind(sqlite3_stmt *s, int first, const struct run_table *t, const void *from);
void run_db_read(sqlite3_stmt *s, int first, const struct run_table *t, void *to);
/* "a, b, c" */
void run_db_names(const struct run_table *t, char *out, size_t size);

#endif
