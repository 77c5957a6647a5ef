/* hash_blocks.h - SHA-256's inner loop, in C and in the CPU's own instructions, for hash.c and its test. */
#ifndef HASH_BLOCKS_H
#define HASH_BLOCKS_H
#include <stddef.h>
#include <stdint.h>

/* FIPS 180-4, 4.2.2. */
extern const uint32_t sha256_k[64];

/* Lead the state (8) through `count` blocks of 64 bytes. */
typedef void sha256_blocks_fn(uint32_t *state, const unsigned char *blocks, size_t count);
sha256_blocks_fn sha256_blocks_plain;

/* By instructions: NULL where the CPU has none. Any thread. */
sha256_blocks_fn *sha256_blocks_instructions(void);

#endif
