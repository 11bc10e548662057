/* The functions that fields/kernel.py calls. It declares their arguments, too. */
#include "fields.h"

#define PUBLIC __attribute__((visibility("default")))

static int walk(fields *f, const walker *w, const uint8_t *from, const uint8_t *to) {
    f->scratch_used = 0;
    for (uint32_t i = 0; i < f->field_count; i++)
        f->spans[i].from = NULL;
    switch ((enum walker_kind)w->kind) {
    case LAYOUT:
        return walk_layout(f, w, from, to);
    case JSON:
        return walk_json(f, w, from, to);
    case LOGFMT:
        return walk_logfmt(f, w, from, to);
    default:
        return walk_export(f, w, from, to);
    }
}

/* The fields of a line are those that its first fitting walker finds. */
static void add_line(fields *f, const uint8_t *from, const uint8_t *to) {
    to = to - from > f->line_bytes ? from + f->line_bytes : to;
    to -= to > from && to[-1] == '\r';
    from += to - from >= 3 && from[0] == 0xEF && from[1] == 0xBB && from[2] == 0xBF ? 3 : 0;
    for (uint32_t i = 0; i < f->walker_count; i++)
        if (walk(f, f->walkers + i, from, to)) {
            for (uint32_t j = 0; j < f->field_count; j++)
                if (f->spans[j].from)
                    add_value(f->fields + j, f->spans[j].from, f->spans[j].to);
            return;
        }
}

/* Add the lines of a window. `mid_line` tells that it begins with the rest of a line. */
PUBLIC void fields_lines(fields *f, const uint8_t *from, const uint8_t *to, int mid_line) {
    f->limit = to;
    if (mid_line) {
        from = find_byte(from, to, '\n');
        from += from < to;
    }
    while (from < to) {
        const uint8_t *end = find_byte(from, to, '\n');
        if (end > from)
            add_line(f, from, end);
        from = end + 1;
    }
}

/* Add values of one field: `count` pairs of positions in a view. */
PUBLIC void fields_values(fields *f, uint32_t field, const uint8_t *view, const uint32_t *spans,
                          uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        add_value(f->fields + field, view + spans[2 * i], view + spans[2 * i + 1]);
}

static uint8_t *carve(uint8_t **memory, size_t size) {
    uint8_t *carved = *memory;
    *memory += (size + 63) & ~(size_t)63;
    return carved;
}

/* The bytes of memory for this many fields, each with up to so many entries, a power of two, and
 * bytes of texts. */
PUBLIC int64_t fields_memory(uint32_t count, uint32_t entries, uint32_t texts, uint32_t line) {
    size_t each = entries * (sizeof(counted) + 2 * sizeof(uint32_t)) + texts + REGISTERS +
                  2 * BUCKETS_OF_SIGN * sizeof(int64_t) + EXPONENTS * sizeof(__int128);
    return (int64_t)(sizeof(fields) + line + count * (each + 6 * 64) + 3 * 64);
}

/* Create the statistics in zeroed memory, aligned to 64 bytes. The caller sets the walkers. */
PUBLIC fields *fields_new(uint8_t *memory, uint32_t count, uint32_t entries, uint32_t texts,
                          uint32_t line) {
    fields *f = (fields *)carve(&memory, sizeof(fields));
    f->field_count = count;
    f->line_bytes = line;
    f->scratch = carve(&memory, line);
    for (uint32_t i = 0; i < count; i++) {
        values *v = f->fields + i;
        v->entry_limit = entries;
        v->text_limit = texts;
        v->slot_mask = 2 * entries - 1;
        v->entries = (counted *)carve(&memory, entries * sizeof(counted));
        v->slots = (uint32_t *)carve(&memory, 2 * entries * sizeof(uint32_t));
        v->texts = carve(&memory, texts);
        v->registers = carve(&memory, REGISTERS);
        v->buckets = (int64_t *)carve(&memory, 2 * BUCKETS_OF_SIGN * sizeof(int64_t));
        v->sums = (__int128 *)carve(&memory, EXPONENTS * sizeof(__int128));
    }
    return f;
}
