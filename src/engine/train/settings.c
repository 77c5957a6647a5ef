/* The table stands first; everything below reads it. A row is what settings.h shows plus what only
 * parsing needs: the default, other names, and a word that stands for one special number ("all" for
 * 0 threads). NaN is how learning_rate and epochs say "auto": their default depends on tune, which
 * may be set after them. */
#include "engine/train/settings.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/near.h"
#include "engine/base/number.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const double LARGEST_INT = 9007199254740991.0; /* 2^53 - 1: what JSON can carry exactly */
static const double HEAVIEST = 1e6;                   /* of class weights */

static const char *const tunes[] = {"full", "head", NULL};
static const char *const poolings[] = {"model", "cls", "mean", NULL};
static const char *const optims[] = {"adamw", "sgd", NULL};
static const char *const schedules[] = {"linear", "constant",   "constant_with_warmup",
                                        "cosine", "polynomial", NULL};
static const char *const problems[] = {"auto", "single_label_classification", "regression",
                                       "multi_label_classification", NULL};
/* In the order of enum metric. */
static const char *const metrics[] = {
    "loss", "accuracy", "macro_f1", "mcc", "micro_f1", "subset_accuracy", "hamming_loss", "mse",
    "mae",  "pearson",  "spearman", "r2",  NULL};

struct row {
    struct setting setting;
    double dflt;      /* numbers, the index of a choice, 0 or 1; of texts the default is `word` */
    const char *word; /* stands for `word_value` in text; NULL: none */
    double word_value;
    const char *aliases[2];
};

#define AT(field) offsetof(struct settings, field)
#define PICK(name, group, choices, dflt, help, ...)                                                \
    {                                                                                              \
        {#name, group, SETTING_ENUM, AT(name), 0, 0, choices, "", help, SETTING_RESTART}, dflt,    \
            NULL, 0,                                                                               \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define NUMBER(kind, name, group, dflt, min, max, unit, when, word, value, help, ...)              \
    {                                                                                              \
        {#name, group, kind, AT(name), min, max, NULL, unit, help, when}, dflt, word, value,       \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define REAL(name, group, dflt, min, max, unit, word, value, help, ...)                            \
    NUMBER(SETTING_REAL, name, group, dflt, min, max, unit, SETTING_RESTART, word, value, help,    \
           __VA_ARGS__)
#define INT(name, group, dflt, min, max, unit, word, value, help, ...)                             \
    NUMBER(SETTING_INT, name, group, dflt, min, max, unit, SETTING_RESTART, word, value, help,     \
           __VA_ARGS__)

/* clang-format off */
static const struct row rows[] = {
    PICK(tune, "method", tunes, TUNE_FULL,
         "full: every weight learns; head: only the new layers, on features computed once", NULL),
    INT(freeze_layers, "method", 0, 0, 1000, "layers", NULL, 0,
        "the embeddings and so many of the first layers stay as they are, without dropout", NULL),
    PICK(pooling, "method", poolings, POOLING_MODEL,
         "what the head reads: the model's own choice, the first token, the mean over tokens", NULL),
    REAL(dropout, "method", -1, 0, 0.99, "of the values", "model", -1,
         "model: each place's value from config.json; a number overrides them all", NULL),

    NUMBER(SETTING_REAL, learning_rate, "optimisation", NAN, 0, 1, "per step", SETTING_LIVE, "auto", NAN,
           "base value under the schedule; auto: 2e-5, for tune head 1e-3", NULL),
    INT(batch_size, "optimisation", 16, 1, 4096, "examples", NULL, 0,
        "examples a forward pass, before accumulation", "per_device_train_batch_size"),
    INT(max_tokens_per_batch, "optimisation", 0, 0, 1e6, "tokens", "off", 0,
        "a forward pass takes as many examples as have so many tokens in all, not batch_size", NULL),
    INT(gradient_accumulation_steps, "optimisation", 1, 1, 4096, "batches", NULL, 0,
        "batches whose gradients make one step", NULL),
    REAL(epochs, "optimisation", NAN, 0.001, 10000, "passes over the data", "auto", NAN,
         "auto: 3, for tune head 20", "num_train_epochs"),
    INT(max_steps, "optimisation", 0, 0, 1e9, "steps", "none", 0,
        "end after so many steps, whatever epochs says", NULL),
    PICK(optim, "optimisation", optims, OPTIM_ADAMW,
         "adamw: decoupled weight decay, bias-corrected; sgd: without momentum", NULL),
    REAL(adam_beta1, "optimisation", 0.9, 0, 0.999999, "of the old mean", NULL, 0,
         "AdamW's memory of gradients", NULL),
    REAL(adam_beta2, "optimisation", 0.999, 0, 0.999999, "of the old mean", NULL, 0,
         "AdamW's memory of squared gradients", NULL),
    REAL(adam_epsilon, "optimisation", 1e-8, 1e-16, 1, "added to the root", NULL, 0,
         "keeps AdamW's division finite", NULL),
    REAL(weight_decay, "optimisation", 0, 0, 1, "per unit of learning rate", NULL, 0,
         "shrinks weights, not biases and LayerNorm", NULL),
    REAL(max_grad_norm, "optimisation", 1, 0, 1e6, "L2 norm", "off", 0,
         "gradients are scaled down to this norm", NULL),
    PICK(lr_scheduler_type, "optimisation", schedules, SCHEDULE_LINEAR,
         "how the learning rate goes after warm-up", NULL),
    REAL(warmup_steps, "optimisation", 0, 0, 1e9, "steps", NULL, 0,
         "the rate grows from 0 over these steps; below 1: that share of all steps", NULL),
    REAL(label_smoothing_factor, "optimisation", 0, 0, 1, "of probability", NULL, 0,
         "probability taken from the true label and spread over all", NULL),

    PICK(problem_type, "data", problems, PROBLEM_AUTO,
         "one label a text, a number, or a set of labels; auto: as the label column looks", NULL),
    {{"class_weights", "data", SETTING_TEXT, AT(class_weights), 0, 0, NULL, "",
      "none, balanced (rare labels count more), or label=weight,label=weight", SETTING_RESTART},
     0, "none", 0, {NULL}},
    INT(max_length, "data", 128, 3, 8192, "tokens", NULL, 0,
        "longer texts are cut here; never above the model's limit", NULL),
    INT(split_seed, "data", 0, 0, LARGEST_INT, "", NULL, 0,
        "decides the split of a lone file, with the data and nothing else", NULL),

    INT(seed, "run", 42, 0, LARGEST_INT, "", NULL, 0,
        "decides the new head, the order of examples and dropout", NULL),
    INT(eval_steps, "run", 0, 0, 1e9, "steps", "epoch", 0,
        "evaluate on the validation rows every so many steps", NULL),
    INT(save_steps, "run", 0, 0, 1e9, "steps", "epoch", 0,
        "write a checkpoint every so many steps", NULL),
    INT(early_stopping_patience, "run", 0, 0, 1000, "evaluations", "off", 0,
        "stop after so many evaluations without a gain", NULL),
    PICK(metric_for_best_model, "run", metrics, METRIC_LOSS,
         "what early stopping and the best checkpoint look at, on the validation rows", NULL),
    {{"load_best_model_at_end", "run", SETTING_BOOL, AT(load_best_model_at_end), 0, 1, NULL, "",
      "the result is the best evaluated checkpoint, not the last weights", SETTING_RESTART},
     0, NULL, 0, {NULL}},
    {{"bf16", "run", SETTING_BOOL, AT(bf16), 0, 1, NULL, "",
      "products in bf16, everything else in fp32; refused where the CPU is not faster that way", SETTING_RESTART},
     0, NULL, 0, {NULL}},
    INT(threads, "run", 0, 0, 1024, "threads", "all", 0,
        "cores to train on; the weights do not depend on it", NULL),
};
/* clang-format on */

/* Other spellings of a choice. */
static const struct {
    const char *setting, *text, *choice;
} synonyms[] = {
    {"optim", "adamw_torch", "adamw"},
    {"optim", "adamw_torch_fused", "adamw"},
    {"metric_for_best_model", "eval_loss", "loss"},
    {"metric_for_best_model", "eval_accuracy", "accuracy"},
    {"metric_for_best_model", "eval_macro_f1", "macro_f1"},
    {"metric_for_best_model", "eval_mcc", "mcc"},
    {"metric_for_best_model", "eval_micro_f1", "micro_f1"},
    {"metric_for_best_model", "eval_subset_accuracy", "subset_accuracy"},
    {"metric_for_best_model", "eval_hamming_loss", "hamming_loss"},
    {"metric_for_best_model", "eval_mse", "mse"},
    {"metric_for_best_model", "eval_mae", "mae"},
    {"metric_for_best_model", "eval_pearson", "pearson"},
    {"metric_for_best_model", "eval_spearman", "spearman"},
    {"metric_for_best_model", "eval_r2", "r2"},
};

size_t settings_count(void)
{
    return COUNT(rows);
}

const struct setting *settings_at(size_t i)
{
    assert(i < COUNT(rows));
    return &rows[i].setting;
}

static const struct row *row_of(const struct setting *s)
{
    return (const struct row *)(const void *)s; /* `setting` is a row's first member */
}

static bool same_name(const char *a, const char *b)
{
    return near_distance(a, b, strlen(b)) == 0;
}

const struct setting *settings_find(const char *name)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (same_name(rows[i].setting.name, name))
            return &rows[i].setting;
        for (size_t a = 0; a < COUNT(rows[i].aliases); a++)
            if (rows[i].aliases[a] && same_name(rows[i].aliases[a], name))
                return &rows[i].setting;
    }
    return NULL;
}

static const struct setting *nearest(const char *name)
{
    const struct setting *best = NULL;
    size_t distance = NEAR_LIMIT;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t d = near_distance(rows[i].setting.name, name, strlen(name));
        if (d < distance)
            distance = d, best = &rows[i].setting;
    }
    return best;
}

/* ---- values: numbers of every type go through double ---- */

static double get_number(const struct settings *s, const struct setting *w)
{
    const void *at = (const char *)s + w->offset;
    switch (w->type) {
    case SETTING_INT:
        return (double)*(const int64_t *)at;
    case SETTING_REAL:
        return *(const double *)at;
    case SETTING_BOOL:
        return *(const bool *)at;
    case SETTING_ENUM: /* every enum of the table has gcc's int size; its values are not negative */
        return *(const unsigned *)at;
    case SETTING_TEXT:
        break;
    }
    return 0;
}

static void put_number(struct settings *s, const struct setting *w, double x)
{
    void *at = (char *)s + w->offset;
    switch (w->type) {
    case SETTING_INT:
        *(int64_t *)at = (int64_t)x;
        break;
    case SETTING_REAL:
        *(double *)at = x;
        break;
    case SETTING_BOOL:
        *(bool *)at = x != 0;
        break;
    case SETTING_ENUM:
        *(unsigned *)at = (unsigned)x;
        break;
    case SETTING_TEXT:
        break;
    }
}

static char *text_at(const struct settings *s, const struct setting *w)
{
    return (char *)(uintptr_t)s + w->offset;
}

void settings_defaults(struct settings *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct setting *w = &rows[i].setting;
        if (w->type == SETTING_TEXT)
            snprintf(text_at(s, w), SETTING_TEXT_SIZE, "%s", rows[i].word);
        else
            put_number(s, w, rows[i].dflt);
    }
}

/* ---- text to value ---- */

/* "linear, constant or cosine" */
static void list_choices(char *out, size_t size, const char *const *choices)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; choices[i] && n < size; i++) {
        const char *glue = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        n += (size_t)snprintf(out + n, size - n, "%s%s", glue, choices[i]);
    }
}

void settings_allowed(const struct setting *w, char *out, size_t size)
{
    const struct row *r = row_of(w);
    if (w->type == SETTING_ENUM)
        list_choices(out, size, w->choices);
    else if (w->type == SETTING_BOOL)
        snprintf(out, size, "true or false");
    else if (w->type == SETTING_TEXT)
        snprintf(out, size, "none, balanced or label=weight,label=weight with weights 0 to %g",
                 HEAVIEST);
    else
        snprintf(out, size, "%s%.16g to %.16g%s%s%s%s%s",
                 w->type == SETTING_INT ? "a whole number, " : "", w->min, w->max,
                 w->unit[0] ? " " : "", w->unit, r->word ? ", or '" : "", r->word ? r->word : "",
                 r->word ? "'" : "");
}

static int refuse(const struct setting *w, const char *text, struct err *err)
{
    char allowed[256];
    settings_allowed(w, allowed, sizeof allowed);
    return err_set(err, ERR_USAGE, "%s is %s, not '%.100s'", w->name, allowed, text);
}

static int parse_choice(struct settings *s, const struct setting *w, const char *text,
                        struct err *err)
{
    for (size_t i = 0; i < COUNT(synonyms); i++)
        if (!strcmp(synonyms[i].setting, w->name) && same_name(synonyms[i].text, text))
            text = synonyms[i].choice;
    for (size_t i = 0; w->choices[i]; i++)
        if (same_name(w->choices[i], text)) {
            put_number(s, w, (double)i);
            return 0;
        }
    return refuse(w, text, err);
}

static int parse_quantity(struct settings *s, const struct setting *w, const char *text,
                          struct err *err)
{
    const struct row *r = row_of(w);
    double x;
    if (r->word && !strcmp(text, r->word)) {
        put_number(s, w, r->word_value);
        return 0;
    }
    if (!number_parse(text, &x) || x < w->min || x > w->max)
        return refuse(w, text, err);
    if (w->type == SETTING_INT && (x != floor(x) || text[strspn(text, "+0123456789")]))
        return refuse(w, text, err);
    put_number(s, w, x + 0.0); /* "-0" becomes 0 */
    return 0;
}

bool settings_next_class_weight(const char **text, const char **label, size_t *length,
                                double *weight)
{
    /* The label ends at the first '=' that a number and then a comma or the end follows. */
    for (const char *equals = strchr(*text, '='); equals; equals = strchr(equals + 1, '=')) {
        char number[32];
        size_t n = strcspn(equals + 1, ",");
        if (equals == *text || n == 0 || n >= sizeof number)
            continue;
        memcpy(number, equals + 1, n);
        number[n] = '\0';
        if (!number_parse(number, weight) || *weight < 0 || *weight > HEAVIEST)
            continue;
        *label = *text;
        *length = (size_t)(equals - *text);
        *text = equals + 1 + n;
        if (**text == ',' && (*text)[1])
            (*text)++;
        return true;
    }
    return false;
}

static bool repeats_label(const char *list, const char *end, const char *label, size_t length)
{
    const char *other;
    size_t n;
    double weight;
    while (list < end && settings_next_class_weight(&list, &other, &n, &weight))
        if (other != label && n == length && !memcmp(other, label, n))
            return true;
    return false;
}

static int parse_class_weights(struct settings *s, const struct setting *w, const char *text,
                               struct err *err)
{
    if (strlen(text) >= SETTING_TEXT_SIZE)
        return err_set(err, ERR_USAGE,
                       "%s is %zu bytes long; at most %d fit: name only the labels "
                       "whose weight is not 1",
                       w->name, strlen(text), SETTING_TEXT_SIZE - 1);
    const char *at = text, *label;
    size_t length;
    double weight;
    if (strcmp(text, "none") && strcmp(text, "balanced")) {
        while (settings_next_class_weight(&at, &label, &length, &weight))
            if (repeats_label(text, label, label, length))
                return err_set(err, ERR_USAGE, "%s names the label '%.*s' twice", w->name,
                               (int)length, label);
        if (*at || at == text)
            return refuse(w, text, err);
    }
    memmove(text_at(s, w), text, strlen(text) + 1); /* `text` may be the value itself */
    return 0;
}

static int unknown(const char *name, struct err *err)
{
    const struct setting *near = nearest(name);
    return err_set(err, ERR_USAGE, "unknown setting '%.60s'; %s%s%s", name,
                   near ? "did you mean " : "docs/settings.md lists them", near ? near->name : "",
                   near ? "?" : "");
}

int settings_parse(struct settings *s, const char *name, const char *text, struct err *err)
{
    const struct setting *w = settings_find(name);
    if (!w)
        return unknown(name, err);
    switch (w->type) {
    case SETTING_ENUM:
        return parse_choice(s, w, text, err);
    case SETTING_TEXT:
        return parse_class_weights(s, w, text, err);
    case SETTING_BOOL:
        if (strcmp(text, "true") && strcmp(text, "false"))
            return refuse(w, text, err);
        put_number(s, w, !strcmp(text, "true"));
        return 0;
    case SETTING_INT:
    case SETTING_REAL:
        return parse_quantity(s, w, text, err);
    }
    return refuse(w, text, err);
}

/* ---- value to text ---- */

/* True when the number is what the row's word stands for. */
static bool is_word(const struct row *r, double x)
{
    return r->word && (x == r->word_value || (isnan(x) && isnan(r->word_value)));
}

/* The fewest digits that read back the same, as people write them: 1e-4, not 0.0001 or 1e-04. */
static void format_number(double x, char *out, size_t size)
{
    bool small = fabs(x) < 1e-3 && x != 0;
    if (x == floor(x) && fabs(x) <= LARGEST_INT) {
        snprintf(out, size, "%.0f", x);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, size, small ? "%.*e" : "%.*g", digits - small, x);
        if (strtod(out, NULL) == x)
            break;
    }
    char *e = strchr(out, 'e');
    if (e && e[2] == '0')
        memmove(e + 2, e + 3, strlen(e + 3) + 1);
}

void settings_format(const struct settings *s, const struct setting *w, char *out, size_t size)
{
    double x = get_number(s, w);
    if (w->type == SETTING_TEXT)
        snprintf(out, size, "%s", text_at(s, w));
    else if (w->type == SETTING_ENUM)
        snprintf(out, size, "%s", w->choices[(size_t)x]);
    else if (w->type == SETTING_BOOL)
        snprintf(out, size, "%s", x != 0 ? "true" : "false");
    else if (is_word(row_of(w), x))
        snprintf(out, size, "%s", row_of(w)->word);
    else if (w->type == SETTING_INT)
        snprintf(out, size, "%.0f", x);
    else
        format_number(x, out, size);
}

/* ---- what one setting says about another ---- */

/* What "auto" stands for under this tune; NaN for settings that have no such default. */
static double auto_value(const struct settings *s, const struct setting *w)
{
    bool head = s->tune == TUNE_HEAD;
    if (w->offset == AT(learning_rate))
        return head ? 1e-3 : 2e-5;
    if (w->offset == AT(epochs))
        return head ? 20 : 3;
    return NAN;
}

bool settings_is_default(const struct settings *s, const struct setting *w)
{
    double x = get_number(s, w), dflt = row_of(w)->dflt;
    if (w->type == SETTING_TEXT)
        return !strcmp(text_at(s, w), row_of(w)->word);
    if (isnan(dflt))
        return isnan(x) || x == auto_value(s, w);
    return x == dflt;
}

int settings_resolve(struct settings *s, struct err *err)
{
    static const size_t depends_on_tune[] = {AT(learning_rate), AT(epochs)};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(depends_on_tune); k++)
            if (rows[i].setting.offset == depends_on_tune[k] &&
                isnan(get_number(s, &rows[i].setting)))
                put_number(s, &rows[i].setting, auto_value(s, &rows[i].setting));

    if (s->freeze_layers && s->tune == TUNE_HEAD)
        return err_set(
            err, ERR_USAGE,
            "freeze_layers is %lld but tune head freezes all layers; leave one of them out",
            (long long)s->freeze_layers);
    if (s->warmup_steps >= 1 && s->warmup_steps != floor(s->warmup_steps))
        return err_set(err, ERR_USAGE,
                       "warmup_steps is a whole number of steps or a share below 1, "
                       "not %g",
                       s->warmup_steps);
    if (s->max_steps && s->warmup_steps > (double)s->max_steps)
        return err_set(err, ERR_USAGE,
                       "warmup_steps is %g but max_steps only %lld: the rate would "
                       "never be reached; lower warmup_steps",
                       s->warmup_steps, (long long)s->max_steps);
    if (s->lr_scheduler_type == SCHEDULE_POLYNOMIAL && s->learning_rate <= 1e-7)
        return err_set(err, ERR_USAGE,
                       "learning_rate is above 1e-7 per step under the polynomial "
                       "schedule, which ends there, not %g",
                       s->learning_rate);
    return 0;
}
