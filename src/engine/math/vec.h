/* vec.h - one vector of floats, three ways.
 *
 * The kernels (kernels_*.h) are written once against this file and compiled three times: by
 * ops_plain.c with four lanes of portable C (GCC and Clang's vector extension), by ops_avx2.c with
 * eight, by ops_avx512.c with sixteen. The includer defines VEC_PLAIN, VEC_AVX2 or VEC_AVX512.
 *
 * Two rules keep promise 3 and NaNs alive:
 * - A partial vector (the tail of a row) does the same arithmetic as a whole one: lanes past the
 * end are loaded as 0 and never stored. FOR_VECS writes a loop's body for both.
 * - v_max(a, b) and v_min(a, b) are b when either is NaN, so clamp with the constant first.
 *
 * The instantiations differ in their sums' order and in fused multiply-adds (plain rounds twice),
 * so a run's bytes depend on the row of the table in use; within one row they depend on nothing
 * else. */
#ifndef VEC_H
#define VEC_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* Body twice: for whole vectors, where n is the constant W and partial loads fold to plain ones,
 * and for the tail, where n is what is left. j is the first element. */
#define FOR_VECS(j, n, count, ...)                                                                 \
    do {                                                                                           \
        size_t j = 0;                                                                              \
        for (; j + W <= (count); j += W) {                                                         \
            const size_t n = W;                                                                    \
            __VA_ARGS__                                                                            \
        }                                                                                          \
        if (j < (count)) {                                                                         \
            const size_t n = (count)-j;                                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    } while (0)

#if defined(VEC_AVX512)
#include <immintrin.h>

enum { W = 16, TILE_VECS = 4 };
typedef __m512 vec;
typedef __m512i ivec;
typedef __mmask16 vmask;

INLINE vmask lanes_below(size_t n)
{
    return (vmask)((1u << n) - 1u);
}
INLINE vec v_set(float x)
{
    return _mm512_set1_ps(x);
}
INLINE vec v_load_whole(const float *p)
{
    return _mm512_loadu_ps(p);
}
INLINE void v_store_whole(float *p, vec x)
{
    _mm512_storeu_ps(p, x);
}
INLINE vec v_load(const float *p, size_t n)
{
    return n == W ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(lanes_below(n), p);
}
INLINE void v_store(float *p, vec x, size_t n)
{
    if (n == W)
        _mm512_storeu_ps(p, x);
    else
        _mm512_mask_storeu_ps(p, lanes_below(n), x);
}
INLINE vmask v_lanes(size_t n)
{
    return lanes_below(n);
}
INLINE vec v_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
INLINE vec v_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
INLINE vec v_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
INLINE vec v_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}
INLINE vec v_sqrt(vec a)
{
    return _mm512_sqrt_ps(a);
}
INLINE vec v_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}
INLINE vec v_fnma(vec a, vec b, vec c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
INLINE vec v_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}
INLINE vec v_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}
INLINE vec v_abs(vec a)
{
    return _mm512_abs_ps(a);
}
INLINE vec v_round(vec a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vec v_scale2(vec a, vec exponent)
{
    return _mm512_scalef_ps(a, exponent);
}
INLINE vmask v_less(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
INLINE vec v_pick(vmask m, vec yes, vec no)
{
    return _mm512_mask_mov_ps(no, m, yes);
}
INLINE float v_sum(vec a)
{
    return _mm512_reduce_add_ps(a);
}
INLINE float v_top(vec a)
{
    return _mm512_reduce_max_ps(a);
}
/* a0 b0 a1 b1 ...: the first W of them in *low, the others in *high. */
INLINE void v_zip(vec a, vec b, vec *low, vec *high)
{
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    *low = _mm512_permutex2var_ps(a, first, b);
    *high = _mm512_permutex2var_ps(a, _mm512_add_epi32(first, _mm512_set1_epi32(8)), b);
}
INLINE ivec i_set(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}
INLINE ivec i_count(void)
{
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
INLINE ivec i_add(ivec a, ivec b)
{
    return _mm512_add_epi32(a, b);
}
INLINE ivec i_mul(ivec a, ivec b)
{
    return _mm512_mullo_epi32(a, b);
}
INLINE ivec i_xor(ivec a, ivec b)
{
    return _mm512_xor_si512(a, b);
}
#define i_shift_right(a, bits) _mm512_srli_epi32(a, bits)
INLINE vmask i_at_least(ivec a, ivec b)
{
    return _mm512_cmpge_epu32_mask(a, b);
}
/* Sum of squares in double: acc is a pair of vectors of doubles. */
typedef struct {
    __m512d low, high;
} dvec;
INLINE dvec d_zero(void)
{
    return (dvec){_mm512_setzero_pd(), _mm512_setzero_pd()};
}
INLINE dvec d_add_square(dvec acc, vec x)
{
    __m512d a = _mm512_cvtps_pd(_mm512_castps512_ps256(x));
    __m512d b = _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
    acc.low = _mm512_fmadd_pd(a, a, acc.low);
    acc.high = _mm512_fmadd_pd(b, b, acc.high);
    return acc;
}
INLINE double d_sum(dvec acc)
{
    return _mm512_reduce_add_pd(_mm512_add_pd(acc.low, acc.high));
}

#elif defined(VEC_AVX2)
#include <immintrin.h>

enum { W = 8, TILE_VECS = 2 };
typedef __m256 vec;
typedef __m256i ivec;
typedef __m256 vmask; /* all bits of a lane, or none */

INLINE __m256i lanes_below(size_t n)
{
    static const int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones_then_zeros + W - n));
}
INLINE vec v_set(float x)
{
    return _mm256_set1_ps(x);
}
INLINE vec v_load_whole(const float *p)
{
    return _mm256_loadu_ps(p);
}
INLINE void v_store_whole(float *p, vec x)
{
    _mm256_storeu_ps(p, x);
}
INLINE vec v_load(const float *p, size_t n)
{
    return n == W ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lanes_below(n));
}
INLINE void v_store(float *p, vec x, size_t n)
{
    if (n == W)
        _mm256_storeu_ps(p, x);
    else
        _mm256_maskstore_ps(p, lanes_below(n), x);
}
INLINE vmask v_lanes(size_t n)
{
    return _mm256_castsi256_ps(lanes_below(n));
}
INLINE vec v_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
INLINE vec v_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}
INLINE vec v_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}
INLINE vec v_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}
INLINE vec v_sqrt(vec a)
{
    return _mm256_sqrt_ps(a);
}
INLINE vec v_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}
INLINE vec v_fnma(vec a, vec b, vec c)
{
    return _mm256_fnmadd_ps(a, b, c);
}
INLINE vec v_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}
INLINE vec v_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}
INLINE vec v_abs(vec a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
INLINE vec v_round(vec a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^e for an integral e in [-126, 127], by its bits. */
INLINE vec power2(__m256i e)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23));
}
INLINE vec v_scale2(vec a, vec exponent)
{
    __m256i e = _mm256_cvtps_epi32(exponent), half = _mm256_srai_epi32(e, 1);
    return _mm256_mul_ps(_mm256_mul_ps(a, power2(half)), power2(_mm256_sub_epi32(e, half)));
}
INLINE vmask v_less(vec a, vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
INLINE vec v_pick(vmask m, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, m);
}
INLINE float v_sum(vec a)
{
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
INLINE float v_top(vec a)
{
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
INLINE void v_zip(vec a, vec b, vec *low, vec *high)
{
    vec even = _mm256_unpacklo_ps(a, b), odd = _mm256_unpackhi_ps(a, b);
    *low = _mm256_permute2f128_ps(even, odd, 0x20);
    *high = _mm256_permute2f128_ps(even, odd, 0x31);
}
INLINE ivec i_set(uint32_t x)
{
    return _mm256_set1_epi32((int)x);
}
INLINE ivec i_count(void)
{
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}
INLINE ivec i_add(ivec a, ivec b)
{
    return _mm256_add_epi32(a, b);
}
INLINE ivec i_mul(ivec a, ivec b)
{
    return _mm256_mullo_epi32(a, b);
}
INLINE ivec i_xor(ivec a, ivec b)
{
    return _mm256_xor_si256(a, b);
}
#define i_shift_right(a, bits) _mm256_srli_epi32(a, bits)
INLINE vmask i_at_least(ivec a, ivec b)
{
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a));
}
typedef struct {
    __m256d low, high;
} dvec;
INLINE dvec d_zero(void)
{
    return (dvec){_mm256_setzero_pd(), _mm256_setzero_pd()};
}
INLINE dvec d_add_square(dvec acc, vec x)
{
    __m256d a = _mm256_cvtps_pd(_mm256_castps256_ps128(x));
    __m256d b = _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
    acc.low = _mm256_fmadd_pd(a, a, acc.low);
    acc.high = _mm256_fmadd_pd(b, b, acc.high);
    return acc;
}
INLINE double d_sum(dvec acc)
{
    __m256d s = _mm256_add_pd(acc.low, acc.high);
    __m128d x = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

#else /* VEC_PLAIN */

enum { W = 4, TILE_VECS = 2 };
typedef float vec __attribute__((vector_size(16)));
typedef uint32_t ivec __attribute__((vector_size(16)));
typedef int32_t vmask __attribute__((vector_size(16))); /* -1 or 0 a lane */

INLINE vec v_set(float x)
{
    return (vec){x, x, x, x};
}
INLINE vec v_load_whole(const float *p)
{
    vec x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void v_store_whole(float *p, vec x)
{
    memcpy(p, &x, sizeof x);
}
INLINE vec v_load(const float *p, size_t n)
{
    vec x = v_set(0.0f);
    memcpy(&x, p, n * sizeof *p);
    return x;
}
INLINE void v_store(float *p, vec x, size_t n)
{
    memcpy(p, &x, n * sizeof *p);
}
INLINE vmask v_lanes(size_t n)
{
    return (ivec){0, 1, 2, 3} < (uint32_t)n;
}
INLINE vec v_add(vec a, vec b)
{
    return a + b;
}
INLINE vec v_sub(vec a, vec b)
{
    return a - b;
}
INLINE vec v_mul(vec a, vec b)
{
    return a * b;
}
INLINE vec v_div(vec a, vec b)
{
    return a / b;
}
INLINE vec v_sqrt(vec a)
{
    return (vec){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}
INLINE vec v_fma(vec a, vec b, vec c)
{
    return a * b + c;
}
INLINE vec v_fnma(vec a, vec b, vec c)
{
    return c - a * b;
}
INLINE vec v_pick(vmask m, vec yes, vec no)
{
    return (vec)((m & (vmask)yes) | (~m & (vmask)no));
}
INLINE vmask v_less(vec a, vec b)
{
    return a < b;
}
INLINE vec v_max(vec a, vec b)
{
    return v_pick(a > b, a, b);
}
INLINE vec v_min(vec a, vec b)
{
    return v_pick(a < b, a, b);
}
INLINE vec v_abs(vec a)
{
    return (vec)((ivec)a & 0x7fffffffu);
}
/* Adding 1.5 * 2^23 leaves no bits for a fraction; good for |a| < 2^22. */
INLINE vec v_round(vec a)
{
    return (a + 12582912.0f) - 12582912.0f;
}
INLINE vec power2(vmask e)
{
    return (vec)((ivec)(e + 127) << 23);
}
INLINE vec v_scale2(vec a, vec exponent)
{
    /* A NaN's exponent may not reach the conversion, whose result C leaves undefined. */
    exponent = v_pick(exponent == exponent, exponent, v_set(0.0f));
    vmask e = __builtin_convertvector(exponent, vmask), half = e >> 1;
    return a * power2(half) * power2(e - half);
}
INLINE float v_sum(vec a)
{
    return (a[0] + a[2]) + (a[1] + a[3]);
}
INLINE float v_top(vec a)
{
    float x = a[0] > a[2] ? a[0] : a[2], y = a[1] > a[3] ? a[1] : a[3];
    return x > y ? x : y;
}
INLINE void v_zip(vec a, vec b, vec *low, vec *high)
{
    *low = (vec){a[0], b[0], a[1], b[1]};
    *high = (vec){a[2], b[2], a[3], b[3]};
}
INLINE ivec i_set(uint32_t x)
{
    return (ivec){x, x, x, x};
}
INLINE ivec i_count(void)
{
    return (ivec){0, 1, 2, 3};
}
INLINE ivec i_add(ivec a, ivec b)
{
    return a + b;
}
INLINE ivec i_mul(ivec a, ivec b)
{
    return a * b;
}
INLINE ivec i_xor(ivec a, ivec b)
{
    return a ^ b;
}
#define i_shift_right(a, bits) ((a) >> (bits))
INLINE vmask i_at_least(ivec a, ivec b)
{
    return a >= b;
}
typedef struct {
    double lane[W];
} dvec;
INLINE dvec d_zero(void)
{
    return (dvec){{0.0, 0.0, 0.0, 0.0}};
}
INLINE dvec d_add_square(dvec acc, vec x)
{
    for (int i = 0; i < W; i++)
        acc.lane[i] += (double)x[i] * (double)x[i];
    return acc;
}
INLINE double d_sum(dvec acc)
{
    return (acc.lane[0] + acc.lane[2]) + (acc.lane[1] + acc.lane[3]);
}
#endif

/* The first n lanes of x, `fill` in the others. */
INLINE vec v_first_or(vec x, size_t n, float fill)
{
    return n == W ? x : v_pick(v_lanes(n), x, v_set(fill));
}
INLINE vec v_first(vec x, size_t n)
{
    return v_first_or(x, n, 0.0f);
}

#endif
