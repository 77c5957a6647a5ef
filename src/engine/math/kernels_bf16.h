/* kernels_bf16.h - the product in bf16, from blocks of tiles that are packed as they are rounded.
 *
 * A word holds two neighbours along the reduction, rounded to bf16: elements 2p and 2p+1 are pair p.
 * A tile is 16 x 16 words: of A 16 rows of 16 pairs, of B 16 pairs of 16 columns, which is what
 * tdpbf16ps takes and what vdpbf16ps can be fed from. Past the end of a matrix a tile is 0.
 *
 * The depth is cut every BF16_DEPTH. Within a cut each element of C is made in the order that the
 * instruction has, then the next cut is added; that order depends on K alone.
 *
 * The includer names the arithmetic: nothing (C11), BF16_AVX512 or BF16_AMX. */
#ifndef KERNELS_BF16_H
#define KERNELS_BF16_H
#include "engine/math/bf16.h"
#include "engine/math/bf16_sizes.h"
#include "engine/math/kernels_transpose.h"

#include <assert.h>

typedef uint32_t word;

/* ---- rounding to bf16 ---- */

#if defined(VEC_AVX512)
/* A whole row of 16 pairs, from up to 32 neighbours. */
INLINE void pairs_along(word *to, const float *x, size_t n)
{
    vec low = v_load(x, n < W ? n : W);
    vec high = n > W ? v_load(x + W, n - W) : v_set(0.0f);
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

/* One pair of up to 16 neighbours: x their even elements, y (or NULL) their odd ones. */
INLINE void pairs_across(word *to, const float *x, const float *y, size_t n)
{
    __m512i even = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(v_load(x, n)));
    __m512i odd = _mm512_setzero_si512();
    if (y)
        odd = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(v_load(y, n)));
    _mm512_storeu_si512(to, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
}

INLINE void turn_tile(word *to, const word *from)
{
    transpose_block((float *)to, TILE, (const float *)from, TILE, TILE, TILE);
}
#else
/* To nearest, ties to even; a NaN stays one. */
INLINE word rounded(float x)
{
    word bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7f800000u) == 0)
        return bits >> 16 & 0x8000u;
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return bits >> 16 | 0x40u;
    return (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

INLINE void pairs_along(word *to, const float *x, size_t n)
{
    for (size_t p = 0; p < TILE; p++)
        to[p] = (2 * p < n ? rounded(x[2 * p]) : 0u) | (2 * p + 1 < n ? rounded(x[2 * p + 1]) : 0u)
                                                           << 16;
}

INLINE void pairs_across(word *to, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < TILE; i++)
        to[i] = i < n ? rounded(x[i]) | (y ? rounded(y[i]) : 0u) << 16 : 0u;
}

INLINE void turn_tile(word *to, const word *from)
{
    for (size_t i = 0; i < TILE; i++)
        for (size_t j = 0; j < TILE; j++)
            to[j * TILE + i] = from[i * TILE + j];
}
#endif

/* ---- packing ---- */

/* Up to 16 lines (rows of A, columns of B) by up to 32 deep; element (line, k) at
 * x[line*step + k*deeper], one of the steps 1. by_line: a line's pairs side by side, as A wants
 * them; else a pair's lines, as B does. */
INLINE void pack_tile(word *to, const float *x, size_t step, size_t deeper, size_t lines,
                      size_t deep, bool by_line)
{
    word turned[TILE_WORDS] __attribute__((aligned(64)));
    const bool along = deeper == 1;
    word *out = along == by_line ? to : turned;
    size_t i = 0;
    if (along)
        for (; i < lines; i++)
            pairs_along(out + i * TILE, x + i * step, deep);
    else
        for (; 2 * i < deep; i++)
            pairs_across(out + i * TILE, x + 2 * i * deeper,
                         2 * i + 1 < deep ? x + (2 * i + 1) * deeper : NULL, lines);
    memset(out + i * TILE, 0, (TILE - i) * TILE * sizeof *out);
    if (out != to)
        turn_tile(to, turned);
}

/* Any number of lines: tiles of one strip of 16 lines lie one after the other. */
static void pack(word *to, const float *x, size_t step, size_t deeper, size_t lines, size_t depth,
                 bool by_line)
{
    for (size_t i = 0; i < lines; i += TILE)
        for (size_t k = 0; k < depth; k += TILE_DEPTH, to += TILE_WORDS)
            pack_tile(to, x + i * step + k * deeper, step, deeper,
                      lines - i < TILE ? lines - i : TILE,
                      depth - k < TILE_DEPTH ? depth - k : TILE_DEPTH, by_line);
}

/* ---- a block of C ---- */

/* C (rows, columns) = A B, or C + A B with add: up to BLOCK_ROWS x BLOCK_COLUMNS of it, `tiles` deep. */
struct block {
    float *c;
    size_t ldc;
    const word *a, *b;
    size_t tiles, rows, columns;
    bool add;
};

#if defined(BF16_AMX)
enum { BLOCK_ROWS = 32, BLOCK_COLUMNS = 32 };
enum { EDGE = BLOCK_COLUMNS }; /* floats from row to row of a block that is not whole */

/* Registers 0 to 3 hold C, 4 and 5 two tiles of A, 6 and 7 two of B. */
INLINE void block_tiles(const bool tall, const bool wide, float *c, size_t ldc,
                        const struct block *b)
{
    const size_t row = ldc * sizeof *c, next = b->tiles * TILE_WORDS, side = TILE * sizeof(word);
    const word *x = b->a, *y = b->b;
    if (b->add) {
        _tile_loadd(0, c, row);
        if (wide)
            _tile_loadd(1, c + TILE, row);
        if (tall)
            _tile_loadd(2, c + TILE * ldc, row);
        if (tall && wide)
            _tile_loadd(3, c + TILE * ldc + TILE, row);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t k = 0; k < b->tiles; k++, x += TILE_WORDS, y += TILE_WORDS) {
        _tile_loadd(6, y, side);
        _tile_loadd(4, x, side);
        _tile_dpbf16ps(0, 4, 6);
        if (wide) {
            _tile_loadd(7, y + next, side);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (tall) {
            _tile_loadd(5, x + next, side);
            _tile_dpbf16ps(2, 5, 6);
        }
        if (tall && wide)
            _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, row);
    if (wide)
        _tile_stored(1, c + TILE, row);
    if (tall)
        _tile_stored(2, c + TILE * ldc, row);
    if (tall && wide)
        _tile_stored(3, c + TILE * ldc + TILE, row);
}

static void block(const struct block *b)
{
    const bool tall = b->rows > TILE, wide = b->columns > TILE;
    const bool whole = b->rows % TILE == 0 && b->columns % TILE == 0;
    float edge[BLOCK_ROWS * EDGE] __attribute__((aligned(64)));
    float *c = whole ? b->c : edge;
    const size_t ldc = whole ? b->ldc : EDGE;
    if (!whole && b->add)
        for (size_t i = 0; i < b->rows; i++)
            memcpy(edge + i * EDGE, b->c + i * b->ldc, b->columns * sizeof *edge);
    /* The sums are stored at the end: asked for now, their lines have come by then. */
    for (size_t i = 0; whole && i < b->rows; i++)
        for (size_t j = 0; j < b->columns; j += TILE)
            __builtin_prefetch(c + i * ldc + j, 1);
    /* The compiler does not know that a tile is read from memory. */
    __asm__ volatile("" ::: "memory");
    if (tall && wide)
        block_tiles(true, true, c, ldc, b);
    else if (tall)
        block_tiles(true, false, c, ldc, b);
    else if (wide)
        block_tiles(false, true, c, ldc, b);
    else
        block_tiles(false, false, c, ldc, b);
    if (!whole)
        for (size_t i = 0; i < b->rows; i++)
            memcpy(b->c + i * b->ldc, edge + i * EDGE, b->columns * sizeof *edge);
}

/* Eight tiles of 16 rows of 64 bytes. Until it is released the operating system saves 8 kB more with
 * every change of threads. */
INLINE void arithmetic_begin(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config __attribute__((aligned(64))) = {
        .palette = 1,
        .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {16, 16, 16, 16, 16, 16, 16, 16},
    };
    _Static_assert(sizeof config == 64, "the layout that ldtilecfg reads");
    _tile_loadconfig(&config);
}
INLINE void arithmetic_end(void)
{
    _tile_release();
}

/* Four tiles of sums hide the latency of one multiplication of tiles. */
static double multiply_adds(size_t rounds)
{
    arithmetic_begin();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (size_t r = 0; r < rounds; r++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    arithmetic_end();
    return 2.0 * 4 * TILE * TILE * TILE_DEPTH * (double)rounds;
}

#elif defined(BF16_AVX512)
enum { BLOCK_ROWS = 16, BLOCK_COLUMNS = 64 };

/* Rows [first, first + rows) of a block, `vecs` vectors wide. */
INLINE void some_rows(const size_t first, const int rows, const int vecs, const struct block *b)
{
    const size_t next = b->tiles * TILE_WORDS, last = b->columns - (size_t)(vecs - 1) * W;
    const word *x = b->a + first * TILE, *y = b->b;
    float *c = b->c + first * b->ldc;
    if (first >= b->rows)
        return;
    const size_t live = b->rows - first;
    vec sum[6][4];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            sum[i][j] = b->add && (size_t)i < live ? v_load(c + (size_t)i * b->ldc + j * W,
                                                            j + 1 < vecs ? (size_t)W : last)
                                                   : v_set(0.0f);
    for (size_t k = 0; k < b->tiles; k++, x += TILE_WORDS, y += TILE_WORDS)
#pragma GCC unroll 2
        for (size_t p = 0; p < TILE; p++) {
            __m512bh row[4];
#pragma GCC unroll 4
            for (int j = 0; j < vecs; j++)
                row[j] = (__m512bh)_mm512_loadu_si512(y + (size_t)j * next + p * TILE);
#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                __m512bh pair = (__m512bh)_mm512_set1_epi32((int)x[(size_t)i * TILE + p]);
#pragma GCC unroll 4
                for (int j = 0; j < vecs; j++)
                    sum[i][j] = _mm512_dpbf16_ps(sum[i][j], pair, row[j]);
            }
        }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        if ((size_t)i < live)
#pragma GCC unroll 4
            for (int j = 0; j < vecs; j++)
                v_store(c + (size_t)i * b->ldc + j * W, sum[i][j], j + 1 < vecs ? (size_t)W : last);
}

/* 6 x 4 sums, 4 vectors of B and one of A fill the registers: 16 rows are 6, 5 and 5. */
#define BLOCK(vecs)                                                                                \
    static void block_##vecs(const struct block *b)                                                \
    {                                                                                              \
        some_rows(0, 6, vecs, b);                                                                  \
        some_rows(6, 5, vecs, b);                                                                  \
        some_rows(11, 5, vecs, b);                                                                 \
    }
BLOCK(1)
BLOCK(2)
BLOCK(3)
BLOCK(4)

static void block(const struct block *b)
{
    static void (*const parts[])(const struct block *) = {block_1, block_2, block_3, block_4};
    parts[(b->columns - 1) / W](b);
}

INLINE void arithmetic_begin(void)
{
}
INLINE void arithmetic_end(void)
{
}

/* As kernels_peak.h, with pairs. */
static double multiply_adds(size_t rounds)
{
    enum { CHAINS = 12 };
    static volatile float sink;
    vec x[CHAINS];
    __m512bh a = (__m512bh)_mm512_set1_epi32(0x3e003e00),
             b = (__m512bh)_mm512_set1_epi32(0x3f803f80);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++)
        x[i] = v_set(1.0f + (float)i);
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            x[i] = _mm512_dpbf16_ps(x[i], a, b);
            __asm__("" : "+v"(x[i])); /* each is done, none folded */
        }
    vec sum = x[0];
#pragma GCC unroll 12
    for (int i = 1; i < CHAINS; i++)
        sum = v_add(sum, x[i]);
    sink = v_sum(sum);
    (void)sink;
    return 2.0 * 2.0 * CHAINS * W * (double)rounds;
}

#else
enum { BLOCK_ROWS = 16, BLOCK_COLUMNS = 16 };

INLINE float widened(word high)
{
    word bits = high << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void block(const struct block *b)
{
    for (size_t i = 0; i < b->rows; i++)
        for (size_t j = 0; j < b->columns; j++) {
            float *c = b->c + i * b->ldc + j, sum = b->add ? *c : 0.0f;
            for (size_t k = 0; k < b->tiles; k++)
                for (size_t p = 0; p < TILE; p++) {
                    word x = b->a[k * TILE_WORDS + i * TILE + p];
                    word y = b->b[k * TILE_WORDS + p * TILE + j];
                    sum += widened(x & 0xffffu) * widened(y & 0xffffu);
                    sum += widened(x >> 16) * widened(y >> 16);
                }
            *c = sum;
        }
}

INLINE void arithmetic_begin(void)
{
}
INLINE void arithmetic_end(void)
{
}

static double multiply_adds(size_t rounds)
{
    static volatile float sink;
    float sum[4] = {1.0f, 2.0f, 3.0f, 4.0f};
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < 4; i++)
            sum[i] = sum[i] * 0.5f + widened(0x3f80u);
    sink = sum[0] + sum[1] + sum[2] + sum[3];
    (void)sink;
    return 2.0 * 4 * (double)rounds;
}
#endif

/* ---- the product ---- */

INLINE size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A is packed once where its rows fit; a strip of B is packed, then meets all of them while it is in
 * the first cache. */
static void product(float *c, size_t ldc, const float *a, size_t ar, size_t ac, const float *b,
                    size_t br, size_t bc, size_t M, size_t N, size_t K, float beta, float *scratch)
{
    assert((ar == 1 || ac == 1) && (br == 1 || bc == 1));
    word *rows = (word *)scratch, *strip = rows + BF16_ROWS * BF16_DEPTH / 2;
    arithmetic_begin();
    for (size_t k = 0; k < K; k += BF16_DEPTH)
        for (size_t m = 0; m < M; m += BF16_ROWS) {
            size_t deep = least(BF16_DEPTH, K - k), tall = least(BF16_ROWS, M - m);
            size_t tiles = (deep + TILE_DEPTH - 1) / TILE_DEPTH;
            pack(rows, a + m * ar + k * ac, ar, ac, tall, deep, true);
            for (size_t j = 0; j < N; j += BLOCK_COLUMNS) {
                size_t wide = least(BLOCK_COLUMNS, N - j);
                pack(strip, b + k * br + j * bc, bc, br, wide, deep, false);
                for (size_t i = 0; i < tall; i += BLOCK_ROWS)
                    block(&(struct block){.c = c + (m + i) * ldc + j,
                                          .ldc = ldc,
                                          .a = rows + i / TILE * tiles * TILE_WORDS,
                                          .b = strip,
                                          .tiles = tiles,
                                          .rows = least(BLOCK_ROWS, tall - i),
                                          .columns = wide,
                                          .add = k > 0 || beta != 0.0f});
            }
        }
    arithmetic_end();
}

#endif
