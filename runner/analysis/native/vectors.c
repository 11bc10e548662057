/* The passes that look at many bytes at once. Compiled for each kind of vectors; see build.py. */
#include "vectors.h"

static uint32_t place(uint64_t mask) {
    return (uint32_t)__builtin_ctzll(mask) / BITS;
}

static int has_high(vector all) {
    return mask_of_zeros(and(all, each(0x80))) != mask_of_zeros(each(0));
}

/* Of a strip, a bit each; `all` has the bytes themselves or'ed into it. */
static inline uint64_t newlines_in(const uint8_t *from, vector *all) {
    vector found[STRIP / WIDTH];
    for (int i = 0; i < STRIP / WIDTH; i++) {
        vector bytes = load(from + i * WIDTH);
        *all = or(*all, bytes);
        found[i] = equal(bytes, each('\n'));
    }
    return strip_of(found);
}

/* Processors fetch ahead by themselves, but not beyond a page: that took 5 % off a scan, and half
 * where pages lie far apart. Further where less is done with each byte. */
enum { AHEAD = 512, FAR_AHEAD = 2048 };

static uint32_t newlines(const uint8_t *from, uint32_t size, strip *strips, uint32_t *high) {
    uint32_t count = 0, at = 0;
    vector all = each(0);
    strip rest = {0, 0};
    for (; at + STRIP <= size; at += STRIP, strips++) {
        __builtin_prefetch(from + at + AHEAD);
        *strips = (strip){newlines_in(from + at, &all), count};
        count += (uint32_t)__builtin_popcountll(strips->newlines);
    }
    *high |= has_high(all);
    rest.before = count;
    for (uint32_t i = 0; at + i < size; i++) {
        rest.newlines |= (uint64_t)(from[at + i] == '\n') << i;
        *high |= from[at + i] > 127;
    }
    *strips = rest;
    return count + (uint32_t)__builtin_popcountll(rest.newlines);
}

/* Whether a byte is above 127; and all are fetched for what passes over them next. */
static int above(const uint8_t *from, uint32_t size) {
    uint32_t at = 0, rest = 0;
    vector all = each(0);
    for (; at + STRIP <= size; at += STRIP) {
        __builtin_prefetch(from + at + FAR_AHEAD);
        for (int i = 0; i < STRIP; i += WIDTH)
            all = or(all, load(from + at + i));
    }
    for (; at < size; at++)
        rest |= from[at] > 127;
    return has_high(all) | rest;
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
        mask |= mask_of(and(first, other)) << i * BITS;
    }
    return mask & ONE_EACH;
}

/* Where two bytes of the literal are, so far apart; `all` has the new bytes of chunks or'ed. */
static inline int pairs(scan *s, const group *g, int64_t at, vector *all) {
    const two_bytes both = {{each(g->pair[0]), each(g->pair[1])},
                            {each(g->pair_fold[0]), each(g->pair_fold[1])}, g->distance};
    const entry *e = s->entries + g->bucket[0];
    const int64_t stop = s->end - g->distance;
    for (; at < s->block_end && at + CHUNK <= stop; at += CHUNK) {
        __builtin_prefetch(s->view + at + FAR_AHEAD);
        uint64_t m = pairs_in(s->view + at, &both, all);
        if (at < s->start)
            *all = each(0); /* some are old */
        for (; m; m &= m - 1) {
            int64_t likely = at + place(m);
            if (likely >= s->block_end)
                return 0;
            if (is_full(s, g))
                return s->at = likely, 1;
            compare(s, e, 1, likely);
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
    vector all = each(0);
    int pauses = pairs(s, g, at, &all);
    if (is_first_look(s, g))
        s->high |= has_high(all);
    return pauses;
}

typedef struct {
    vector low[GRAM], high[GRAM];
} halves;

/* Which places of a chunk have what buckets: 0 where all halves of four bytes are of none. */
static inline uint64_t buckets_in(const uint8_t *from, const halves *h, uint8_t *found) {
    uint64_t none = 0;
    for (int i = 0; i < CHUNK; i += WIDTH) {
        vector buckets = each(0xFF);
        for (int j = 0; j < GRAM; j++) {
            vector bytes = load(from + i + j);
            vector low = look_up(h->low[j], and(bytes, each(15)));
            buckets = and(buckets, and(low, look_up(h->high[j], high_half(bytes))));
        }
        store(found + i, buckets);
        none |= mask_of_zeros(buckets) << i * BITS;
    }
    return ~none & ONE_EACH;
}

/* The same for one place, at the end of the data: what is behind it fits everything. */
static uint8_t buckets_near_end(const group *g, const uint8_t *from, int64_t left) {
    uint8_t found = 0xFF;
    for (int i = 0; i < GRAM && i < left; i++)
        found &= g->low[i][from[i] & 15] & g->high[i][from[i] >> 4];
    return found;
}

/* Where all halves of four bytes are those of one bucket's grams ("Teddy", of Hyperscan). */
static int nibbles(scan *s, const group *g, int64_t at) {
    uint8_t found[CHUNK];
    halves h;
    for (int i = 0; i < GRAM; i++)
        h.low[i] = table(g->low[i]), h.high[i] = table(g->high[i]);
    for (; at < s->block_end && at + CHUNK + GRAM - 1 <= s->end; at += CHUNK)
        for (uint64_t m = buckets_in(s->view + at, &h, found); m; m &= m - 1) {
            int64_t likely = at + place(m);
            if (likely >= s->block_end)
                return 0;
            if (is_full(s, g))
                return s->at = likely, 1;
            compare_buckets(s, g, likely, found[place(m)]);
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

const vectors VECTORS = {newlines, above, pair, nibbles};
