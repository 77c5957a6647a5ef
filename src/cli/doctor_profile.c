/* doctor_profile.c - the table of products: made, printed, written as JSON. */
#include "cli/doctor_profile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void show_progress(void *arg, size_t done, size_t count)
{
    (void)arg;
    fprintf(stderr, "\rmeasuring the products: %zu of %zu ", done + 1, count);
}

int doctor_measure(struct err *err)
{
    struct profile p;
    char path[4096];
    bool terminal = isatty(STDERR_FILENO);
    int rc = profile_path(path, sizeof path, err) || profile_make_place(path, err) ||
             profile_measure(&p, terminal ? show_progress : NULL, NULL, err);
    if (terminal)
        fputs("\r\033[K", stderr);
    if (rc || profile_write(&p, path, err))
        return -1;
    profile_adopt(&p);
    blas_prepare_again();
    return 0;
}

/* "avx512", "OpenBLAS SKYLAKEX", "OpenBLAS as it chooses (Prescott)" */
static void name_row(const struct profile *p, const struct profile_row *r, char *out, size_t size)
{
    if (!r->blas)
        snprintf(out, size, "the project's own, %s", p->kernels);
    else if (r->asked)
        snprintf(out, size, "%s%s%s%s", r->request.core[0] ? "OPENBLAS_CORETYPE=" : "",
                 r->request.core, r->request.l2[0] ? " OPENBLAS_L2_SIZE=" : "", r->request.l2);
    else if (r->request.core[0])
        snprintf(out, size, "OpenBLAS %s", r->request.core);
    else
        snprintf(out, size, "OpenBLAS as it chooses%s%s%s", r->core[0] ? " (" : "", r->core,
                 r->core[0] ? ")" : "");
}

static const char *remark_on(const struct profile *p, const struct profile_row *r)
{
    if (r == profile_choice(p))
        return "in use";
    if (r == profile_best_blas(p))
        return "best of OpenBLAS";
    if (r->asked && !profile_is_harmful(p, r))
        return "as good: the environment has its way";
    return r->asked ? "harmful: set aside" : "";
}

void doctor_print_profile(const struct profile *p, const struct err *why, const struct blas *b)
{
    printf("\nProducts\n");
    if (!p) {
        printf("  %-16s%s\n", "Not measured", why->text);
        printf("  %-16s%s\n", "",
               "sft doctor --measure finds out who is fastest, in half a minute");
        return;
    }
    printf("  %-16s%s, %d threads\n", "Measured", p->measured, p->threads);
    for (size_t i = 0; i < p->count; i++) {
        const struct profile_row *r = &p->row[i];
        char name[96];
        name_row(p, r, name, sizeof name);
        printf("  %-44s", name);
        if (r->gflops > 0.0)
            printf("%6.0f GFLOP/s", r->gflops);
        else
            printf("%6s        ", "-");
        const char *remark =
            r->verdict == PROFILE_GOOD ? remark_on(p, r) : profile_verdict_name(r->verdict);
        printf("%s%s\n", *remark ? "  " : "", remark);
    }
    if (b && strcmp(b->library, p->library))
        printf("  %-16s%s; sft doctor --measure measures this one\n", "Library then",
               p->library[0] ? p->library : "no OpenBLAS");
}

static void write_text(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_string(w, value);
}

void doctor_write_profile(struct json_writer *w, const struct profile *p, const struct err *why)
{
    char name[96], path[4096];
    json_key(w, "profile");
    json_open(w, '{');
    write_text(w, "profile_file", profile_path(path, sizeof path, NULL) ? "" : path);
    json_key(w, "profile_holds");
    json_bool(w, p != NULL);
    if (!p)
        write_text(w, "profile_reason", why->text);
    if (p) {
        const struct profile_row *choice = profile_choice(p);
        name_row(p, choice, name, sizeof name);
        write_text(w, "measured", p->measured);
        write_text(w, "chosen", name);
        json_key(w, "rows");
        json_open(w, '[');
        for (size_t i = 0; i < p->count; i++) {
            const struct profile_row *r = &p->row[i];
            name_row(p, r, name, sizeof name);
            json_open(w, '{');
            write_text(w, "name", name);
            write_text(w, "verdict", profile_verdict_name(r->verdict));
            json_key(w, "row_gflops");
            json_double(w, r->gflops);
            json_key(w, "asked");
            json_bool(w, r->asked);
            json_key(w, "harmful");
            json_bool(w, r->blas && profile_is_harmful(p, r));
            json_close(w, '}');
        }
        json_close(w, ']');
    }
    json_close(w, '}');
}
