/* The functions that match/c_scanner.py calls. It declares their arguments, too. */
#include "kernel.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define PUBLIC __attribute__((visibility("default")))

#if defined(__x86_64__)
/* Whether the system saves the upper halves of vectors when it switches threads. */
static int saves_wide_vectors(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

/* The index of the best vectors that this processor has; -1 for none. */
PUBLIC int scan_vectors(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3))
        return -1;
    int wide = c & bit_OSXSAVE && c & bit_AVX && c & bit_POPCNT && saves_wide_vectors();
    wide = wide && __get_cpuid_count(7, 0, &a, &b, &c, &d);
    return wide && b & bit_AVX2 && b & bit_BMI;
}
#else
PUBLIC int scan_vectors(void) {
    return 0; /* each ARM processor with 64 bits has NEON */
}
#endif

/* The vectors that the library contains, the best last. match/c_scanner.py chooses one by its index. */
static const vectors *const compiled[] = {
#if defined(__x86_64__)
    &vectors_ssse3, &vectors_avx2,
#else
    &vectors_neon,
#endif
};

const vectors *vectors_of(uint32_t number) {
    return compiled[number];
}

static int run(scan *s) {
    const group *g = s->groups + s->group;
    switch (g->filter) {
    case PAIR:
        return s->vectors->pair(s, g, s->at);
    case NIBBLES:
        return s->vectors->nibbles(s, g, s->at);
    default:
        return find_hashes(s, g, s->at);
    }
}

/* Where the search in a block begins. In the first block of a window, that is in the old bytes: a
 * literal may begin there. */
static int64_t first_position(const scan *s) {
    int64_t at = s->block - (s->block == s->start ? s->longest - 1 : 0);
    return at < 0 ? 0 : at;
}

static void begin_block(scan *s) {
    const int64_t most = s->limits.block_bytes;
    uint32_t size;
    s->block_end = s->end - s->block > most ? s->block + most : s->end;
    size = (uint32_t)(s->block_end - s->block);
    s->block_newlines = 0;
    if (s->lines)
        s->block_newlines =
            s->vectors->newlines(s->view + s->block, size, s->strips, &s->non_ascii);
    else if (!is_first_reader(s, s->groups))
        s->non_ascii |= s->vectors->non_ascii(s->view + s->block, size);
    s->group = 0;
    s->at = first_position(s);
}

/* Continue the search of a window. Returns 1 if it is not finished; then the caller takes the hits
 * and calls again. */
PUBLIC int scan_continue(scan *s) {
    s->comparisons = s->hit_count = 0;
    while (s->block < s->end) {
        if (s->block_end <= s->block)
            begin_block(s);
        for (; s->group < s->group_count; s->group++, s->at = first_position(s))
            if (run(s))
                return 1;
        s->newlines += s->block_newlines;
        s->block = s->block_end;
    }
    return 0;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Whether a byte is above 127 at the edges of a window, where PAIR sees no whole chunk. */
static int non_ascii_at_edges(const scan *s) {
    int64_t size = s->end - s->start, first = least(size, STRIP);
    int64_t last = least(size, STRIP + s->groups->distance);
    return s->vectors->non_ascii(s->view + s->start, (uint32_t)first) |
           s->vectors->non_ascii(s->view + s->end - last, (uint32_t)last);
}

/* Begin a window with new bytes from `start` to `end` of the view. `scan_continue` searches it. */
PUBLIC void scan_window(scan *s, const uint8_t *view, int64_t base, int64_t start, int64_t end) {
    s->view = view;
    s->base = base;
    s->start = s->block = s->block_end = start;
    s->end = end;
    s->non_ascii = is_first_reader(s, s->groups) && non_ascii_at_edges(s);
}

static uint8_t *carve(uint8_t **memory, size_t size) {
    uint8_t *carved = *memory;
    *memory += rounded(size);
    return carved;
}

/* The maximum number of groups: all NIBBLES passes, or the PAIR passes; and HASHES of each kind. */
static uint32_t groups_of(uint32_t count, const limits *l) {
    return count / l->pass_literals + 8;
}

/* The bytes of all strips. Before the first block, the memory holds the counts of the sample. */
static size_t strips_of(const limits *l) {
    size_t of_block = (l->block_bytes / STRIP + 1) * sizeof(strip);
    size_t of_sample = sizeof(uint32_t) << COUNT_BITS;
    return of_block > of_sample ? of_block : of_sample;
}

/* The bytes of memory for `count` literals, whose texts have `text_bytes`. */
PUBLIC int64_t scan_memory(uint32_t count, uint32_t text_bytes, const limits *l) {
    size_t each = sizeof(literal) + GRAM * (sizeof(entry) + 4 * sizeof(slot));
    size_t fixed = sizeof(scan) + strips_of(l) + l->hits * sizeof(hit);
    size_t tables = 3 * (BITMAP_WORDS * sizeof(uint32_t) + sizeof(slot));
    size_t groups = groups_of(count, l) * sizeof(group), gaps = 16 * 64;
    return (int64_t)(fixed + tables + count * each + groups + text_bytes + gaps);
}

/* Create a scan in zeroed memory, aligned to 64 bytes. `number` is an index of `compiled`. */
PUBLIC scan *scan_new(uint8_t *memory, uint32_t number, uint32_t count, const uint8_t *texts,
                      const uint32_t *sizes, const uint8_t *folded, uint32_t lines,
                      const limits *l) {
    scan *s = (scan *)carve(&memory, sizeof(scan));
    uint32_t text_bytes = 0;
    s->limits = *l;
    s->vectors = compiled[number];
    s->literal_count = count;
    s->lines = lines;
    s->literals = (literal *)carve(&memory, count * sizeof(literal));
    s->entries = (entry *)carve(&memory, GRAM * count * sizeof(entry));
    s->groups = (group *)carve(&memory, groups_of(count, l) * sizeof(group));
    s->strips = (strip *)carve(&memory, strips_of(l));
    s->hits = (hit *)carve(&memory, l->hits * sizeof(hit));
    for (uint32_t i = 0; i < count; i++) {
        s->literals[i].text = text_bytes;
        s->literals[i].size = sizes[i];
        s->literals[i].folded = folded[i];
        text_bytes += sizes[i];
        s->longest = sizes[i] > s->longest ? sizes[i] : s->longest;
    }
    s->texts = memcpy(carve(&memory, text_bytes), texts, text_bytes);
    s->free_memory = memory;
    return s;
}

/* Choose the filters. Call it before the first window, with a sample of the data. */
PUBLIC void scan_plan(scan *s, const uint8_t *sample, uint32_t size) {
    plan(s, sample, size);
}
