/* profile.c - the table's file, and what follows from the table. */
#include "engine/math/profile.h"

#include "engine/base/cache.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/version.h"
#include "engine/math/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double clear_lead = 1.1, harmful_loss = 1.2;

static const char *const verdict_names[PROFILE_VERDICTS] = {
    "good", "absent", "depends on the cut", "gave wrong products", "crashed", "hung"};

const char *profile_verdict_name(enum profile_verdict verdict)
{
    return verdict_names[verdict];
}

/* ---- the choice ---- */

/* The incumbent keeps its place unless the challenger leads clearly; NULL is nobody. */
static const struct profile_row *fight(const struct profile_row *incumbent,
                                       const struct profile_row *challenger)
{
    if (!incumbent || !challenger)
        return incumbent ? incumbent : challenger;
    return challenger->gflops > clear_lead * incumbent->gflops ? challenger : incumbent;
}

const struct profile_row *profile_best_blas(const struct profile *p)
{
    const char *usual = cpu_blas_core();
    const struct profile_row *incumbent = NULL, *best = NULL;
    for (size_t i = 0; i < p->count; i++) {
        const struct profile_row *r = &p->row[i];
        if (!r->blas || r->asked || r->verdict != PROFILE_GOOD)
            continue;
        if (!strcmp(r->request.core, usual ? usual : ""))
            incumbent = r;
        if (!best || r->gflops > best->gflops)
            best = r;
    }
    return fight(incumbent, best);
}

const struct profile_row *profile_choice(const struct profile *p)
{
    const struct profile_row *own = NULL, *blas = profile_best_blas(p);
    for (size_t i = 0; i < p->count; i++)
        if (!p->row[i].blas && p->row[i].verdict == PROFILE_GOOD)
            own = &p->row[i];
    const struct ops *ops = cpu_find_ops(p->kernels);
    return ops && ops->leads_blas ? fight(own, blas) : fight(blas, own);
}

const struct profile_row *profile_find(const struct profile *p, const struct blas_request *request)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->row[i].blas && !strcasecmp(p->row[i].request.core, request->core) &&
            !strcmp(p->row[i].request.l2, request->l2))
            return &p->row[i];
    return NULL;
}

bool profile_is_harmful(const struct profile *p, const struct profile_row *row)
{
    const struct profile_row *best = profile_best_blas(p);
    return row->verdict != PROFILE_GOOD || (best && row->gflops * harmful_loss < best->gflops);
}

/* ---- writing ---- */

int profile_path(char *out, size_t size, struct err *err)
{
    return cache_path(out, size, "kernels.json", "the profile of this machine", err);
}

static void write_text(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_string(w, value);
}

static void write_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

static void write_row(struct json_writer *w, const struct profile_row *r)
{
    json_open(w, '{');
    write_text(w, "product", r->blas ? "OpenBLAS" : "own");
    if (r->blas) {
        write_text(w, "coretype", r->request.core);
        write_text(w, "l2_size", r->request.l2);
        write_text(w, "core", r->core);
        json_key(w, "asked");
        json_bool(w, r->asked);
    }
    write_text(w, "verdict", profile_verdict_name(r->verdict));
    json_key(w, "gflops");
    json_double(w, r->gflops);
    json_close(w, '}');
}

int profile_make_place(const char *path, struct err *err)
{
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", path);
    *strrchr(directory, '/') = '\0';
    return file_make_directories(directory, err);
}

int profile_write(const struct profile *p, const char *path, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 2);
    json_open(&w, '{');
    write_text(&w, "version", p->version);
    write_text(&w, "cpu", p->cpu);
    write_int(&w, "signature", p->signature);
    write_text(&w, "kernels", p->kernels);
    write_text(&w, "library", p->library);
    write_text(&w, "config", p->config);
    write_int(&w, "library_bytes", p->library_bytes);
    char modified[32]; /* as text: more digits than a double has */
    snprintf(modified, sizeof modified, "%lld", (long long)p->library_modified_ns);
    write_text(&w, "library_modified_ns", modified);
    write_text(&w, "measured", p->measured);
    write_int(&w, "threads", p->threads);
    json_key(&w, "products");
    json_open(&w, '[');
    for (size_t i = 0; i < p->count; i++)
        write_row(&w, &p->row[i]);
    json_close(&w, ']');
    json_close(&w, '}');
    strbuf_puts(&out, "\n");
    int rc = out.failed ? err_set(err, ERR_NOMEM, "out of memory for the profile")
                        : profile_make_place(path, err);
    if (!rc)
        rc = file_write(path, out.text, out.length, err);
    strbuf_clear(&out);
    return rc;
}

/* ---- reading ---- */

static int get_text(const cJSON *o, const char *key, char *out, size_t size, const char *where,
                    struct err *err)
{
    const char *text;
    if (json_get_string(o, key, &text, where, err))
        return -1;
    if (strlen(text) >= size)
        return err_set(err, ERR_INPUT, "%s: %s is too long", where, key);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int get_verdict(const cJSON *o, enum profile_verdict *out, const char *where,
                       struct err *err)
{
    const char *name;
    if (json_get_string(o, "verdict", &name, where, err))
        return -1;
    for (int v = 0; v < PROFILE_VERDICTS; v++)
        if (!strcmp(name, verdict_names[v])) {
            *out = (enum profile_verdict)v;
            return 0;
        }
    return err_set(err, ERR_INPUT, "%s: no verdict '%.40s'", where, name);
}

static int read_row(struct profile_row *r, const cJSON *o, const char *where, struct err *err)
{
    char product[16];
    if (get_text(o, "product", product, sizeof product, where, err) ||
        get_verdict(o, &r->verdict, where, err) ||
        json_number_or(o, "gflops", 0.0, &r->gflops, where, err))
        return -1;
    r->blas = !strcmp(product, "OpenBLAS");
    if (!r->blas && strcmp(product, "own"))
        return err_set(err, ERR_INPUT, "%s: no product '%s'", where, product);
    if (r->verdict == PROFILE_GOOD && !(r->gflops > 0.0))
        return err_set(err, ERR_INPUT, "%s: a row is good and has no speed", where);
    if (!r->blas)
        return 0;
    return get_text(o, "coretype", r->request.core, sizeof r->request.core, where, err) ||
           get_text(o, "l2_size", r->request.l2, sizeof r->request.l2, where, err) ||
           get_text(o, "core", r->core, sizeof r->core, where, err) ||
           json_bool_or(o, "asked", false, &r->asked, where, err);
}

static int read_rows(struct profile *p, const cJSON *list, const char *where, struct err *err)
{
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > PROFILE_ROWS)
        return err_set(err, ERR_INPUT, "%s: no list of up to %d products", where, PROFILE_ROWS);
    for (const cJSON *item = list->child; item; item = item->next)
        if (read_row(&p->row[p->count++], item, where, err))
            return -1;
    return 0;
}

static int read_profile(struct profile *p, const cJSON *o, const char *where, struct err *err)
{
    char modified[32];
    size_t signature, bytes, threads;
    if (!cJSON_IsObject(o))
        return err_set(err, ERR_INPUT, "%s: no JSON object", where);
    if (get_text(o, "version", p->version, sizeof p->version, where, err) ||
        get_text(o, "cpu", p->cpu, sizeof p->cpu, where, err) ||
        json_get_size(o, "signature", &signature, where, err) ||
        get_text(o, "kernels", p->kernels, sizeof p->kernels, where, err) ||
        get_text(o, "library", p->library, sizeof p->library, where, err) ||
        get_text(o, "config", p->config, sizeof p->config, where, err) ||
        json_get_size(o, "library_bytes", &bytes, where, err) ||
        get_text(o, "library_modified_ns", modified, sizeof modified, where, err) ||
        get_text(o, "measured", p->measured, sizeof p->measured, where, err) ||
        json_get_size(o, "threads", &threads, where, err) ||
        read_rows(p, cJSON_GetObjectItemCaseSensitive(o, "products"), where, err))
        return -1;
    p->signature = (uint32_t)signature;
    p->library_bytes = (int64_t)bytes;
    p->library_modified_ns = strtoll(modified, NULL, 10);
    p->threads = (int)threads;
    return 0;
}

void profile_stamp_library(struct profile *p)
{
    struct stat s;
    p->library_bytes = p->library_modified_ns = 0;
    if (p->library[0] && !stat(p->library, &s)) {
        p->library_bytes = s.st_size;
        p->library_modified_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
    }
}

static int check_holds(const struct profile *p, const char *where, struct err *err)
{
    const struct cpu *cpu = cpu_detect();
    const char *other = NULL;
    struct profile now = *p;
    profile_stamp_library(&now);
    if (strcmp(p->version, SFT_VERSION))
        other = "version of this program";
    else if (strcmp(p->cpu, cpu->name) || p->signature != cpu->signature ||
             strcmp(p->kernels, cpu_find_ops(NULL)->name))
        other = "CPU";
    else if (now.library_bytes != p->library_bytes ||
             now.library_modified_ns != p->library_modified_ns)
        other = "OpenBLAS library";
    return other ? err_set(err, ERR_UNSUPPORTED, "%s was measured with another %s", where, other)
                 : 0;
}

int profile_read(struct profile *p, const char *path, struct err *err)
{
    *p = (struct profile){0};
    if (!file_exists(path))
        return err_set(err, ERR_IO, "there is no '%s' yet", path);
    cJSON *o = json_read(path, err);
    int rc = o ? read_profile(p, o, path, err) : -1;
    cJSON_Delete(o);
    return rc ? -1 : check_holds(p, path, err);
}

/* ---- the one in use ---- */

static struct profile cached;
static struct err cached_error;
static enum { UNREAD, HOLDS, NONE } cached_state;

const struct profile *profile_cached(struct err *why)
{
    char path[4096];
    if (cached_state == UNREAD)
        cached_state = profile_path(path, sizeof path, &cached_error) ||
                               profile_read(&cached, path, &cached_error)
                           ? NONE
                           : HOLDS;
    if (cached_state == NONE && why)
        *why = cached_error;
    return cached_state == HOLDS ? &cached : NULL;
}

void profile_forget(void)
{
    cached_state = NONE;
    err_set(&cached_error, ERR_UNSUPPORTED, "the profile is being made anew");
}

void profile_adopt(const struct profile *p)
{
    cached = *p;
    cached_state = HOLDS;
}
