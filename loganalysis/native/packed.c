/* All statistics as bytes, which another process or another part of a file sends, and how they are
 * added to others.
 *
 *   fields    number of them, and a bit for each that is counted over time
 *   field     head; entries: hash, count, size, text; registers; buckets: number, count; sums:
 *             exponent, 16 bytes
 *   cells     width, how many; cell: number; for each field over time: sketch; entries: hash, count;
 *             buckets: key, count; registers, if they are in use
 *
 * Numbers have the order of bytes of all supported processors, little-endian. Bytes from a store may
 * be damaged: every read is checked. Then statistics are incomplete, but no memory is overwritten.
 */
#include "fields.h"

#define PUBLIC __attribute__((visibility("default")))

/* The head of a field. */
typedef struct {
    int64_t count, purged, numbers, zeros;
    double least, most;
    uint32_t entries, buckets, sums, unused;
} head;

typedef struct {
    uint8_t *at;                   /* NULL to count bytes only */
    int64_t size;
} writer;

typedef struct {
    const uint8_t *at, *end;
} reader;

static void put(writer *w, const void *from, size_t size) {
    if (w->at) {
        memcpy(w->at, from, size);
        w->at += size;
    }
    w->size += (int64_t)size;
}

/* Read some bytes. Returns 0 if there are not so many. */
static int get(reader *r, void *to, size_t size) {
    if ((size_t)(r->end - r->at) < size)
        return 0;
    memcpy(to, r->at, size);
    r->at += size;
    return 1;
}

static void put_values(writer *w, const values *v) {
    head h = {v->count, v->purged, v->numbers, v->zeros, v->least, v->most, v->entry_count, 0, 0, 0};
    for (uint32_t i = 0; i < 2 * BUCKETS_OF_SIGN; i++)
        h.buckets += v->buckets[i] != 0;
    for (uint32_t i = 0; i < EXPONENTS; i++)
        h.sums += v->sums[i] != 0;
    put(w, &h, sizeof h);
    for (uint32_t i = 0; i < v->entry_count; i++) {
        const counted *entry = v->entries + i;
        put(w, &entry->hash, sizeof entry->hash);
        put(w, &entry->count, sizeof entry->count);
        put(w, &entry->size, sizeof entry->size);
        put(w, v->texts + entry->text, shown_bytes(entry->size));
    }
    put(w, v->registers, REGISTERS);
    for (uint32_t i = 0; i < 2 * BUCKETS_OF_SIGN; i++)
        if (v->buckets[i]) {
            put(w, &i, sizeof i);
            put(w, v->buckets + i, sizeof *v->buckets);
        }
    for (uint32_t i = 0; i < EXPONENTS; i++)
        if (v->sums[i]) {
            put(w, &i, sizeof i);
            put(w, v->sums + i, sizeof *v->sums);
        }
}

static int get_entries(reader *r, values *v, uint32_t number) {
    while (number--) {
        uint64_t hash;
        int64_t count;
        uint32_t size;
        if (!get(r, &hash, sizeof hash) || !get(r, &count, sizeof count) ||
            !get(r, &size, sizeof size) || r->end - r->at < shown_bytes(size))
            return 0;
        count_value(v, hash, r->at, size, count);
        r->at += shown_bytes(size);
    }
    return 1;
}

static int get_tables(reader *r, values *v, const head *h) {
    if (r->end - r->at < REGISTERS)
        return 0;
    for (uint32_t i = 0; i < REGISTERS; i++)
        v->registers[i] = r->at[i] > v->registers[i] ? r->at[i] : v->registers[i];
    r->at += REGISTERS;
    for (uint32_t i = 0; i < h->buckets; i++) {
        uint32_t number;
        int64_t count;
        if (!get(r, &number, sizeof number) || !get(r, &count, sizeof count) ||
            number >= 2 * BUCKETS_OF_SIGN)
            return 0;
        v->buckets[number] += count;
    }
    for (uint32_t i = 0; i < h->sums; i++) {
        uint32_t exponent;
        __int128 sum;
        if (!get(r, &exponent, sizeof exponent) || !get(r, &sum, sizeof sum) ||
            exponent >= EXPONENTS)
            return 0;
        v->sums[exponent] += sum;
    }
    return 1;
}

static int get_values(reader *r, values *v) {
    head h;
    if (!get(r, &h, sizeof h))
        return 0;
    if (h.numbers) {
        v->least = v->numbers && v->least < h.least ? v->least : h.least;
        v->most = v->numbers && v->most > h.most ? v->most : h.most;
    }
    v->count += h.count;
    v->purged += h.purged;
    v->numbers += h.numbers;
    v->zeros += h.zeros;
    return get_entries(r, v, h.entries) && get_tables(r, v, &h);
}

static void put_sketch(writer *w, const cells *c, sketch *s) {
    const tables t = tables_of(c, s);
    put(w, s, sizeof *s);
    for (uint32_t i = 0; i < 2 * c->entry_limit; i++)
        if (t.hashes[i]) {
            put(w, t.hashes + i, sizeof *t.hashes);
            put(w, t.counts + i, sizeof *t.counts);
        }
    for (uint32_t i = 0; i < c->bucket_slots; i++)
        if (t.keys[i]) {
            put(w, t.keys + i, sizeof *t.keys);
            put(w, t.bucket_counts + i, sizeof *t.bucket_counts);
        }
    if (s->is_estimated)
        put(w, t.registers, SKETCH_REGISTERS);
}

static int get_sketch_tables(reader *r, const cells *c, sketch *s, const sketch *found) {
    for (uint32_t i = 0; i < found->entry_count; i++) {
        uint64_t hash;
        uint32_t count;
        if (!get(r, &hash, sizeof hash) || !get(r, &count, sizeof count))
            return 0;
        add_entry_to_sketch(c, s, hash, count);
    }
    for (uint32_t i = 0; i < found->bucket_count; i++) {
        uint16_t key;
        uint32_t count;
        if (!get(r, &key, sizeof key) || !get(r, &count, sizeof count) || !key)
            return 0;
        add_bucket_to_sketch(c, s, key - 1u, found->level, count);
    }
    if (!found->is_estimated)
        return 1;
    if (r->end - r->at < SKETCH_REGISTERS)
        return 0;
    add_registers(c, s, r->at);
    r->at += SKETCH_REGISTERS;
    return 1;
}

static int get_sketch(reader *r, const cells *c, sketch *s) {
    sketch found;
    if (!get(r, &found, sizeof found) || found.level > STEP_BITS * 2)
        return 0;
    s->count += found.count;
    s->numbers += found.numbers;
    s->zeros += found.zeros;
    s->purged = found.purged > UINT32_MAX - s->purged ? UINT32_MAX : s->purged + found.purged;
    return get_sketch_tables(r, c, s, &found);
}

static int get_cell(reader *r, fields *f, int64_t width) {
    int64_t number;
    int32_t cell;
    if (!get(r, &number, sizeof number) || number < 0 || number > INT64_MAX / width)
        return 0;
    cell = cell_at(f, number * width);
    for (uint32_t i = 0; i < f->field_count; i++)
        if (f->cells.wanted >> i & 1 &&
            (cell < 0 || !get_sketch(r, &f->cells, sketch_at(f, (uint32_t)cell, i))))
            return 0;
    return 1;
}

static int get_cells(reader *r, fields *f) {
    int64_t width;
    uint32_t count;
    if (!get(r, &width, sizeof width) || !get(r, &count, sizeof count) || width < 1)
        return 0;
    while (f->cells.width < width && widen(f))
        ;
    if (f->cells.width % width)
        return 0;
    while (count--)
        if (!get_cell(r, f, width))
            return 0;
    return 1;
}

/* Write the statistics, or only count the bytes if `to` is NULL. Returns their number. */
PUBLIC int64_t fields_pack(const fields *f, uint8_t *to) {
    writer w = {to, 0};
    const cells *const c = &f->cells;
    put(&w, &f->field_count, sizeof f->field_count);
    put(&w, &c->wanted, sizeof c->wanted);
    for (uint32_t i = 0; i < f->field_count; i++)
        put_values(&w, f->fields + i);
    if (!c->wanted)
        return w.size;
    put(&w, &c->width, sizeof c->width);
    put(&w, &c->cell_count, sizeof c->cell_count);
    for (uint32_t cell = 0; cell < c->cell_count; cell++) {
        put(&w, c->numbers + cell, sizeof *c->numbers);
        for (uint32_t i = 0; i < f->field_count; i++)
            if (c->wanted >> i & 1)
                put_sketch(&w, c, sketch_at(f, cell, i));
    }
    return w.size;
}

/* Add the statistics of another part, which has the same fields. Returns 0 if the bytes are
 * damaged. */
PUBLIC int fields_merge(fields *f, const uint8_t *from, int64_t size) {
    reader r = {from, from + size};
    uint32_t count, wanted;
    if (!get(&r, &count, sizeof count) || !get(&r, &wanted, sizeof wanted) ||
        count != f->field_count || wanted != f->cells.wanted)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (!get_values(&r, f->fields + i))
            return 0;
    return (!wanted || get_cells(&r, f)) && r.at == r.end;
}
