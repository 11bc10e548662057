/* The statistics of the values of a field in one cell of time, in little memory.
 *
 *   entries     the most frequent values, by their hashes: Misra and Gries, as in values.c
 *   buckets     numbers by their size: DDSketch, as in numbers.c. If there are too many, every two
 *               become one (UDDSketch: Epicoco et al., 2020). So how wide they are depends on the
 *               set of numbers only
 *   registers   HyperLogLog, in use once entries were purged: before that, entries are exact
 *
 * Sketches of cells merge exactly, except that the counts of entries may be purged.
 */
#include "fields.h"

enum { MOST_ENTRIES = 128, MOST_BUCKETS = 1024 };

static const uint32_t most_of_count = UINT32_MAX;

uint32_t sketch_size(uint32_t entry_limit, uint32_t bucket_slots) {
    uint32_t entries = 2 * entry_limit * (uint32_t)(sizeof(uint64_t) + sizeof(uint32_t));
    uint32_t buckets = bucket_slots * (uint32_t)(sizeof(uint32_t) + sizeof(uint16_t));
    return (uint32_t)(sizeof(sketch) + entries + buckets + SKETCH_REGISTERS + 63) & ~63u;
}

tables tables_of(const cells *c, sketch *s) {
    tables t;
    t.hashes = (uint64_t *)(s + 1);
    t.counts = (uint32_t *)(t.hashes + 2 * c->entry_limit);
    t.bucket_counts = t.counts + 2 * c->entry_limit;
    t.keys = (uint16_t *)(t.bucket_counts + c->bucket_slots);
    t.registers = (uint8_t *)(t.keys + c->bucket_slots);
    return t;
}

/* A sum that stays at the largest number rather than to become wrong. */
static uint32_t sum(uint32_t a, uint32_t b) {
    return a > most_of_count - b ? most_of_count : a + b;
}

static void add_to_registers(uint8_t *registers, uint64_t hash) {
    uint8_t *const at = registers + (hash >> (64 - SKETCH_REGISTER_BITS));
    const uint8_t rank = rank_of(hash, SKETCH_REGISTER_BITS);
    *at = rank > *at ? rank : *at;
}

/* Estimate the number of different values from now on. */
static void begin_registers(const cells *c, sketch *s) {
    const tables t = tables_of(c, s);
    if (s->is_estimated)
        return;
    s->is_estimated = 1;
    for (uint32_t i = 0; i < 2 * c->entry_limit; i++)
        if (t.hashes[i])
            add_to_registers(t.registers, t.hashes[i]);
}

static void put_entry(const cells *c, const tables *t, uint64_t hash, uint32_t count) {
    const uint32_t mask = 2 * c->entry_limit - 1;
    uint32_t slot = (uint32_t)hash & mask;
    while (t->hashes[slot])
        slot = (slot + 1) & mask;
    t->hashes[slot] = hash;
    t->counts[slot] = count;
}

/* Reduce all counts by the least power of two that leaves half of the entries at most. */
static void purge(const cells *c, sketch *s) {
    const tables t = tables_of(c, s);
    uint64_t hashes[MOST_ENTRIES];
    uint32_t counts[MOST_ENTRIES], left = 0, by = 1;
    begin_registers(c, s);
    for (;; by *= 2) {
        left = 0;
        for (uint32_t i = 0; i < 2 * c->entry_limit; i++)
            left += t.hashes[i] && t.counts[i] > by;
        if (left <= c->entry_limit / 2 || by > most_of_count / 2)
            break;
    }
    left = 0;
    for (uint32_t i = 0; i < 2 * c->entry_limit; i++)
        if (t.hashes[i] && t.counts[i] > by && left < c->entry_limit / 2) {
            hashes[left] = t.hashes[i];
            counts[left++] = t.counts[i] - by;
        }
    memset(t.hashes, 0, 2 * c->entry_limit * sizeof *t.hashes);
    for (uint32_t i = 0; i < left; i++)
        put_entry(c, &t, hashes[i], counts[i]);
    s->entry_count = left;
    s->purged = sum(s->purged, by);
}

/* Count a value some times more. No hash is 0, since that marks a free slot. */
void add_entry_to_sketch(const cells *c, sketch *s, uint64_t hash, uint32_t count) {
    const tables t = tables_of(c, s);
    const uint32_t mask = 2 * c->entry_limit - 1;
    uint32_t slot;
    hash += !hash;
    slot = (uint32_t)hash & mask;
    while (t.hashes[slot] && t.hashes[slot] != hash)
        slot = (slot + 1) & mask;
    if (s->is_estimated)
        add_to_registers(t.registers, hash);
    if (t.hashes[slot]) {
        t.counts[slot] = sum(t.counts[slot], count);
        return;
    }
    if (s->entry_count == c->entry_limit) {
        purge(c, s);
        add_to_registers(t.registers, hash);
    }
    put_entry(c, &t, hash, count);
    s->entry_count++;
}

static uint32_t wider(uint32_t key, uint32_t by) {
    return (key & NEGATIVE) | (key & (NEGATIVE - 1)) >> by;
}

/* Make one bucket of every two. */
static void collapse(const cells *c, sketch *s) {
    const tables t = tables_of(c, s);
    uint16_t keys[MOST_BUCKETS];
    uint32_t counts[MOST_BUCKETS], used = 0;
    for (uint32_t i = 0; i < c->bucket_slots; i++)
        if (t.keys[i]) {
            keys[used] = (uint16_t)(t.keys[i] - 1);
            counts[used++] = t.bucket_counts[i];
        }
    memset(t.keys, 0, c->bucket_slots * sizeof *t.keys);
    s->bucket_count = 0;
    s->level++;
    for (uint32_t i = 0; i < used; i++)
        add_bucket_to_sketch(c, s, wider(keys[i], 1), s->level, counts[i]);
}

/* Count numbers of a bucket, which has a level of at most that of the sketch. */
static int put_bucket(const cells *c, sketch *s, uint32_t key, uint32_t count) {
    const tables t = tables_of(c, s);
    const uint32_t mask = c->bucket_slots - 1;
    uint32_t slot = key & mask;
    while (t.keys[slot] && t.keys[slot] != key + 1)
        slot = (slot + 1) & mask;
    if (!t.keys[slot]) {
        if (s->bucket_count == c->bucket_slots - c->bucket_slots / 8)
            return 0;
        t.keys[slot] = (uint16_t)(key + 1);
        t.bucket_counts[slot] = 0;
        s->bucket_count++;
    }
    t.bucket_counts[slot] = sum(t.bucket_counts[slot], count);
    return 1;
}

/* Count numbers of a bucket that is as wide as 2^level buckets of `values`. */
void add_bucket_to_sketch(const cells *c, sketch *s, uint32_t key, uint32_t level,
                          uint32_t count) {
    while (s->level < level)
        collapse(c, s);
    while (!put_bucket(c, s, wider(key, s->level - level), count))
        collapse(c, s);
}

/* Add a value, and the bucket of its number as `add_number` returns it. */
void add_to_sketch(const cells *c, sketch *s, uint64_t hash, int32_t bucket) {
    s->count++;
    s->numbers += bucket != NO_NUMBER;
    s->zeros += bucket == ZERO;
    add_entry_to_sketch(c, s, hash, 1);
    if (bucket >= 0)
        add_bucket_to_sketch(c, s, (uint32_t)bucket, 0, 1);
}

/* Add the registers of another sketch. */
void add_registers(const cells *c, sketch *s, const uint8_t *registers) {
    uint8_t *const own = tables_of(c, s).registers;
    begin_registers(c, s);
    for (uint32_t i = 0; i < SKETCH_REGISTERS; i++)
        own[i] = registers[i] > own[i] ? registers[i] : own[i];
}

/* Add another sketch of the same field. */
void merge_sketch(const cells *c, sketch *into, sketch *from) {
    const tables t = tables_of(c, from);
    into->count += from->count;
    into->numbers += from->numbers;
    into->zeros += from->zeros;
    into->purged = sum(into->purged, from->purged);
    if (from->is_estimated)
        add_registers(c, into, t.registers);
    for (uint32_t i = 0; i < 2 * c->entry_limit; i++)
        if (t.hashes[i])
            add_entry_to_sketch(c, into, t.hashes[i], t.counts[i]);
    for (uint32_t i = 0; i < c->bucket_slots; i++)
        if (t.keys[i])
            add_bucket_to_sketch(c, into, t.keys[i] - 1u, from->level, t.bucket_counts[i]);
    while (into->level < from->level)
        collapse(c, into);
}
