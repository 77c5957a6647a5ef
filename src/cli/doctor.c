/* doctor.c - `sft doctor`: what this machine can do, what it does, and what to do about the
 * difference.
 *
 * Everything is found out first, into one struct, and then written as text or as JSON; so both
 * always say the same. Measuring takes about a second. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/doctor_profile.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/version.h"
#include "engine/math/blas.h"
#include "engine/math/cpu.h"
#include "engine/math/speed.h"
#include "ui/term.h"
#include "ui/theme.h"

#include <langinfo.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* Below this share of the peak something is wrong that a user can mend. */
static const double worrying_share = 0.4;

struct findings {
    const struct cpu *cpu;
    char features[64], kernel_set[200], huge_pages[32], advice[600];
    const char *kernels;
    const struct blas *blas; /* NULL: `no_blas` says why */
    struct err no_blas;
    const struct profile *profile; /* NULL: `no_profile` says why */
    struct err no_profile;
    size_t products, products_by_blas;
    int threads[2];
    struct speed speed[2]; /* one thread, all threads */
    double load;           /* programs that ran in the last minute, as the system counts */
    const char *term;
    bool utf8, colors;
};

static double share(const struct speed *s)
{
    return s->peak_gflops > 0.0 ? s->product_gflops / s->peak_gflops : 0.0;
}

static void list_features(struct findings *f)
{
    const struct {
        bool has;
        const char *name;
    } features[] = {{f->cpu->avx2, "AVX2"},
                    {f->cpu->fma, "FMA"},
                    {f->cpu->avx512, "AVX-512"},
                    {f->cpu->avx512_bf16, "AVX512-BF16"},
                    {f->cpu->amx_bf16, "AMX"}};
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (features[i].has)
            snprintf(f->features + strlen(f->features), sizeof f->features - strlen(f->features),
                     "%s%s", f->features[0] ? ", " : "", features[i].name);
    if (!f->features[0])
        snprintf(f->features, sizeof f->features, "none that kernels use");
}

/* "always [madvise] never": the word in brackets. */
static void find_huge_pages(char *out, size_t size)
{
    snprintf(out, size, "not available");
    size_t length;
    char *text = file_read("/sys/kernel/mm/transparent_hugepage/enabled", &length, NULL);
    const char *open = text ? strchr(text, '[') : NULL, *close = open ? strchr(open, ']') : NULL;
    if (close && !strncmp(open, "[never", 6))
        snprintf(out, size, "switched off (never)");
    else if (close)
        snprintf(out, size, "available (%.*s)", (int)(close - open - 1), open + 1);
    free(text);
}

/* The first thing that explains a low share, most likely first. */
static void advise(struct findings *f)
{
    char *out = f->advice;
    const size_t size = sizeof f->advice;
    if (!f->blas && f->no_blas.code != ERR_NONE && !getenv("SFT_BLAS"))
        snprintf(out, size, "%s", f->no_blas.text);
    else if (share(&f->speed[1]) >= worrying_share)
        snprintf(out, size, "nothing to do");
    else if (share(&f->speed[0]) >= worrying_share || f->load > f->cpu->cores)
        snprintf(out, size,
                 "other programs use the cores (load %.1f on %d); measure again when they rest, or "
                 "train with fewer --threads",
                 f->load, f->cpu->cores);
    else if (f->blas && f->products_by_blas)
        snprintf(out, size,
                 "OpenBLAS %s is slow on this CPU; update it, name another with SFT_BLAS=PATH, or "
                 "let sft doctor --measure compare",
                 f->blas->core);
    else
        snprintf(out, size, "the project's own products are slow on this CPU; %s",
                 f->blas ? "sft doctor --measure compares OpenBLAS's"
                         : "unset SFT_BLAS to let OpenBLAS serve them");
}

static int examine(struct findings *f, struct err *err)
{
    double loads[1];
    f->load = getloadavg(loads, 1) == 1 ? loads[0] : 0.0;
    f->cpu = cpu_detect();
    list_features(f);
    find_huge_pages(f->huge_pages, sizeof f->huge_pages);
    f->blas = blas_load(&f->no_blas);
    f->profile = profile_cached(&f->no_profile);
    f->threads[0] = 1;
    f->threads[1] = f->cpu->cores;
    for (int i = 0; i < 2; i++) {
        struct compute *c = compute_create(f->threads[i], err);
        if (!c || speed_measure(c, &f->speed[i], err)) {
            compute_destroy(c);
            return -1;
        }
        compute_kernel_set(c, f->kernel_set, sizeof f->kernel_set);
        f->kernels = c->ops->name;
        f->products = f->products_by_blas = 0;
        for (size_t s = 0; s < c->shape_count; s++) {
            f->products += 3;
            f->products_by_blas +=
                (size_t)c->shapes[s].forward + c->shapes[s].backward + c->shapes[s].weight;
        }
        compute_destroy(c);
    }
    f->term = getenv("TERM");
    f->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    f->colors = !theme_is_colorless();
    advise(f);
    return 0;
}

/* ---- text ---- */

static void print_section(const char *title)
{
    printf("\n%s\n", title);
}

static void print_line(const char *name, const char *value)
{
    printf("  %-16s%s\n", name, value);
}

/* "OpenBLAS 0.3.21 NO_AFFINITY ...": the version alone. */
static void blas_version(const struct blas *b, char *out, size_t size)
{
    const char *start = b->config + strcspn(b->config, "0123456789");
    snprintf(out, size, "%.*s", (int)strcspn(start, " "), start);
}

static void print_blas(const struct findings *f)
{
    print_section("OpenBLAS");
    if (!f->blas) {
        print_line("Not in use", f->no_blas.text);
        return;
    }
    char version[32], line[200];
    blas_version(f->blas, version, sizeof version);
    print_line("Library", f->blas->library);
    print_line("Version", version);
    print_line("Core", f->blas->core);
    print_line("Threads", f->blas->parallel == 2 ? "OpenMP, held to one a call"
                                                 : "its own, held to one a call");
    print_line("Environment", f->blas->overridden[0] ? f->blas->overridden : "as it should be");
    if (f->blas->overridden[0]) {
        snprintf(line, sizeof line, "set aside: %s", f->blas->why);
        print_line("", line);
    }
    snprintf(line, sizeof line, "off by at most %.1g of the largest element: good",
             f->blas->max_error);
    print_line("Trial product", line);
    if (!f->products_by_blas)
        snprintf(line, sizeof line,
                 "no product: the project's own are faster here or safer to split");
    else if (f->products_by_blas == f->products)
        snprintf(line, sizeof line, "all products of a MiniLM layer");
    else
        snprintf(line, sizeof line,
                 "%zu of the %zu products of a MiniLM layer; the project's own do the rest",
                 f->products_by_blas, f->products);
    print_line("Serves", line);
}

static const char *verdict(double x)
{
    return x >= 0.6 ? "good" : x >= worrying_share ? "fair" : "low";
}

static void print_speed(const struct findings *f)
{
    const struct speed *one = &f->speed[0], *all = &f->speed[1];
    char threads[24];
    snprintf(threads, sizeof threads, f->threads[1] == 1 ? "1 thread" : "%d threads",
             f->threads[1]);
    print_section("Speed");
    printf("  %-24s%10s%12s\n", "", "1 thread", threads);
    printf("  %-24s%10.0f%12.0f  GFLOP/s\n", "Peak of multiply-adds", one->peak_gflops,
           all->peak_gflops);
    printf("  %-24s%10.0f%12.0f  GFLOP/s\n", "Products of a step", one->product_gflops,
           all->product_gflops);
    printf("  %-24s%10.2f%12.2f  %s\n", "Share of the peak", share(one), share(all),
           verdict(share(all)));
}

static void print_text(const struct findings *f)
{
    char line[100];
    printf("sft %s on %s, %d core%s\n", SFT_VERSION, f->cpu->name, f->cpu->cores,
           f->cpu->cores == 1 ? "" : "s");
    print_section("CPU");
    print_line("Features", f->features);
    print_line("Kernels", f->kernels);
    print_line("Huge pages", f->huge_pages);
    print_blas(f);
    doctor_print_profile(f->profile, &f->no_profile, f->blas);
    print_speed(f);
    print_section("Terminal");
    print_line("Type", f->term && *f->term ? f->term : "unknown (TERM is not set)");
    print_line("Characters", f->utf8 ? "UTF-8" : "not UTF-8: plots and frames are drawn in ASCII");
    print_line("Colours", f->colors ? "as the terminal has them" : "off (NO_COLOR is set)");
    print_section("Libraries");
    print_line("ncurses", term_library_version());
    print_line("SQLite", sqlite3_libversion());
    print_line("cJSON", cJSON_Version());
    print_line("utf8proc", utf8proc_version());
    print_section("What to do");
    snprintf(line, sizeof line,
             "the products reach %.0f %% of the peak: ", 100.0 * share(&f->speed[1]));
    printf("  %s%s\n", share(&f->speed[1]) < worrying_share ? line : "", f->advice);
}

/* ---- JSON ---- */

static void write_text(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    if (value)
        json_string(w, value);
    else
        json_null(w);
}

static void write_number(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_double(w, value);
}

static void write_blas(struct json_writer *w, const struct findings *f)
{
    json_key(w, "blas");
    json_open(w, '{');
    json_key(w, "used");
    json_bool(w, f->blas != NULL);
    if (f->blas) {
        char version[32];
        blas_version(f->blas, version, sizeof version);
        write_text(w, "library", f->blas->library);
        write_text(w, "version", version);
        write_text(w, "config", f->blas->config);
        write_text(w, "core", f->blas->core);
        write_text(w, "parallel", blas_parallel_name(f->blas->parallel));
        write_text(w, "overridden", f->blas->overridden);
        write_text(w, "overridden_because", f->blas->why);
        write_number(w, "product_error", f->blas->max_error);
        write_number(w, "trial_gflops", f->blas->gflops);
        json_key(w, "products_served");
        json_int(w, (int64_t)f->products_by_blas);
        json_key(w, "products");
        json_int(w, (int64_t)f->products);
    } else {
        write_text(w, "reason", f->no_blas.text);
    }
    json_close(w, '}');
}

static void write_speed(struct json_writer *w, const struct findings *f)
{
    json_key(w, "speed");
    json_open(w, '[');
    for (int i = 0; i < 2; i++) {
        json_open(w, '{');
        json_key(w, "threads");
        json_int(w, f->threads[i]);
        write_number(w, "peak_gflops", f->speed[i].peak_gflops);
        write_number(w, "gflops", f->speed[i].product_gflops);
        write_number(w, "share_of_peak", share(&f->speed[i]));
        json_close(w, '}');
    }
    json_close(w, ']');
}

static int print_json(const struct findings *f, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    write_text(&w, "version", SFT_VERSION);
    write_text(&w, "cpu", f->cpu->name);
    write_text(&w, "features", f->features);
    json_key(&w, "cores");
    json_int(&w, f->cpu->cores);
    write_text(&w, "kernels", f->kernels);
    write_text(&w, "kernel_set", f->kernel_set);
    write_text(&w, "huge_pages", f->huge_pages);
    write_blas(&w, f);
    doctor_write_profile(&w, f->profile, &f->no_profile);
    write_speed(&w, f);
    write_text(&w, "term", f->term);
    json_key(&w, "utf8");
    json_bool(&w, f->utf8);
    json_key(&w, "colors");
    json_bool(&w, f->colors);
    json_key(&w, "libraries");
    json_open(&w, '{');
    write_text(&w, "ncurses", term_library_version());
    write_text(&w, "sqlite", sqlite3_libversion());
    write_text(&w, "cjson", cJSON_Version());
    write_text(&w, "utf8proc", utf8proc_version());
    json_close(&w, '}');
    write_text(&w, "advice", f->advice);
    json_close(&w, '}');
    int status = cli_print_json(&out, err);
    strbuf_clear(&out);
    return status;
}

int cli_doctor(int argc, char **argv)
{
    bool json = false, measure = false;
    const struct arg table[] = {
        {"measure", ARG_FLAG, &measure, NULL,
         "first find out who makes the products fastest here, and keep that for all commands"},
        {"json", ARG_FLAG, &json, NULL, "the same as one JSON object"},
    };
    struct args args = {.command = "doctor",
                        .usage = "[--measure] [--json]",
                        .summary = "What this machine can do, what the program reaches on it, and "
                                   "what to do where that is too little.",
                        .table = table,
                        .count = sizeof table / sizeof table[0]};
    int status;
    if (cli_begin(&args, argc, argv, &status))
        return status;
    struct err err;
    if (args.positional_count) {
        err_set(&err, ERR_USAGE, "doctor takes no argument '%.60s'", args.positional[0]);
        return cli_fail(&err);
    }
    struct findings f = {0};
    if ((measure && doctor_measure(&err)) || examine(&f, &err))
        return cli_fail(&err);
    if (json)
        return print_json(&f, &err) ? cli_fail(&err) : 0;
    print_text(&f);
    return cli_flush("the findings", &err) ? cli_fail(&err) : 0;
}
