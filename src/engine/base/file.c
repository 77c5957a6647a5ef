#include "engine/base/file.h"

#include "engine/base/file_map.h"
#include "engine/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe has no size, so it is read until it ends; a regular file takes one pass of the same loop. */
char *file_read(const char *path, size_t *size_bytes, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text = NULL;
    size_t n = 0, capacity = 0;
    if (fd < 0 || fstat(fd, &st)) {
        err_errno(err, "cannot read '%s'", path);
        goto fail;
    }
    if (S_ISDIR(st.st_mode)) {
        err_set(err, ERR_IO, "cannot read '%s': it is a directory", path);
        goto fail;
    }
    size_t expected = st.st_size > 0 ? (size_t)st.st_size + 1 : 65536;
    for (;;) {
        if (mem_grow(&text, &capacity, n + expected, 1, path, err))
            goto fail;
        ssize_t got = read(fd, text + n, capacity - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_errno(err, "cannot read '%s'", path);
            goto fail;
        }
        if (!got)
            break;
        n += (size_t)got;
        expected = 65536;
    }
    close(fd);
    text[n] = '\0';
    *size_bytes = n;
    return text;
fail:
    if (fd >= 0)
        close(fd);
    free(text);
    return NULL;
}

bool file_exists(const char *path)
{
    struct stat st;
    return !lstat(path, &st);
}

bool file_is_directory(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

bool file_is_free(const char *path)
{
    if (!file_exists(path))
        return true;
    DIR *d = opendir(path);
    if (!d)
        return false;
    bool empty = true;
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = is_dots(e->d_name);
    closedir(d);
    return empty;
}

int file_join(char *out, size_t size, const char *directory, const char *name, struct err *err)
{
    size_t n = strlen(directory);
    int length = snprintf(out, size, "%s%s%s", directory, n && directory[n - 1] == '/' ? "" : "/",
                          name);
    if (length < 0 || (size_t)length >= size)
        return err_set(err, ERR_IO, "the path of '%s' in '%.200s...' is too long", name, directory);
    return 0;
}

int file_make_directories(const char *path, struct err *err)
{
    char part[4096];
    size_t n = strlen(path);
    if (!n || n >= sizeof part)
        return err_set(err, ERR_IO, "cannot make the directory '%.200s': bad length", path);
    memcpy(part, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i])
            continue;
        char end = part[i];
        part[i] = '\0';
        if (mkdir(part, 0777) && errno != EEXIST)
            return err_errno(err, "cannot make the directory '%s'", part);
        part[i] = end;
    }
    if (!file_is_directory(path))
        return err_set(err, ERR_IO, "'%s' is in the way: not a directory", path);
    return 0;
}

int file_remove_tree(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? 0 : err_errno(err, "cannot remove '%s'", path);
    if (!S_ISDIR(st.st_mode))
        return unlink(path) ? err_errno(err, "cannot remove '%s'", path) : 0;
    DIR *d = opendir(path);
    if (!d)
        return err_errno(err, "cannot remove '%s'", path);
    int status = 0;
    for (struct dirent *e; !status && (e = readdir(d));) {
        char inside[4096];
        if (is_dots(e->d_name))
            continue;
        status = file_join(inside, sizeof inside, path, e->d_name, err) ||
                 file_remove_tree(inside, err);
    }
    closedir(d);
    if (status)
        return -1;
    return rmdir(path) ? err_errno(err, "cannot remove '%s'", path) : 0;
}

static int sync_path(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd)) {
        err_errno(err, "cannot sync '%s'", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    return 0;
}

/* The directory entry itself has to reach the disk, or a crash may forget the rename. */
static int sync_parent(const char *path, struct err *err)
{
    char parent[4096];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash)
        return sync_path(".", err);
    slash[slash == parent] = '\0';
    return sync_path(parent, err);
}

int file_aside_open(struct file_aside *a, const char *path, struct err *err)
{
    *a = (struct file_aside){0};
    if (strlen(path) >= sizeof a->path)
        return err_set(err, ERR_IO, "cannot write '%.200s...': the path is too long", path);
    strcpy(a->path, path);
    snprintf(a->aside, sizeof a->aside, "%s.part%ld", path, (long)getpid());
    a->f = fopen(a->aside, "wbe");
    if (!a->f)
        return err_errno(err, "cannot write '%s'", path);
    return 0;
}

int file_aside_commit(struct file_aside *a, struct err *err)
{
    /* A stream that failed earlier has lost its reason; on a file it is nearly always the disk. */
    int number = ferror(a->f) ? ENOSPC : 0;
    if (!number && fflush(a->f))
        number = errno;
    if (!number && fsync(fileno(a->f)))
        number = errno;
    if (fclose(a->f) && !number)
        number = errno;
    a->f = NULL;
    if (!number && rename(a->aside, a->path))
        number = errno;
    if (number) {
        unlink(a->aside);
        errno = number;
        return err_errno(err, "cannot write '%s'", a->path);
    }
    return sync_parent(a->path, err);
}

void file_aside_discard(struct file_aside *a)
{
    if (a->f)
        fclose(a->f);
    if (a->aside[0])
        unlink(a->aside);
    *a = (struct file_aside){0};
}

int file_write(const char *path, const void *bytes, size_t n, struct err *err)
{
    struct file_aside a;
    if (file_aside_open(&a, path, err))
        return -1;
    fwrite(bytes, 1, n, a.f);
    return file_aside_commit(&a, err);
}

int file_copy(const char *from, const char *to, struct err *err)
{
    struct file_map m;
    if (file_map_open(&m, from, err))
        return -1;
    int status = file_write(to, m.data, m.size_bytes, err);
    file_map_close(&m);
    return status;
}

int file_directory_begin(const char *path, char *aside, size_t aside_size, struct err *err)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    int length = snprintf(aside, aside_size, "%.*s.part%ld", (int)n, path, (long)getpid());
    if (length < 0 || (size_t)length >= aside_size)
        return err_set(err, ERR_IO, "cannot make '%.200s...': the path is too long", path);
    if (!file_is_free(path))
        return err_set(err, ERR_IO, "'%s' exists and is not empty; name another", path);
    if (file_remove_tree(aside, err))
        return -1;
    return file_make_directories(aside, err);
}

static int sync_tree(const char *path, struct err *err)
{
    DIR *d = opendir(path);
    if (!d)
        return err_errno(err, "cannot read the directory '%s'", path);
    int status = 0;
    for (struct dirent *e; !status && (e = readdir(d));) {
        char inside[4096];
        if (is_dots(e->d_name))
            continue;
        status = file_join(inside, sizeof inside, path, e->d_name, err) ||
                 (file_is_directory(inside) ? sync_tree(inside, err) : sync_path(inside, err));
    }
    closedir(d);
    return status ? -1 : sync_path(path, err);
}

int file_directory_commit(const char *path, const char *aside, struct err *err)
{
    if (sync_tree(aside, err))
        return -1;
    if (file_is_directory(path) && rmdir(path)) /* an empty one may stand there: see file_is_free */
        return err_errno(err, "cannot replace '%s'", path);
    if (rename(aside, path))
        return err_errno(err, "cannot make '%s'", path);
    return sync_parent(path, err);
}
