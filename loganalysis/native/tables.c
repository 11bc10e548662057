/* Builds the entries of literals, and the tables in which the filters look them up. */
#include "kernel.h"

group *add_group(planner *p, enum filter filter) {
    group *g = p->s->groups + p->s->group_count++;
    memset(g, 0, sizeof *g);
    g->filter = filter;
    g->bucket[0] = p->entries;
    return g;
}

/* Up to `most` bytes of a text from `offset` on, and a mask of the bits to compare. */
static uint64_t bytes_of(const scan *s, const literal *l, uint32_t offset, int most,
                         uint64_t *mask) {
    uint64_t bytes = 0;
    *mask = 0;
    for (int i = 0; i < most && offset + i < l->size; i++) {
        uint8_t byte = s->texts[l->text + offset + i];
        bytes |= (uint64_t)byte << 8 * i;
        *mask |= (uint64_t)(l->folded && is_letter(byte) ? 0xDF : 0xFF) << 8 * i;
    }
    return bytes;
}

entry *add_entry(planner *p, uint32_t number, uint32_t offset) {
    scan *s = p->s;
    const literal *l = s->literals + number;
    entry *e = s->entries + p->entries++;
    uint64_t mask;
    e->literal = number;
    e->offset = offset;
    e->gram = (uint32_t)bytes_of(s, l, offset, GRAM, &mask);
    e->mask = (uint32_t)mask;
    e->head = bytes_of(s, l, 0, 8, &e->head_mask);
    return e;
}

static int is_before(const entry *a, const entry *b) {
    if (a->gram != b->gram)
        return __builtin_bswap32(a->gram) < __builtin_bswap32(b->gram);
    /* With a larger offset, the match begins earlier: matches of a literal must be in order. */
    return a->offset != b->offset ? a->offset > b->offset : a->literal < b->literal;
}

/* Sort entries so that grams with the same first bytes are neighbors. A shellsort. */
void sort(entry *from, uint32_t count) {
    uint32_t gap = 1;
    while (gap < count / 3)
        gap = 3 * gap + 1;
    for (; gap; gap /= 3)
        for (uint32_t i = gap; i < count; i++) {
            entry moved = from[i];
            uint32_t at = i;
            for (; at >= gap && is_before(&moved, from + at - gap); at -= gap)
                from[at] = from[at - gap];
            from[at] = moved;
        }
}

/* Add the gram of an entry to a bucket of the nibble tables. */
static void set_bits(group *g, const entry *e, uint8_t bucket) {
    for (int i = 0; i < GRAM; i++)
        for (uint32_t byte = 0; byte < 256; byte++)
            if (!((byte ^ (e->gram >> 8 * i)) & (e->mask >> 8 * i) & 0xFF)) {
                g->low[i][byte & 15] |= bucket;
                g->high[i][byte >> 4] |= bucket;
            }
}

/* Divide sorted entries among the buckets of a NIBBLES group. */
void fill_buckets(planner *p, group *g, uint32_t first, uint32_t count) {
    for (uint32_t bucket = 0; bucket <= BUCKETS; bucket++)
        g->bucket[bucket] = first + count * bucket / BUCKETS;
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
        for (uint32_t i = g->bucket[bucket]; i < g->bucket[bucket + 1]; i++)
            set_bits(g, p->s->entries + i, (uint8_t)(1 << bucket));
    g->longest_list = count;
}

static void *allocate(planner *p, size_t size) {
    void *memory = p->s->free_memory;
    p->s->free_memory += rounded(size);
    return memory;
}

static void add_slot(planner *p, group *g, uint32_t first, uint32_t count) {
    uint32_t gram = p->s->entries[first].gram, hash = hashed(gram), at = hash & g->slot_mask;
    while (g->slots[at].count)
        at = (at + 1) & g->slot_mask;
    g->slots[at] = (slot){gram, first, count};
    g->bitmap[hash >> 5] |= 1u << (hash & 31);
    if (count > g->longest_list)
        g->longest_list = count;
}

/* Fill the hash table of a HASHES group with the entries from `first` on. */
void fill_slots(planner *p, group *g, uint32_t first) {
    const entry *entries = p->s->entries;
    uint32_t capacity = 1, end = first;
    while (capacity < 2 * (p->entries - first))
        capacity *= 2;
    g->slot_mask = capacity - 1;
    g->slots = allocate(p, capacity * sizeof(slot));
    g->bitmap = allocate(p, BITMAP_WORDS * sizeof(uint32_t));
    sort(p->s->entries + first, p->entries - first);
    for (; first < p->entries; first = end) {
        while (end < p->entries && entries[end].gram == entries[first].gram)
            end++;
        add_slot(p, g, first, end - first);
    }
}
