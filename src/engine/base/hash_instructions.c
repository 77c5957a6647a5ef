/* hash_instructions.c - SHA-256 by x86's SHA extensions (Intel SDM, volume 2, SHA256RNDS2): the weights of
 * a model are named by their hash before every run, and this takes a sixth of the plain loop's time. */
#include "engine/base/hash_blocks.h"

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>

#define SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

/* The next four words of the schedule, in place of those sixteen back: w[t] = s1(w[t-2]) + w[t-7] +
 * s0(w[t-15]) + w[t-16]. */
SHA_TARGET static inline __m128i next_words(__m128i back16, __m128i back12, __m128i back8,
                                            __m128i back4)
{
    __m128i sum =
        _mm_add_epi32(_mm_sha256msg1_epu32(back16, back12), _mm_alignr_epi8(back4, back8, 4));
    return _mm_sha256msg2_epu32(sum, back4);
}

/* The instructions want the words a,b,e,f in one register and c,d,g,h in the other. */
SHA_TARGET static void add_blocks(uint32_t *state, const unsigned char *p, size_t count)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);
    for (; count; count--, p += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), big_endian);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            if (i >= 4)
                w[i % 4] = next_words(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
            __m128i k = _mm_loadu_si128((const __m128i *)(sha256_k + 4 * i));
            __m128i words = _mm_add_epi32(w[i % 4], k);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    low = _mm_shuffle_epi32(abef, 0x1b), high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

sha256_blocks_fn *sha256_blocks_instructions(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
        return NULL;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_SHA))
        return NULL;
    return add_blocks;
}
#else
sha256_blocks_fn *sha256_blocks_instructions(void)
{
    return NULL;
}
#endif
