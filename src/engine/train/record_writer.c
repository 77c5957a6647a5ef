#include "engine/train/record_writer.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/version.h"
#include "engine/eval/metrics.h"
#include "engine/train/run_db.h"

/* ---- starting ---- */

static int prepare_inserts(struct record_writer *w, struct err *err)
{
    for (int kind = 0; kind < RECORD_KINDS; kind++) {
        const struct run_table *t = run_db_table(kind);
        char names[768], sql[1280], marks[256] = "";
        if (!t)
            continue;
        run_db_names(t, names, sizeof names);
        for (size_t i = 0; i < t->count; i++)
            strcat(marks, ", ?");
        snprintf(sql, sizeof sql,
                 "INSERT INTO %s (attempt, seq, time_us, step, %s%s) VALUES (?, ?, ?, ?%s%s%s%s)",
                 t->name, names, t->event ? ", event" : "", marks, t->event ? ", '" : "",
                 t->event ? t->event : "", t->event ? "'" : "");
        if (!(w->insert[kind] = run_db_prepare(w->db, sql, err)))
            return -1;
    }
    return 0;
}

static int prepare_statements(struct record_writer *w, struct err *err)
{
    char names[768], sql[1280], marks[256] = "?";
    run_db_names(&run_db_results, names, sizeof names);
    for (size_t i = 0; i < run_db_results.count; i++)
        strcat(marks, ", ?");
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO results (attempt, %s) VALUES (%s)", names,
             marks);
    if (!(w->insert_result = run_db_prepare(w->db, sql, err)) ||
        !(w->begin = run_db_prepare(w->db, "BEGIN IMMEDIATE", err)) ||
        !(w->commit = run_db_prepare(w->db, "COMMIT", err)) ||
        !(w->rollback = run_db_prepare(w->db, "ROLLBACK", err)) ||
        !(w->insert_prediction =
              run_db_prepare(w->db,
                             "INSERT INTO predictions (evaluation, row, truth, predicted, probs) "
                             "VALUES (?, ?, ?, ?, ?)",
                             err)))
        return -1;
    return prepare_inserts(w, err);
}

static int read_number(sqlite3 *db, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *s = run_db_prepare(db, sql, err);
    if (!s)
        return -1;
    int rc = sqlite3_step(s) == SQLITE_ROW ? 0 : run_db_fail(db, "cannot read", err);
    if (!rc)
        *out = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return rc;
}

/* A new attempt; a resume supersedes what earlier ones said after its checkpoint. */
static int begin_attempt(struct record_writer *w, int64_t resume_step, int64_t *next_id,
                         struct err *err)
{
    static const char *const said[] = {"steps", "evaluations", "edits", "events"};
    char sql[512];
    if (read_number(w->db, "SELECT coalesce(max(attempt), 0) + 1 FROM attempts", &w->attempt,
                    err) ||
        read_number(w->db, "SELECT coalesce(max(id), 0) + 1 FROM evaluations", next_id, err) ||
        run_db_run(w->db, "BEGIN IMMEDIATE", err))
        return -1;
    snprintf(sql, sizeof sql, "INSERT INTO attempts VALUES (%lld, %lld, %lld, '%s')",
             (long long)w->attempt, (long long)clock_wall_us(), (long long)resume_step,
             SFT_VERSION);
    int rc = run_db_run(w->db, sql, err);
    for (size_t i = 0; !rc && resume_step >= 0 && i < sizeof said / sizeof said[0]; i++) {
        snprintf(sql, sizeof sql, "UPDATE %s SET superseded = 1 WHERE step > %lld", said[i],
                 (long long)resume_step);
        rc = run_db_run(w->db, sql, err);
    }
    return rc ? rc : run_db_run(w->db, "COMMIT", err);
}

int record_writer_open(struct record_writer *w, const char *rundir, int64_t resume_step,
                       int64_t *next_id, struct err *err)
{
    memset(w, 0, sizeof *w);
    if ((w->db = run_db_open(rundir, true, err)) && !begin_attempt(w, resume_step, next_id, err) &&
        !prepare_statements(w, err))
        return 0;
    record_writer_close(w, false);
    return -1;
}

void record_writer_close(struct record_writer *w, bool join_files)
{
    sqlite3_stmt *const statements[] = {w->begin, w->commit, w->rollback, w->insert_prediction,
                                        w->insert_result};
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
        sqlite3_finalize(statements[i]);
    for (int i = 0; i < RECORD_KINDS; i++)
        sqlite3_finalize(w->insert[i]);
    if (w->db && join_files)
        sqlite3_exec(w->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    sqlite3_close(w->db);
    strbuf_clear(&w->truth);
    strbuf_clear(&w->predicted);
    memset(w, 0, sizeof *w);
}

/* ---- rows ---- */

static int step_once(struct record_writer *w, sqlite3_stmt *s, struct err *err)
{
    int rc = sqlite3_step(s) == SQLITE_DONE ? 0 : run_db_fail(w->db, "cannot record", err);
    sqlite3_reset(s);
    return rc;
}

int record_writer_begin(struct record_writer *w, bool sync, struct err *err)
{
    const char *how = sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
    return run_db_run(w->db, how, err) ? -1 : step_once(w, w->begin, err);
}

int record_writer_commit(struct record_writer *w, struct err *err)
{
    return step_once(w, w->commit, err);
}

void record_writer_rollback(struct record_writer *w)
{
    if (w->db && !sqlite3_get_autocommit(w->db)) /* some errors have rolled back already */
        step_once(w, w->rollback, NULL);
}

int record_writer_put(struct record_writer *w, const struct record *rec, struct err *err)
{
    const struct run_table *t = run_db_table((int)rec->kind);
    if (!t)
        return 0;
    sqlite3_stmt *s = w->insert[rec->kind];
    sqlite3_bind_int64(s, 1, w->attempt);
    sqlite3_bind_int64(s, 2, (int64_t)rec->seq);
    sqlite3_bind_int64(s, 3, rec->time_us);
    sqlite3_bind_int64(s, 4, rec->step);
    run_db_bind(s, 5, t, rec);
    return step_once(w, s, err);
}

/* "[0,3]": the ids whose number is above one half. */
static void write_set(struct strbuf *out, const float *values, size_t labels)
{
    out->length = 0;
    strbuf_puts(out, "[");
    for (size_t k = 0; k < labels; k++)
        if (answer_has(values[k]))
            strbuf_printf(out, "%s%zu", out->length > 1 ? "," : "", k);
    strbuf_puts(out, "]");
}

static int bind_sets(struct record_writer *w, const float *truth, const float *answer,
                     size_t labels, struct err *err)
{
    write_set(&w->truth, truth, labels);
    write_set(&w->predicted, answer, labels);
    if (w->truth.failed || w->predicted.failed)
        return err_set(err, ERR_NOMEM, "out of memory for the predictions of an evaluation");
    sqlite3_bind_text(w->insert_prediction, 3, w->truth.text, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(w->insert_prediction, 4, w->predicted.text, -1, SQLITE_TRANSIENT);
    return 0;
}

int record_writer_put_prediction(struct record_writer *w, int64_t evaluation, uint32_t row,
                                 const struct targets *t, size_t at, const float *logits,
                                 float *answer, struct err *err)
{
    sqlite3_stmt *s = w->insert_prediction;
    answer_row(answer, logits, t->width, t->problem);
    sqlite3_bind_int64(s, 1, evaluation);
    sqlite3_bind_int64(s, 2, row);
    if (t->problem == PROBLEM_MULTI_LABEL) {
        if (bind_sets(w, t->value + at * t->width, answer, t->width, err))
            return -1;
    } else if (t->problem == PROBLEM_REGRESSION) {
        sqlite3_bind_double(s, 3, (double)t->value[at]);
        sqlite3_bind_double(s, 4, (double)answer[0]);
    } else {
        sqlite3_bind_int64(s, 3, t->label[at]);
        sqlite3_bind_int64(s, 4, (int64_t)argmax_row(logits, t->width));
    }
    sqlite3_bind_blob(s, 5, answer, (int)(t->width * sizeof *answer), SQLITE_STATIC);
    return step_once(w, s, err);
}

int record_writer_put_result(struct record_writer *w, const struct run_result *result,
                             struct err *err)
{
    sqlite3_bind_int64(w->insert_result, 1, w->attempt);
    run_db_bind(w->insert_result, 2, &run_db_results, result);
    return step_once(w, w->insert_result, err);
}
