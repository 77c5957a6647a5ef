#include "engine/train/run_db.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/train/history.h"
#include "engine/train/ring.h"

enum { SCHEMA_VERSION = 2 };

#define EVERY_ROW                                                                                  \
    " attempt INTEGER NOT NULL, superseded INTEGER NOT NULL DEFAULT 0,"                            \
    " seq INTEGER, time_us INTEGER, step INTEGER,"

/* Written for people with a sqlite3 shell as much as for us. */
static const char schema[] =
    "CREATE TABLE attempts ("
    "  attempt INTEGER PRIMARY KEY, started_us INTEGER, resume_step INTEGER, version TEXT);"
    "CREATE TABLE steps (" EVERY_ROW
    "  loss REAL, grad_norm REAL, learning_rate REAL, epoch REAL, seconds REAL,"
    "  tokens INTEGER, examples INTEGER);"
    "CREATE TABLE evaluations (" EVERY_ROW
    "  id INTEGER, split TEXT, best INTEGER, by_hand INTEGER, loss REAL, accuracy REAL,"
    "  macro_f1 REAL, mcc REAL, epoch REAL, rows INTEGER, wrong INTEGER, problem TEXT,"
    "  micro_f1 REAL, subset_accuracy REAL, hamming_loss REAL,"
    "  mse REAL, mae REAL, pearson REAL, spearman REAL, r2 REAL);"
    "CREATE INDEX evaluation_by_id ON evaluations (id);"
    /* truth and predicted: a label's id, a number, or a set of ids as JSON; probs: float32 a label. */
    "CREATE TABLE predictions ("
    "  evaluation INTEGER NOT NULL, row INTEGER NOT NULL, truth, predicted,"
    "  probs BLOB, PRIMARY KEY (evaluation, row)) WITHOUT ROWID;"
    "CREATE TABLE edits (" EVERY_ROW
    "  command INTEGER, setting TEXT, before REAL, after REAL);" /* command 0: a replay */
    "CREATE TABLE events (" EVERY_ROW
    "  event TEXT NOT NULL, from_state TEXT, to_state TEXT, checkpoint TEXT, size_bytes INTEGER,"
    "  command INTEGER, code INTEGER, text TEXT);"
    "CREATE TABLE results ("
    "  attempt INTEGER PRIMARY KEY, state TEXT, steps INTEGER, epochs REAL, seconds REAL,"
    "  tokens_per_second REAL, train_loss REAL, tokens INTEGER, weights_sha256 TEXT,"
    "  has_validation INTEGER, has_test INTEGER, validation_accuracy REAL, validation_loss REAL,"
    "  test_accuracy REAL, test_loss REAL, problem TEXT, validation_score REAL, test_score REAL);"
    "PRAGMA user_version = 2;";

/* ---- names of enum values ---- */

static const char *word_of_state(int value)
{
    return trainer_state_name((enum trainer_state)value);
}

static const char *word_of_split(int value)
{
    static const char *const names[SPLIT_COUNT] = {"train", "validation", "test"};
    return names[value];
}

static const char *word_of_problem(int value)
{
    return problem_name((enum problem)value);
}

static const char *word_of_checkpoint(int value)
{
    static const char *const names[] = {"scheduled", "best", "stop", "final"};
    return names[value];
}

static const char *word_of_setting(int value)
{
    return settings_at((size_t)value)->name;
}

/* ---- fields ---- */

#define FIELD(of, type, name, path)                                                                \
    {                                                                                              \
        name, COLUMN_##type, offsetof(of, path), sizeof((of *)0)->path, NULL, 0                    \
    }
#define WORDS(of, name, path, word, count)                                                         \
    {                                                                                              \
        name, COLUMN_WORD, offsetof(of, path), sizeof((of *)0)->path, word, count                  \
    }
#define AS(kind, type, name) FIELD(struct record, type, #name, as.kind.name)
#define AS_WORD(kind, column, name, word, count)                                                   \
    WORDS(struct record, column, as.kind.name, word, count)
#define TABLE(name, event, columns)                                                                \
    {                                                                                              \
        name, event, columns, sizeof columns / sizeof columns[0]                                   \
    }

static const struct column step_columns[] = {
    AS(step_sample, REAL, loss),          AS(step_sample, REAL, grad_norm),
    AS(step_sample, REAL, learning_rate), AS(step_sample, REAL, epoch),
    AS(step_sample, REAL, seconds),       AS(step_sample, I32, tokens),
    AS(step_sample, I32, examples),
};
static const struct column eval_columns[] = {
    AS(eval, I64, id),
    AS_WORD(eval, "split", split, word_of_split, SPLIT_COUNT),
    AS(eval, BOOL, best),
    AS(eval, BOOL, by_hand),
    AS(eval, REAL, loss),
    AS(eval, REAL, accuracy),
    AS(eval, REAL, macro_f1),
    AS(eval, REAL, mcc),
    AS(eval, REAL, epoch),
    AS(eval, I32, rows),
    AS(eval, I32, wrong),
    AS_WORD(eval, "problem", problem, word_of_problem, PROBLEM_COUNT),
    AS(eval, REAL, micro_f1),
    AS(eval, REAL, subset_accuracy),
    AS(eval, REAL, hamming_loss),
    AS(eval, REAL, mse),
    AS(eval, REAL, mae),
    AS(eval, REAL, pearson),
    AS(eval, REAL, spearman),
    AS(eval, REAL, r2),
};
static const struct column state_columns[] = {
    AS_WORD(state, "from_state", from, word_of_state, TRAINER_FAILED + 1),
    AS_WORD(state, "to_state", to, word_of_state, TRAINER_FAILED + 1),
};
static const struct column edit_columns[] = {
    AS(edit, I64, command),
    AS_WORD(edit, "setting", setting, word_of_setting, 0), /* 0: settings_count() */
    AS(edit, REAL, before),
    AS(edit, REAL, after),
};
static const struct column checkpoint_columns[] = {
    AS_WORD(checkpoint, "checkpoint", kind, word_of_checkpoint, CHECKPOINT_FINAL + 1),
    AS(checkpoint, I64, size_bytes),
};
static const struct column answer_columns[] = {AS(answer, I64, command), AS(answer, I32, code),
                                               AS(answer, TEXT, text)};
static const struct column warning_columns[] = {AS(warning, TEXT, text)};

#define OF(type, name) FIELD(struct run_result, type, #name, name)
static const struct column result_columns[] = {
    WORDS(struct run_result, "state", state, word_of_state, TRAINER_FAILED + 1),
    OF(I64, steps),
    OF(REAL, epochs),
    OF(REAL, seconds),
    OF(REAL, tokens_per_second),
    OF(REAL, train_loss),
    OF(I64, tokens),
    OF(TEXT, weights_sha256),
    OF(BOOL, has_validation),
    OF(BOOL, has_test),
    OF(REAL, validation_accuracy),
    OF(REAL, validation_loss),
    OF(REAL, test_accuracy),
    OF(REAL, test_loss),
    WORDS(struct run_result, "problem", problem, word_of_problem, PROBLEM_COUNT),
    OF(REAL, validation_score),
    OF(REAL, test_score),
};
const struct run_table run_db_results = TABLE("results", NULL, result_columns);

const struct run_table *run_db_table(int record_kind)
{
    static const struct run_table tables[] = {
        [RECORD_STEP] = TABLE("steps", NULL, step_columns),
        [RECORD_EVAL] = TABLE("evaluations", NULL, eval_columns),
        [RECORD_STATE] = TABLE("events", "state", state_columns),
        [RECORD_EDIT] = TABLE("edits", NULL, edit_columns),
        [RECORD_CHECKPOINT] = TABLE("events", "checkpoint", checkpoint_columns),
        [RECORD_ANSWER] = TABLE("events", "answer", answer_columns),
        [RECORD_WARNING] = TABLE("events", "warning", warning_columns),
    };
    if (record_kind < RECORD_STEP || record_kind > RECORD_WARNING)
        return NULL;
    return &tables[record_kind];
}

void run_db_names(const struct run_table *t, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", t->columns[i].name);
    assert(n < size);
}

/* ---- rows ---- */

static int word_count(const struct column *c)
{
    return c->words ? c->words : (int)settings_count();
}

void run_db_bind(sqlite3_stmt *s, int first, const struct run_table *t, const void *from)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct column *c = &t->columns[i];
        const void *at = (const char *)from + c->offset;
        int parameter = first + (int)i, word;
        switch (c->type) {
        case COLUMN_I64:
            sqlite3_bind_int64(s, parameter, *(const int64_t *)at);
            break;
        case COLUMN_I32:
            sqlite3_bind_int64(s, parameter, *(const int32_t *)at);
            break;
        case COLUMN_BOOL:
            sqlite3_bind_int(s, parameter, *(const bool *)at);
            break;
        case COLUMN_REAL:
            sqlite3_bind_double(s, parameter, *(const double *)at);
            break;
        case COLUMN_TEXT:
            sqlite3_bind_text(s, parameter, at, (int)strnlen(at, c->size), SQLITE_STATIC);
            break;
        case COLUMN_WORD:
            memcpy(&word, at, sizeof word);
            if (word >= 0 && word < word_count(c))
                sqlite3_bind_text(s, parameter, c->word(word), -1, SQLITE_STATIC);
            else
                sqlite3_bind_null(s, parameter);
            break;
        }
    }
}

static void read_word(const struct column *c, const char *text, void *to)
{
    for (int value = 0; text && value < word_count(c); value++)
        if (!strcmp(c->word(value), text))
            memcpy(to, &value, sizeof value);
}

void run_db_read(sqlite3_stmt *s, int first, const struct run_table *t, void *to)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct column *c = &t->columns[i];
        void *at = (char *)to + c->offset;
        int column = first + (int)i;
        const char *text;
        switch (c->type) {
        case COLUMN_I64:
            *(int64_t *)at = sqlite3_column_int64(s, column);
            break;
        case COLUMN_I32:
            *(int32_t *)at = (int32_t)sqlite3_column_int64(s, column);
            break;
        case COLUMN_BOOL:
            *(bool *)at = sqlite3_column_int(s, column) != 0;
            break;
        case COLUMN_REAL:
            *(double *)at = sqlite3_column_type(s, column) == SQLITE_NULL
                                ? (double)NAN
                                : sqlite3_column_double(s, column);
            break;
        case COLUMN_TEXT:
            text = (const char *)sqlite3_column_text(s, column);
            snprintf(at, c->size, "%s", text ? text : "");
            break;
        case COLUMN_WORD:
            read_word(c, (const char *)sqlite3_column_text(s, column), at);
            break;
        }
    }
}

/* ---- the file ---- */

int run_db_fail(sqlite3 *db, const char *what, struct err *err)
{
    int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    const char *path = db ? sqlite3_db_filename(db, "main") : NULL;
    const char *name = path && path[0] ? path : "run.db";
    switch (code & 0xff) {
    case SQLITE_FULL:
        return err_set(err, ERR_NOSPACE, "%s: the disk of '%s' is full; make room", what, name);
    case SQLITE_IOERR:
        return err_set(err, ERR_IO,
                       "%s: the system refused to read or write '%s'; look at its disk "
                       "and quota",
                       what, name);
    case SQLITE_NOMEM:
        return err_set(err, ERR_NOMEM, "%s: out of memory for '%s'", what, name);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_BUSY, "%s: another process has locked '%s'", what, name);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_INPUT, "%s: '%s' is damaged (%s)", what, name, sqlite3_errmsg(db));
    }
    return err_set(err, ERR_IO, "%s: '%s': %s", what, name, sqlite3_errmsg(db));
}

int run_db_run(sqlite3 *db, const char *sql, struct err *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return run_db_fail(db, "cannot record", err);
}

sqlite3_stmt *run_db_prepare(sqlite3 *db, const char *sql, struct err *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) == SQLITE_OK)
        return s;
    run_db_fail(db, "cannot prepare records", err);
    return NULL;
}

static int schema_version(sqlite3 *db, int *version, struct err *err)
{
    sqlite3_stmt *s = run_db_prepare(db, "PRAGMA user_version", err);
    int rc = s && sqlite3_step(s) == SQLITE_ROW ? 0 : s ? run_db_fail(db, "cannot read", err) : -1;
    if (!rc)
        *version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return rc;
}

static int prepare_file(sqlite3 *db, bool writable, struct err *err)
{
    int version;
    sqlite3_busy_timeout(db, 5000);
    if (writable && run_db_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err))
        return -1;
    if (schema_version(db, &version, err))
        return -1;
    if (version == 0 && writable) {
        char all[sizeof schema + 32];
        snprintf(all, sizeof all, "BEGIN; %s COMMIT", schema);
        if (run_db_run(db, all, err))
            return -1;
    } else if (version == 0) {
        return err_set(err, ERR_INPUT, "'%s' holds no records yet; wait until training has begun",
                       sqlite3_db_filename(db, "main"));
    } else if (version != SCHEMA_VERSION) {
        return err_set(err, ERR_UNSUPPORTED,
                       "'%s' was made by another version of sft (layout %d, "
                       "this one has %d)",
                       sqlite3_db_filename(db, "main"), version, (int)SCHEMA_VERSION);
    }
    return 0;
}

sqlite3 *run_db_open(const char *rundir, bool writable, struct err *err)
{
    char path[4096];
    sqlite3 *db = NULL;
    if (file_join(path, sizeof path, rundir, "run.db", err))
        return NULL;
    if (!writable && !file_exists(path)) {
        err_set(err, ERR_INPUT, "'%s' has no run.db; name the directory of a run", rundir);
        return NULL;
    }
    int flags = writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    /* A connection serves one thread at a time, so SQLite need not lock it. */
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK ? run_db_fail(db, "cannot open", err) : prepare_file(db, writable, err)) {
        sqlite3_close(db);
        return NULL;
    }
    return db;
}
