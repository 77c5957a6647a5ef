/* hub_server DIR LOG [FAULT]... - a hub of one model on the loopback, that misbehaves as it is told.
 *
 * The files of DIR are the model owner/tiny, revisions main and refs/pr/1. The port is printed on
 * standard output; every request becomes a line of LOG; the server ends by a signal, or after two
 * minutes. DIR/.list, when there, is sent instead of the list made from the files.
 *
 * A fault is NAME:KIND[=ARGUMENT][*COUNT]. NAME is a file, or `list`. Of the faults of a name, in the
 * order given, the first with some COUNT left (1 unless said; 0: always) happens to a request:
 *     cut=N          N bytes of the body, then the connection is closed
 *     stall=N        N bytes of the body, then nothing more
 *     wrong=N        byte N of the file is another
 *     long, short    a byte too many, a byte too few
 *     norange        a range is ignored
 *     badrange=WHAT  the answer to a range has a Content-Range whose `first`, `last` or `total` is off
 *     etag=TEXT      the file has this ETag
 *     splice=TEXT    as etag, and If-Range is ignored
 *     status=N/CODE  this status and X-Error-Code
 *     busy=S         429 with Retry-After
 *     redirect=URL   to URL with the path of the request after it */
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char commit[] = "0123456789abcdef0123456789abcdef01234567";
static const char *directory;
static int log_fd;

struct fault {
    char name[64], kind[16], text[300];
    long number;
    int left; /* -1: always */
};
static struct fault faults[64];
static size_t fault_count;
static pthread_mutex_t faults_lock = PTHREAD_MUTEX_INITIALIZER; /* guards `left` */

static int add_fault(const char *text)
{
    struct fault *f = &faults[fault_count];
    char copy[400];
    int count = 1;
    snprintf(copy, sizeof copy, "%s", text);
    char *star = strrchr(copy, '*'), *colon = strchr(copy, ':');
    if (!colon || fault_count + 1 == sizeof faults / sizeof faults[0])
        return -1;
    if (star) {
        count = atoi(star + 1);
        *star = '\0';
    }
    char *equals = strchr(colon, '=');
    *colon = '\0';
    if (equals)
        *equals = '\0';
    snprintf(f->name, sizeof f->name, "%.63s", copy);
    snprintf(f->kind, sizeof f->kind, "%.15s", colon + 1);
    snprintf(f->text, sizeof f->text, "%.299s", equals ? equals + 1 : "");
    f->number = atol(f->text);
    f->left = count ? count : -1;
    fault_count++;
    return 0;
}

static struct fault take_fault(const char *name)
{
    struct fault found = {0};
    pthread_mutex_lock(&faults_lock);
    for (size_t i = 0; i < fault_count; i++) {
        if (strcmp(faults[i].name, name) || !faults[i].left)
            continue;
        found = faults[i];
        faults[i].left -= faults[i].left > 0;
        break;
    }
    pthread_mutex_unlock(&faults_lock);
    return found;
}

/* ---- one request ---- */

struct request {
    int fd;
    char path[1100], range[64], if_range[200], token[100];
    struct fault fault;
};

static bool is(const struct request *r, const char *kind)
{
    return !strcmp(r->fault.kind, kind);
}

static void note(const struct request *r, int status)
{
    char line[2000];
    int n = snprintf(line, sizeof line, "%s range=%s if-range=%s token=%s -> %d\n", r->path,
                     r->range, r->if_range, r->token, status);
    if (write(log_fd, line, (size_t)n) != n)
        abort();
}

static void send_all(int fd, const char *bytes, size_t n)
{
    for (ssize_t sent; n; bytes += sent, n -= (size_t)sent)
        if ((sent = send(fd, bytes, n, MSG_NOSIGNAL)) <= 0)
            return;
}

/* `headers` are whole lines. The body ends early where the fault says so. */
static void answer(struct request *r, int status, const char *headers, const char *body, size_t n)
{
    struct strbuf head = {0};
    strbuf_printf(&head,
                  "HTTP/1.1 %d Whatever\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n",
                  status, n, headers);
    note(r, status);
    send_all(r->fd, head.text, head.length);
    strbuf_clear(&head);
    bool early = is(r, "cut") || is(r, "stall");
    send_all(r->fd, body, early && (size_t)r->fault.number < n ? (size_t)r->fault.number : n);
    if (is(r, "stall"))
        poll(&(struct pollfd){.fd = r->fd, .events = POLLIN}, 1, 60000);
}

static void refuse(struct request *r, int status, const char *code)
{
    static const char page[] = "<html>a page for browsers</html>";
    char header[400];
    snprintf(header, sizeof header, "%s%.300s%s", *code ? "X-Error-Code: " : "", code,
             *code ? "\r\n" : "");
    answer(r, status, header, page, strlen(page));
}

/* ---- the list ---- */

static char *read_model_file(const char *name, size_t *n)
{
    char path[4096];
    if (strchr(name, '/') || file_join(path, sizeof path, directory, name, NULL))
        return NULL;
    return file_read(path, n, NULL);
}

static void git_name(const char *bytes, size_t n, char hex[41])
{
    struct sha1 s;
    char head[32];
    sha1_init(&s);
    sha1_add(&s, head, (size_t)snprintf(head, sizeof head, "blob %zu", n) + 1);
    sha1_add(&s, bytes, n);
    sha1_finish(&s, hex);
}

/* From 4 kB on a file is a large one, with SHA-256, as on the hub from some megabytes on. */
static void list_file(struct json_writer *w, const char *name)
{
    size_t n;
    char sha1[41], sha256[65];
    struct sha256 s;
    char *bytes = read_model_file(name, &n);
    if (!bytes)
        return;
    bool large = n >= 4096;
    git_name(large ? name : bytes, large ? strlen(name) : n, sha1);
    json_open(w, '{');
    json_key(w, "rfilename");
    json_string(w, name);
    json_key(w, "size");
    json_int(w, (int64_t)n);
    json_key(w, "blobId");
    json_string(w, sha1);
    if (large) {
        sha256_init(&s);
        sha256_add(&s, bytes, n);
        sha256_finish(&s, sha256);
        json_key(w, "lfs");
        json_open(w, '{');
        json_key(w, "sha256");
        json_string(w, sha256);
        json_close(w, '}');
    }
    json_close(w, '}');
    free(bytes);
}

static void answer_list(struct request *r)
{
    struct strbuf out = {0};
    struct json_writer w;
    size_t n;
    char *stored = read_model_file(".list", &n);
    if (stored) {
        answer(r, 200, "", stored, n);
        free(stored);
        return;
    }
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    json_key(&w, "sha");
    json_string(&w, commit);
    json_key(&w, "siblings");
    json_open(&w, '[');
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.')
            list_file(&w, e->d_name);
    if (d)
        closedir(d);
    json_close(&w, ']');
    json_close(&w, '}');
    answer(r, 200, "Content-Type: application/json\r\n", out.text, out.length);
    strbuf_clear(&out);
}

/* ---- a file ---- */

static void answer_range(struct request *r, const char *etag, const char *bytes, size_t n,
                         size_t from)
{
    char headers[600];
    size_t first = from, last = n - 1, total = n;
    if (is(r, "badrange")) {
        first -= !strcmp(r->fault.text, "first");
        last -= !strcmp(r->fault.text, "last");
        total += !strcmp(r->fault.text, "total");
    }
    snprintf(headers, sizeof headers, "ETag: %s\r\nContent-Range: bytes %zu-%zu/%zu\r\n", etag,
             first, last, total);
    answer(r, 206, headers, bytes + from, n - from);
}

static void answer_file(struct request *r, const char *name)
{
    size_t n;
    char etag[400], headers[500], hex[41];
    char *bytes = read_model_file(name, &n);
    if (!bytes) {
        refuse(r, 404, "EntryNotFound");
        return;
    }
    git_name(bytes, n, hex);
    bool splice = is(r, "splice");
    snprintf(etag, sizeof etag, "%s%s%s", splice || is(r, "etag") ? "" : "\"",
             splice || is(r, "etag") ? r->fault.text : hex, splice || is(r, "etag") ? "" : "\"");
    if (is(r, "wrong") && (size_t)r->fault.number < n)
        bytes[r->fault.number] ^= 1;
    unsigned long long from = 0;
    bool ranged = sscanf(r->range, "bytes=%llu-", &from) == 1 && !is(r, "norange") &&
                  (splice || !r->if_range[0] || !strcmp(r->if_range, etag));
    snprintf(headers, sizeof headers, "ETag: %s\r\n", etag);
    if (ranged && from >= n)
        refuse(r, 416, "");
    else if (ranged)
        answer_range(r, etag, bytes, n, (size_t)from);
    else /* file_read() puts a NUL after the last byte: that is the one too many */
        answer(r, 200, headers, bytes, n + is(r, "long") - is(r, "short"));
    free(bytes);
}

/* ---- the way to them ---- */

static void copy_header(const char *head, const char *name, char *out, size_t size)
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr(head, line), *end = at ? strstr(at + 2, "\r\n") : NULL;
    if (end)
        snprintf(out, size, "%.*s", (int)(end - at - (long)strlen(line)), at + strlen(line));
}

static bool read_request(struct request *r)
{
    char head[8192] = "", target[1024];
    for (size_t n = 0; !strstr(head, "\r\n\r\n");) {
        ssize_t got = recv(r->fd, head + n, sizeof head - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        head[n] = '\0';
    }
    if (sscanf(head, "GET %1023s HTTP/1.1", target) != 1)
        return false;
    /* A proxy is asked with the whole address. */
    const char *host = strncmp(target, "http://", 7) ? NULL : target + 7;
    snprintf(r->path, sizeof r->path, "%s%s", host ? "proxy " : "",
             host ? strchr(host, '/') : target);
    copy_header(head, "Range", r->range, sizeof r->range);
    copy_header(head, "If-Range", r->if_range, sizeof r->if_range);
    copy_header(head, "Authorization", r->token, sizeof r->token);
    return true;
}

static const char *after(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) ? NULL : path + n;
}

static void serve(struct request *r)
{
    const char *path = after(r->path, "proxy "), *revision, *file;
    char files[100], location[1500];
    path = path ? path : r->path;
    snprintf(files, sizeof files, "/owner/tiny/resolve/%s/", commit);
    revision = after(path, "/api/models/owner/tiny/revision/");
    file = after(path, files);
    r->fault = take_fault(revision ? "list" : file ? file : "");
    if (is(r, "status")) {
        const char *slash = strchr(r->fault.text, '/');
        refuse(r, (int)r->fault.number, slash ? slash + 1 : "");
    } else if (is(r, "busy")) {
        snprintf(location, sizeof location, "Retry-After: %ld\r\n", r->fault.number);
        answer(r, 429, location, "", 0);
    } else if (is(r, "redirect")) {
        snprintf(location, sizeof location, "Location: %s%s\r\n", r->fault.text, path);
        answer(r, 302, location, "", 0);
    } else if (revision && strcmp(revision, "main?blobs=true") &&
               strcmp(revision, "refs%2Fpr%2F1?blobs=true"))
        refuse(r, 404, "RevisionNotFound");
    else if (revision)
        answer_list(r);
    else if (file)
        answer_file(r, file);
    else
        refuse(r, 401, "RepoNotFound");
}

static void *serve_connection(void *arg)
{
    struct request *r = arg;
    if (read_request(r))
        serve(r);
    shutdown(r->fd, SHUT_WR);
    /* Closing with a request half read would reset the connection and take the answer with it. */
    for (char rest[512]; recv(r->fd, rest, sizeof rest, 0) > 0;)
        ;
    close(r->fd);
    free(r);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (argc < 3)
        return 2;
    directory = argv[1];
    log_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    for (int i = 3; i < argc; i++)
        if (add_fault(argv[i]))
            return 2;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (log_fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    signal(SIGPIPE, SIG_IGN);
    alarm(120);
    for (;;) {
        pthread_t thread;
        struct request *r = calloc(1, sizeof *r);
        if (!r || (r->fd = accept(fd, NULL, NULL)) < 0)
            return 1;
        if (pthread_create(&thread, NULL, serve_connection, r))
            return 1;
        pthread_detach(thread);
    }
}
