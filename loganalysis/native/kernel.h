/* The private header of the kernel, for all of its files.
 *
 * The kernel counts many literals in windows of bytes, and the lines that they are in:
 *
 *   window --blocks--> newlines --> filters, one pass each --> entries --> literals
 *
 * A filter finds the positions where a gram (up to four bytes) of a literal may be. Whole literals
 * are compared only there. The caller provides all memory. The kernel allocates nothing, and calls
 * no function of any library.
 *
 *   scan.c      what Python calls: windows, blocks, memory
 *   plan.c      chooses the filter for each literal
 *   sample.c    estimates how frequent grams are, from a sample of the data
 *   tables.c    builds the tables of the filters
 *   vectors.c   newlines and filters in SIMD code, compiled once for each kind of vectors
 *   entries.c   compares and counts what passes a filter
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    GRAM = 4,
    BUCKETS = 8,
    HASH_BITS = 17,
    BITMAP_WORDS = 1 << (HASH_BITS - 5),
    STRIP = 64,
    COUNT_BITS = 14,
    LOWER_CASE_BITS = 0x20202020,
};

/* A literal and its results. Offsets count from the start of the data, lines from 1.
 * match/c_scanner.py declares this struct, too. */
typedef struct {
    int64_t count;
    int64_t lines;         /* in which a match begins */
    int64_t first_line;    /* 0: none yet */
    int64_t last_line;
    int64_t resume;        /* the end of the last match: the next may not begin before */
    int64_t line_end;      /* a match that begins before this offset is on `last_line` */
    uint32_t text;         /* position of its bytes in `scan.texts` */
    uint32_t size;
    uint8_t folded;        /* case is ignored, and the text is in lower case */
    uint8_t report_lines;  /* each matching line is a hit */
    uint8_t kind;          /* index of `steps` in plan.c */
    uint8_t unused[5];
} literal;

/* A gram of a literal at `offset`, and the first eight bytes of the literal, for a fast comparison.
 * If case is ignored, the masks leave out the bit in which lower and upper case differ. */
typedef struct {
    uint32_t gram, mask;
    uint32_t literal, offset;
    uint64_t head, head_mask;
} entry;

/* A slot of a hash table: a gram, and its entries. */
typedef struct {
    uint32_t gram, first, count;
} slot;

enum filter { PAIR, NIBBLES, HASHES };

/* A pass over the data, for one literal (PAIR), some (NIBBLES) or many (HASHES). */
typedef struct {
    enum filter filter;
    uint32_t fold;               /* HASHES: or'ed into each gram if any literal ignores case */
    uint32_t step;               /* HASHES: the distance of positions that are looked at */
    uint32_t distance;           /* PAIR: of the two bytes */
    uint8_t pair[2], pair_fold[2];
    uint8_t low[GRAM][16], high[GRAM][16];    /* NIBBLES: buckets by half of a byte */
    uint32_t bucket[BUCKETS + 1];             /* first entry of each bucket */
    uint32_t *bitmap;                         /* HASHES: one bit for each hash that has a gram */
    slot *slots;
    uint32_t slot_mask;
    uint32_t longest_list;       /* maximum number of entries for one position */
} group;

/* A match that is the first of its literal on a line; `at` is a position in the view. */
typedef struct {
    uint32_t literal, at;
} hit;

/* 64 bytes of a block: a bit for each newline, and the number of newlines in the block before. */
typedef struct {
    uint64_t newlines;
    uint32_t before;
} strip;

/* Sizes. match/c_scanner.py declares this struct, too. */
typedef struct {
    uint32_t block_bytes;        /* small enough to stay in the cache while all filters run */
    uint32_t hits;               /* held in memory; at least GRAM for each literal */
    uint32_t comparisons;        /* before a call returns */
    uint32_t pass_literals;      /* maximum for one NIBBLES pass */
} limits;

/* A scan and its current window. match/c_scanner.py declares the fields up to `non_ascii`, too. */
typedef struct {
    literal *literals;
    hit *hits;
    int64_t newlines;            /* in the data before the block */
    uint32_t hit_count;
    uint32_t non_ascii;          /* the window has a byte above 127 */
    uint32_t group;
    const uint8_t *view;
    int64_t base, start, end;    /* `base`: offset of the view; bytes from `start` on are new */
    int64_t block, block_end;    /* positions in the view */
    int64_t at;                  /* where the current group continues */
    uint32_t block_newlines;
    int64_t comparisons;
    const uint8_t *texts;
    entry *entries;
    group *groups;
    strip *strips;               /* of the block; the last one may be shorter */
    uint32_t literal_count, group_count, longest, lines;
    limits limits;
    const struct vectors *vectors;
    uint8_t *free_memory;        /* for tables */
} scan;

/* SIMD code for one kind of vectors. A filter returns 1 if it paused, and sets `at`. */
typedef struct vectors {
    uint32_t (*newlines)(const uint8_t *from, uint32_t size, strip *strips, uint32_t *non_ascii);
    int (*non_ascii)(const uint8_t *from, uint32_t size);
    int (*pair)(scan *s, const group *g, int64_t at);
    int (*nibbles)(scan *s, const group *g, int64_t at);
} vectors;

/* The state of planning. */
typedef struct {
    scan *s;
    uint32_t entries;
    uint32_t fold;             /* LOWER_CASE_BITS if case is ignored in any literal */
    uint32_t size;             /* of the sample */
    uint32_t *grams;           /* the frequency of grams in the sample, by a hash */
    uint32_t bytes[256];       /* the frequency of bytes in the sample */
} planner;

/* Grams at a position of a literal, and their frequency; below 0 if the literal is too short. */
typedef struct {
    uint32_t at;
    float frequency;
} position;

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

/* Round up to a multiple of 64, so that tables begin with a line of the cache. */
static inline size_t rounded(size_t size) {
    return (size + 63) & ~(size_t)63;
}

static inline uint32_t hashed(uint32_t gram) {
    return gram * 0x9E3779B1u >> (32 - HASH_BITS);
}

static inline uint8_t lowered(uint8_t byte) {
    return (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

static inline int is_letter(uint8_t byte) {
    return (uint8_t)(byte - 'a') < 26;
}

/* Whether this filter is the first code to read the block, so that it has to prefetch the bytes
 * and to look for bytes above 127. */
static inline int is_first_reader(const scan *s, const group *g) {
    return !s->lines && g == s->groups && g->filter == PAIR;
}

/* entries.c */
int is_full(const scan *s, const group *g);
void compare(scan *s, const entry *from, uint32_t count, int64_t at);
void compare_buckets(scan *s, const group *g, int64_t at, uint8_t buckets);
int find_hashes(scan *s, const group *g, int64_t at);

/* vectors.c */
extern const vectors vectors_avx2, vectors_ssse3, vectors_neon;

/* scan.c */
const vectors *vectors_of(uint32_t number);

/* plan.c */
void plan(scan *s, const uint8_t *sample, uint32_t size);

/* sample.c */
void count_sample(planner *p, const uint8_t *sample, uint32_t size);
position rarest(const planner *p, const literal *l, uint32_t step);
uint32_t rare_byte(const planner *p, const literal *l, uint32_t except);

/* tables.c */
group *add_group(planner *p, enum filter filter);
entry *add_entry(planner *p, uint32_t number, uint32_t offset);
void sort(entry *from, uint32_t count);
void fill_buckets(planner *p, group *g, uint32_t first, uint32_t count);
void fill_slots(planner *p, group *g, uint32_t first);

#endif
