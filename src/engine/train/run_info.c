/* run.json back into a struct, and the runs of a workspace. */
#include "engine/train/history.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/mem.h"

/* Every text of run.json: the object it stands in, its key, whether it may be null. */
struct text_field {
    const char *object, *key;
    size_t offset, size;
    bool optional;
};

#define TEXT(object, key, field, optional)                                                         \
    {                                                                                              \
        object, key, offsetof(struct run_info, field), sizeof((struct run_info *)0)->field,        \
            optional                                                                               \
    }

static const struct text_field texts[] = {
    TEXT(NULL, "name", name, false),
    TEXT(NULL, "created", created, false),
    TEXT(NULL, "version", version, false),
    TEXT(NULL, "model", model, false),
    TEXT(NULL, "cpu", cpu, true),
    TEXT(NULL, "kernel_set", kernel_set, true),
    TEXT("data", "text_column", text_column, true),
    TEXT("data", "pair_column", pair_column, true),
    TEXT("data", "label_column", label_column, true),
    TEXT("data", "label_separator", label_separator, true),
};

static int copy_text(const cJSON *o, const char *key, bool optional, char *out, size_t size,
                     const char *where, struct err *err)
{
    const char *value = "";
    if (optional ? json_string_or(o, key, "", &value, where, err)
                 : json_get_string(o, key, &value, where, err))
        return -1;
    if (strlen(value) >= size)
        return err_set(err, ERR_INPUT, "%s: \"%s\" is longer than %zu bytes", where, key, size - 1);
    strcpy(out, value);
    return 0;
}

static const cJSON *get_object(const cJSON *o, const char *key, const char *where, struct err *err)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(o, key);
    if (cJSON_IsObject(member))
        return member;
    err_set(err, ERR_INPUT, "%s: no object \"%s\"; it is no run.json of this program", where, key);
    return NULL;
}

static int read_files(struct run_info *info, const cJSON *data, const char *where, struct err *err)
{
    const cJSON *files = get_object(data, "files", where, err);
    if (!files)
        return -1;
    for (enum split s = 0; s < SPLIT_COUNT; s++) {
        const cJSON *file = cJSON_GetObjectItemCaseSensitive(files, split_name(s));
        if (!file || cJSON_IsNull(file))
            continue;
        if (copy_text(file, "path", false, info->files[s], sizeof info->files[s], where, err) ||
            copy_text(file, "sha256", false, info->sha256[s], sizeof info->sha256[s], where, err))
            return -1;
    }
    return 0;
}

static int read_choices(struct run_info *info, const cJSON *data, const char *where,
                        struct err *err)
{
    const char *format, *header;
    if (json_string_or(data, "format", "auto", &format, where, err) ||
        json_string_or(data, "header", "auto", &header, where, err))
        return -1;
    if (table_format_parse(format, &info->format, err) ||
        table_header_parse(header, &info->header, err))
        return err_wrap(err, "%s", where);
    return 0;
}

static int read_root(struct run_info *info, const cJSON *root, const char *where, struct err *err)
{
    const cJSON *data = get_object(root, "data", where, err), *settings;
    if (!data || !(settings = get_object(root, "settings", where, err)))
        return -1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct text_field *t = &texts[i];
        if (copy_text(t->object ? data : root, t->key, t->optional, (char *)info + t->offset,
                      t->size, where, err))
            return -1;
    }
    settings_defaults(&info->settings);
    return read_files(info, data, where, err) || read_choices(info, data, where, err) ||
                   settings_from_json(&info->settings, settings, where, err)
               ? -1
               : 0;
}

int run_info_read(struct run_info *info, const char *rundir, struct err *err)
{
    char path[4096];
    if (file_join(path, sizeof path, rundir, "run.json", err))
        return -1;
    if (!file_exists(path))
        return err_set(err, ERR_INPUT, "'%s' has no run.json; name the directory of a run", rundir);
    cJSON *root = json_read(path, err);
    if (!root)
        return -1;
    memset(info, 0, sizeof *info);
    snprintf(info->path, sizeof info->path, "%s", rundir);
    int rc = read_root(info, root, path, err);
    cJSON_Delete(root);
    return rc;
}

/* ---- the runs of a workspace ---- */

struct found {
    char created[32];
    char *name;
};

/* When a run was made: as run.json says, or, before it is written, by the directory's own time. */
static void find_created(const char *rundir, char created[32])
{
    char path[4096];
    const char *text;
    struct stat st = {0};
    cJSON *root = file_join(path, sizeof path, rundir, "run.json", NULL) || !file_exists(path)
                      ? NULL
                      : json_read(path, NULL);
    if (root && !json_get_string(root, "created", &text, path, NULL)) {
        snprintf(created, 32, "%s", text);
    } else {
        struct tm utc;
        stat(rundir, &st);
        gmtime_r(&st.st_mtime, &utc);
        strftime(created, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    cJSON_Delete(root);
}

static bool is_run(const char *rundir)
{
    char path[4096];
    static const char *const marks[] = {"run.json", "control.ring"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (!file_join(path, sizeof path, rundir, marks[i], NULL) && file_exists(path))
            return true;
    return false;
}

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = strcmp(y->created, x->created);
    return order ? order : strverscmp(y->name, x->name); /* run-10 is newer than run-2 */
}

static int collect(DIR *dir, const char *parent, struct found **found, size_t *count,
                   struct err *err)
{
    size_t capacity = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        char path[4096];
        if (d->d_name[0] == '.' || file_join(path, sizeof path, parent, d->d_name, NULL) ||
            !is_run(path))
            continue;
        if (mem_grow(found, &capacity, *count + 1, sizeof **found, "the list of runs", err))
            return -1;
        struct found *f = &(*found)[*count];
        if (!(f->name = mem_strdup(d->d_name, err)))
            return -1;
        find_created(path, f->created);
        ++*count;
    }
    return 0;
}

int runs_list(const char *workspace, char ***names, size_t *count, struct err *err)
{
    char parent[4096];
    struct found *found = NULL;
    size_t n = 0;
    if (file_join(parent, sizeof parent, workspace, "runs", err))
        return -1;
    DIR *dir = opendir(parent);
    if (!dir && errno != ENOENT)
        return err_errno(err, "cannot read the directory '%s'", parent);
    int rc = dir ? collect(dir, parent, &found, &n, err) : 0;
    if (dir)
        closedir(dir);
    if (!rc && !(*names = mem_alloc(n, sizeof **names, "the list of runs", err)))
        rc = -1;
    if (!rc && n)
        qsort(found, n, sizeof *found, newest_first);
    for (size_t i = 0; i < n; i++) {
        if (rc)
            free(found[i].name);
        else
            (*names)[i] = found[i].name;
    }
    free(found);
    if (!rc)
        *count = n;
    return rc;
}
