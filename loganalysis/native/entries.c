/* Compares candidates that passed a filter with the literals; counts matches and lines. */
#include "kernel.h"

/* Whether the call has to return before the next candidate: it made enough comparisons, or the hits
 * may not fit. */
int is_full(const scan *s, const group *g) {
    return s->comparisons > s->limits.comparisons ||
           s->hit_count + g->longest_list > s->limits.hits;
}

/* Newlines in the view from `at` up to the block. Only matches across blocks need this loop. */
static int64_t newlines_before_block(const scan *s, int64_t at) {
    int64_t count = 0;
    for (; at < s->block; at++)
        count += s->view[at] == '\n';
    return count;
}

/* Newlines in the block before position `at` of the block. */
static uint32_t newlines_before(const scan *s, uint32_t at) {
    const strip *of_at = s->strips + at / STRIP;
    uint64_t before = of_at->newlines & ((1ull << at % STRIP) - 1);
    return of_at->before + (uint32_t)__builtin_popcountll(before);
}

/* The position behind the newline that ends the line of `at`, or the end of the block. */
static uint32_t end_of_line(const scan *s, uint32_t at) {
    const uint32_t size = (uint32_t)(s->block_end - s->block), last = (size - 1) / STRIP;
    uint32_t number = at / STRIP;
    uint64_t rest = s->strips[number].newlines & ~0ull << at % STRIP;
    while (!rest && number < last)
        rest = s->strips[++number].newlines;
    return rest ? number * STRIP + (uint32_t)__builtin_ctzll(rest) + 1 : size;
}

/* Count the line of a match, if the literal has not matched on it before. */
static void note_line(scan *s, literal *l, int64_t at) {
    int64_t line = s->newlines + 1;
    l->line_end = 0;
    if (at < s->block) {
        line -= newlines_before_block(s, at);
    } else {
        uint32_t in_block = (uint32_t)(at - s->block);
        line += newlines_before(s, in_block);
        l->line_end = s->base + s->block + end_of_line(s, in_block);
    }
    if (line == l->last_line)
        return;
    l->lines++;
    l->last_line = line;
    if (!l->first_line)
        l->first_line = line;
    if (l->report_lines)
        s->hits[s->hit_count++] = (hit){(uint32_t)(l - s->literals), (uint32_t)at};
}

/* Count a match. */
static void count_match(scan *s, literal *l, int64_t at) {
    int64_t offset = s->base + at;
    l->resume = offset + l->size;
    l->count++;
    if (s->lines && offset >= l->line_end)
        note_line(s, l, at);
}

static int is_same(const uint8_t *bytes, const uint8_t *text, uint32_t size, int folded) {
    uint32_t i = 0;
    for (; !folded && i + 8 <= size; i += 8)
        if (load64(bytes + i) != load64(text + i))
            return 0;
    for (; i < size; i++)
        if ((folded ? lowered(bytes[i]) : bytes[i]) != text[i])
            return 0;
    return 1;
}

/* Whether a literal matches at `at`, without overlapping its last match, and ends in new bytes. */
static int is_there(const scan *s, const entry *e, const literal *l, int64_t at) {
    if (at < 0 || at + l->size > s->end || at + l->size <= s->start || s->base + at < l->resume)
        return 0;
    if (at + 8 <= s->end) {
        if ((load64(s->view + at) ^ e->head) & e->head_mask)
            return 0;
        if (l->size <= 8)
            return 1;
    }
    return is_same(s->view + at, s->texts + l->text, l->size, l->folded);
}

/* Compare the literals of some entries, whose gram may be at `at`. */
void compare(scan *s, const entry *from, uint32_t count, int64_t at) {
    s->comparisons += count;
    for (const entry *e = from; e < from + count; e++) {
        literal *l = s->literals + e->literal;
        if (is_there(s, e, l, at - e->offset))
            count_match(s, l, at - e->offset);
    }
}

/* Compare the literals of all entries in a set of buckets (one bit for each). */
void compare_buckets(scan *s, const group *g, int64_t at, uint8_t buckets) {
    uint32_t gram = at + GRAM <= s->end ? load32(s->view + at) : 0;
    for (; buckets; buckets &= buckets - 1) {
        int bucket = __builtin_ctz(buckets);
        for (uint32_t i = g->bucket[bucket]; i < g->bucket[bucket + 1]; i++) {
            const entry *e = s->entries + i;
            if (at + GRAM > s->end || !((gram ^ e->gram) & e->mask))
                compare(s, e, 1, at);
        }
    }
}

/* The slot of a gram, or an empty one: open addressing with linear probing. */
static const slot *slot_of(const group *g, uint32_t gram) {
    uint32_t at = hashed(gram) & g->slot_mask;
    while (g->slots[at].count && g->slots[at].gram != gram)
        at = (at + 1) & g->slot_mask;
    return g->slots + at;
}

/* The HASHES filter: looks up the gram at every `step` bytes. A bitmap rejects most of them. */
int find_hashes(scan *s, const group *g, int64_t at) {
    const uint8_t *view = s->view;
    const uint32_t *bitmap = g->bitmap, fold = g->fold, step = g->step;
    const int64_t last = s->end - GRAM, stop = s->block_end <= last ? s->block_end : last + 1;
    for (at = (at + step - 1) & -(int64_t)step; at < stop; at += step) {
        uint32_t gram = load32(view + at) | fold, hash = hashed(gram);
        if (!(bitmap[hash >> 5] >> (hash & 31) & 1))
            continue;
        if (is_full(s, g))
            return s->at = at, 1;
        const slot *found = slot_of(g, gram);
        compare(s, s->entries + found->first, found->count, at);
    }
    return 0;
}
