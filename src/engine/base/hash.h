/* hash.h - names for bytes: SHA-256 (FIPS 180-4) for files and weights, SHA-1 (the same paper) where
 * git names a file by it, a fast 64-bit hash for keys in tables. */
#ifndef HASH_H
#define HASH_H
#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t length_bytes;
    unsigned char block[64];
};
void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
void sha256_finish(struct sha256 *s, char hex[65]);
int sha256_file(const char *path, char hex[65], struct err *err);

/* No protection against someone who wants two files of one name; it finds what a network broke. */
struct sha1 {
    uint32_t state[5];
    uint64_t length_bytes;
    unsigned char block[64];
};
void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, const void *bytes, size_t n);
void sha1_finish(struct sha1 *s, char hex[41]);

/* A stable 64-bit hash of bytes, the same on every machine; not cryptographic. */
uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed);

#endif
