/* hub_file.c - one file of a model, from the hub to the disk: resumed, checked, whole or absent.
 *
 * Bytes are appended to DIR/name.part, unbuffered, so that what arrived survives a kill.
 * DIR/name.part.source says what they are: a line with the file's hash, which must still be the one
 * the hub lists, and a line with the ETag of the server that sent them. Going on asks for the rest
 * under If-Range with that ETag; an answer that is not exactly the rest of the same file starts over.
 * Whatever the servers said, the hash of the whole decides: only then is the part renamed. Wrong
 * bytes are fetched once more from the first, then it is an error. */
#include "cli/hub.h"

#include "cli/stop.h"
#include "engine/base/file.h"
#include "engine/base/file_map.h"
#include "engine/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    GOT_ON_BYTES = 1 << 20, /* a try that brought so much is no failure to be counted */
    CHECK_BYTES = 1 << 20,  /* hashed between two looks at whether to stop */
};

struct download {
    const struct hub_file *file;
    struct hub_target *target;
    struct file_aside aside; /* .path the final name, .aside the part */
    char source_path[4096 + 32], etag[200];
    uint64_t have; /* bytes in the part */
    bool wrong;    /* the answer cannot become the file: start over */
};

static const char *hash_of(const struct hub_file *f)
{
    return f->sha256[0] ? f->sha256 : f->git_sha1;
}

/* ---- is it the file? ---- */

struct checker {
    bool sha256;
    struct sha256 large;
    struct sha1 small;
};

static void checker_add(struct checker *c, const void *bytes, size_t n)
{
    if (c->sha256)
        sha256_add(&c->large, bytes, n);
    else
        sha1_add(&c->small, bytes, n);
}

/* 1: the bytes at `path` are the file's; 0: they are others; -1: they cannot be read, or one wants to
 * stop. */
static int is_same(const char *path, const struct hub_file *f, struct hub_target *target,
                   struct err *err)
{
    struct checker c = {.sha256 = f->sha256[0] != '\0'};
    struct file_map m;
    char hex[65], git[64];
    if (file_map_open(&m, path, err))
        return -1;
    if (m.size_bytes != f->size_bytes) {
        file_map_close(&m);
        return 0;
    }
    sha256_init(&c.large);
    sha1_init(&c.small);
    int n = snprintf(git, sizeof git, "blob %zu", m.size_bytes);
    if (!c.sha256)
        checker_add(&c, git, (size_t)n + 1); /* with its NUL */
    target->checking = true;
    for (size_t at = 0; at < m.size_bytes && !stop_wanted(); at += CHECK_BYTES) {
        size_t left = m.size_bytes - at;
        checker_add(&c, m.data + at, left < CHECK_BYTES ? left : CHECK_BYTES);
    }
    target->checking = false;
    file_map_close(&m);
    if (stop_wanted())
        return err_set(err, ERR_CANCELLED, "stopped");
    if (c.sha256)
        sha256_finish(&c.large, hex);
    else
        sha1_finish(&c.small, hex);
    return !strcmp(hex, hash_of(f));
}

/* ---- the part ---- */

static int start_over(struct download *d, struct err *err)
{
    d->target->left_bytes += d->have;
    d->have = 0;
    d->etag[0] = '\0';
    if (ftruncate(fileno(d->aside.f), 0))
        return err_errno(err, "cannot empty '%s'", d->aside.aside);
    return 0;
}

/* Whose bytes the part holds; "" and "" when nobody wrote it down. */
static void read_source(const struct download *d, char hash[65], char etag[200])
{
    size_t n;
    hash[0] = etag[0] = '\0';
    char *text = file_read(d->source_path, &n, NULL);
    if (!text)
        return;
    char *line = strchr(text, '\n'), *end = line ? strchr(line + 1, '\n') : NULL;
    if (end && line - text < 65 && end - line <= 200) {
        *line = *end = '\0';
        strcpy(hash, text);
        strcpy(etag, line + 1);
    }
    free(text);
}

static int write_source(const struct download *d, struct err *err)
{
    char text[300];
    int n = snprintf(text, sizeof text, "%s\n%s\n", hash_of(d->file), d->etag);
    return file_write(d->source_path, text, (size_t)n, err);
}

static int open_part(struct download *d, struct err *err)
{
    struct stat st;
    char hash[65];
    int fd = open(d->aside.aside, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return err_errno(err, "cannot write '%s'", d->aside.aside);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !(d->aside.f = fdopen(fd, "ab"))) {
        close(fd);
        return err_set(err, ERR_IO, "'%s' is in the way: not a file", d->aside.aside);
    }
    setvbuf(d->aside.f, NULL, _IONBF, 0);
    read_source(d, hash, d->etag);
    d->have = (uint64_t)st.st_size;
    if (d->have > d->file->size_bytes || strcmp(hash, hash_of(d->file))) {
        d->have = 0;
        return start_over(d, err);
    }
    d->target->left_bytes -= d->have;
    return 0;
}

/* ---- what arrives ---- */

static int wrong_answer(struct download *d, const char *what, struct err *err)
{
    d->wrong = true;
    return err_set(err, ERR_INPUT, "%s", what);
}

static int on_begin(void *arg, const struct transfer_reply *r, struct err *err)
{
    struct download *d = arg;
    if (r->status == 206) {
        bool rest = d->have && r->has_range && r->first_byte == d->have &&
                    r->total_bytes == d->file->size_bytes && r->last_byte + 1 == r->total_bytes;
        if (!rest)
            return wrong_answer(d, "the server sent another part of the file than it was asked for",
                                err);
        if (d->etag[0] && r->etag[0] && strcmp(d->etag, r->etag))
            return wrong_answer(d, "the server sent a part of another file", err);
        return 0;
    }
    if (start_over(d, err)) /* all of it: a new file, or a server that knows no ranges */
        return -1;
    memcpy(d->etag, r->etag, sizeof d->etag);
    return write_source(d, err);
}

static int on_bytes(void *arg, const void *bytes, size_t n, struct err *err)
{
    struct download *d = arg;
    if (n > d->file->size_bytes - d->have)
        return wrong_answer(d, "the server sent more bytes than the file has", err);
    if (fwrite(bytes, 1, n, d->aside.f) != n)
        return err_errno(err, "cannot write '%s'", d->aside.aside);
    d->have += n;
    d->target->got_bytes += n;
    d->target->left_bytes -= n;
    return 0;
}

/* ---- the way of a file ---- */

static int make_url(const struct hub *h, const struct hub_file *f, struct strbuf *url,
                    struct err *err)
{
    strbuf_printf(url, "%s/%s/resolve/%s/", h->endpoint, h->model, h->commit);
    transfer_escape(url, f->name);
    return url->failed ? err_set(err, ERR_NOMEM, "out of memory for an address") : 0;
}

/* Until the part has as many bytes as the file. 1: what came cannot become it. */
static int download(struct hub *h, struct download *d, const char *url, struct err *err)
{
    struct transfer_reply reply;
    int tries = 0;
    while (d->have < d->file->size_bytes) {
        const struct transfer_request request = {.url = url,
                                                 .from = d->have,
                                                 .etag = d->etag,
                                                 .begin = on_begin,
                                                 .bytes = on_bytes,
                                                 .arg = d};
        uint64_t before = d->target->got_bytes;
        if (!transfer_get(h->transfer, &request, &reply, err)) {
            if (d->have == d->file->size_bytes)
                return 0;
            err_set(err, ERR_INPUT, "the server sent fewer bytes than the file has");
            return 1;
        }
        if (d->wrong)
            return 1;
        if (reply.outcome == TRANSFER_STATUS && reply.status == 416)
            return 1; /* no such bytes: its file is not the one that was listed */
        if (d->target->got_bytes - before >= GOT_ON_BYTES)
            tries = 0;
        if (!transfer_again(h->transfer, &reply, &tries, err)) {
            if (reply.outcome == TRANSFER_STATUS)
                hub_explain(h, &reply, err);
            return -1;
        }
    }
    return 0;
}

/* The part, downloaded and found to be the file. */
static int obtain(struct hub *h, struct download *d, struct err *err)
{
    struct strbuf url = {0};
    int rc = make_url(h, d->file, &url, err);
    for (int round = 0; !rc; round++) {
        d->wrong = false;
        rc = download(h, d, url.text, err);
        if (rc < 0)
            break;
        int same = rc ? 0 : is_same(d->aside.aside, d->file, d->target, err);
        if (same) {
            rc = same < 0 ? -1 : 0;
            break;
        }
        if (!rc)
            err_set(err, ERR_INPUT, "its bytes are not those the hub lists (%s)",
                    d->file->sha256[0] ? "SHA-256" : "git's SHA-1");
        struct err why = *err;
        rc = start_over(d, err);
        if (!rc && round) {
            unlink(d->aside.aside);
            unlink(d->source_path);
            *err = why;
            err_wrap(err, "fetched twice");
            rc = -1;
        } else if (!rc && h->options->tell) {
            char line[600];
            snprintf(line, sizeof line, "%s; fetching it from the first byte", why.text);
            h->options->tell(h->options->arg, line);
        }
    }
    strbuf_clear(&url);
    return rc;
}

/* 1: it is there. 0: it is to be fetched. */
static int look_for(const struct download *d, struct err *err)
{
    const char *path = d->aside.path;
    if (!file_exists(path))
        return 0;
    int same = is_same(path, d->file, d->target, err);
    if (same || d->target->replace)
        return same;
    return err_set(err, ERR_USAGE,
                   "'%s' is there already and is another file than the hub's; name a new "
                   "directory, or replace it with --force",
                   path);
}

static int say_where(const struct download *d, struct err *err)
{
    if (err->code == ERR_CANCELLED)
        return err_set(
            err, ERR_CANCELLED,
            "stopped; %llu of %llu bytes are in '%s', and the same command goes on there",
            (unsigned long long)d->have, (unsigned long long)d->file->size_bytes, d->aside.aside);
    return err_wrap(err, "cannot fetch '%s'", d->file->name);
}

int hub_fetch(struct hub *h, const struct hub_file *f, struct hub_target *target, struct err *err)
{
    struct download d = {.file = f, .target = target};
    if (file_join(d.aside.path, sizeof d.aside.path, target->dir, f->name, err))
        return -1;
    snprintf(d.aside.aside, sizeof d.aside.aside, "%s.part", d.aside.path);
    snprintf(d.source_path, sizeof d.source_path, "%s.source", d.aside.aside);
    target->name = f->name;
    int there = look_for(&d, err);
    if (there > 0)
        target->left_bytes -= f->size_bytes;
    if (there)
        return there > 0 ? 0 : -1;
    if (open_part(&d, err))
        return -1;
    if (obtain(h, &d, err)) {
        fclose(d.aside.f);
        return say_where(&d, err);
    }
    if (file_aside_commit(&d.aside, err))
        return -1;
    unlink(d.source_path);
    return 0;
}

uint64_t hub_missing_bytes(const struct hub_file *f, const struct hub_target *target)
{
    char path[4096 + 16];
    struct stat st;
    if (file_join(path, 4096, target->dir, f->name, NULL))
        return f->size_bytes;
    if (!stat(path, &st) && (uint64_t)st.st_size == f->size_bytes)
        return 0;
    strcat(path, ".part");
    if (!lstat(path, &st) && (uint64_t)st.st_size <= f->size_bytes)
        return f->size_bytes - (uint64_t)st.st_size;
    return f->size_bytes;
}
