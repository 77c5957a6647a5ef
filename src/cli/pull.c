/* pull.c - `sft pull NAME DIR`: a model from the Hugging Face hub, ready to be fine-tuned.
 *
 * The small files come first: a model of a kind this program does not have is refused by its
 * config.json and its tokenizer before gigabytes are fetched. The same command again goes on where
 * an earlier one was cut off. hub.h has the protocol, transfer.h the network. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/hub.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/model/config.h"
#include "engine/text/tokenizer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct pull {
    const char *revision, *retries, *timeout;
    bool force, json;
    const char *model, *dir;

    struct hub hub;
    struct hub_choice choice;
    struct hub_target target;
    struct transfer_options options;
    struct progress progress;
    double begin; /* clock_monotonic() of the first file */
    uint64_t total_bytes;
    bool was_free; /* the directory was absent or empty */
    int lock;      /* the directory, held against a second pull into it; -1 without */
    char model_type[32];
};

/* ---- what one sees meanwhile ---- */

static void tick(void *arg)
{
    struct pull *p = arg;
    const struct hub_target *t = &p->target;
    char line[200], done[32], total[32], rate[32], left[32] = "";
    if (!t->name)
        return;
    double seconds = clock_monotonic() - p->begin;
    double per_second = seconds > 0 ? (double)t->got_bytes / seconds : 0;
    cli_format_bytes(done, sizeof done, (double)(p->total_bytes - t->left_bytes));
    cli_format_bytes(total, sizeof total, (double)p->total_bytes);
    cli_format_bytes(rate, sizeof rate, per_second);
    if (per_second > 0)
        cli_format_duration(left, sizeof left, (double)t->left_bytes / per_second);
    snprintf(line, sizeof line, "%.50s  %s of %s  %s/s%s%s%s", t->name, done, total, rate,
             *left ? "  " : "", left, *left ? " left" : "");
    progress_line(&p->progress, line);
}

static void tell(void *arg, const char *line)
{
    struct pull *p = arg;
    const char *name = p->target.name;
    progress_clear(&p->progress);
    fprintf(stderr, "note      %s%s%s\n", name ? name : "", name ? ": " : "", line);
}

/* ---- before anything is fetched ---- */

static int read_count(const char *flag, const char *text, int most, int *out, struct err *err)
{
    char *end;
    if (!text)
        return 0;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < (most > 100) || n > most)
        return err_set(err, ERR_USAGE, "--%s is '%.40s', expected a whole number up to %d", flag,
                       text, most);
    *out = (int)n;
    return 0;
}

static int read_flags(struct pull *p, const struct args *a, struct err *err)
{
    if (a->positional_count != 2)
        return err_set(err, ERR_USAGE,
                       "sft pull needs a model's name and a directory, as in sft pull "
                       "sentence-transformers/all-MiniLM-L6-v2 models/minilm");
    p->model = a->positional[0];
    p->dir = p->target.dir = a->positional[1];
    p->target.replace = p->force;
    p->options = (struct transfer_options){
        .retries = 5, .timeout_s = 30, .tick = tick, .tell = tell, .arg = p};
    return read_count("retries", p->retries, 100, &p->options.retries, err) ||
                   read_count("timeout", p->timeout, 3600, &p->options.timeout_s, err)
               ? -1
               : 0;
}

static int take_directory(struct pull *p, struct err *err)
{
    p->was_free = file_is_free(p->dir);
    if (file_make_directories(p->dir, err))
        return -1;
    p->lock = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->lock < 0)
        return err_errno(err, "cannot open '%s'", p->dir);
    if (!flock(p->lock, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
        return 0; /* some file systems know no locks: then there is nothing to hold */
    return err_set(err, ERR_BUSY, "another process is fetching into '%s'; wait for it", p->dir);
}

static int check_space(const struct pull *p, struct err *err)
{
    struct statvfs disk;
    char needs[32], has[32];
    uint64_t bytes = 0;
    for (size_t i = 0; i < p->choice.count; i++)
        bytes += hub_missing_bytes(p->choice.files[i], &p->target); /* each below 2^53 */
    if (statvfs(p->dir, &disk))
        return err_errno(err, "cannot ask for the free space of '%s'", p->dir);
    double space = (double)disk.f_bavail * (double)disk.f_frsize;
    if ((double)bytes <= space)
        return 0;
    cli_format_bytes(needs, sizeof needs, (double)bytes);
    cli_format_bytes(has, sizeof has, space);
    return err_set(err, ERR_NOSPACE,
                   "'%s' takes %s more, and the disk of '%.200s' has %s left; make room, or name a "
                   "directory on another disk",
                   p->model, needs, p->dir, has);
}

/* ---- the files ---- */

static int fetch(struct pull *p, size_t from, size_t to, struct err *err)
{
    for (size_t i = from; i < to; i++)
        if (hub_fetch(&p->hub, p->choice.files[i], &p->target, err))
            return -1;
    return 0;
}

/* A model that cannot be opened is told by its small files. */
static int check_model(struct pull *p, struct err *err)
{
    struct model_config config;
    if (model_config_read(&config, p->dir, err))
        return -1;
    snprintf(p->model_type, sizeof p->model_type, "%s", model_config_type(&config));
    model_config_clear(&config);
    struct tokenizer *t = tokenizer_open(p->dir, err);
    tokenizer_close(t);
    return t ? 0 : -1;
}

/* What the hub has is of no use here: leave a directory that held nothing as it was. */
static void take_back(const struct pull *p)
{
    char path[4096];
    for (size_t i = 0; p->was_free && i < p->choice.weights; i++)
        if (!file_join(path, sizeof path, p->dir, p->choice.files[i]->name, NULL))
            unlink(path);
}

static void count_total(struct pull *p, size_t from)
{
    for (size_t i = from; i < p->choice.count; i++) {
        p->total_bytes += p->choice.files[i]->size_bytes;
        p->target.left_bytes += p->choice.files[i]->size_bytes;
    }
}

/* The index is fetched before the rest is known. */
static int find_shards(struct pull *p, struct err *err)
{
    char path[4096];
    size_t known = p->choice.count;
    if (fetch(p, p->choice.weights, known, err) ||
        file_join(path, sizeof path, p->dir, p->choice.files[p->choice.weights]->name, err) ||
        hub_shards(&p->hub, &p->choice, path, err))
        return -1;
    count_total(p, known);
    return check_space(p, err);
}

static int fetch_all(struct pull *p, struct err *err)
{
    if (hub_open(&p->hub, p->model, p->revision, &p->options, err) || hub_list(&p->hub, err) ||
        hub_choose(&p->hub, &p->choice, err) || take_directory(p, err) || check_space(p, err))
        return -1;
    p->begin = clock_monotonic();
    count_total(p, 0);
    if (fetch(p, 0, p->choice.weights, err))
        return -1;
    if (check_model(p, err)) {
        take_back(p);
        return err_wrap(err, "'%s' was not fetched", p->model);
    }
    if (p->choice.sharded && find_shards(p, err))
        return -1;
    return fetch(p, p->choice.weights, p->choice.count, err);
}

/* ---- what came of it ---- */

static int print_json(const struct pull *p, struct err *err)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "model");
    json_string(&w, p->model);
    json_key(&w, "revision");
    json_string(&w, p->revision);
    json_key(&w, "commit");
    json_string(&w, p->hub.commit);
    json_key(&w, "directory");
    json_string(&w, p->dir);
    json_key(&w, "model_type");
    json_string(&w, p->model_type);
    json_key(&w, "files");
    json_open(&w, '[');
    for (size_t i = 0; i < p->choice.count; i++) {
        const struct hub_file *f = p->choice.files[i];
        json_open(&w, '{');
        json_key(&w, "name");
        json_string(&w, f->name);
        json_key(&w, "bytes");
        json_int(&w, (int64_t)f->size_bytes);
        json_key(&w, f->sha256[0] ? "sha256" : "git_sha1");
        json_string(&w, f->sha256[0] ? f->sha256 : f->git_sha1);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "bytes");
    json_int(&w, (int64_t)p->total_bytes);
    json_key(&w, "fetched_bytes");
    json_int(&w, (int64_t)p->target.got_bytes);
    json_key(&w, "seconds");
    json_double(&w, clock_monotonic() - p->begin);
    json_close(&w, '}');
    int rc = cli_print_json(&out, err);
    strbuf_clear(&out);
    return rc;
}

static int print_text(const struct pull *p, struct err *err)
{
    char total[32], got[32], took[32];
    cli_format_bytes(total, sizeof total, (double)p->total_bytes);
    cli_format_bytes(got, sizeof got, (double)p->target.got_bytes);
    cli_format_duration(took, sizeof took, clock_monotonic() - p->begin);
    printf("model     %s: %s, %zu files, %s, all checked; fetched %s in %s\n", p->dir,
           p->model_type, p->choice.count, total, got, took);
    printf("commit    %s\n", p->hub.commit);
    printf("next      sft train --model %s --train rows.csv\n", p->dir);
    return cli_flush("the report", err);
}

int cli_pull(int argc, char **argv)
{
    struct pull p = {.revision = "main", .lock = -1};
    struct err err;
    int status;
    const struct arg table[] = {
        {"revision", ARG_TEXT, &p.revision, "REV", "a branch, a tag or a commit (main)"},
        {"force", ARG_FLAG, &p.force, NULL, "replace files that differ from the hub's"},
        {"retries", ARG_TEXT, &p.retries, "N", "tries in a row after a failure (5)"},
        {"timeout", ARG_TEXT, &p.timeout, "SECONDS", "wait so long for a byte (30)"},
        {"json", ARG_FLAG, &p.json, NULL, "the result as one JSON object"},
    };
    struct args a = {
        .command = "pull",
        .usage = "NAME DIR [OPTION]...",
        .summary = "Fetch a model from the Hugging Face hub: configuration, tokenizer, weights\n"
                   "and licence, checked by their hashes. After an interruption the same\n"
                   "command goes on. Reads HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE and\n"
                   "http_proxy, https_proxy, all_proxy, no_proxy.",
        .table = table,
        .count = sizeof table / sizeof table[0]};
    if (cli_begin(&a, argc, argv, &status))
        return status;
    progress_init(&p.progress);
    int rc = read_flags(&p, &a, &err);
    if (!rc) {
        stop_catch_signals();
        rc = fetch_all(&p, &err);
    }
    progress_clear(&p.progress);
    if (!rc)
        rc = (p.json ? print_json : print_text)(&p, &err);
    if (rc && p.lock >= 0 && p.was_free)
        rmdir(p.dir); /* refused unless it is empty */
    if (p.lock >= 0)
        close(p.lock);
    hub_choice_clear(&p.choice);
    hub_close(&p.hub);
    return rc ? cli_fail(&err) : 0;
}
