/* hub.h - the Hugging Face hub: where it is, who asks, what files a model has there, and which of
 * them this program needs.
 *
 * Two requests of the hub's protocol are used. {ENDPOINT}/api/models/NAME/revision/REV?blobs=true
 * lists the files of a revision with their sizes and hashes and says which commit it is;
 * {ENDPOINT}/NAME/resolve/COMMIT/FILE is a file. Files are asked for by the commit of the list, so
 * that a branch that moves in between does not mix two states.
 *
 * The environment is huggingface_hub's: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME,
 * HF_HUB_OFFLINE. Everything the hub answers is hostile until checked: only plain file names are
 * kept, and nothing is believed that has no size and no hash. */
#ifndef HUB_H
#define HUB_H
#include "cli/transfer.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub_file {
    char *name; /* plain: no directories, no leading dot */
    uint64_t size_bytes;
    /* By what the bytes are known: SHA-256 of a large file, else git's name for it, the SHA-1 of
     * "blob SIZE\0" and the bytes. "" in both: the hub did not say. */
    char sha256[65], git_sha1[41];
};

struct hub {
    char endpoint[512];
    char token[512]; /* "" without one */
    const char *model, *revision;
    char commit[41]; /* of the list; the revision itself where the hub names no commit */
    struct hub_file *files;
    size_t count, capacity;
    struct transfer *transfer;
    const struct transfer_options *options;
};

/* Read the environment and make ready to ask; no request yet. ERR_USAGE for what is no model's name.
 * Borrows all arguments. hub_close() afterwards, also when it failed. */
int hub_open(struct hub *h, const char *model, const char *revision,
             const struct transfer_options *options, struct err *err);
void hub_close(struct hub *h); /* a zeroed struct is fine */

/* Fill h->files and h->commit. What the hub refuses is said with what to do about it. */
int hub_list(struct hub *h, struct err *err);

/* What is needed, in the order to fetch it: what a model can be refused by comes first. `weights` is
 * one file, or the index of several: then hub_shards() adds them once the index is there. */
struct hub_choice {
    const struct hub_file **files; /* (count); free with hub_choice_clear */
    size_t count, capacity;
    size_t weights; /* where the weights begin */
    bool sharded;
};
int hub_choose(const struct hub *h, struct hub_choice *c, struct err *err);
/* Read the index at `path` and add every file it names. */
int hub_shards(const struct hub *h, struct hub_choice *c, const char *path, struct err *err);
void hub_choice_clear(struct hub_choice *c);

/* A name that may be written to: one part, no leading dot, nothing a terminal or a shell would trip
 * over. */
bool hub_is_plain_name(const char *name);

/* What an answer other than 200 or 206 means, over what *err says. Returns -1. */
int hub_explain(const struct hub *h, const struct transfer_reply *reply, struct err *err);

/* ---- hub_file.c: one file, from the hub to the disk ---- */

/* Bring `f` to DIR/name, whole and checked, or leave nothing under that name. An unfinished download
 * stands in DIR/name.part, with DIR/name.part.source saying of what; this or a later process goes on
 * with it. A file that is there already and is the same is not fetched; one that is another is
 * refused unless `replace`. *got_bytes grows as bytes arrive, *left_bytes shrinks by what is had. */
struct hub_target {
    const char *dir;
    bool replace;
    uint64_t got_bytes, left_bytes;
    const char *name; /* of the file being fetched, for whoever shows progress */
    bool checking;    /* its bytes are all there and are read once more */
};
int hub_fetch(struct hub *h, const struct hub_file *f, struct hub_target *target, struct err *err);

/* Bytes of `f` that DIR does not have yet, judged by sizes alone. */
uint64_t hub_missing_bytes(const struct hub_file *f, const struct hub_target *target);

#endif
