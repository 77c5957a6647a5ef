/* transfer.h - one HTTP request at a time through libcurl: follow redirects, hand the bytes on, say
 * what came of it, and whether asking again may help.
 *
 * Redirects are followed here and not by libcurl, because each must be judged: the token goes to the
 * origin it was given for and nowhere else, and what began under https does not go on without it.
 * Proxies are libcurl's: http_proxy, https_proxy, all_proxy and no_proxy in the environment.
 * One thread; a wish to stop (stop.h) ends a request within a second. */
#ifndef TRANSFER_H
#define TRANSFER_H
#include "engine/base/err.h"
#include "engine/base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transfer_outcome {
    TRANSFER_DONE,    /* the whole body of a 200 or 206 went into the sink */
    TRANSFER_STATUS,  /* the server answered with another status */
    TRANSFER_BROKEN,  /* the connection failed, was cut, or stalled */
    TRANSFER_REFUSED, /* asking again would give the same: a certificate, a redirect, the sink */
    TRANSFER_STOPPED, /* the user wants to stop */
};

/* What the last server on the way answered. */
struct transfer_reply {
    enum transfer_outcome outcome;
    long status;
    char etag[200]; /* a strong one, with its quotes; "" when there is none */
    bool has_range; /* Content-Range with all three numbers */
    uint64_t first_byte, last_byte, total_bytes;
    long retry_after_s;  /* 0: it did not say */
    char error_code[64]; /* X-Error-Code: the hub's own word for what is wrong */
};

struct transfer_request {
    const char *url;
    uint64_t from;    /* first byte wanted; 0: all of them */
    const char *etag; /* of the bytes before `from`; "" or NULL when not known */
    /* Called once before the first byte of a 200 or 206; -1 ends the request as refused. */
    int (*begin)(void *arg, const struct transfer_reply *reply, struct err *err);
    int (*bytes)(void *arg, const void *bytes, size_t n, struct err *err);
    void *arg;
};

/* How patient to be, and whom to tell. */
struct transfer_options {
    int retries;                               /* in a row, without progress in between */
    int timeout_s;                             /* without a connection, or without a byte */
    void (*tick)(void *arg);                   /* while a request goes on, at least once a second */
    void (*tell)(void *arg, const char *line); /* why one waits */
    void *arg;
};

struct transfer;

/* `origin` is the URL whose scheme, host and port may see `token` (NULL: there is none). Borrows all
 * of its arguments until destroy. */
struct transfer *transfer_create(const char *origin, const char *token,
                                 const struct transfer_options *options, struct err *err);
void transfer_destroy(struct transfer *t); /* NULL is fine */

/* 0 when reply->outcome is TRANSFER_DONE; else -1 and *err says what was in the way. */
int transfer_get(struct transfer *t, const struct transfer_request *request,
                 struct transfer_reply *reply, struct err *err);

/* After a get that failed: true when another try is worth it, after having waited for it; counts in
 * *tries, which the caller zeroes first and whenever a try got on. */
bool transfer_again(struct transfer *t, const struct transfer_reply *reply, int *tries,
                    const struct err *why);

/* A whole body of at most `limit` bytes into *out, with retries. */
int transfer_text(struct transfer *t, const char *url, size_t limit, struct strbuf *out,
                  struct transfer_reply *reply, struct err *err);

/* ---- judging addresses; false also for what is no http or https URL ---- */

bool transfer_is_url(const char *url);                      /* http(s), a host, no user name */
bool transfer_same_origin(const char *a, const char *b);    /* scheme, host and port */
bool transfer_may_follow(const char *from, const char *to); /* not from https to http */
bool transfer_may_carry_token(const char *origin,
                              const char *url); /* nor in clear through a network */

/* Append `text` as one part of a path: all but letters, digits and -._~ as %XX. */
void transfer_escape(struct strbuf *out, const char *text);

#endif
