#include "cli/hub.h"

#include "engine/base/json.h"
#include "engine/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_LIMIT = 64 << 20,    /* bytes of the list; that of a large repository has some megabytes */
    DOCUMENT_LIMIT = 1 << 20, /* a licence or a README is worth having while it is small */
};

/* ---- what the hub says no with ---- */

int hub_explain(const struct hub *h, const struct transfer_reply *reply, struct err *err)
{
    const char *code = reply->error_code, *model = h->model;
    bool token = h->token[0], sent = token && transfer_may_carry_token(h->endpoint, h->endpoint);
    if (!strcmp(code, "GatedRepo"))
        return err_set(
            err, ERR_INPUT,
            "'%s' is gated: accept its terms at %s/%s in a browser, then set HF_TOKEN to "
            "a token of that account",
            model, h->endpoint, model);
    if (!strcmp(code, "RevisionNotFound"))
        return err_set(err, ERR_INPUT,
                       "'%s' has no revision '%.100s'; leave --revision out for its main branch",
                       model, h->revision);
    if (!strcmp(code, "RepoNotFound") || reply->status == 401 || reply->status == 404)
        return err_set(err, ERR_INPUT,
                       "no model '%s' at %s, or none that may be seen; look at the spelling "
                       "(owner/model), and for a private model %s",
                       model, h->endpoint,
                       !token ? "set HF_TOKEN"
                       : sent ? "whether the account of the token may see it"
                              : "use https: a token is not sent over http");
    if (reply->status == 403)
        return err_set(err, ERR_INPUT,
                       "the hub does not let %s read '%s'; accept its terms at %s/%s in a browser, "
                       "or set HF_TOKEN to a token that may read it",
                       sent ? "this token" : "one without a token", model, h->endpoint, model);
    if (reply->status == 429)
        return err_set(err, ERR_IO,
                       "the hub answers no more requests for now; try again in %ld s%s",
                       reply->retry_after_s ? reply->retry_after_s : 60,
                       token ? "" : ", or set HF_TOKEN: with an account one may ask more often");
    if (reply->status >= 500)
        return err_set(err, ERR_IO,
                       "the hub is in trouble (status %ld); run the command again later",
                       reply->status);
    return err_set(err, ERR_IO, "%s answered with status %ld; is HF_ENDPOINT a hub?", h->endpoint,
                   reply->status);
}

/* ---- the list ---- */

bool hub_is_plain_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+";
    size_t n = strlen(name);
    return n >= 1 && n <= 200 && strspn(name, allowed) == n && !strchr("-.", name[0]);
}

static void copy_hex(char *out, const cJSON *object, const char *key, size_t digits)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    if (text && strlen(text) == digits && strspn(text, "0123456789abcdef") == digits)
        memcpy(out, text, digits + 1);
}

/* What is not said, or wrong, stays out: it matters only for a file that is needed. */
static int add_file(struct hub *h, const cJSON *item, struct err *err)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "rfilename"));
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(item, "size"),
                *lfs = cJSON_GetObjectItemCaseSensitive(item, "lfs");
    if (!name || !hub_is_plain_name(name))
        return 0; /* a directory's file, which is never needed */
    if (mem_grow(&h->files, &h->capacity, h->count + 1, sizeof *h->files, "the list of files", err))
        return -1;
    struct hub_file *f = &h->files[h->count];
    *f = (struct hub_file){.name = mem_strdup(name, err)};
    if (!f->name)
        return -1;
    h->count++;
    bool sized = cJSON_IsNumber(size) && size->valuedouble >= 0 && size->valuedouble < 9e15;
    f->size_bytes = sized ? (uint64_t)size->valuedouble : 0;
    if (sized && cJSON_IsObject(lfs)) /* its blobId names the pointer, not the file */
        copy_hex(f->sha256, lfs, "sha256", 64);
    else if (sized)
        copy_hex(f->git_sha1, item, "blobId", 40);
    return 0;
}

static int read_list(struct hub *h, const struct strbuf *text, const char *url, struct err *err)
{
    cJSON *list = json_parse(text->text ? text->text : "", text->length, url, 1, err);
    if (!list)
        return err_wrap(err, "the hub's answer is no list of files; is HF_ENDPOINT a hub?");
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(list, "siblings"), *item;
    int rc = 0;
    if (!cJSON_IsArray(files))
        rc = err_set(err, ERR_INPUT, "'%.200s' lists no files; is HF_ENDPOINT a hub?", url);
    else
        copy_hex(h->commit, list, "sha", 40);
    for (item = files ? files->child : NULL; item && !rc; item = item->next)
        rc = add_file(h, item, err);
    cJSON_Delete(list);
    if (!rc && !h->commit[0])
        rc =
            err_set(err, ERR_INPUT, "'%.200s' names no commit ('sha'); is HF_ENDPOINT a hub?", url);
    return rc;
}

int hub_list(struct hub *h, struct err *err)
{
    struct strbuf url = {0}, text = {0};
    struct transfer_reply reply;
    strbuf_printf(&url, "%s/api/models/%s/revision/", h->endpoint, h->model);
    transfer_escape(&url, h->revision);
    strbuf_puts(&url, "?blobs=true");
    int rc = url.failed ? err_set(err, ERR_NOMEM, "out of memory for an address") : 0;
    if (!rc && (rc = transfer_text(h->transfer, url.text, LIST_LIMIT, &text, &reply, err))) {
        if (reply.outcome == TRANSFER_STATUS)
            hub_explain(h, &reply, err);
        else if (reply.outcome != TRANSFER_STOPPED)
            err_wrap(err, "cannot ask %.200s for '%s'", h->endpoint, h->model);
    }
    if (!rc)
        rc = read_list(h, &text, url.text, err);
    strbuf_clear(&url);
    strbuf_clear(&text);
    return rc;
}

void hub_close(struct hub *h)
{
    transfer_destroy(h->transfer);
    for (size_t i = 0; i < h->count; i++)
        free(h->files[i].name);
    free(h->files);
    *h = (struct hub){0};
}

/* ---- what is needed of it ---- */

static const struct tokenizer_row {
    const char *name;
    bool vocabulary; /* a tokenizer can be made from it, with others or alone */
} tokenizer_files[] = {
    {"tokenizer.json", true},
    {"tokenizer_config.json", false},
    {"special_tokens_map.json", false},
    {"added_tokens.json", false},
    {"vocab.txt", true},
    {"vocab.json", true},
    {"merges.txt", false},
    {"spiece.model", true},
    {"sentencepiece.bpe.model", true},
    {"tokenizer.model", true},
};

static const char *const documents[] = {"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE",
                                        "README.md"};

/* The first that is there is taken. */
static const struct weights_row {
    const char *name;
    bool index;
} weights_files[] = {
    {"model.safetensors", false},
    {"model.safetensors.index.json", true},
    {"pytorch_model.bin", false},
    {"pytorch_model.bin.index.json", true},
};

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const struct hub_file *find(const struct hub *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++)
        if (!strcmp(h->files[i].name, name))
            return &h->files[i];
    return NULL;
}

/* Once each, however often a list or an index names it. */
static int take(struct hub_choice *c, const struct hub *h, const struct hub_file *f,
                struct err *err)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->files[i] == f)
            return 0;
    if (!f->sha256[0] && !f->git_sha1[0])
        return err_set(err, ERR_INPUT,
                       "%s gives no size and hash for '%s', so it could not be checked; use a hub "
                       "that does",
                       h->endpoint, f->name);
    if (mem_grow(&c->files, &c->capacity, c->count + 1, sizeof *c->files, "the files", err))
        return -1;
    c->files[c->count++] = f;
    return 0;
}

static int refuse_model(const struct hub *h, const char *lacks, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "'%s' is no model that sft can read: it has no %s; name another", h->model,
                   lacks);
}

static int choose_weights(const struct hub *h, struct hub_choice *c, struct err *err)
{
    c->weights = c->count;
    for (size_t i = 0; i < LENGTH(weights_files); i++) {
        const struct hub_file *f = find(h, weights_files[i].name);
        if (!f)
            continue;
        c->sharded = weights_files[i].index;
        return take(c, h, f, err);
    }
    return refuse_model(h, "model.safetensors or pytorch_model.bin", err);
}

int hub_choose(const struct hub *h, struct hub_choice *c, struct err *err)
{
    const struct hub_file *f = find(h, "config.json");
    bool vocabulary = false;
    int rc = f ? take(c, h, f, err) : refuse_model(h, "config.json", err);
    for (size_t i = 0; !rc && i < LENGTH(tokenizer_files); i++) {
        if (!(f = find(h, tokenizer_files[i].name)))
            continue;
        vocabulary = vocabulary || tokenizer_files[i].vocabulary;
        rc = take(c, h, f, err);
    }
    if (!rc && !vocabulary)
        rc = refuse_model(h, "tokenizer.json, vocab.txt, vocab.json or SentencePiece model", err);
    for (size_t i = 0; !rc && i < LENGTH(documents); i++)
        if ((f = find(h, documents[i])) && f->size_bytes <= DOCUMENT_LIMIT)
            rc = take(c, h, f, err);
    return rc ? -1 : choose_weights(h, c, err);
}

int hub_shards(const struct hub *h, struct hub_choice *c, const char *path, struct err *err)
{
    cJSON *index = json_read(path, err);
    if (!index)
        return -1;
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(index, "weight_map"), *item;
    int rc = 0;
    if (!cJSON_IsObject(map) || !map->child)
        rc = err_set(err, ERR_INPUT, "'%.300s' has no weight_map, so it names no weights", path);
    for (item = map ? map->child : NULL; item && !rc; item = item->next) {
        const char *name = cJSON_GetStringValue(item);
        const struct hub_file *f = name ? find(h, name) : NULL;
        rc = f ? take(c, h, f, err)
               : err_set(err, ERR_INPUT, "'%.200s' names '%.100s', which '%s' does not have", path,
                         name ? name : "what is no name", h->model);
    }
    cJSON_Delete(index);
    return rc ? -1 : 0;
}

void hub_choice_clear(struct hub_choice *c)
{
    free(c->files);
    *c = (struct hub_choice){0};
}
