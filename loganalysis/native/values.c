/* Counts the values of a field: which are the most frequent, and how many there are.
 *
 * Values are counted exactly while they fit into the memory. When it is full, every count is
 * reduced by the least power of two that removes half of the entries or more, or frees half of the
 * texts. The sum of these reductions bounds the error. This is the algorithm of Misra and Gries, in
 * the form of Anderson et al. ("A High-Performance Algorithm for Identifying Frequent Items in Data
 * Streams", 2017); Space-Saving has the same bounds.
 *
 * HyperLogLog (Flajolet et al., 2007) counts distinct values, also after that.
 */
#include "fields.h"

static uint64_t mixed(uint64_t h) {
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 33;
}

uint64_t hash_of(const uint8_t *from, uint64_t size) {
    uint64_t h = size * 0x9e3779b97f4a7c15u, rest = 0;
    for (; size >= 8; size -= 8, from += 8) {
        h = (h ^ word_at(from)) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    for (uint64_t i = 0; i < size; i++)
        rest |= (uint64_t)from[i] << 8 * i;
    return mixed(h ^ rest);
}

static void fill_slots(values *v) {
    memset(v->slots, 0, (v->slot_mask + 1) * sizeof *v->slots);
    for (uint32_t i = 0; i < v->entry_count; i++) {
        uint32_t slot = (uint32_t)v->entries[i].hash & v->slot_mask;
        while (v->slots[slot])
            slot = (slot + 1) & v->slot_mask;
        v->slots[slot] = i + 1;
    }
}

/* The least power of two that leaves half of the entries, and half of the texts, at most. */
static int64_t reduction(const values *v) {
    for (int64_t by = 1;; by *= 2) {
        uint32_t entries = 0, bytes = 0;
        for (uint32_t i = 0; i < v->entry_count; i++)
            if (v->entries[i].count > by)
                entries++, bytes += shown_bytes(v->entries[i].size);
        if (entries <= v->entry_limit / 2 && bytes <= v->text_limit / 2)
            return by;
    }
}

static void purge(values *v) {
    const int64_t by = reduction(v);
    uint32_t left = 0, bytes = 0;
    for (uint32_t i = 0; i < v->entry_count; i++) {
        counted entry = v->entries[i];
        if (entry.count <= by)
            continue;
        for (uint32_t j = 0; j < shown_bytes(entry.size); j++) /* texts only move to the front */
            v->texts[bytes + j] = v->texts[entry.text + j];
        entry.text = bytes;
        entry.count -= by;
        bytes += shown_bytes(entry.size);
        v->entries[left++] = entry;
    }
    v->entry_count = left;
    v->text_bytes = bytes;
    v->purged += by;
    fill_slots(v);
}

static void add_entry(values *v, uint64_t hash, const uint8_t *from, uint32_t size,
                      int64_t count) {
    uint32_t slot;
    if (v->entry_count == v->entry_limit || v->text_limit - v->text_bytes < shown_bytes(size))
        purge(v);
    slot = (uint32_t)hash & v->slot_mask;
    while (v->slots[slot])
        slot = (slot + 1) & v->slot_mask;
    v->entries[v->entry_count] = (counted){hash, count, v->text_bytes, size};
    v->slots[slot] = ++v->entry_count;
    for (uint32_t i = 0; i < shown_bytes(size); i++)
        v->texts[v->text_bytes + i] = from[i];
    v->text_bytes += shown_bytes(size);
}

/* Count a value some times more. `from` has the bytes of it that are shown. */
void count_value(values *v, uint64_t hash, const uint8_t *from, uint32_t size, int64_t count) {
    for (uint32_t slot = (uint32_t)hash & v->slot_mask; v->slots[slot];
         slot = (slot + 1) & v->slot_mask) {
        counted *entry = v->entries + v->slots[slot] - 1;
        if (entry->hash == hash && entry->size == size &&
            same_bytes(v->texts + entry->text, from, shown_bytes(size))) {
            entry->count += count;
            return;
        }
    }
    add_entry(v, hash, from, size, count);
}

static void count_next(values *v, queue *q) {
    const waiting *w = q->values + q->counted++ % WAITING;
    count_value(v, w->hash, w->from, w->size, 1);
}

/* Count all values that are waiting. The bytes that they are in are not needed after that. */
void count_waiting(fields *f) {
    for (uint32_t i = 0; i < f->field_count; i++)
        while (f->queues[i].counted < f->queues[i].found)
            count_next(f->fields + i, f->queues + i);
}

/* Ask for the memory that will be needed: the slot of a new value, the entry of one that was found
 * some values ago, and the text of one that was found before that. */
static void prefetch(const values *v, const queue *q) {
    const waiting *const w = q->values;
    const uint64_t n = q->found;
    uint32_t entry;
    __builtin_prefetch(v->slots + (w[n % WAITING].hash & v->slot_mask));
    if (n < 2 * WAITING / 3)
        return;
    entry = v->slots[w[(n - WAITING / 3) % WAITING].hash & v->slot_mask];
    if (entry)
        __builtin_prefetch(v->entries + entry - 1, 1);
    entry = v->slots[w[(n - 2 * WAITING / 3) % WAITING].hash & v->slot_mask];
    if (entry)
        __builtin_prefetch(v->texts + v->entries[entry - 1].text);
}

/* Count the value of a field in the line that began last. */
void add_value(fields *f, uint32_t field, const uint8_t *from, const uint8_t *to) {
    values *const v = f->fields + field;
    queue *const q = f->queues + field;
    const uint64_t hash = hash_of(from, (uint64_t)(to - from));
    const uint8_t rank = rank_of(hash, REGISTER_BITS);
    uint8_t *const at = v->registers + (hash >> (64 - REGISTER_BITS));
    const int32_t bucket = add_number(v, from, to);
    *at = rank > *at ? rank : *at;
    v->count++;
    if (q->found - q->counted == WAITING)
        count_next(v, q);
    q->values[q->found % WAITING] = (waiting){from, hash, (uint32_t)(to - from), 0};
    prefetch(v, q);
    q->found++;
    if (f->scratch_used)
        count_waiting(f); /* the next line has its own texts there */
    if (f->cells.current >= 0 && f->cells.wanted >> field & 1)
        add_to_sketch(&f->cells, sketch_at(f, (uint32_t)f->cells.current, field), hash, bucket);
}
