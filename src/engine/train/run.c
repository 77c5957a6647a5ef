#include "engine/train/run.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/version.h"

const char *run_base_name(const char *path, size_t *length)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *length = end - start;
    return path + start;
}

/* Append the letters and digits of name[0..n) in lower case, all else as one dash. */
static void append_words(char *out, size_t size, const char *name, size_t n)
{
    size_t at = strlen(out), limit = at + 24; /* names stay readable in a list */
    bool gap = at > 0;
    for (size_t i = 0; i < n && at + 2 < size && at < limit; i++) {
        unsigned char c = (unsigned char)name[i];
        if (!isalnum(c)) {
            gap = at > 0;
            continue;
        }
        if (gap)
            out[at++] = '-';
        gap = false;
        out[at++] = (char)tolower(c);
    }
    out[at] = '\0';
}

void run_name(char *out, size_t size, const char *data_path, const char *model_dir)
{
    clock_stamp(out, size);
    size_t n;
    const char *base = run_base_name(data_path, &n);
    const char *dot = memchr(base, '.', n);
    size_t stem = dot && dot > base ? (size_t)(dot - base) : n;
    if (stem == 5 && !strncmp(base, "train", 5) && base > data_path + 1) {
        /* "banking77/train.csv" is about banking77 */
        char *parent = strndup(data_path, (size_t)(base - data_path));
        base = parent ? run_base_name(parent, &n) : base;
        append_words(out, size, base,
                     parent && strcmp(parent, "./") && strcmp(parent, "../") ? n : 0);
        free(parent);
    } else {
        append_words(out, size, base, stem);
    }
    char absolute[4096];
    base = run_base_name(realpath(model_dir, absolute) ? absolute : model_dir, &n);
    append_words(out, size, base, n);
}

int run_create(char *rundir, size_t size, const char *out, const char *workspace, const char *name,
               struct err *err)
{
    if (out) {
        if ((size_t)snprintf(rundir, size, "%s", out) >= size)
            return err_set(err, ERR_USAGE, "--out: the path is too long");
        if (!file_is_free(rundir))
            return err_set(err, ERR_USAGE,
                           "--out '%s' exists and is not an empty directory; name a "
                           "new one, or go on with it by --resume",
                           out);
        return file_make_directories(rundir, err);
    }
    if (!workspace)
        workspace = ".";
    for (int attempt = 1; attempt < 1000; attempt++) {
        char suffix[16] = "";
        if (attempt > 1)
            snprintf(suffix, sizeof suffix, "-%d", attempt);
        if ((size_t)snprintf(rundir, size, "%s/runs/%s%s", workspace, name, suffix) >= size)
            return err_set(err, ERR_USAGE, "workspace '%.100s': the path is too long", workspace);
        if (!file_exists(rundir))
            return file_make_directories(rundir, err);
    }
    return err_set(err, ERR_IO, "no free name for a run in '%s/runs'; remove old ones", workspace);
}

void run_timestamp(char out[32])
{
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void key_string(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    if (value)
        json_string(w, value);
    else
        json_null(w);
}

/* A path that still holds when the program runs elsewhere. */
static void key_path(struct json_writer *w, const char *key, const char *path)
{
    char absolute[4096];
    key_string(w, key, realpath(path, absolute) ? absolute : path);
}

static void write_files(struct json_writer *w, const struct dataset *d)
{
    json_key(w, "files");
    json_open(w, '{');
    for (enum split s = 0; s < SPLIT_COUNT; s++) {
        json_key(w, split_name(s));
        const char *path = dataset_path(d, s);
        if (!path) {
            json_null(w);
            continue;
        }
        json_open(w, '{');
        key_path(w, "path", path);
        key_string(w, "sha256", dataset_sha256(d, s));
        json_close(w, '}');
    }
    json_close(w, '}');
    json_key(w, "rows");
    json_open(w, '{');
    for (enum split s = 0; s < SPLIT_COUNT; s++) {
        json_key(w, split_name(s));
        json_int(w, (int64_t)dataset_split_rows(d, s));
    }
    json_close(w, '}');
}

static const char *const format_names[] = {"auto", "csv", "tsv", "jsonl", "json"};
static const char *const header_names[] = {"auto", "yes", "no"};

static void write_data(struct json_writer *w, const struct dataset *d,
                       const struct dataset_spec *spec)
{
    json_key(w, "data");
    json_open(w, '{');
    write_files(w, d);
    key_string(w, "text_column", spec->text_column);
    key_string(w, "pair_column", spec->pair_column);
    key_string(w, "label_column", spec->label_column);
    key_string(w, "label_separator", spec->label_separator);
    key_string(w, "format", format_names[spec->format]);
    key_string(w, "header", header_names[spec->header]);
    json_key(w, "labels");
    json_open(w, '[');
    for (size_t i = 0; i < dataset_labels(d); i++)
        json_string(w, dataset_label(d, (int32_t)i));
    json_close(w, ']');
    json_close(w, '}');
}

/* Write `json` as RUNDIR/run.json and free it. */
static int commit_json(const char *rundir, struct strbuf *json, struct err *err)
{
    char path[4096];
    strbuf_puts(json, "\n");
    int rc = -1;
    if (json->failed)
        err_set(err, ERR_NOMEM, "out of memory for run.json");
    else if (!file_join(path, sizeof path, rundir, "run.json", err))
        rc = file_write(path, json->text, json->length, err);
    strbuf_clear(json);
    return rc;
}

int run_write_json(const struct run_facts *f, struct err *err)
{
    struct strbuf json = {0};
    struct json_writer w;
    json_writer_init(&w, &json, 2);
    json_open(&w, '{');
    char name[4096];
    size_t n;
    const char *base = run_base_name(f->rundir, &n);
    snprintf(name, sizeof name, "%.*s", (int)n, base);
    key_string(&w, "name", name);
    key_string(&w, "created", f->created);
    key_string(&w, "version", SFT_VERSION);
    key_path(&w, "model", f->model_dir);
    key_string(&w, "model_sha256", f->model_sha256);
    write_data(&w, f->dataset, f->data_spec);
    json_key(&w, "settings");
    settings_to_json(f->settings, &w);
    key_string(&w, "cpu", f->cpu);
    key_string(&w, "kernel_set", f->kernel_set);
    json_key(&w, "accepted_kernel_sets");
    json_open(&w, '[');
    json_close(&w, ']');
    json_close(&w, '}');
    return commit_json(f->rundir, &json, err);
}

int run_accept_kernels(const char *rundir, const char *kernel_set, struct err *err)
{
    char path[4096];
    if (file_join(path, sizeof path, rundir, "run.json", err))
        return -1;
    cJSON *root = json_read(path, err);
    if (!root)
        return -1;
    cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "accepted_kernel_sets");
    if (!list)
        list = cJSON_AddArrayToObject(root, "accepted_kernel_sets");
    cJSON *set = cJSON_CreateString(kernel_set), *pinned = cJSON_CreateString(kernel_set);
    cJSON_AddItemToArray(list, set);
    cJSON_ReplaceItemInObjectCaseSensitive(root, "kernel_set", pinned);
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    struct strbuf json = {0};
    if (text)
        strbuf_puts(&json, text);
    else
        json.failed = 1;
    cJSON_free(text);
    return commit_json(rundir, &json, err);
}
