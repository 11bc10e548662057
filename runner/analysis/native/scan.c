/* What is called from outside: see kernel.py, which has the same declarations. */
#include "plan.h"

#define PUBLIC __attribute__((visibility("default")))

/* Those that the program was compiled with, the best last. */
static const vectors *const compiled[] = {
#if defined(__x86_64__)
    &vectors_ssse3, &vectors_avx2,
#else
    &vectors_neon,
#endif
};

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

/* Where the first block is looked at from: literals may have begun in bytes of the last window. */
static int64_t first_place(const scan *s) {
    int64_t at = s->block - (s->block == s->start ? s->longest - 1 : 0);
    return at < 0 ? 0 : at;
}

static void begin_block(scan *s) {
    uint32_t size;
    s->block_end = s->end - s->block > s->limits.block ? s->block + s->limits.block : s->end;
    size = (uint32_t)(s->block_end - s->block);
    s->in_block = 0;
    if (s->lines)
        s->in_block = s->vectors->newlines(s->view + s->block, size, s->strips, &s->high);
    else if (!is_first_look(s, s->groups))
        s->high |= s->vectors->above(s->view + s->block, size);
    s->group = 0;
    s->at = first_place(s);
}

/* Go on with a window: 1 if the hits are to be taken first, or the caller may want to be asked. */
PUBLIC int scan_on(scan *s) {
    s->work = s->hit_count = 0;
    while (s->block < s->end) {
        if (s->block_end <= s->block)
            begin_block(s);
        for (; s->group < s->group_count; s->group++, s->at = first_place(s))
            if (run(s))
                return 1;
        s->newlines += s->in_block;
        s->block = s->block_end;
    }
    return 0;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Whether a byte is above 127 where PAIR may see no whole chunk of new bytes. */
static int above_at_edges(const scan *s) {
    int64_t size = s->end - s->start, first = least(size, STRIP);
    int64_t last = least(size, STRIP + s->groups->distance);
    return s->vectors->above(s->view + s->start, (uint32_t)first) |
           s->vectors->above(s->view + s->end - last, (uint32_t)last);
}

/* A new window, which is new from `start` to `end` of the view; then `scan_on` until it is 0. */
PUBLIC void scan_window(scan *s, const uint8_t *view, int64_t base, int64_t start, int64_t end) {
    s->view = view;
    s->base = base;
    s->start = s->block = s->block_end = start;
    s->end = end;
    s->high = is_first_look(s, s->groups) && above_at_edges(s);
}

static uint8_t *carve(uint8_t **room, size_t size) {
    uint8_t *carved = *room;
    *room += rounded(size);
    return carved;
}

/* One by NIBBLES for so many, or one for each of the few, and one for each kind of HASHES. */
static uint32_t groups_of(uint32_t count, const limits *l) {
    return count / l->together + 8;
}

/* Before the first block, the room serves the sample. */
static size_t strips_of(const limits *l) {
    size_t of_block = (l->block / STRIP + 1) * sizeof(strip);
    size_t of_sample = sizeof(uint32_t) << COUNT_BITS;
    return of_block > of_sample ? of_block : of_sample;
}

/* The bytes of memory that so many literals need, whose texts have so many. */
PUBLIC int64_t scan_memory(uint32_t count, uint32_t text_bytes, const limits *l) {
    size_t each = sizeof(literal) + GRAM * (sizeof(entry) + 4 * sizeof(slot));
    size_t fixed = sizeof(scan) + strips_of(l) + l->hits * sizeof(hit);
    size_t tables = 3 * (BITMAP_WORDS * sizeof(uint32_t) + sizeof(slot));
    size_t groups = groups_of(count, l) * sizeof(group), gaps = 16 * 64;
    return (int64_t)(fixed + tables + count * each + groups + text_bytes + gaps);
}

/* Make a scan of literals by the vectors of that number, in memory of zeros, aligned to 64. */
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
    s->room = memory;
    return s;
}

/* Choose how to find them, before the first window; the sample is of the data. */
PUBLIC void scan_plan(scan *s, const uint8_t *sample, uint32_t size) {
    plan(s, sample, size);
}
