/* session.h - what the workbench is about: the data, the settings being edited, the run.
 *
 * One struct, owned by the app and changed by the app's thread only; views get it const and read it
 * while they draw. Everything it points to is either immutable once published (dataset, encoding,
 * gate, evaluations: made on the jobs thread, handed over whole) or grown here (the run's series).
 * A pointer read from it is good until the next event is handled: views keep no pointer across
 * calls, they keep indices and compare `changed[]`, one counter for each part, to see what is new.
 *
 * The run may be ours (trainer in this process), one that another process trains (watched) or one
 * that has ended (read back from its run.db); the series look the same. */
#ifndef SESSION_H
#define SESSION_H
#include "engine/base/err.h"
#include "engine/data/dataset.h"
#include "engine/data/encode.h"
#include "engine/data/gate.h"
#include "engine/eval/metrics.h"
#include "engine/text/tokenizer.h"
#include "engine/train/estimate.h"
#include "engine/train/history.h"
#include "engine/train/ring.h"
#include "engine/train/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum session_part {
    CHANGED_DATA,       /* dataset, encoding, gate, load state */
    CHANGED_SETTINGS,   /* settings, their error */
    CHANGED_RUN,        /* run state, series, events */
    CHANGED_EVALUATION, /* evaluations */
    CHANGED_SEARCH,     /* search result */
    CHANGED_ROW,        /* row asked for in the Data view */
    SESSION_PARTS
};

enum load_state {
    LOAD_NOTHING,
    LOAD_READING,
    LOAD_TOKENISING,
    LOAD_CHECKING,
    LOAD_READY,
    LOAD_FAILED
};

/* Points of a curve in order of arrival; x is the step. NaN y is a gap. */
struct series {
    double *x, *y;
    size_t count, capacity_x, capacity_y;
};

enum run_series {
    SERIES_TRAIN_LOSS,
    SERIES_VALIDATION_LOSS,
    SERIES_SCORE, /* of the validation rows, by problem: session_score */
    SERIES_SCORE2,
    SERIES_RATE,
    SERIES_GRAD_NORM,
    SERIES_COUNT
};

enum run_kind { RUN_NONE, RUN_OURS, RUN_WATCHED, RUN_ENDED };

struct run {
    enum run_kind kind;
    char rundir[4096];
    struct trainer_view view; /* newest snapshot; settings in force are in it */
    struct series series[SERIES_COUNT];
    struct record *events; /* all records but steps, oldest first */
    size_t event_count, event_capacity;
    uint64_t lost; /* records overwritten before we read them */
    bool stopping; /* a stop was posted */
};

/* An evaluation with what the Errors view shows of it. */
struct inspection {
    struct evaluation evaluation; /* rows are dataset rows */
    struct metrics metrics;       /* from its confusion matrix */
};

/* Rows of the data set that match a query, ascending; made on the jobs thread. */
struct search {
    char query[256]; /* as typed */
    uint32_t *rows;
    size_t count;
    bool running;    /* the result of `query` is still being made */
    char error[160]; /* why the query cannot be run; "" */
};

struct session {
    uint64_t changed[SESSION_PARTS];

    /* What to work on. Strings are owned; spec's pointers point into them. */
    char model_dir[4096]; /* "" when none was given */
    char *spec_text[SPLIT_COUNT + 4];
    struct dataset_spec spec;
    char workspace[4096];

    enum load_state load;
    struct err load_error;
    struct dataset *dataset;     /* NULL until read; immutable */
    struct tokenizer *tokenizer; /* NULL until opened, or without a model */
    struct encoded *encoded;     /* NULL until tokenised */
    struct gate *gate;           /* NULL until checked */

    struct settings settings; /* as edited: for the next run, and staged for this one */
    struct settings resolved; /* the same with what depends on other settings put in */
    char settings_error[256]; /* what no single range can say; "" when they fit */

    struct estimate estimate; /* of a run with these settings, when `estimated` */
    bool estimated;
    char estimate_error[256]; /* why such a run would be refused; "" */

    struct run run;
    struct inspection *inspection[SPLIT_COUNT]; /* newest evaluation with rows, or NULL */
    enum split inspection_newest;               /* the split of the one that came last */

    struct search search; /* query "": no search, all rows */
    size_t row_asked;     /* by app_show_row */
};

/* Can the run's model be measured on the test rows now? -1 with the reason why not. */
int session_check_test(const struct session *s, struct err *err);
/* How often the run's model was measured on the test rows. */
size_t run_test_looks(const struct run *r);
/* A run that goes on (preparing, running, paused, evaluating). */
bool session_run_is_active(const struct session *s);
/* Staged: the setting may change live, a run goes on, and its value differs from the one in force.
 */
bool session_setting_is_staged(const struct session *s, const struct setting *which);
size_t session_staged_count(const struct session *s);
/* The two figures that a problem's validation rows are followed by, better when higher: accuracy and
 * macro F1, Pearson and Spearman, micro and macro F1. */
enum metric session_score(enum problem p, int which);
/* "tickets", "MiniLM-L6": the last part of a path without its extension, for titles. */
void session_data_name(const struct session *s, char *out, size_t size);
void session_model_name(const struct session *s, char *out, size_t size);

#endif
