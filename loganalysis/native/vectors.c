/* The passes that look at many bytes at once, compiled once for each kind of vectors (build.py).
 *
 * The macros name the operations of each kind. A chunk is the bytes that a mask of 64 bits covers.
 */
#include "kernel.h"

#if defined(__AVX2__)
#include <immintrin.h>
typedef __m256i vector;
enum { WIDTH = 32, CHUNK = 64 };
#define VECTORS vectors_avx2
#define load(p) _mm256_loadu_si256((const __m256i *)(p))
#define store(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define splat(byte) _mm256_set1_epi8((char)(byte))
#define table(p) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(p)))
#define look_up(t, v) _mm256_shuffle_epi8(t, v)
#define and(a, b) _mm256_and_si256(a, b)
#define or(a, b) _mm256_or_si256(a, b)
#define high_half(v) and(_mm256_srli_epi16(v, 4), splat(15))
#define equal(a, b) _mm256_cmpeq_epi8(a, b)
#define mask_of(v) (uint64_t)(uint32_t)_mm256_movemask_epi8(v)
#define mask_of_zeros(v) mask_of(equal(v, splat(0)))
#elif defined(__SSSE3__)
#include <tmmintrin.h>
typedef __m128i vector;
enum { WIDTH = 16, CHUNK = 64 };
#define VECTORS vectors_ssse3
#define load(p) _mm_loadu_si128((const __m128i *)(p))
#define store(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define splat(byte) _mm_set1_epi8((char)(byte))
#define table(p) load(p)
#define look_up(t, v) _mm_shuffle_epi8(t, v)
#define and(a, b) _mm_and_si128(a, b)
#define or(a, b) _mm_or_si128(a, b)
#define high_half(v) and(_mm_srli_epi16(v, 4), splat(15))
#define equal(a, b) _mm_cmpeq_epi8(a, b)
#define mask_of(v) (uint64_t)(uint32_t)_mm_movemask_epi8(v)
#define mask_of_zeros(v) mask_of(equal(v, splat(0)))
#else
#include <arm_neon.h>
typedef uint8x16_t vector;
enum { WIDTH = 16, CHUNK = 16 };
#define VECTORS vectors_neon
#define load(p) vld1q_u8(p)
#define store(p, v) vst1q_u8(p, v)
#define splat(byte) vdupq_n_u8((uint8_t)(byte))
#define table(p) load(p)
#define look_up(t, v) vqtbl1q_u8(t, v)
#define and(a, b) vandq_u8(a, b)
#define or(a, b) vorrq_u8(a, b)
#define high_half(v) vshrq_n_u8(v, 4)
#define equal(a, b) vceqq_u8(a, b)
#define mask_of(v) vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(v), 4)), 0)
#define mask_of_zeros(v) mask_of(equal(v, splat(0)))
#endif

/* A bit for each byte of a strip, from vectors whose bytes are all ones or all zeros. */
static inline uint64_t strip_of(const vector *bytes) {
#if defined(__x86_64__)
    uint64_t bits = 0;
    for (int i = 0; i < STRIP / WIDTH; i++)
        bits |= mask_of(bytes[i]) << i * WIDTH;
    return bits;
#else
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const vector bit = load(bits);
    vector two[2];
    for (int i = 0; i < 2; i++)
        two[i] = vpaddq_u8(and(bytes[2 * i], bit), and(bytes[2 * i + 1], bit));
    two[0] = vpaddq_u8(two[0], two[1]);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(two[0], two[0])), 0);
#endif
}

/* A mask has so many bits for each byte; only one of them is kept. */
enum { BITS_PER_BYTE = 64 / CHUNK };
static const uint64_t ONE_PER_BYTE = BITS_PER_BYTE == 1 ? ~0ull : 0x8888888888888888ull;

static uint32_t first_in(uint64_t mask) {
    return (uint32_t)__builtin_ctzll(mask) / BITS_PER_BYTE;
}

static int has_non_ascii(vector all) {
    return mask_of_zeros(and(all, splat(0x80))) != mask_of_zeros(splat(0));
}

/* A bit for each newline of a strip. The bytes are or'ed into `all`. */
static inline uint64_t newlines_in(const uint8_t *from, vector *all) {
    vector found[STRIP / WIDTH];
    for (int i = 0; i < STRIP / WIDTH; i++) {
        vector bytes = load(from + i * WIDTH);
        *all = or(*all, bytes);
        found[i] = equal(bytes, splat('\n'));
    }
    return strip_of(found);
}

/* Distances of prefetching. Processors prefetch by themselves, but not across pages. Prefetching
 * here takes 5 % off a scan, and half of it if pages lie far apart. A filter that does less with
 * each byte has to prefetch farther ahead. */
enum { AHEAD = 512, FAR_AHEAD = 2048 };

static uint32_t newlines(const uint8_t *from, uint32_t size, strip *strips, uint32_t *non_ascii) {
    uint32_t count = 0, at = 0;
    vector all = splat(0);
    strip rest = {0, 0};
    for (; at + STRIP <= size; at += STRIP, strips++) {
        __builtin_prefetch(from + at + AHEAD);
        *strips = (strip){newlines_in(from + at, &all), count};
        count += (uint32_t)__builtin_popcountll(strips->newlines);
    }
    *non_ascii |= has_non_ascii(all);
    rest.before = count;
    for (uint32_t i = 0; at + i < size; i++) {
        rest.newlines |= (uint64_t)(from[at + i] == '\n') << i;
        *non_ascii |= from[at + i] > 127;
    }
    *strips = rest;
    return count + (uint32_t)__builtin_popcountll(rest.newlines);
}

/* Whether a byte is above 127. This also loads the bytes into the cache, for the next filter. */
static int find_non_ascii(const uint8_t *from, uint32_t size) {
    uint32_t at = 0, rest = 0;
    vector all = splat(0);
    for (; at + STRIP <= size; at += STRIP) {
        __builtin_prefetch(from + at + FAR_AHEAD);
        for (int i = 0; i < STRIP; i += WIDTH)
            all = or(all, load(from + at + i));
    }
    for (; at < size; at++)
        rest |= from[at] > 127;
    return has_non_ascii(all) | rest;
}

typedef struct {
    vector bytes[2], fold[2];
    uint32_t distance;
} two_bytes;

static inline uint64_t pairs_in(const uint8_t *from, const two_bytes *t, vector *all) {
    uint64_t mask = 0;
    for (int i = 0; i < CHUNK; i += WIDTH) {
        vector bytes = load(from + i);
        vector first = equal(or(bytes, t->fold[0]), t->bytes[0]);
        *all = or(*all, bytes);
        vector other = equal(or(load(from + i + t->distance), t->fold[1]), t->bytes[1]);
        mask |= mask_of(and(first, other)) << i * BITS_PER_BYTE;
    }
    return mask & ONE_PER_BYTE;
}

/* Find the two bytes of a literal at their distance. New bytes of chunks are or'ed into `all`. */
static inline int pairs(scan *s, const group *g, int64_t at, vector *all) {
    const two_bytes both = {{splat(g->pair[0]), splat(g->pair[1])},
                            {splat(g->pair_fold[0]), splat(g->pair_fold[1])}, g->distance};
    const entry *e = s->entries + g->bucket[0];
    const int64_t stop = s->end - g->distance;
    for (; at < s->block_end && at + CHUNK <= stop; at += CHUNK) {
        __builtin_prefetch(s->view + at + FAR_AHEAD);
        uint64_t m = pairs_in(s->view + at, &both, all);
        if (at < s->start)
            *all = splat(0); /* the chunk has old bytes */
        for (; m; m &= m - 1) {
            int64_t candidate = at + first_in(m);
            if (candidate >= s->block_end)
                return 0;
            if (is_full(s, g))
                return s->at = candidate, 1;
            compare(s, e, 1, candidate);
        }
    }
    for (; at < s->block_end && at < stop; at++) {
        if (is_full(s, g))
            return s->at = at, 1;
        compare(s, e, 1, at);
    }
    return 0;
}

static int pair(scan *s, const group *g, int64_t at) {
    vector all = splat(0);
    int pauses = pairs(s, g, at, &all);
    if (is_first_reader(s, g))
        s->non_ascii |= has_non_ascii(all);
    return pauses;
}

typedef struct {
    vector low[GRAM], high[GRAM];
} halves;

/* A mask of the positions in a chunk that match any bucket; `found` gets the buckets of each. */
static inline uint64_t buckets_in(const uint8_t *from, const halves *h, uint8_t *found) {
    uint64_t none = 0;
    for (int i = 0; i < CHUNK; i += WIDTH) {
        vector buckets = splat(0xFF);
        for (int j = 0; j < GRAM; j++) {
            vector bytes = load(from + i + j);
            vector low = look_up(h->low[j], and(bytes, splat(15)));
            buckets = and(buckets, and(low, look_up(h->high[j], high_half(bytes))));
        }
        store(found + i, buckets);
        none |= mask_of_zeros(buckets) << i * BITS_PER_BYTE;
    }
    return ~none & ONE_PER_BYTE;
}

/* The buckets of one position near the end of the data. Missing bytes match every bucket. */
static uint8_t buckets_near_end(const group *g, const uint8_t *from, int64_t left) {
    uint8_t found = 0xFF;
    for (int i = 0; i < GRAM && i < left; i++)
        found &= g->low[i][from[i] & 15] & g->high[i][from[i] >> 4];
    return found;
}

/* The NIBBLES filter: the halves of four bytes are those of a bucket's grams. This is the algorithm
 * "Teddy" of Hyperscan. */
static int nibbles(scan *s, const group *g, int64_t at) {
    uint8_t found[CHUNK];
    halves h;
    for (int i = 0; i < GRAM; i++)
        h.low[i] = table(g->low[i]), h.high[i] = table(g->high[i]);
    for (; at < s->block_end && at + CHUNK + GRAM - 1 <= s->end; at += CHUNK)
        for (uint64_t m = buckets_in(s->view + at, &h, found); m; m &= m - 1) {
            int64_t candidate = at + first_in(m);
            if (candidate >= s->block_end)
                return 0;
            if (is_full(s, g))
                return s->at = candidate, 1;
            compare_buckets(s, g, candidate, found[first_in(m)]);
        }
    for (; at < s->block_end; at++) {
        uint8_t buckets = buckets_near_end(g, s->view + at, s->end - at);
        if (buckets && is_full(s, g))
            return s->at = at, 1;
        if (buckets)
            compare_buckets(s, g, at, buckets);
    }
    return 0;
}

const vectors VECTORS = {newlines, find_non_ascii, pair, nibbles};
