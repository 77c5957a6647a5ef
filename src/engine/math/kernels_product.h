/* kernels_product.h - the project's own matrix product, from a tile held in registers.
 *
 * A tile is TILE_ROWS x TILE_VECS vectors of C; for each k it takes TILE_VECS vectors of a row of B
 * and one broadcast element of each row of A. 6 x 4 zmm (6 x 2 ymm) fill the register file, so that
 * every load feeds several multiply-adds. A strip is a tile's columns over any number of rows.
 *
 * Each element of C is one chain of multiply-adds in the order of k, OPS_PANEL_K long, then added
 * to what the chains before it gave. That order depends on K alone: not on M, N, the strides, the
 * tile an element falls into or where a caller split the work. */
#ifndef KERNELS_PRODUCT_H
#define KERNELS_PRODUCT_H
#include "engine/math/kernels_transpose.h"
#include "engine/math/ops.h"
#include "engine/math/vec.h"

#include <stdbool.h>

enum { TILE_ROWS = 6, TILE_COLUMNS = TILE_VECS * W };
#define STRIP_FITS_L1 (OPS_PANEL_K * TILE_COLUMNS * sizeof(float) <= 32768)

/* What the next strip will be packed from: runs of whole cache lines. Asked for a little with every
 * tile, it comes from memory beside the arithmetic and not before it. */
struct ahead {
    const float *from; /* NULL: nothing */
    size_t runs, step, lines;
};
enum { LINE = 16 }; /* floats */

/* Tile `t` of `tiles` asks for its share. */
INLINE void ask_ahead(const struct ahead *a, size_t t, size_t tiles)
{
    size_t all = a->from ? a->runs * a->lines : 0, end = (t + 1) * all / tiles;
    for (size_t i = t * all / tiles; i < end; i++)
        __builtin_prefetch(a->from + i / a->lines * a->step + i % a->lines * LINE, 0, 2);
}

/* C (M, up to TILE_COLUMNS) = alpha A B, or C + alpha A B; B's rows are contiguous. */
struct strip {
    size_t M, K;
    const float *a;
    size_t ar, ac, a_tile; /* a_tile: from one tile's first row to the next tile's */
    const float *b;
    size_t br;
    float *c;
    size_t ldc;
    float alpha;
    bool add;
    struct ahead ahead;
};

INLINE void tile(const int rows, const int vecs, const size_t tail, const struct strip *s,
                 const float *a, float *c)
{
    const size_t ar = s->ar, ac = s->ac, br = s->br;
    vec sum[TILE_ROWS][TILE_VECS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            sum[i][j] = v_set(0.0f);
            /* The tile of C is wanted when the sums are done; asked for now, it has come by then.
             */
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            __builtin_prefetch(c + (size_t)i * s->ldc + j * W, 1);
    const float *b = s->b;
    /* Unrolled, four steps share the loop's own instructions: they are a sixth of a step, which counts
     * where another thread of the core takes its share of the decoder. */
#pragma GCC unroll 4
    for (size_t k = 0; k < s->K; k++, b += br, a += ac) {
        vec row[TILE_VECS];
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            row[j] = v_load(b + j * W, j + 1 < vecs ? (size_t)W : tail);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            vec x = v_set(a[(size_t)i * ar]);
#pragma GCC unroll 4
            for (int j = 0; j < vecs; j++)
                sum[i][j] = v_fma(x, row[j], sum[i][j]);
        }
    }
    vec alpha = v_set(s->alpha);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++) {
            const size_t n = j + 1 < vecs ? (size_t)W : tail;
            float *p = c + (size_t)i * s->ldc + j * W;
            vec x = v_mul(sum[i][j], alpha);
            v_store(p, s->add ? v_add(v_load(p, n), x) : x, n);
        }
}

INLINE void tiles_down(const int vecs, const size_t tail, const struct strip *s)
{
    const float *a = s->a;
    float *c = s->c;
    const size_t rest = s->M % TILE_ROWS;
    /* One to three rows have too few sums to hide a multiply-add's latency: where rows are not packed
     * by tiles, the last whole tile gives them two of its own. */
    const bool levels = rest && rest < 4 && s->M > TILE_ROWS && s->a_tile == TILE_ROWS * s->ar;
    const size_t whole = s->M / TILE_ROWS - levels;
    for (size_t t = 0; t < whole; t++) {
        ask_ahead(&s->ahead, t, whole);
        tile(TILE_ROWS, vecs, tail, s, a, c);
        a += s->a_tile;
        c += TILE_ROWS * s->ldc;
    }
    if (levels) {
        tile(4, vecs, tail, s, a, c);
        a += 4 * s->ar;
        c += 4 * s->ldc;
    }
    switch (levels ? rest + 2 : rest) {
    case 5:
        tile(5, vecs, tail, s, a, c);
        break;
    case 4:
        tile(4, vecs, tail, s, a, c);
        break;
    case 3:
        tile(3, vecs, tail, s, a, c);
        break;
    case 2:
        tile(2, vecs, tail, s, a, c);
        break;
    case 1:
        tile(1, vecs, tail, s, a, c);
        break;
    }
}

/* One function each, so that the compiler sees constants and the code stays in bounds. A last
 * vector that happens to be whole is worth its own copy: loads without masks. */
#define STRIP(vecs)                                                                                \
    static void strip_##vecs(const struct strip *s, size_t tail)                                   \
    {                                                                                              \
        if (tail == W)                                                                             \
            tiles_down(vecs, W, s);                                                                \
        else                                                                                       \
            tiles_down(vecs, tail, s);                                                             \
    }
STRIP(1)
STRIP(2)
#if defined(VEC_AVX512)
STRIP(3)
STRIP(4)
#endif

static void strip_run(const struct strip *s, size_t columns)
{
    static void (*const parts[TILE_VECS])(const struct strip *, size_t) = {
        strip_1,
        strip_2,
#if defined(VEC_AVX512)
        strip_3,
        strip_4,
#endif
    };
    size_t vecs = (columns + W - 1) / W;
    parts[vecs - 1](s, columns - (vecs - 1) * W);
}

/* C (M,N) = alpha A B, or C + alpha A B, with B's rows contiguous and in cache: attention's
 * products. */
static void small_product(float *c, size_t ldc, const float *a, size_t ar, size_t ac,
                          const float *b, size_t br, size_t M, size_t N, size_t K, float alpha,
                          bool add)
{
    for (size_t j = 0; j < N; j += TILE_COLUMNS) {
        struct strip s = {M, K, a, ar, ac, TILE_ROWS * ar, b + j, br, c + j, ldc, alpha, add, {0}};
        strip_run(&s, N - j < TILE_COLUMNS ? N - j : TILE_COLUMNS);
    }
}

/* dst (columns, rows) = the transpose of src (rows, columns). */
static void transpose(float *dst, size_t ldd, const float *src, size_t lds, size_t rows,
                      size_t columns)
{
    for (size_t r = 0; r < rows; r += W)
        for (size_t c = 0; c < columns; c += W) {
            size_t tall = rows - r < W ? rows - r : W, wide = columns - c < W ? columns - c : W;
            const float *from = src + r * lds + c;
            float *to = dst + c * ldd + r;
            if (tall == W && wide == W)
                transpose_block(to, ldd, from, lds, W, W);
            else
                transpose_block(to, ldd, from, lds, tall, wide);
        }
}

/* Rows [0,K) and columns [0,N) of B, so laid out that a tile reads it straight through. */
static void pack_b(float *panel, const float *b, size_t br, size_t bc, size_t K, size_t N)
{
    if (br == 1) {
        transpose(panel, TILE_COLUMNS, b, bc, N, K);
        return;
    }
    if (bc == 1 && N == TILE_COLUMNS) {
        for (size_t k = 0; k < K; k++)
#pragma GCC unroll 4
            for (size_t j = 0; j < TILE_COLUMNS; j += W)
                v_store_whole(panel + k * TILE_COLUMNS + j, v_load_whole(b + k * br + j));
        return;
    }
    for (size_t k = 0; k < K; k++)
        for (size_t n = 0; n < N; n++)
            panel[k * TILE_COLUMNS + n] = b[k * br + n * bc];
}

/* Rows [0,M) of A whose columns are contiguous, a tile's rows side by side for each k: else every
 * step of a tile would touch another page. Eight floats are moved for six, in one go, where
 * the next step writes over the two too many. */
static void pack_a(float *panel, const float *a, size_t ac, size_t M, size_t K)
{
    const size_t whole = M / TILE_ROWS, last = whole * TILE_ROWS;
    for (size_t t = 0; t < whole; t++, panel += K * TILE_ROWS) {
        const float *from = a + t * TILE_ROWS;
        const bool room = t * TILE_ROWS + 8 <= M; /* to read eight */
        for (size_t k = 0; k + 1 < K && room; k++, from += ac)
            memcpy(panel + k * TILE_ROWS, from, 8 * sizeof *panel);
        for (size_t k = room ? K - 1 : 0; k < K; k++, from += ac)
            memcpy(panel + k * TILE_ROWS, from, TILE_ROWS * sizeof *panel);
    }
    for (size_t k = 0; k < K && last < M; k++)
        memcpy(panel + k * TILE_ROWS, a + last + k * ac, (M - last) * sizeof *panel);
}

/* What the strip of B at b will be packed from. */
INLINE struct ahead ahead_of(const float *b, size_t br, size_t bc, size_t K)
{
    if (br == 1)
        return (struct ahead){b, TILE_COLUMNS, bc, K / LINE};
    return (struct ahead){b, K, br, (TILE_COLUMNS + LINE - 1) / LINE};
}

/* Whether strips of B are read where they lie. A strip that fits L1 stays there only when packed: its
 * rows, a weight's row apart, share few cache sets. A wider one comes from L2 anyway, unless its rows
 * are a power of two apart. A few rows do not pay for packing. */
INLINE bool reads_b_in_place(size_t M, size_t br, size_t bc)
{
    const size_t few_rows = 4 * TILE_ROWS;
    return bc == 1 && (M <= few_rows || (!STRIP_FITS_L1 && br % 512 != 0));
}

/* One strip after the other for rows and depth that fit the cache. Strips are packed side by side in
 * `panel`, by the first rows that come along; those after them find them there (`packed`). `far`: B may
 * have to come from memory, as a weight does. */
static void product_block(struct strip *s, const float *b, size_t br, size_t bc, size_t N,
                          bool in_place, bool packed, bool far, float *panel)
{
    float *c = s->c;
    for (size_t j = 0; j < N; j += TILE_COLUMNS, panel += TILE_COLUMNS * s->K) {
        size_t columns = N - j < TILE_COLUMNS ? N - j : TILE_COLUMNS;
        const float *from = b + j * bc;
        if (!in_place && !packed)
            pack_b(panel, from, br, bc, s->K, columns);
        s->b = in_place ? from : panel;
        s->br = in_place ? br : TILE_COLUMNS;
        s->c = c + j;
        s->ahead = (struct ahead){0};
        if (far && !in_place && !packed && j + 2 * TILE_COLUMNS <= N)
            s->ahead = ahead_of(from + TILE_COLUMNS * bc, br, bc, s->K);
        strip_run(s, columns);
    }
}

/* Rows of A that are taken through all strips together. A narrow strip reads them again so soon that
 * they should lie in L2; a wide one has enough to do with each. */
static size_t rows_together(size_t M, bool across)
{
    if (!across && !STRIP_FITS_L1)
        return M;
    size_t parts = (M + OPS_PANEL_ROWS - 1) / OPS_PANEL_ROWS,
           tiles = (M + TILE_ROWS - 1) / TILE_ROWS;
    return (tiles + parts - 1) / parts * TILE_ROWS;
}

/* Up to a tile's columns of A's rows against a transposed B, as a forward pass of few tokens has it: packing
 * B, a weight, would take as long as the product. So the roles change: the rows of B are taken as they
 * lie, the few rows of A are packed, and the result is turned at the end. The same chains of the same
 * multiply-adds, so the same bytes. */
static void product_of_few(float *c, size_t ldc, const float *a, size_t ar, const float *b,
                           size_t bc, size_t M, size_t N, size_t K, float *scratch)
{
    float *panel = scratch, *turned = scratch + OPS_PANEL_ROWS * OPS_PANEL_K;
    for (size_t j = 0; j < N; j += OPS_PANEL_COLUMNS) {
        size_t columns = N - j < OPS_PANEL_COLUMNS ? N - j : OPS_PANEL_COLUMNS;
        for (size_t k = 0; k < K; k += OPS_PANEL_K) {
            size_t deep = K - k < OPS_PANEL_K ? K - k : OPS_PANEL_K;
            pack_b(panel, a + k, 1, ar, deep, M);
            struct strip s = {.M = columns,
                              .K = deep,
                              .a = b + j * bc + k,
                              .ar = bc,
                              .ac = 1,
                              .a_tile = TILE_ROWS * bc,
                              .b = panel,
                              .br = TILE_COLUMNS,
                              .c = turned,
                              .ldc = TILE_COLUMNS,
                              .alpha = 1.0f,
                              .add = k > 0};
            strip_run(&s, M);
        }
        transpose(c + j, ldc, turned, TILE_COLUMNS, columns, M);
    }
}

static void product(float *c, size_t ldc, const float *a, size_t ar, size_t ac, const float *b,
                    size_t br, size_t bc, size_t M, size_t N, size_t K, float beta, float *scratch)
{
    if (M <= TILE_COLUMNS && ac == 1 && br == 1 && bc != 1 && beta == 0.0f) {
        product_of_few(c, ldc, a, ar, b, bc, M, N, K, scratch);
        return;
    }
    float *panel = scratch + OPS_PANEL_ROWS * OPS_PANEL_K;
    const bool across = ar == 1 && ac != 1, in_place = reads_b_in_place(M, br, bc);
    const size_t block = rows_together(M, across);
    for (size_t k = 0; k < K; k += OPS_PANEL_K)
        for (size_t j = 0; j < N; j += OPS_PANEL_COLUMNS)
            for (size_t i = 0; i < M; i += block) {
                size_t rows = M - i < block ? M - i : block;
                size_t deep = K - k < OPS_PANEL_K ? K - k : OPS_PANEL_K;
                size_t columns = N - j < OPS_PANEL_COLUMNS ? N - j : OPS_PANEL_COLUMNS;
                const float *corner = a + i * ar + k * ac;
                struct strip s = {.M = rows,
                                  .K = deep,
                                  .a = corner,
                                  .ar = ar,
                                  .ac = ac,
                                  .a_tile = TILE_ROWS * ar,
                                  .c = c + i * ldc + j,
                                  .ldc = ldc,
                                  .alpha = 1.0f,
                                  .add = k > 0 || beta != 0.0f};
                if (across) {
                    pack_a(scratch, corner, ac, rows, deep);
                    s.a = scratch;
                    s.ac = TILE_ROWS;
                    s.a_tile = TILE_ROWS * deep;
                }
                product_block(&s, b + k * br + j * bc, br, bc, columns, in_place, i > 0, !across,
                              panel);
            }
}

#endif
