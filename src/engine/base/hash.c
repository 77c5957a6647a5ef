#include "engine/base/hash.h"

#include "engine/base/file_map.h"
#include "engine/base/hash_blocks.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the
 * first 64 primes. */
const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One round. Instead of moving eight words on, the callers rename them. */
static inline void hash_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                              uint32_t f, uint32_t g, uint32_t *h, uint32_t word)
{
    uint32_t big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t t1 = *h + big1 + ((e & f) ^ (~e & g)) + word;
    *d += t1;
    *h = t1 + big0 + ((a & b) ^ (a & c) ^ (b & c));
}

static void add_block(uint32_t *state, const unsigned char *p)
{
    const uint32_t *k = sha256_k;
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 16; i++)
        w[i] = big_endian(p + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    for (int i = 0; i < 64; i += 8) {
        hash_round(a, b, c, &d, e, f, g, &h, k[i] + w[i]);
        hash_round(h, a, b, &c, d, e, f, &g, k[i + 1] + w[i + 1]);
        hash_round(g, h, a, &b, c, d, e, &f, k[i + 2] + w[i + 2]);
        hash_round(f, g, h, &a, b, c, d, &e, k[i + 3] + w[i + 3]);
        hash_round(e, f, g, &h, a, b, c, &d, k[i + 4] + w[i + 4]);
        hash_round(d, e, f, &g, h, a, b, &c, k[i + 5] + w[i + 5]);
        hash_round(c, d, e, &f, g, h, a, &b, k[i + 6] + w[i + 6]);
        hash_round(b, c, d, &e, f, g, h, &a, k[i + 7] + w[i + 7]);
    }
    const uint32_t added[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += added[i];
}

void sha256_blocks_plain(uint32_t *state, const unsigned char *blocks, size_t count)
{
    for (; count; count--, blocks += 64)
        add_block(state, blocks);
}

/* Asked once: CPUID is slow on virtual machines. */
static sha256_blocks_fn *fastest(void)
{
    static sha256_blocks_fn *_Atomic found;
    sha256_blocks_fn *f = atomic_load_explicit(&found, memory_order_relaxed);
    if (!f) {
        f = sha256_blocks_instructions();
        f = f ? f : sha256_blocks_plain;
        atomic_store_explicit(&found, f, memory_order_relaxed);
    }
    return f;
}

/* What both functions do alike: cut the bytes into blocks of 64 (5.2.1), and end with a one, zeros and
 * the length in bits (5.1.1). */
static void feed(uint64_t *length_bytes, unsigned char block[64], uint32_t *state,
                 sha256_blocks_fn *add, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    while (n) {
        size_t filled = *length_bytes % 64, take = 64 - filled < n ? 64 - filled : n;
        if (take == 64) {
            take = n / 64 * 64;
            add(state, p, n / 64);
        } else {
            memcpy(block + filled, p, take);
            if (filled + take == 64)
                add(state, block, 1);
        }
        *length_bytes += take;
        p += take;
        n -= take;
    }
}

static void pad(uint64_t *length_bytes, unsigned char block[64], uint32_t *state,
                sha256_blocks_fn *add)
{
    uint64_t bits = *length_bytes * 8;
    unsigned char tail[72] = {0x80};
    size_t zeros = (119 - *length_bytes % 64) % 64;
    for (int i = 0; i < 8; i++)
        tail[1 + zeros + (size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    feed(length_bytes, block, state, add, tail, 1 + zeros + 8);
}

void sha256_init(struct sha256 *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->state, start, sizeof start);
    s->length_bytes = 0;
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
    feed(&s->length_bytes, s->block, s->state, fastest(), bytes, n);
}

void sha256_finish(struct sha256 *s, char hex[65])
{
    pad(&s->length_bytes, s->block, s->state, fastest());
    for (int i = 0; i < 8; i++)
        snprintf(hex + 8 * i, 9, "%08x", s->state[i]);
}

int sha256_file(const char *path, char hex[65], struct err *err)
{
    struct file_map m;
    if (file_map_open(&m, path, err))
        return -1;
    struct sha256 s;
    sha256_init(&s);
    sha256_add(&s, m.data, m.size_bytes);
    sha256_finish(&s, hex);
    file_map_close(&m);
    return 0;
}

/* The four stretches of SHA-1's eighty rounds: their function of three words (4.1.1) and their constant
 * (4.2.1). */
static uint32_t sha1_word(int round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round / 20) {
    case 0:
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    case 1:
        return (b ^ c ^ d) + 0x6ed9eba1;
    case 2:
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    default:
        return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void sha1_block(uint32_t *state, const unsigned char *p)
{
    uint32_t w[80];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        w[i] = big_endian(p + 4 * i);
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 31);
    for (int i = 0; i < 80; i++) {
        uint32_t next = rotate(a, 27) + sha1_word(i, b, c, d) + e + w[i];
        e = d, d = c, c = rotate(b, 2), b = a, a = next;
    }
    const uint32_t added[5] = {a, b, c, d, e};
    for (int i = 0; i < 5; i++)
        state[i] += added[i];
}

static void sha1_blocks(uint32_t *state, const unsigned char *blocks, size_t count)
{
    for (; count; count--, blocks += 64)
        sha1_block(state, blocks);
}

void sha1_init(struct sha1 *s)
{
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(s->state, start, sizeof start);
    s->length_bytes = 0;
}

void sha1_add(struct sha1 *s, const void *bytes, size_t n)
{
    feed(&s->length_bytes, s->block, s->state, sha1_blocks, bytes, n);
}

void sha1_finish(struct sha1 *s, char hex[41])
{
    pad(&s->length_bytes, s->block, s->state, sha1_blocks);
    for (int i = 0; i < 5; i++)
        snprintf(hex + 8 * i, 9, "%08x", s->state[i]);
}

/* Eight bytes at a time through the mixer of rng.c's kind; bytes are read in a fixed order so that
 * the value is the same on every machine. */
uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = seed ^ (0x9e3779b97f4a7c15u * (n + 1));
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        for (size_t k = 0; k < 8 && i + k < n; k++)
            word |= (uint64_t)p[i + k] << (8 * k);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}
