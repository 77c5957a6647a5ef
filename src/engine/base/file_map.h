/* file_map.h - a file read in place, without a copy.
 *
 * What is mapped can change under its reader. Changed bytes are read as they come, which parsers bear; bytes
 * that are gone because the file was cut short end the process with a signal, and all that can be
 * done is to say which file it was. */
#ifndef FILE_MAP_H
#define FILE_MAP_H
#include "engine/base/err.h"

#include <stddef.h>

/* A read-only mapping. An empty file maps to data "" and size 0. */
struct file_map {
    const unsigned char *data;
    size_t size_bytes;
    int place; /* in the list of mappings, from 1; 0: none */
};
int file_map_open(struct file_map *m, const char *path, struct err *err);
void file_map_close(struct file_map *m); /* a zeroed struct is fine */

/* The path of the file that is mapped where `at` points, or NULL. May be asked in a signal handler, for which
 * the answer lasts until the mapping is closed. */
const char *file_map_path_at(const void *at);

#endif
