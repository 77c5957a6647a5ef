#include "ui/session_write.h"

#include "engine/base/mem.h"
#include "engine/train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void session_init(struct session *s)
{
    memset(s, 0, sizeof *s);
    settings_defaults(&s->settings);
    session_resolve(s);
}

static void clear_spec(struct session *s)
{
    for (size_t i = 0; i < sizeof s->spec_text / sizeof s->spec_text[0]; i++) {
        free(s->spec_text[i]);
        s->spec_text[i] = NULL;
    }
    memset(&s->spec, 0, sizeof s->spec);
}

void inspection_destroy(struct inspection *i)
{
    if (!i)
        return;
    evaluation_clear(&i->evaluation);
    metrics_clear(&i->metrics);
    free(i);
}

void session_drop_data(struct session *s)
{
    gate_destroy(s->gate);
    encoded_destroy(s->encoded);
    tokenizer_close(s->tokenizer);
    dataset_close(s->dataset);
    free(s->search.rows);
    s->gate = NULL;
    s->encoded = NULL;
    s->tokenizer = NULL;
    s->dataset = NULL;
    memset(&s->search, 0, sizeof s->search);
    session_touch(s, CHANGED_DATA);
    session_touch(s, CHANGED_SEARCH);
}

void session_clear(struct session *s)
{
    session_drop_data(s);
    clear_spec(s);
    run_reset(&s->run, RUN_NONE, "");
    for (int i = 0; i < SPLIT_COUNT; i++) {
        inspection_destroy(s->inspection[i]);
        s->inspection[i] = NULL;
    }
}

int session_set_spec(struct session *s, const struct dataset_spec *spec, struct err *err)
{
    const char *from[SPLIT_COUNT + 4] = {
        spec->files[0],    spec->files[1],     spec->files[2],       spec->text_column,
        spec->pair_column, spec->label_column, spec->label_separator};
    char *copy[SPLIT_COUNT + 4] = {0};
    for (size_t i = 0; i < SPLIT_COUNT + 4; i++)
        if (from[i] && !(copy[i] = mem_strdup(from[i], err))) {
            for (size_t k = 0; k < i; k++)
                free(copy[k]);
            return -1;
        }
    clear_spec(s);
    memcpy(s->spec_text, copy, sizeof copy);
    s->spec = *spec;
    for (int i = 0; i < SPLIT_COUNT; i++)
        s->spec.files[i] = copy[i];
    s->spec.text_column = copy[SPLIT_COUNT];
    s->spec.pair_column = copy[SPLIT_COUNT + 1];
    s->spec.label_column = copy[SPLIT_COUNT + 2];
    s->spec.label_separator = copy[SPLIT_COUNT + 3];
    s->spec.labels = NULL;
    s->spec.label_count = 0;
    return 0;
}

void session_resolve(struct session *s)
{
    struct err err;
    struct settings resolved = s->settings;
    s->settings_error[0] = '\0';
    if (settings_resolve(&resolved, &err))
        snprintf(s->settings_error, sizeof s->settings_error, "%.255s", err.text);
    else
        s->resolved = resolved;
    session_touch(s, CHANGED_SETTINGS);
}

void session_set_inspection(struct session *s, struct inspection *i)
{
    enum split split = i->evaluation.split;
    inspection_destroy(s->inspection[split]);
    s->inspection[split] = i;
    s->inspection_newest = split;
    session_touch(s, CHANGED_EVALUATION);
}

bool session_run_is_active(const struct session *s)
{
    bool live = s->run.kind == RUN_OURS || s->run.kind == RUN_WATCHED;
    return live && !trainer_state_is_end(s->run.view.state);
}

bool session_setting_is_staged(const struct session *s, const struct setting *which)
{
    char edited[SETTING_TEXT_SIZE], in_force[SETTING_TEXT_SIZE];
    bool ours = s->run.kind == RUN_OURS; /* a watched run takes no changes from us */
    if (which->when != SETTING_LIVE || !ours || !session_run_is_active(s))
        return false;
    settings_format(&s->resolved, which, edited, sizeof edited);
    settings_format(&s->run.view.settings, which, in_force, sizeof in_force);
    return strcmp(edited, in_force) != 0;
}

size_t session_staged_count(const struct session *s)
{
    size_t n = 0;
    for (size_t i = 0; i < settings_count(); i++)
        n += session_setting_is_staged(s, settings_at(i));
    return n;
}

/* Files called train.csv say nothing; their directory does. */
static bool is_split_name(const char *name, size_t n)
{
    static const char *const usual[] = {"train", "training", "validation", "valid", "dev", "test"};
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (n == strlen(usual[i]) && !strncmp(name, usual[i], n))
            return true;
    return false;
}

void session_data_name(const struct session *s, char *out, size_t size)
{
    const char *path = NULL;
    for (int i = 0; i < SPLIT_COUNT && !path; i++)
        path = s->spec.files[i];
    if (!path) {
        snprintf(out, size, "no data");
        return;
    }
    size_t n;
    const char *name = run_base_name(path, &n), *dot = memrchr(name, '.', n);
    size_t stem = dot && dot > name ? (size_t)(dot - name) : n;
    if (is_split_name(name, stem) && name > path + 1) {
        char directory[4096];
        snprintf(directory, sizeof directory, "%.*s", (int)(name - path), path);
        const char *parent = run_base_name(directory, &n);
        if (n > 0 && *parent != '/' && *parent != '.') {
            snprintf(out, size, "%.*s", (int)n, parent);
            return;
        }
    }
    snprintf(out, size, "%.*s", (int)stem, name);
}

void session_model_name(const struct session *s, char *out, size_t size)
{
    size_t n;
    const char *name = run_base_name(s->model_dir, &n);
    snprintf(out, size, "%.*s", s->model_dir[0] ? (int)n : 8, s->model_dir[0] ? name : "no model");
}
