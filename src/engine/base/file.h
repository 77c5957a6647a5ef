/* file.h - whole files in, whole files out, or nothing.
 *
 * What this program writes is either complete or absent: a file is written beside its place under
 * a temporary name, synced and renamed; a directory likewise. */
#ifndef FILE_H
#define FILE_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The whole file, with a NUL after its last byte; free() it. Reads pipes and /dev/stdin too. */
char *file_read(const char *path, size_t *size_bytes, struct err *err);

bool file_exists(const char *path);
bool file_is_directory(const char *path);
/* True when path is absent or an empty directory: what `--out` may name. */
bool file_is_free(const char *path);

/* "a/b" into out; ERR_IO when it does not fit. */
int file_join(char *out, size_t size, const char *directory, const char *name, struct err *err);

int file_make_directories(const char *path, struct err *err); /* mkdir -p */
int file_remove_tree(const char *path, struct err *err);      /* rm -r; absent is fine */
int file_copy(const char *from, const char *to, struct err *err);

/* Write a file in one go: aside, fsync, rename, fsync of the directory. On failure nothing is left. */
int file_write(const char *path, const void *bytes, size_t n, struct err *err);

/* The same for what is written piece by piece. After file_aside_open write to `f`; then commit or
 * discard, exactly one of them. A failed write is noticed at commit. */
struct file_aside {
    FILE *f;
    char path[4096], aside[4096 + 16];
};
int file_aside_open(struct file_aside *a, const char *path, struct err *err);
int file_aside_commit(struct file_aside *a, struct err *err);
void file_aside_discard(struct file_aside *a);

/* A directory written aside: make `aside`, fill it, then commit renames it to `path` (which must be
 * free) after syncing every file in it. */
int file_directory_begin(const char *path, char *aside, size_t aside_size, struct err *err);
int file_directory_commit(const char *path, const char *aside, struct err *err);

#endif
