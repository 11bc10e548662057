/* Counts many literals in windows of bytes, with the lines that they are in.
 *
 *   window --blocks--> newlines --> filters, one pass each --> entries --> literals
 *
 * A filter tells places where a gram (up to four bytes) of a literal may be; what it lets pass is
 * compared as a whole. All memory is the caller's; nothing is allocated here, nothing is called.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    GRAM = 4,
    BUCKETS = 8,
    HASH_BITS = 17,
    BITMAP_WORDS = 1 << (HASH_BITS - 5),
    STRIP = 64,
};

/* A literal, and what was found of it. Offsets are those of the data, lines count from 1. */
typedef struct {
    int64_t count;
    int64_t lines;         /* in which it begins */
    int64_t first_line;    /* 0: none yet */
    int64_t last_line;
    int64_t resume;        /* where the last one ended: the next may not begin before */
    int64_t line_end;      /* what begins before this is on the last line */
    uint32_t text;         /* where its bytes are in `texts` */
    uint32_t size;
    uint8_t folded;        /* case is ignored; the text is in lower case */
    uint8_t wanted;        /* its lines are to be told in `hits` */
    uint8_t kind;          /* how it is found: see plan.c */
    uint8_t unused[5];
} literal;

/* A gram of a literal: where in it, and the first eight bytes of the text to compare. Of a letter
 * whose case is ignored, the masks leave out the bit that tells it. */
typedef struct {
    uint32_t gram, mask;
    uint32_t literal, offset;
    uint64_t head, head_mask;
} entry;

typedef struct {
    uint32_t gram, first, count;
} slot;

enum filter { PAIR, NIBBLES, HASHES };

/* A pass over the data, for one literal (PAIR), some (NIBBLES) or many (HASHES). */
typedef struct {
    enum filter filter;
    uint32_t fold;               /* HASHES: or'ed into each gram, if case is ignored in any */
    uint32_t step;               /* HASHES: from one place that is looked at to the next */
    uint32_t distance;           /* PAIR: from one byte to the other */
    uint8_t pair[2], pair_fold[2];
    uint8_t low[GRAM][16], high[GRAM][16];    /* NIBBLES: buckets by half a byte */
    uint32_t bucket[BUCKETS + 1];             /* and their entries */
    uint32_t *bitmap;                         /* HASHES: which may be grams */
    slot *slots;
    uint32_t slot_mask;
    uint32_t longest_list;       /* entries that one place may have */
} group;

typedef struct {
    uint32_t literal, at;        /* `at`: in the view */
} hit;

/* Which of so many bytes of a block are newlines, and how many are before them in the block. */
typedef struct {
    uint64_t newlines;
    uint32_t before;
} strip;

/* `block`: bytes that stay in the cache while every filter passes over them. `hits`: in memory at
 * once, for each literal no fewer than GRAM. `work`: comparisons before the caller is asked.
 * `together`: literals, at most, in one pass by NIBBLES. */
typedef struct {
    uint32_t block, hits, work, together;
} limits;

/* The window that is scanned, and how far. kernel.py knows how it begins. */
typedef struct {
    literal *literals;
    hit *hits;
    int64_t newlines;            /* before the block, in all data */
    uint32_t hit_count;
    uint32_t high;               /* a byte above 127 was in the window */
    uint32_t group;
    const uint8_t *view;
    int64_t base, start, end;    /* `base`: the offset of the view; it is new from `start` on */
    int64_t block, block_end;    /* in the view */
    int64_t at;                  /* where the present group goes on */
    uint32_t in_block;           /* newlines */
    int64_t work;
    const uint8_t *texts;
    entry *entries;
    group *groups;
    strip *strips;               /* of the block, the last of fewer bytes */
    uint32_t literal_count, group_count, longest, lines;
    limits limits;
    const struct vectors *vectors;
    uint8_t *room;               /* for tables */
} scan;

/* Vector code, for the processor at hand. Those that filter return 1 if they pause. */
typedef struct vectors {
    uint32_t (*newlines)(const uint8_t *from, uint32_t size, strip *strips, uint32_t *high);
    int (*above)(const uint8_t *from, uint32_t size);
    int (*pair)(scan *s, const group *g, int64_t at);
    int (*nibbles)(scan *s, const group *g, int64_t at);
} vectors;

/* Whether nobody has fetched the bytes that this filter passes over, or looked at what they are. */
static inline int is_first_look(const scan *s, const group *g) {
    return !s->lines && g == s->groups && g->filter == PAIR;
}

static inline uint32_t load32(const uint8_t *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint64_t load64(const uint8_t *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Up to a multiple of 64, for the lines of the cache. */
static inline size_t rounded(size_t size) {
    return (size + 63) & ~(size_t)63;
}

static inline uint32_t hashed(uint32_t gram) {
    return gram * 0x9E3779B1u >> (32 - HASH_BITS);
}

static inline uint8_t lowered(uint8_t byte) {
    return (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

/* entries.c: whether there is no room for what a place may bring, or it is time to return */
int is_full(const scan *s, const group *g);
void compare(scan *s, const entry *from, uint32_t count, int64_t at);
void compare_buckets(scan *s, const group *g, int64_t at, uint8_t buckets);
int find_hashes(scan *s, const group *g, int64_t at);

/* vectors.c, compiled with what each kind of processor has */
extern const vectors vectors_avx2, vectors_ssse3, vectors_neon;

/* plan.c: fills entries and groups; `sample` is of the data */
void plan(scan *s, const uint8_t *sample, uint32_t size);

#endif
