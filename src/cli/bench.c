/* bench.c - `sft bench`: how much of this machine a training step uses.
 *
 * Needs no model: the step is one of MiniLM-L6's or BERT-base's shape, with random weights
 * (model/bench.h). What the machine can do at most is measured in the same rounds as what the engine
 * does, in turn, since machines drift and others use them; every figure is the median of its rounds,
 * and a share is the quotient of two such figures. */
#include "cli/args.h"
#include "cli/bench_text.h"
#include "cli/cli.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/number.h"
#include "engine/base/version.h"
#include "engine/math/bf16.h"
#include "engine/math/cpu.h"
#include "engine/math/machine.h"
#include "engine/model/bench.h"
#include "engine/text/tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ROUNDS = 100, WARM_UP = 2 };
static const double tokenizer_seconds = 0.1; /* of a round */

/* What a round measures. Times in seconds, the rest in the unit of its table line. */
enum series {
    PEAK,
    STEP,
    CPU,   /* of all threads during STEP */
    PARTS, /* BENCH_PARTS of them */
    FORWARD = PARTS + BENCH_PARTS,
    STEP_BF16, /* 0 where bf16 is refused */
    ADAMW,
    SMALL_PAGES,
    HUGE_PAGES,
    TOKENIZER,
    SERIES
};

struct benchmark {
    const char *rounds_text, *threads_text, *size_text, *shape_text, *dropout_text, *model_dir,
        *text_path;
    bool json;
    int rounds;
    struct bench_shape shape;

    struct compute *compute;
    struct bench *bench;
    struct machine_memory *memory;
    struct tokenizer *tokenizer;
    struct encoding encoding;
    char *text; /* what the tokenizer is measured with, line by line */
    size_t text_bytes;
    const struct bf16 *bf16; /* NULL: `no_bf16` says why */
    struct err no_bf16;
    double sample[SERIES][MOST_ROUNDS], median[SERIES], least[SERIES];
    double peak_of_one;
    char kernels[200];
};

/* Every row of the table of products in bf16 that is for speed. */
static const char *const bf16_names[] = {"avx512_bf16", "amx"};
enum { BF16_ROWS = sizeof bf16_names / sizeof bf16_names[0] };

/* ---- measuring ---- */

/* MB/s of text to ids on one thread, a line at a time, for a while. */
static int measure_tokenizer(struct benchmark *b, double *out, struct err *err)
{
    const char *end = b->text + b->text_bytes;
    double start = clock_monotonic(), seconds = 0.0, bytes = 0.0;
    while (seconds < tokenizer_seconds) {
        for (const char *line = b->text, *next; line < end; line = next + 1) {
            if (!(next = memchr(line, '\n', (size_t)(end - line))))
                next = end;
            if (tokenizer_encode(b->tokenizer, line, (size_t)(next - line), NULL, 0, 0,
                                 &b->encoding, err))
                return -1;
        }
        bytes += (double)b->text_bytes;
        seconds = clock_monotonic() - start;
    }
    *out = bytes * 1e-6 / seconds;
    return 0;
}

/* The same step with its products in bf16. */
static double step_in_bf16(struct benchmark *b)
{
    double part[BENCH_PARTS];
    if (!b->bf16)
        return 0.0;
    b->compute->bf16 = b->bf16;
    double seconds = bench_step(b->bench, part);
    b->compute->bf16 = NULL;
    return seconds;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int run_round(struct benchmark *b, int round, struct err *err)
{
    double value[SERIES];
    const int threads = pool_threads(b->compute->pool);
    value[PEAK] = machine_peak(b->compute->pool, threads);
    double cpu = cpu_seconds();
    value[STEP] = bench_step(b->bench, value + PARTS);
    value[CPU] = cpu_seconds() - cpu;
    value[FORWARD] = bench_forward(b->bench);
    value[STEP_BF16] = step_in_bf16(b);
    struct machine_bandwidth width = machine_bandwidth(b->memory, 1);
    value[ADAMW] = bench_adamw(b->bench);
    value[SMALL_PAGES] = width.small_pages;
    value[HUGE_PAGES] = width.huge_pages;
    if (measure_tokenizer(b, &value[TOKENIZER], err))
        return -1;
    for (int s = 0; round >= 0 && s < SERIES; s++)
        b->sample[s][round] = value[s];
    return 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_of(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

static int measure(struct benchmark *b, struct err *err)
{
    const bool terminal = isatty(STDERR_FILENO);
    int rc = 0;
    b->peak_of_one = machine_peak(b->compute->pool, 1);
    for (int round = -WARM_UP; round < b->rounds && !rc; round++) {
        if (terminal)
            fprintf(stderr, "\r%s: %d of %d ", round < 0 ? "warming up" : "measuring",
                    round < 0 ? round + WARM_UP + 1 : round + 1, round < 0 ? WARM_UP : b->rounds);
        rc = run_round(b, round, err);
    }
    if (terminal)
        fputs("\r\033[K", stderr);
    if (rc)
        return -1;
    for (int s = 0; s < SERIES; s++) {
        b->median[s] = median_of(b->sample[s], b->rounds);
        b->least[s] = b->sample[s][0]; /* in order now */
    }
    return 0;
}

/* ---- what the figures say ---- */

static double tokens_of(const struct benchmark *b)
{
    return (double)(b->shape.sequences * b->shape.tokens);
}

static double step_gflops(const struct benchmark *b)
{
    return bench_step_gflop(b->bench) / b->median[STEP];
}

static double forward_gflops(const struct benchmark *b)
{
    return bench_forward_gflop(b->bench) / b->median[FORWARD];
}

static double adamw_rate(const struct benchmark *b)
{
    return 1e-9 * bench_adamw_bytes(b->bench) / b->median[ADAMW];
}

/* The engine's memory is on huge pages where there are any. */
static double bandwidth(const struct benchmark *b)
{
    return fmax(b->median[HUGE_PAGES], b->median[SMALL_PAGES]);
}

/* NaN where there are none. */
static double bf16_over_fp32(const struct benchmark *b)
{
    return b->bf16 ? b->median[STEP] / b->median[STEP_BF16] : NAN;
}

static void print_rate(const char *what, double rate, const char *unit)
{
    printf("  %-42s%8.1f %s\n", what, rate, unit);
}

static void print_machine(const struct benchmark *b)
{
    struct pool *pool = b->compute->pool;
    printf("\nThe machine\n");
    print_rate("Multiply-adds, fp32, 1 thread", b->peak_of_one, "GFLOP/s");
    print_rate("Multiply-adds, fp32, all threads", b->median[PEAK], "GFLOP/s");
    for (size_t i = 0; i < BF16_ROWS; i++) {
        const struct bf16 *bf16 = bf16_find(bf16_names[i]);
        char what[64];
        snprintf(what, sizeof what, "Multiply-adds, %s, all threads", bf16_names[i]);
        if (bf16)
            print_rate(what, machine_peak_of(pool, pool_threads(pool), bf16->multiply_adds),
                       "GFLOP/s");
    }
    print_rate("Scaling in place, small pages", b->median[SMALL_PAGES], "GB/s");
    print_rate("Scaling in place, huge pages", b->median[HUGE_PAGES], "GB/s");
}

static void print_step(const struct benchmark *b, const char *what, double seconds, double gflop,
                       const char *note)
{
    double rate = gflop / seconds;
    printf("  %-22s%8.1f ms%8.0f tokens/s%7.0f GFLOP/s  %s%.2f\n", what, seconds * 1e3,
           tokens_of(b) / seconds, rate, note, rate / b->median[PEAK]);
}

static void print_text(const struct benchmark *b)
{
    const double *m = b->median;
    const int threads = pool_threads(b->compute->pool);
    printf("sft %s on %s: %s, %d thread%s; medians of %d round%s in turn\n", SFT_VERSION,
           cpu_detect()->name, b->kernels, threads, threads == 1 ? "" : "s", b->rounds,
           b->rounds == 1 ? "" : "s");
    print_machine(b);
    printf("\n%s, %zu sequence%s of %zu tokens, dropout %g\n", b->shape.size->title,
           b->shape.sequences, b->shape.sequences == 1 ? "" : "s", b->shape.tokens,
           b->shape.dropout);
    print_step(b, "Training step", m[STEP], bench_step_gflop(b->bench), "of peak ");
    double had = m[CPU] / (m[STEP] * threads);
    if (had < 0.9)
        printf("    with %.0f %% of the cores: other programs had the rest\n", had * 100);
    for (int p = 0; p < BENCH_PARTS; p++)
        printf("    %-20s%8.1f ms\n", bench_part_name((enum bench_part)p), m[PARTS + p] * 1e3);
    print_step(b, "Forward alone", m[FORWARD], bench_forward_gflop(b->bench), "of peak ");
    printf("  %-22s%8.1f ms%24.1f GB/s     of bandwidth %.2f\n", "AdamW, all weights",
           m[ADAMW] * 1e3, adamw_rate(b), adamw_rate(b) / bandwidth(b));
    if (b->bf16)
        printf("  Step in bf16 (%s)%*.1f ms%8.0f tokens/s    %.2f times as fast as in fp32\n",
               b->bf16->name, 16 - (int)strlen(b->bf16->name), m[STEP_BF16] * 1e3,
               tokens_of(b) / m[STEP_BF16], bf16_over_fp32(b));
    else
        printf("  %s\n", b->no_bf16.text);
    printf("\nTokenizer, 1 thread%s%s\n  %-42s%8.1f MB/s\n", b->text_path ? ", " : "",
           b->text_path ? b->text_path : "",
           b->model_dir ? b->model_dir : "WordPiece, made-up vocabulary", m[TOKENIZER]);
}

static void write_number(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_double(w, value); /* null where there is none */
}

static int print_json(const struct benchmark *b, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "cpu");
    json_string(&w, cpu_detect()->name);
    json_key(&w, "blas_kernel");
    json_string(&w, b->kernels);
    json_key(&w, "threads");
    json_int(&w, pool_threads(b->compute->pool));
    write_number(&w, "peak_gflops", b->median[PEAK]);
    write_number(&w, "step_ms", b->median[STEP] * 1e3);
    write_number(&w, "step_ms_least", b->least[STEP] * 1e3);
    write_number(&w, "step_bf16_ms", b->bf16 ? b->median[STEP_BF16] * 1e3 : NAN);
    write_number(&w, "step_bf16_ms_least", b->bf16 ? b->least[STEP_BF16] * 1e3 : NAN);
    write_number(&w, "forward_ms", b->median[FORWARD] * 1e3);
    write_number(&w, "step_gflops", step_gflops(b));
    write_number(&w, "step_share_of_peak", step_gflops(b) / b->median[PEAK]);
    write_number(&w, "forward_share_of_peak", forward_gflops(b) / b->median[PEAK]);
    write_number(&w, "bf16_over_fp32", bf16_over_fp32(b));
    write_number(&w, "adamw_share_of_bandwidth", adamw_rate(b) / bandwidth(b));
    write_number(&w, "tokenizer_mb_per_second", b->median[TOKENIZER]);
    json_close(&w, '}');
    int status = cli_print_json(&out, err);
    strbuf_clear(&out);
    return status;
}

/* ---- the command ---- */

static bool parse_whole(const char *text, size_t most, size_t *out)
{
    double x;
    if (!number_parse(text, &x) || !(x >= 1 && x <= (double)most) || x != floor(x))
        return false;
    *out = (size_t)x;
    return true;
}

/* "32x64" */
static bool parse_shape(const char *text, size_t *sequences, size_t *tokens)
{
    char first[16];
    const char *x = strchr(text, 'x');
    if (!x || (size_t)(x - text) >= sizeof first)
        return false;
    snprintf(first, sizeof first, "%.*s", (int)(x - text), text);
    return parse_whole(first, 4096, sequences) && parse_whole(x + 1, 512, tokens) &&
           *sequences * *tokens <= 65536;
}

/* What the setting bf16 would use, or why it would be refused; off until it is that step's turn. */
static void find_bf16(struct benchmark *b)
{
    if (!compute_use_bf16(b->compute, true, &b->no_bf16))
        b->bf16 = b->compute->bf16;
    b->compute->bf16 = NULL;
}

static int find_text(struct benchmark *b, struct err *err)
{
    if (b->text_path) {
        b->text = file_read(b->text_path, &b->text_bytes, err);
        if (b->text && !b->text_bytes)
            return err_set(err, ERR_INPUT, "%s is empty: give a file of texts, one a line",
                           b->text_path);
        return b->text ? 0 : -1;
    }
    struct strbuf made_up = {0};
    bench_text(&made_up, 1 << 18);
    b->text = made_up.text, b->text_bytes = made_up.length;
    return made_up.failed ? err_set(err, ERR_NOMEM, "out of memory for a text") : 0;
}

static int prepare(struct benchmark *b, struct err *err)
{
    int threads;
    size_t rounds = 5;
    b->shape = (struct bench_shape){bench_size_find("minilm"), 32, 64, 0.1};
    if (b->rounds_text && !parse_whole(b->rounds_text, MOST_ROUNDS, &rounds))
        return err_set(err, ERR_USAGE, "--rounds takes a whole number, 1 to %d, not '%.40s'",
                       MOST_ROUNDS, b->rounds_text);
    if (b->size_text && !(b->shape.size = bench_size_find(b->size_text)))
        return err_set(err, ERR_USAGE, "--size takes minilm or base, not '%.40s'", b->size_text);
    if (b->dropout_text && (!number_parse(b->dropout_text, &b->shape.dropout) ||
                            !(b->shape.dropout >= 0 && b->shape.dropout < 1)))
        return err_set(err, ERR_USAGE, "--dropout takes a share from 0 to below 1, not '%.40s'",
                       b->dropout_text);
    if (b->shape_text && !parse_shape(b->shape_text, &b->shape.sequences, &b->shape.tokens))
        return err_set(
            err, ERR_USAGE,
            "--shape takes sequences x tokens, as 32x64: up to 512 tokens each, 65536 in "
            "all; not '%.40s'",
            b->shape_text);
    if (cli_threads(b->threads_text, &threads, err))
        return -1;
    b->rounds = (int)rounds;
    b->tokenizer = b->model_dir ? tokenizer_open(b->model_dir, err) : bench_tokenizer(err);
    if (!b->tokenizer || find_text(b, err) || !(b->compute = compute_create(threads, err)) ||
        !(b->bench = bench_create(b->compute, &b->shape, err)))
        return -1;
    cli_tell_compute(b->compute);
    find_bf16(b);
    compute_kernel_set(b->compute, b->kernels, sizeof b->kernels);
    b->memory = machine_memory_create(b->compute->pool, bench_adamw_footprint(b->bench), err);
    return b->memory ? 0 : -1;
}

static void finish(struct benchmark *b)
{
    machine_memory_destroy(b->memory);
    bench_destroy(b->bench);
    compute_destroy(b->compute);
    encoding_clear(&b->encoding);
    tokenizer_close(b->tokenizer);
    free(b->text);
}

static int run(struct benchmark *b, struct err *err)
{
    if (prepare(b, err) || measure(b, err))
        return -1;
    if (b->json)
        return print_json(b, err);
    print_text(b);
    return cli_flush("the figures", err);
}

int cli_bench(int argc, char **argv)
{
    struct benchmark b = {0};
    const struct arg table[] = {
        {"rounds", ARG_TEXT, &b.rounds_text, "N", "rounds to take the medians of (5)"},
        {"threads", ARG_TEXT, &b.threads_text, "N", "threads to measure (all cores)"},
        {"size", ARG_TEXT, &b.size_text, "NAME", "the model's shape, minilm or base (minilm)"},
        {"dropout", ARG_TEXT, &b.dropout_text, "P", "dropout of the step (0.1)"},
        {"shape", ARG_TEXT, &b.shape_text, "BxS", "a step's sequences and their tokens (32x64)"},
        {"model", ARG_TEXT, &b.model_dir, "DIR", "measure this model's tokenizer"},
        {"text", ARG_TEXT, &b.text_path, "FILE",
         "measure the tokenizer on its lines (made-up words)"},
        {"json", ARG_FLAG, &b.json, NULL, "the figures as one JSON object"},
    };
    struct args args = {.command = "bench",
                        .usage = "[--rounds N] [--threads N] [--size NAME] [--shape BxS] "
                                 "[--dropout P] [--model DIR] [--text FILE] [--json]",
                        .summary = "A training step of a well-known model's shape, forward, AdamW "
                                   "and the tokenizer, as shares of what the machine can do.",
                        .table = table,
                        .count = sizeof table / sizeof table[0]};
    int status;
    if (cli_begin(&args, argc, argv, &status))
        return status;
    struct err err;
    if (args.positional_count) {
        err_set(&err, ERR_USAGE, "bench takes no argument '%.60s'", args.positional[0]);
        return cli_fail(&err);
    }
    status = run(&b, &err) ? cli_fail(&err) : 0;
    finish(&b);
    return status;
}
