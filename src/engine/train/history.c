/* Each call is one read transaction, so what it returns belongs together even while the recorder
 * writes. */
#include "engine/train/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/train/run_db.h"

struct history {
    sqlite3 *db;
    char rundir[4096];
};

struct history *history_open(const char *rundir, struct err *err)
{
    struct history *h = mem_alloc(1, sizeof *h, "the history of a run", err);
    if (!h)
        return NULL;
    snprintf(h->rundir, sizeof h->rundir, "%s", rundir);
    h->db = run_db_open(rundir, false, err);
    if (!h->db) {
        free(h);
        return NULL;
    }
    return h;
}

void history_close(struct history *h)
{
    if (!h)
        return;
    sqlite3_close(h->db);
    free(h);
}

static int begin(struct history *h, struct err *err)
{
    return run_db_run(h->db, "BEGIN", err);
}

static void end(struct history *h)
{
    sqlite3_exec(h->db, "COMMIT", NULL, NULL, NULL); /* of a reader: cannot fail */
}

/* 1: a row is there, 0: there is none left, -1: *err. */
static int next_row(struct history *h, sqlite3_stmt *s, struct err *err)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : run_db_fail(h->db, "cannot read the records", err);
}

/* ---- records ---- */

struct list {
    struct record *record;
    size_t count, capacity;
};

static int append(struct list *l, const struct record *rec, struct err *err)
{
    if (mem_grow(&l->record, &l->capacity, l->count + 1, sizeof *rec, "the records of a run", err))
        return -1;
    l->record[l->count++] = *rec;
    return 0;
}

/* One kind of record in the order of the run; the sources are merged by (attempt, seq). */
struct source {
    sqlite3_stmt *rows;
    const struct run_table *table;
    bool live; /* `attempt` and `record` hold the next */
    int64_t attempt;
    struct record record;
};

static void read_record(sqlite3_stmt *s, int kind, const struct run_table *t, struct record *out)
{
    memset(out, 0, sizeof *out);
    out->kind = (enum record_kind)kind;
    out->seq = (uint64_t)sqlite3_column_int64(s, 1);
    out->time_us = sqlite3_column_int64(s, 2);
    out->step = sqlite3_column_int64(s, 3);
    run_db_read(s, 4, t, out);
}

static int advance(struct history *h, struct source *s, int kind, struct err *err)
{
    int there = next_row(h, s->rows, err);
    s->live = there > 0;
    if (s->live) {
        s->attempt = sqlite3_column_int64(s->rows, 0);
        read_record(s->rows, kind, s->table, &s->record);
    }
    return there < 0 ? -1 : 0;
}

static int open_source(struct history *h, struct source *s, int kind, struct err *err)
{
    char names[768], sql[1280];
    s->table = run_db_table(kind);
    if (!s->table)
        return 0;
    const char *event = s->table->event;
    run_db_names(s->table, names, sizeof names);
    snprintf(sql, sizeof sql,
             "SELECT attempt, seq, time_us, step, %s FROM %s WHERE NOT superseded%s%s%s "
             "ORDER BY attempt, seq, rowid",
             names, s->table->name, event ? " AND event = '" : "", event ? event : "",
             event ? "'" : "");
    s->rows = run_db_prepare(h->db, sql, err);
    return s->rows ? advance(h, s, kind, err) : -1;
}

static bool comes_before(const struct source *a, const struct source *b)
{
    if (a->attempt != b->attempt)
        return a->attempt < b->attempt;
    return a->record.seq < b->record.seq;
}

static int merge(struct history *h, struct source *sources, int count, struct list *out,
                 struct err *err)
{
    for (;;) {
        int first = -1;
        for (int k = 0; k < count; k++)
            if (sources[k].live && (first < 0 || comes_before(&sources[k], &sources[first])))
                first = k;
        if (first < 0)
            return 0;
        if (append(out, &sources[first].record, err) || advance(h, &sources[first], first, err))
            return -1;
    }
}

int history_records(struct history *h, struct record **out, size_t *count, struct err *err)
{
    enum { KINDS = RECORD_WARNING + 1 };
    struct source sources[KINDS];
    struct list list = {0};
    memset(sources, 0, sizeof sources);
    int rc = begin(h, err);
    for (int kind = 0; !rc && kind < KINDS; kind++)
        rc = open_source(h, &sources[kind], kind, err);
    if (!rc)
        rc = merge(h, sources, KINDS, &list, err);
    for (int kind = 0; kind < KINDS; kind++)
        sqlite3_finalize(sources[kind].rows);
    end(h);
    if (rc) {
        free(list.record);
        return -1;
    }
    *out = list.record;
    *count = list.count;
    return 0;
}

int history_edits(struct history *h, int64_t from_step, struct record **out, size_t *count,
                  struct err *err)
{
    const struct run_table *t = run_db_table(RECORD_EDIT);
    struct list list = {0};
    struct record rec;
    char names[768], sql[1280];
    run_db_names(t, names, sizeof names);
    snprintf(
        sql, sizeof sql,
        "SELECT attempt, seq, time_us, step, %s FROM edits WHERE command != 0 AND step >= %lld "
        "ORDER BY step, attempt, seq, rowid",
        names, (long long)from_step);
    sqlite3_stmt *s = run_db_prepare(h->db, sql, err);
    int there = s ? 1 : -1;
    while (there > 0 && (there = next_row(h, s, err)) > 0) {
        read_record(s, RECORD_EDIT, t, &rec);
        if (append(&list, &rec, err))
            there = -1;
    }
    sqlite3_finalize(s);
    if (there < 0) {
        free(list.record);
        return -1;
    }
    *out = list.record;
    *count = list.count;
    return 0;
}

/* ---- evaluations ---- */

static int find_evaluation(struct history *h, int64_t id, enum split split, struct evaluation *out,
                           struct err *err)
{
    const struct run_table *t = run_db_table(RECORD_EVAL);
    struct record rec;
    char names[768], sql[1280];
    run_db_names(t, names, sizeof names);
    snprintf(sql, sizeof sql,
             "SELECT attempt, seq, time_us, step, %s FROM evaluations WHERE id >= 0 AND %s "
             "ORDER BY id DESC LIMIT 1",
             names, id >= 0 ? "id = ?1" : "split = ?2 AND NOT superseded");
    sqlite3_stmt *s = run_db_prepare(h->db, sql, err);
    if (!s)
        return -1;
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_text(s, 2, split_name(split), -1, SQLITE_STATIC);
    int there = next_row(h, s, err);
    if (there > 0) {
        read_record(s, RECORD_EVAL, t, &rec);
        const struct eval_sample *e = &rec.as.eval;
        *out = (struct evaluation){.id = e->id,
                                   .step = rec.step,
                                   .split = e->split,
                                   .problem = e->problem ? e->problem : PROBLEM_SINGLE_LABEL,
                                   .loss = e->loss,
                                   .accuracy = e->accuracy,
                                   .macro_f1 = e->macro_f1};
    } else if (there == 0 && id >= 0) {
        there = err_set(err, ERR_INPUT, "'%s' has no evaluation %lld", h->rundir, (long long)id);
    } else if (there == 0) {
        there = err_set(err, ERR_INPUT, "'%s' has no evaluation of its %s rows yet", h->rundir,
                        split_name(split));
    }
    sqlite3_finalize(s);
    return there > 0 ? 0 : -1;
}

static int measure_evaluation(struct history *h, struct evaluation *e, struct err *err)
{
    sqlite3_stmt *s = run_db_prepare(h->db,
                                     "SELECT count(*), coalesce(max(length(probs)), 0) "
                                     "FROM predictions WHERE evaluation = ?",
                                     err);
    if (!s)
        return -1;
    sqlite3_bind_int64(s, 1, e->id);
    int there = next_row(h, s, err);
    if (there > 0) {
        e->rows = (size_t)sqlite3_column_int64(s, 0);
        e->labels = (size_t)sqlite3_column_int64(s, 1) / sizeof *e->probs;
    }
    sqlite3_finalize(s);
    return there > 0 ? 0 : -1;
}

static int alloc_rows(struct evaluation *e, struct err *err)
{
    static const char what[] = "the predictions of an evaluation";
    size_t wide = e->labels * sizeof *e->probs;
    bool single = e->problem == PROBLEM_SINGLE_LABEL;
    e->row = mem_alloc(e->rows, sizeof *e->row, what, err);
    e->probs = e->row ? mem_alloc(e->rows, wide, what, err) : NULL;
    if (!e->probs)
        return -1;
    if (!single)
        return (e->target = mem_alloc(e->rows, wide, what, err)) ? 0 : -1;
    e->truth = mem_alloc(e->rows, sizeof *e->truth, what, err);
    e->predicted = e->truth ? mem_alloc(e->rows, sizeof *e->predicted, what, err) : NULL;
    return e->predicted ? 0 : -1;
}

/* "[0,3]" as ones in a row of zeros; false when it is something else. */
static bool read_set(const char *text, float *out, size_t labels)
{
    if (!text || *text++ != '[')
        return false;
    while (*text != ']') {
        char *end;
        unsigned long id = strtoul(text, &end, 10);
        if (end == text || id >= labels || (*end != ',' && *end != ']'))
            return false;
        out[id] = 1;
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

/* Row i of the evaluation from the statement; false when the database does not hold one. */
static bool read_prediction(sqlite3_stmt *s, struct evaluation *e, size_t i)
{
    size_t wide = e->labels * sizeof *e->probs;
    float *target = e->target ? e->target + i * e->labels : NULL;
    const void *probs = sqlite3_column_blob(s, 3);
    if ((size_t)sqlite3_column_bytes(s, 3) != wide)
        return false;
    if (wide)
        memcpy(e->probs + i * e->labels, probs, wide);
    e->row[i] = (uint32_t)sqlite3_column_int64(s, 0);
    if (e->problem == PROBLEM_MULTI_LABEL)
        return read_set((const char *)sqlite3_column_text(s, 1), target, e->labels);
    if (e->problem == PROBLEM_REGRESSION) {
        if (e->labels == 1)
            target[0] = (float)sqlite3_column_double(s, 1);
        return e->labels == 1;
    }
    e->truth[i] = (int32_t)sqlite3_column_int64(s, 1);
    e->predicted[i] = (int32_t)sqlite3_column_int64(s, 2);
    return true;
}

static int read_predictions(struct history *h, struct evaluation *e, struct err *err)
{
    size_t i = 0;
    if (alloc_rows(e, err))
        return -1;
    sqlite3_stmt *s = run_db_prepare(h->db,
                                     "SELECT row, truth, predicted, probs FROM predictions "
                                     "WHERE evaluation = ? ORDER BY row",
                                     err);
    if (!s)
        return -1;
    sqlite3_bind_int64(s, 1, e->id);
    int there = 1;
    while (i < e->rows && (there = next_row(h, s, err)) > 0) {
        if (read_prediction(s, e, i++))
            continue;
        there = err_set(err, ERR_INPUT,
                        "'%s/run.db' is damaged: evaluation %lld has rows of "
                        "differing width or kind",
                        h->rundir, (long long)e->id);
        break;
    }
    sqlite3_finalize(s);
    return there < 0 ? -1 : 0;
}

int history_evaluation(struct history *h, int64_t id, enum split split, struct evaluation *out,
                       struct err *err)
{
    struct evaluation e;
    memset(&e, 0, sizeof e);
    if (begin(h, err))
        return -1;
    int rc = find_evaluation(h, id, split, &e, err) || measure_evaluation(h, &e, err) ||
             read_predictions(h, &e, err);
    end(h);
    if (rc) {
        evaluation_clear(&e);
        return -1;
    }
    *out = e;
    return 0;
}

bool evaluation_right(const struct evaluation *e, size_t i)
{
    if (e->truth)
        return e->truth[i] == e->predicted[i];
    for (size_t k = i * e->labels; k < (i + 1) * e->labels; k++)
        if (answer_has(e->target[k]) != answer_has(e->probs[k]))
            return false;
    return true;
}

bool evaluation_same_target(const struct evaluation *a, const struct evaluation *b, size_t i)
{
    if (a->truth)
        return a->truth[i] == b->truth[i];
    return !memcmp(a->target + i * a->labels, b->target + i * a->labels,
                   a->labels * sizeof *a->target);
}

void evaluation_clear(struct evaluation *e)
{
    free(e->row);
    free(e->truth);
    free(e->predicted);
    free(e->target);
    free(e->probs);
    memset(e, 0, sizeof *e);
}

/* ---- the result ---- */

int history_result(struct history *h, struct run_result *out, struct err *err)
{
    char names[768], sql[1280];
    run_db_names(&run_db_results, names, sizeof names);
    snprintf(sql, sizeof sql,
             "SELECT %s FROM results WHERE attempt = (SELECT max(attempt) FROM attempts)", names);
    sqlite3_stmt *s = run_db_prepare(h->db, sql, err);
    if (!s)
        return -1;
    int there = next_row(h, s, err);
    if (there > 0) {
        memset(out, 0, sizeof *out);
        run_db_read(s, 0, &run_db_results, out);
    } else if (there == 0) {
        there = err_set(err, ERR_INPUT, "the run '%s' has not ended", h->rundir);
    }
    sqlite3_finalize(s);
    return there > 0 ? 0 : -1;
}
