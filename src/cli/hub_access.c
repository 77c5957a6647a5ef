/* hub_access.c - where the hub is and who asks: names, environment, token. */
#include "cli/hub.h"

#include "engine/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* What huggingface_hub takes for true. */
static bool is_true(const char *value)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    for (size_t i = 0; value && i < sizeof words / sizeof words[0]; i++)
        if (!strcasecmp(value, words[i]))
            return true;
    return false;
}

static bool is_name_part(const char *part, size_t n)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    return n >= 1 && n <= 96 && strspn(part, allowed) >= n && !strchr("-.", part[0]) &&
           !strchr("-.", part[n - 1]);
}

/* `model` or `owner/model`, as the hub allows them. */
static bool is_model_name(const char *name)
{
    const char *slash = strchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    return (!slash || is_name_part(name, (size_t)(slash - name))) &&
           is_name_part(last, strlen(last)) && !strstr(name, "..");
}

/* Where huggingface_hub keeps the token that `hf auth login` wrote. */
static int token_path(char *out, size_t size, struct err *err)
{
    const char *path = environment("HF_TOKEN_PATH"), *home = environment("HF_HOME"),
               *cache = environment("XDG_CACHE_HOME"), *user = environment("HOME");
    char directory[4096];
    if (path)
        return snprintf(out, size, "%s", path) < (int)size
                   ? 0
                   : err_set(err, ERR_USAGE, "HF_TOKEN_PATH is too long");
    int n = home ? snprintf(directory, sizeof directory, "%s", home)
            : cache
                ? snprintf(directory, sizeof directory, "%s/huggingface", cache)
                : snprintf(directory, sizeof directory, "%s/.cache/huggingface", user ? user : "");
    if (n >= (int)sizeof directory)
        return err_set(err, ERR_USAGE, "HF_HOME is too long");
    return file_join(out, size, directory, "token", err);
}

/* Line breaks and blanks around a token are how files end; inside it, or any other byte, it would be a
 * header of its own. */
static int keep_token(struct hub *h, const char *text, const char *where, struct err *err)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t n = strlen(text);
    while (n && strchr(blanks, text[n - 1]))
        n--;
    bool good = n < sizeof h->token;
    for (size_t i = 0; i < n; i++)
        good = good && text[i] > ' ' && text[i] < 0x7f;
    if (!good)
        return err_set(err, ERR_USAGE, "%s holds no token: it is one word of letters and digits",
                       where);
    memcpy(h->token, text, n);
    h->token[n] = '\0';
    return 0;
}

static int read_token(struct hub *h, struct err *err)
{
    char path[4096];
    size_t n;
    if (environment("HF_TOKEN"))
        return keep_token(h, environment("HF_TOKEN"), "HF_TOKEN", err);
    if (token_path(path, sizeof path, err))
        return -1;
    if (!file_exists(path))
        return 0;
    char *text = file_read(path, &n, err);
    if (!text)
        return err_wrap(err, "the hub's token");
    int rc = keep_token(h, text, path, err);
    free(text);
    return rc;
}

static int read_endpoint(struct hub *h, struct err *err)
{
    const char *endpoint = environment("HF_ENDPOINT");
    endpoint = endpoint ? endpoint : "https://huggingface.co";
    size_t n = strlen(endpoint);
    while (n && endpoint[n - 1] == '/')
        n--;
    if (n >= sizeof h->endpoint)
        return err_set(err, ERR_USAGE, "HF_ENDPOINT is too long");
    memcpy(h->endpoint, endpoint, n);
    h->endpoint[n] = '\0';
    if (transfer_is_url(h->endpoint) && !strpbrk(h->endpoint, "?# "))
        return 0;
    if (strchr(h->endpoint, '@')) /* not repeated: a password may stand there */
        return err_set(
            err, ERR_USAGE,
            "HF_ENDPOINT has a user's name before an '@'; leave it out, and put an access "
            "token into HF_TOKEN");
    return err_set(err, ERR_USAGE,
                   "HF_ENDPOINT is '%.100s'; expected an address like https://huggingface.co",
                   h->endpoint);
}

int hub_open(struct hub *h, const char *model, const char *revision,
             const struct transfer_options *options, struct err *err)
{
    *h = (struct hub){.model = model, .revision = revision, .options = options};
    if (!is_model_name(model))
        return err_set(
            err, ERR_USAGE,
            "'%.200s' is no model's name on the hub; expected one like bert-base-uncased "
            "or sentence-transformers/all-MiniLM-L6-v2",
            model);
    if (!*revision)
        return err_set(err, ERR_USAGE, "--revision is empty; expected a branch, a tag or a commit");
    if (is_true(environment("HF_HUB_OFFLINE")))
        return err_set(err, ERR_UNSUPPORTED,
                       "HF_HUB_OFFLINE is set, so '%s' is not fetched; unset it, or name a "
                       "directory that is there with --model",
                       model);
    if (read_endpoint(h, err) || read_token(h, err))
        return -1;
    h->transfer = transfer_create(h->endpoint, h->token[0] ? h->token : NULL, options, err);
    return h->transfer ? 0 : -1;
}
