/* What the filters let pass: compared with the literals, and counted with its line. */
#include "scan.h"

int is_full(const scan *s, const group *g) {
    return s->work > s->limits.work || s->hit_count + g->longest_list > s->limits.hits;
}

/* How many newlines are in the view from `at` up to the block: few bytes, or few such places. */
static int64_t newlines_before_block(const scan *s, int64_t at) {
    int64_t count = 0;
    for (; at < s->block; at++)
        count += s->view[at] == '\n';
    return count;
}

/* How many newlines of the block are before a place in it. */
static uint32_t newlines_before(const scan *s, uint32_t place) {
    const strip *in = s->strips + place / STRIP;
    uint64_t before = in->newlines & ((1ull << place % STRIP) - 1);
    return in->before + (uint32_t)__builtin_popcountll(before);
}

/* Where the line of a place ends, behind its newline; or the block, if that comes first. */
static uint32_t end_of_line(const scan *s, uint32_t place) {
    const uint32_t size = (uint32_t)(s->block_end - s->block), last = (size - 1) / STRIP;
    uint32_t in = place / STRIP;
    uint64_t rest = s->strips[in].newlines & ~0ull << place % STRIP;
    while (!rest && in < last)
        rest = s->strips[++in].newlines;
    return rest ? in * STRIP + (uint32_t)__builtin_ctzll(rest) + 1 : size;
}

static void note_line(scan *s, literal *l, int64_t at) {
    int64_t line = s->newlines + 1;
    l->line_end = 0;
    if (at < s->block) {
        line -= newlines_before_block(s, at);
    } else {
        uint32_t place = (uint32_t)(at - s->block);
        line += newlines_before(s, place);
        l->line_end = s->base + s->block + end_of_line(s, place);
    }
    if (line == l->last_line)
        return;
    l->lines++;
    l->last_line = line;
    if (!l->first_line)
        l->first_line = line;
    if (l->wanted)
        s->hits[s->hit_count++] = (hit){(uint32_t)(l - s->literals), (uint32_t)at};
}

static void take(scan *s, literal *l, int64_t at) {
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

/* Whether a literal is there, behind the last one, and not wholly in what was scanned before. */
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

void compare(scan *s, const entry *from, uint32_t count, int64_t at) {
    s->work += count;
    for (const entry *e = from; e < from + count; e++) {
        literal *l = s->literals + e->literal;
        if (is_there(s, e, l, at - e->offset))
            take(s, l, at - e->offset);
    }
}

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

static const slot *slot_of(const group *g, uint32_t gram) {
    uint32_t at = hashed(gram) & g->slot_mask;
    while (g->slots[at].count && g->slots[at].gram != gram)
        at = (at + 1) & g->slot_mask;
    return g->slots + at;
}

/* Where a gram is that many literals are found by, at every so many bytes. */
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
