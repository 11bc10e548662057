/* What a kind of vectors can do: the same names for each, chosen by what is compiled for.
 * A chunk is as many bytes as a mask of 64 bits can tell of. */
#ifndef VECTORS_H
#define VECTORS_H

#include "scan.h"

#if defined(__AVX2__)
#include <immintrin.h>
typedef __m256i vector;
enum { WIDTH = 32, CHUNK = 64 };
#define VECTORS vectors_avx2
#define load(p) _mm256_loadu_si256((const __m256i *)(p))
#define store(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define each(byte) _mm256_set1_epi8((char)(byte))
#define table(p) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p)))
#define look_up(t, v) _mm256_shuffle_epi8(t, v)
#define and(a, b) _mm256_and_si256(a, b)
#define or(a, b) _mm256_or_si256(a, b)
#define high_half(v) and(_mm256_srli_epi16(v, 4), each(15))
#define equal(a, b) _mm256_cmpeq_epi8(a, b)
#define mask_of(v) (uint64_t)(uint32_t)_mm256_movemask_epi8(v)
#define mask_of_zeros(v) mask_of(equal(v, each(0)))
#elif defined(__SSSE3__)
#include <tmmintrin.h>
typedef __m128i vector;
enum { WIDTH = 16, CHUNK = 64 };
#define VECTORS vectors_ssse3
#define load(p) _mm_loadu_si128((const __m128i *)(p))
#define store(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define each(byte) _mm_set1_epi8((char)(byte))
#define table(p) load(p)
#define look_up(t, v) _mm_shuffle_epi8(t, v)
#define and(a, b) _mm_and_si128(a, b)
#define or(a, b) _mm_or_si128(a, b)
#define high_half(v) and(_mm_srli_epi16(v, 4), each(15))
#define equal(a, b) _mm_cmpeq_epi8(a, b)
#define mask_of(v) (uint64_t)(uint32_t)_mm_movemask_epi8(v)
#define mask_of_zeros(v) mask_of(equal(v, each(0)))
#else
#include <arm_neon.h>
typedef uint8x16_t vector;
enum { WIDTH = 16, CHUNK = 16 };
#define VECTORS vectors_neon
#define load(p) vld1q_u8(p)
#define store(p, v) vst1q_u8(p, v)
#define each(byte) vdupq_n_u8((uint8_t)(byte))
#define table(p) load(p)
#define look_up(t, v) vqtbl1q_u8(t, v)
#define and(a, b) vandq_u8(a, b)
#define or(a, b) vorrq_u8(a, b)
#define high_half(v) vshrq_n_u8(v, 4)
#define equal(a, b) vceqq_u8(a, b)
#define mask_of(v) vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(v), 4)), 0)
#define mask_of_zeros(v) mask_of(equal(v, each(0)))
#endif

/* A bit for each byte of a strip, given those that are all ones or all zeros. */
static inline uint64_t strip_of(const vector *bytes) {
#if defined(__x86_64__)
    uint64_t bits = 0;
    for (int i = 0; i < STRIP / WIDTH; i++)
        bits |= mask_of(bytes[i]) << i * WIDTH;
    return bits;
#else
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const vector bit = load(places);
    vector two[2];
    for (int i = 0; i < 2; i++)
        two[i] = vpaddq_u8(and(bytes[2 * i], bit), and(bytes[2 * i + 1], bit));
    two[0] = vpaddq_u8(two[0], two[1]);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(two[0], two[0])), 0);
#endif
}

/* Of each byte, a mask has so many bits; one of them is kept. */
enum { BITS = 64 / CHUNK };
static const uint64_t ONE_EACH = BITS == 1 ? ~0ull : 0x8888888888888888ull;

#endif
