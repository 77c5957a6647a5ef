#include "cli/transfer.h"

#include "cli/stop.h"
#include "engine/base/version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    MOST_HOPS = 10,
    LONGEST_WAIT_S = 300, /* a hub that asks for more is left alone */
    ADDRESS_SIZE = 8192,  /* signed addresses are long */
};

struct transfer {
    CURL *curl;
    const char *origin, *token;
    struct transfer_options options;
    bool answered; /* some server has answered once, so the address and the network are good */
    char curl_error[CURL_ERROR_SIZE];

    /* The request going on. */
    const struct transfer_request *request;
    struct transfer_reply *reply;
    struct err *err;
    bool begun, sink_failed;
};

/* ---- what libcurl calls ---- */

/* The value of a header line when its name is `name`, else NULL; ends at *n. */
static const char *header_value(const char *line, size_t length, const char *name, size_t *n)
{
    size_t skip = strlen(name);
    if (length <= skip || strncasecmp(line, name, skip) || line[skip] != ':')
        return NULL;
    const char *value = line + skip + 1, *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    *n = (size_t)(end - value);
    return value;
}

static void copy_value(char *out, size_t size, const char *value, size_t n)
{
    if (n < size) {
        memcpy(out, value, n);
        out[n] = '\0';
    }
}

/* "bytes 100-199/200"; a range with an unknown end or total is none that can be checked. */
static void read_range(struct transfer_reply *r, const char *value, size_t n)
{
    char text[80] = "", rest;
    unsigned long long first, last, total;
    copy_value(text, sizeof text, value, n);
    r->has_range = sscanf(text, "bytes %llu-%llu/%llu%c", &first, &last, &total, &rest) == 3;
    if (r->has_range)
        r->first_byte = first, r->last_byte = last, r->total_bytes = total;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    struct transfer_reply *r = t->reply;
    const char *value;
    size_t length = size * count, n;
    if (length > 5 && !strncmp(line, "HTTP/", 5)) /* of a redirect or a 100 before: forget it */
        *r = (struct transfer_reply){0};
    else if ((value = header_value(line, length, "ETag", &n)) && n && *value == '"')
        copy_value(r->etag, sizeof r->etag, value, n);
    else if ((value = header_value(line, length, "Content-Range", &n)))
        read_range(r, value, n);
    else if ((value = header_value(line, length, "X-Error-Code", &n)))
        copy_value(r->error_code, sizeof r->error_code, value, n);
    return length;
}

static int begin(struct transfer *t)
{
    if (t->begun)
        return 0;
    t->begun = true;
    t->sink_failed = t->request->begin(t->request->arg, t->reply, t->err) != 0;
    return t->sink_failed ? -1 : 0;
}

static bool is_content(long status)
{
    return status == 200 || status == 206;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->reply->status);
    if (!is_content(t->reply->status))
        return n; /* a page that explains the error to a browser */
    if (begin(t))
        return 0;
    t->sink_failed = t->request->bytes(t->request->arg, bytes, n, t->err) != 0;
    return t->sink_failed ? 0 : n;
}

static int on_progress(void *arg, curl_off_t down, curl_off_t downloaded, curl_off_t up,
                       curl_off_t uploaded)
{
    struct transfer *t = arg;
    (void)down, (void)downloaded, (void)up, (void)uploaded;
    if (t->options.tick)
        t->options.tick(t->options.arg);
    return stop_wanted();
}

/* ---- one request ---- */

struct transfer *transfer_create(const char *origin, const char *token,
                                 const struct transfer_options *options, struct err *err)
{
    struct transfer *t = mem_alloc(1, sizeof *t, "the connection", err);
    if (!t)
        return NULL;
    *t = (struct transfer){.origin = origin, .token = token, .options = *options};
    if (!curl_global_init(CURL_GLOBAL_DEFAULT))
        t->curl = curl_easy_init();
    CURL *c = t->curl;
    if (!c || curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https")) {
        err_set(err, ERR_NOMEM,
                "libcurl does not start: it is out of memory or built without https");
        transfer_destroy(t);
        return NULL;
    }
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "sft/" SFT_VERSION);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)options->timeout_s);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)options->timeout_s);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    return t;
}

void transfer_destroy(struct transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->curl);
    curl_global_cleanup();
    free(t);
}

/* The headers of a request to `url`, which decides whether the token is among them. -1: no memory. */
static int make_headers(const struct transfer *t, const char *url, struct curl_slist **list)
{
    struct strbuf line = {0};
    struct curl_slist *grown = NULL;
    const struct transfer_request *r = t->request;
    if (t->token && transfer_may_carry_token(t->origin, url)) {
        strbuf_printf(&line, "Authorization: Bearer %s", t->token);
        grown = line.failed ? NULL : curl_slist_append(*list, line.text);
        strbuf_clear(&line);
        if (!grown)
            return -1;
        *list = grown;
    }
    if (r->from && r->etag && *r->etag) {
        strbuf_printf(&line, "If-Range: %s", r->etag);
        grown = line.failed ? NULL : curl_slist_append(*list, line.text);
        strbuf_clear(&line);
        if (!grown)
            return -1;
        *list = grown;
    }
    return 0;
}

static int refuse(struct transfer *t, const char *what, const char *remedy)
{
    t->reply->outcome = TRANSFER_REFUSED;
    return err_set(t->err, ERR_IO, "%s; %s", what, remedy);
}

/* What libcurl's verdict means for the one who waits. */
static int judge(struct transfer *t, CURLcode code)
{
    const char *text = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
    if (t->sink_failed) {
        t->reply->outcome = TRANSFER_REFUSED;
        return -1; /* the sink has said why */
    }
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        t->reply->outcome = TRANSFER_STOPPED;
        return err_set(t->err, ERR_CANCELLED, "stopped");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return refuse(t, text, "install the package ca-certificates and look at the clock");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return refuse(t, text, "expected an http or https address");
    case CURLE_OUT_OF_MEMORY:
        return refuse(t, "out of memory", "close other programs");
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        if (!t->answered)
            return refuse(t, text, "look at the network, HF_ENDPOINT and the proxy variables");
        break;
    default:
        break;
    }
    t->reply->outcome = TRANSFER_BROKEN;
    return err_set(t->err, ERR_IO, "%s", text);
}

/* One answer of one server. 1: it points elsewhere, and `url` now says where. */
static int hop(struct transfer *t, char url[ADDRESS_SIZE])
{
    struct curl_slist *headers = NULL;
    char range[32], *next = NULL;
    snprintf(range, sizeof range, "%llu-", (unsigned long long)t->request->from);
    *t->reply = (struct transfer_reply){0};
    t->curl_error[0] = '\0';
    if (make_headers(t, url, &headers)) {
        curl_slist_free_all(headers);
        return refuse(t, "out of memory", "close other programs");
    }
    curl_easy_setopt(t->curl, CURLOPT_URL, url);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(t->curl, CURLOPT_RANGE, t->request->from ? range : NULL);
    CURLcode code = curl_easy_perform(t->curl);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    curl_off_t wait = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->reply->status);
    curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &wait);
    t->reply->retry_after_s = wait > LONG_MAX ? LONG_MAX : (long)wait;
    t->answered = t->answered || t->reply->status;
    if (code)
        return judge(t, code);
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &next);
    if (is_content(t->reply->status))
        return begin(t) ? judge(t, CURLE_WRITE_ERROR) : 0; /* an empty body called nobody */
    if (!next) {
        t->reply->outcome = TRANSFER_STATUS;
        return err_set(t->err, ERR_IO, "the server answered with status %ld", t->reply->status);
    }
    if (!transfer_may_follow(url, next))
        return refuse(t, "the server points to an address that is not safe to follow",
                      "only http and https are, and never http after https");
    if (strlen(next) >= ADDRESS_SIZE)
        return refuse(t, "the server points to an address that is too long", "try later");
    strcpy(url, next);
    return 1;
}

int transfer_get(struct transfer *t, const struct transfer_request *request,
                 struct transfer_reply *reply, struct err *err)
{
    char url[ADDRESS_SIZE];
    t->request = request, t->reply = reply, t->err = err;
    t->begun = t->sink_failed = false;
    *reply = (struct transfer_reply){0};
    if ((size_t)snprintf(url, sizeof url, "%s", request->url) >= sizeof url)
        return refuse(t, "the address is too long", "shorten the name or HF_ENDPOINT");
    for (int i = 0; i < MOST_HOPS; i++) {
        int rc = hop(t, url);
        if (rc <= 0)
            return rc;
    }
    return refuse(t, "the server points from one address to the next without end", "try later");
}

/* ---- another try ---- */

/* Too many requests, or a server that is ill for the moment. */
static bool may_pass(const struct transfer_reply *r)
{
    if (r->outcome == TRANSFER_BROKEN)
        return true;
    return r->outcome == TRANSFER_STATUS &&
           (r->status == 429 || r->status == 408 || r->status >= 500) &&
           r->retry_after_s <= LONGEST_WAIT_S;
}

bool transfer_again(struct transfer *t, const struct transfer_reply *reply, int *tries,
                    const struct err *why)
{
    if (!may_pass(reply) || *tries >= t->options.retries)
        return false;
    double wait = 0.5 * (double)(1 << (*tries < 5 ? *tries : 5));
    if (wait < (double)reply->retry_after_s)
        wait = (double)reply->retry_after_s;
    ++*tries;
    if (t->options.tell) {
        char line[600];
        snprintf(line, sizeof line, "%s; trying again in %.1f s (%d of %d)", why->text, wait,
                 *tries, t->options.retries);
        t->options.tell(t->options.arg, line);
    }
    for (; wait > 0 && !stop_wanted(); wait -= 0.05)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return true; /* when stopped, the next try says so at once */
}

struct text_sink {
    struct strbuf *out;
    size_t limit;
};

static int begin_text(void *arg, const struct transfer_reply *reply, struct err *err)
{
    struct text_sink *sink = arg;
    (void)reply, (void)err;
    sink->out->length = 0;
    return 0;
}

static int add_text(void *arg, const void *bytes, size_t n, struct err *err)
{
    struct text_sink *sink = arg;
    if (n > sink->limit - sink->out->length)
        return err_set(err, ERR_INPUT, "the answer is longer than %zu bytes", sink->limit);
    strbuf_add(sink->out, bytes, n);
    return sink->out->failed ? err_set(err, ERR_NOMEM, "out of memory for the answer") : 0;
}

int transfer_text(struct transfer *t, const char *url, size_t limit, struct strbuf *out,
                  struct transfer_reply *reply, struct err *err)
{
    struct text_sink sink = {out, limit};
    const struct transfer_request request = {
        .url = url, .begin = begin_text, .bytes = add_text, .arg = &sink};
    int tries = 0, rc;
    struct err why;
    while ((rc = transfer_get(t, &request, reply, &why)) && transfer_again(t, reply, &tries, &why))
        ;
    if (rc)
        *err = why;
    return rc;
}
