/* transfer_url.c - what may be sent where: the rules for addresses that transfer.c keeps. */
#include "cli/transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* An http or https URL taken apart by libcurl, so that it means the same here as when it is used. */
struct address {
    char scheme[8], host[256], port[8];
    bool has_user;
};

static bool copy_part(const CURLU *u, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    bool fits = !curl_url_get((CURLU *)u, part, &text, CURLU_DEFAULT_PORT) && strlen(text) < size;
    if (fits)
        strcpy(out, text);
    curl_free(text);
    return fits;
}

static bool take_apart(const char *url, struct address *a)
{
    CURLU *u = curl_url();
    char *user = NULL;
    bool good = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
                copy_part(u, CURLUPART_SCHEME, a->scheme, sizeof a->scheme) &&
                copy_part(u, CURLUPART_HOST, a->host, sizeof a->host) &&
                copy_part(u, CURLUPART_PORT, a->port, sizeof a->port);
    a->has_user = good && !curl_url_get(u, CURLUPART_USER, &user, 0);
    curl_free(user);
    curl_url_cleanup(u);
    return good && a->host[0] && (!strcmp(a->scheme, "http") || !strcmp(a->scheme, "https"));
}

/* This machine itself. A name that only looks like it (127.0.0.1.example.org) is not. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (!strcasecmp(host, "localhost") || !strcmp(host, "[::1]"))
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

bool transfer_is_url(const char *url)
{
    struct address a;
    return take_apart(url, &a) && !a.has_user;
}

bool transfer_same_origin(const char *one, const char *other)
{
    struct address a, b;
    return take_apart(one, &a) && take_apart(other, &b) && !strcmp(a.scheme, b.scheme) &&
           !strcasecmp(a.host, b.host) && !strcmp(a.port, b.port);
}

bool transfer_may_follow(const char *from, const char *to)
{
    struct address a, b;
    if (!take_apart(from, &a) || !take_apart(to, &b))
        return false;
    return !strcmp(b.scheme, "https") || !strcmp(a.scheme, "http") || is_loopback(b.host);
}

bool transfer_may_carry_token(const char *origin, const char *url)
{
    struct address a;
    return transfer_same_origin(origin, url) && take_apart(url, &a) &&
           (!strcmp(a.scheme, "https") || is_loopback(a.host));
}

void transfer_escape(struct strbuf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            strbuf_add(out, text, 1);
        else
            strbuf_printf(out, "%%%02X", (unsigned char)*text);
    }
}
