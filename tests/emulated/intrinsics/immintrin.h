/* immintrin.h - stands in for the compiler's header while the AVX-512 and AMX kernels are compiled for CPUs
 * that have neither: each intrinsic that they use, lane by lane, as Intel's manual (SDM volume 2) defines it.
 * So a test of those kernels runs everywhere. It is no faster than lanes are. */
#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES for (int i = 0; i < 16; i++)
#define EMULATED                                                                                   \
    static __attribute__((noinline, unused)) /* inlined, they would take minutes to compile */
#define OF_512 __attribute__((vector_size(64), may_alias))
#define OF_256 __attribute__((vector_size(32), may_alias))

typedef float __m512 OF_512;
typedef double __m512d OF_512;
typedef int32_t __m512i OF_512;
typedef uint16_t __m512bh OF_512; /* 32 of them */
typedef float __m256 OF_256;
typedef uint16_t __m256i OF_256;
typedef uint16_t __m256bh OF_256; /* 16 */
typedef uint16_t __mmask16;

/* ---- floats ---- */

EMULATED __m512 _mm512_set1_ps(float x)
{
    __m512 r;
    LANES r[i] = x;
    return r;
}
EMULATED __m512 _mm512_loadu_ps(const void *p)
{
    __m512 r;
    memcpy(&r, p, sizeof r);
    return r;
}
EMULATED __m512 _mm512_maskz_loadu_ps(__mmask16 m, const void *p)
{
    __m512 r = {0};
    LANES if (m >> i & 1) memcpy((float *)&r + i, (const float *)p + i, sizeof(float));
    return r;
}
EMULATED void _mm512_storeu_ps(void *p, __m512 x)
{
    memcpy(p, &x, sizeof x);
}
EMULATED void _mm512_mask_storeu_ps(void *p, __mmask16 m, __m512 x)
{
    LANES if (m >> i & 1) memcpy((float *)p + i, (const float *)&x + i, sizeof(float));
}
EMULATED __m512 _mm512_add_ps(__m512 a, __m512 b)
{
    return a + b;
}
EMULATED __m512 _mm512_sub_ps(__m512 a, __m512 b)
{
    return a - b;
}
EMULATED __m512 _mm512_mul_ps(__m512 a, __m512 b)
{
    return a * b;
}
EMULATED __m512 _mm512_div_ps(__m512 a, __m512 b)
{
    return a / b;
}
EMULATED __m512 _mm512_sqrt_ps(__m512 a)
{
    LANES a[i] = sqrtf(a[i]);
    return a;
}
EMULATED __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c)
{
    LANES c[i] = fmaf(a[i], b[i], c[i]);
    return c;
}
EMULATED __m512 _mm512_fnmadd_ps(__m512 a, __m512 b, __m512 c)
{
    LANES c[i] = fmaf(-a[i], b[i], c[i]);
    return c;
}
/* The second operand where either is NaN. */
EMULATED __m512 _mm512_max_ps(__m512 a, __m512 b)
{
    LANES b[i] = a[i] > b[i] ? a[i] : b[i];
    return b;
}
EMULATED __m512 _mm512_min_ps(__m512 a, __m512 b)
{
    LANES b[i] = a[i] < b[i] ? a[i] : b[i];
    return b;
}
EMULATED __m512 _mm512_abs_ps(__m512 a)
{
    LANES a[i] = fabsf(a[i]);
    return a;
}
enum { _MM_FROUND_TO_NEAREST_INT = 0, _MM_FROUND_NO_EXC = 8, _CMP_LT_OQ = 17 };
EMULATED __m512 _mm512_roundscale_ps(__m512 a, int how)
{
    (void)how; /* to nearest, ties to even: the rounding in force */
    LANES a[i] = rintf(a[i]);
    return a;
}
/* a * 2^floor(exponent) */
EMULATED __m512 _mm512_scalef_ps(__m512 a, __m512 exponent)
{
    LANES
    {
        float e = floorf(exponent[i]);
        a[i] = isnan(e) ? e : ldexpf(a[i], e > 1000.0f ? 1000 : e < -1000.0f ? -1000 : (int)e);
    }
    return a;
}
EMULATED __mmask16 _mm512_cmp_ps_mask(__m512 a, __m512 b, int how)
{
    unsigned m = 0;
    (void)how; /* less than, false for NaN */
    LANES m |= (unsigned)(a[i] < b[i]) << i;
    return (__mmask16)m;
}
EMULATED __m512 _mm512_mask_mov_ps(__m512 no, __mmask16 m, __m512 yes)
{
    LANES no[i] = m >> i & 1 ? yes[i] : no[i];
    return no;
}
/* Halves are folded until one lane is left, as the compiler's own does it. */
EMULATED float _mm512_reduce_add_ps(__m512 a)
{
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++)
            a[i] = a[i] + a[i + half];
    return a[0];
}
EMULATED float _mm512_reduce_max_ps(__m512 a)
{
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++)
            a[i] = a[i] > a[i + half] ? a[i] : a[i + half];
    return a[0];
}
EMULATED __m512 _mm512_permutex2var_ps(__m512 a, __m512i index, __m512 b)
{
    __m512 r;
    LANES r[i] = index[i] & 16 ? b[index[i] & 15] : a[index[i] & 15];
    return r;
}

/* ---- doubles ---- */

EMULATED __m256 _mm512_castps512_ps256(__m512 x)
{
    __m256 r;
    memcpy(&r, &x, sizeof r);
    return r;
}
EMULATED __m256 _mm512_extractf32x8_ps(__m512 x, int which)
{
    __m256 r;
    memcpy(&r, (const char *)&x + which * (int)sizeof r, sizeof r);
    return r;
}
EMULATED __m512d _mm512_setzero_pd(void)
{
    return (__m512d){0};
}
EMULATED __m512d _mm512_cvtps_pd(__m256 x)
{
    __m512d r;
    for (int i = 0; i < 8; i++)
        r[i] = (double)x[i];
    return r;
}
EMULATED __m512d _mm512_add_pd(__m512d a, __m512d b)
{
    return a + b;
}
EMULATED __m512d _mm512_fmadd_pd(__m512d a, __m512d b, __m512d c)
{
    for (int i = 0; i < 8; i++)
        c[i] = fma(a[i], b[i], c[i]);
    return c;
}
EMULATED double _mm512_reduce_add_pd(__m512d a)
{
    for (int half = 4; half; half /= 2)
        for (int i = 0; i < half; i++)
            a[i] = a[i] + a[i + half];
    return a[0];
}

/* ---- integers ---- */

EMULATED __m512i _mm512_set1_epi32(int x)
{
    __m512i r;
    LANES r[i] = x;
    return r;
}
#define _mm512_setr_epi32(...) ((__m512i){__VA_ARGS__})
EMULATED __m512i _mm512_setzero_si512(void)
{
    return (__m512i){0};
}
EMULATED __m512i _mm512_loadu_si512(const void *p)
{
    __m512i r;
    memcpy(&r, p, sizeof r);
    return r;
}
EMULATED void _mm512_storeu_si512(void *p, __m512i x)
{
    memcpy(p, &x, sizeof x);
}
EMULATED __m512i _mm512_add_epi32(__m512i a, __m512i b)
{
    LANES a[i] = (int32_t)((uint32_t)a[i] + (uint32_t)b[i]);
    return a;
}
EMULATED __m512i _mm512_mullo_epi32(__m512i a, __m512i b)
{
    LANES a[i] = (int32_t)((uint32_t)a[i] * (uint32_t)b[i]);
    return a;
}
EMULATED __m512i _mm512_xor_si512(__m512i a, __m512i b)
{
    return a ^ b;
}
EMULATED __m512i _mm512_or_si512(__m512i a, __m512i b)
{
    return a | b;
}
EMULATED __m512i _mm512_srli_epi32(__m512i a, unsigned bits)
{
    LANES a[i] = (int32_t)((uint32_t)a[i] >> bits);
    return a;
}
EMULATED __m512i _mm512_slli_epi32(__m512i a, unsigned bits)
{
    LANES a[i] = (int32_t)((uint32_t)a[i] << bits);
    return a;
}
EMULATED __mmask16 _mm512_cmpge_epu32_mask(__m512i a, __m512i b)
{
    unsigned m = 0;
    LANES m |= (unsigned)((uint32_t)a[i] >= (uint32_t)b[i]) << i;
    return (__mmask16)m;
}

/* ---- bf16 ---- */

/* To nearest, ties to even; what is below the least normal number is a zero, a NaN stays one. */
EMULATED uint16_t emulated_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (!(bits & 0x7f800000u))
        return (uint16_t)(bits >> 16 & 0x8000u);
    if (isnan(x))
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
EMULATED float emulated_widened(uint16_t high)
{
    uint32_t bits = (uint32_t)high << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (bits & 0x7f800000u) ? x : copysignf(0.0f, x);
}
EMULATED __m256bh _mm512_cvtneps_pbh(__m512 x)
{
    __m256bh r;
    LANES r[i] = emulated_bf16(x[i]);
    return r;
}
EMULATED __m512bh _mm512_cvtne2ps_pbh(__m512 high, __m512 low)
{
    __m512bh r;
    LANES r[i] = emulated_bf16(low[i]), r[i + 16] = emulated_bf16(high[i]);
    return r;
}
EMULATED __m512i _mm512_cvtepu16_epi32(__m256i x)
{
    __m512i r;
    LANES r[i] = x[i];
    return r;
}
EMULATED __m512 _mm512_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b)
{
    LANES
    {
        sum[i] += emulated_widened(a[2 * i + 1]) * emulated_widened(b[2 * i + 1]);
        sum[i] += emulated_widened(a[2 * i]) * emulated_widened(b[2 * i]);
    }
    return sum;
}

/* ---- tiles of AMX: eight of 16 rows of 64 bytes, the only shape that is used ---- */

static _Thread_local struct {
    uint8_t palette; /* 0: not configured, and nothing may be done */
    uint32_t tile[8][16][16];
} amx;

EMULATED void _tile_loadconfig(const void *config)
{
    const uint8_t *c = config;
    int whole = c[0] == 1 && c[1] == 0;
    for (int t = 0; t < 8; t++)
        whole = whole && c[16 + 2 * t] == 64 && c[17 + 2 * t] == 0 && c[48 + t] == 16;
    memset(&amx, 0, sizeof amx);
    amx.palette = (uint8_t)whole;
}
EMULATED void _tile_release(void)
{
    memset(&amx, 0, sizeof amx);
}
/* An instruction without tiles is a fault. */
EMULATED void emulated_need_tiles(void)
{
    if (!amx.palette)
        __builtin_trap();
}
EMULATED void _tile_zero(int t)
{
    emulated_need_tiles();
    memset(amx.tile[t], 0, sizeof amx.tile[t]);
}
EMULATED void _tile_loadd(int t, const void *from, size_t step)
{
    emulated_need_tiles();
    for (size_t r = 0; r < 16; r++)
        memcpy(amx.tile[t][r], (const char *)from + r * step, 64);
}
EMULATED void _tile_stored(int t, void *to, size_t step)
{
    emulated_need_tiles();
    for (size_t r = 0; r < 16; r++)
        memcpy((char *)to + r * step, amx.tile[t][r], 64);
}
EMULATED void _tile_dpbf16ps(int sums, int a, int b)
{
    emulated_need_tiles();
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 16; k++)
            for (int n = 0; n < 16; n++) {
                uint32_t x = amx.tile[a][m][k], y = amx.tile[b][k][n];
                float sum;
                memcpy(&sum, &amx.tile[sums][m][n], sizeof sum);
                sum += emulated_widened((uint16_t)x) * emulated_widened((uint16_t)y);
                sum +=
                    emulated_widened((uint16_t)(x >> 16)) * emulated_widened((uint16_t)(y >> 16));
                memcpy(&amx.tile[sums][m][n], &sum, sizeof sum);
            }
}

#endif
