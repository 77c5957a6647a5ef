/* settings.h - one table, six uses: command-line flags, JSON config, the form in the workbench, its
 * validation, the man page and the docs.
 *
 * A setting is a plain value in `struct settings`, which is copied, never shared. The table says
 * name, type, default, range, unit, whether it may change while a run goes on, and help. A setting
 * stands in it only when it works, and is LIVE only when changing it live works. Names are
 * Transformers' where it has one. */
#ifndef SETTINGS_H
#define SETTINGS_H
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/eval/metrics.h"
#include "engine/math/optim.h"
#include "engine/model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schedule_kind {
    SCHEDULE_LINEAR,
    SCHEDULE_CONSTANT,
    SCHEDULE_CONSTANT_WITH_WARMUP,
    SCHEDULE_COSINE,
    SCHEDULE_POLYNOMIAL
};

#define SETTING_TEXT_SIZE 512

struct settings {
    enum problem problem_type; /* AUTO: as the data look */
    enum tune tune;
    enum pooling pooling;
    int64_t freeze_layers; /* the embeddings and so many layers do not learn */
    double learning_rate;  /* NaN until resolved: the default depends on tune */
    int64_t batch_size, gradient_accumulation_steps;
    int64_t max_tokens_per_batch; /* 0: batch_size decides */
    double epochs;                /* NaN until resolved */
    int64_t max_steps;            /* 0: epochs decide */
    enum optim_kind optim;
    double adam_beta1, adam_beta2, adam_epsilon, weight_decay, max_grad_norm;
    enum schedule_kind lr_scheduler_type;
    double warmup_steps; /* below 1: a share of all steps */
    double dropout;      /* negative: the model's own */
    double label_smoothing_factor;
    char class_weights[SETTING_TEXT_SIZE]; /* "none", "balanced", or "label=weight,label=weight" */
    int64_t max_length;
    int64_t seed, split_seed;
    int64_t eval_steps, save_steps;  /* 0: every epoch */
    int64_t early_stopping_patience; /* 0: off */
    enum metric metric_for_best_model;
    bool load_best_model_at_end;
    bool bf16;
    int64_t threads; /* 0: all cores */
};

enum setting_type { SETTING_INT, SETTING_REAL, SETTING_BOOL, SETTING_ENUM, SETTING_TEXT };
enum setting_when { SETTING_RESTART, SETTING_LIVE };

struct setting {
    const char *name, *group; /* group: "method", "optimisation", "data", "run" */
    enum setting_type type;
    size_t offset;              /* into struct settings */
    double min, max;            /* of numbers */
    const char *const *choices; /* of enums, NULL-terminated, in enum order */
    const char *unit, *help;
    enum setting_when when;
};

size_t settings_count(void);
const struct setting *settings_at(size_t i);
/* By name or alias, '-' and '_' alike; NULL when there is none. */
const struct setting *settings_find(const char *name);

void settings_defaults(struct settings *s);
/* Text from a flag, a file or the form. The error says what was wrong and what is allowed. A live
 * edit is settings_parse, then settings_resolve, on a copy. */
int settings_parse(struct settings *s, const char *name, const char *text, struct err *err);
/* The value as text, as settings_parse takes it ("model" for a negative dropout). */
void settings_format(const struct settings *s, const struct setting *which, char *out, size_t size);
/* What it takes, for a form and for refusals: "0 to 1 per step, or 'auto'", "full or head". */
void settings_allowed(const struct setting *which, char *out, size_t size);
/* Also true of a learning_rate or epochs that settings_resolve would have put in. */
bool settings_is_default(const struct settings *s, const struct setting *which);
/* Put in what depends on other settings (learning_rate and epochs on tune), then check what no
 * single range can say. */
int settings_resolve(struct settings *s, struct err *err);
/* Refuse by name what has no meaning for the problem that the data pose: a metric of another one,
 * class weights and label smoothing without classes. */
int settings_check_problem(const struct settings *s, enum problem p, struct err *err);

/* The next "label=weight" of a class_weights list; *text moves past it. Labels may hold commas and
 * equals signs. False at the end, or when what follows is no such pair (*text is then not at '\0').
 * For "none" and "balanced" do not ask. */
bool settings_next_class_weight(const char **text, const char **label, size_t *length,
                                double *weight);

/* A JSON object of settings: unknown keys are errors that name the nearest known one. */
int settings_from_json(struct settings *s, const cJSON *object, const char *where, struct err *err);
void settings_to_json(const struct settings *s, struct json_writer *w);
/* One of them: a number, true or false, or a word. */
void settings_value_to_json(const struct settings *s, const struct setting *which,
                            struct json_writer *w);

#endif
