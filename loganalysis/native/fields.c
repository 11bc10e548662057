/* The functions that fields/memory.py calls. It declares their arguments, too. */
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
    begin_line(f, from);
    to = to - from > f->line_bytes ? from + f->line_bytes : to;
    to -= to > from && to[-1] == '\r';
    from += to - from >= 3 && from[0] == 0xEF && from[1] == 0xBB && from[2] == 0xBF ? 3 : 0;
    for (uint32_t i = 0; i < f->walker_count; i++)
        if (walk(f, f->walkers + i, from, to)) {
            for (uint32_t j = 0; j < f->field_count; j++)
                if (f->spans[j].from)
                    add_value(f, j, f->spans[j].from, f->spans[j].to);
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
    count_waiting(f);
}

/* The next lines and values are in a view at the offset `base` of the data, whose times a timeline
 * has read; see timeline.h. */
PUBLIC void fields_times(fields *f, const void *timeline, const uint8_t *view, int64_t base) {
    f->cells.timeline = timeline;
    f->cells.view = view;
    f->cells.base = base;
    f->cells.from = f->cells.until = 0;
}

/* Add values of one field: `count` pairs of positions in a view. Each belongs to the line that it is
 * in, or all belong to the line that begins at `line`, if that is not NULL. */
PUBLIC void fields_values(fields *f, uint32_t field, const uint8_t *view, const uint32_t *spans,
                          uint32_t count, const uint8_t *line) {
    for (uint32_t i = 0; i < count; i++) {
        begin_line(f, line ? line : view + spans[2 * i]);
        add_value(f, field, view + spans[2 * i], view + spans[2 * i + 1]);
    }
    count_waiting(f);
}

/* Collect the sketches of a field in `count` cells of a wider width, from number `first` on, in the
 * spare sketch. Returns it. The width must be a multiple of that of the cells. */
PUBLIC const sketch *fields_sketch(fields *f, uint32_t field, int64_t width, int64_t first,
                                   int64_t count) {
    cells *const c = &f->cells;
    sketch *const into = (sketch *)c->spare;
    memset(into, 0, c->sketch_bytes);
    for (uint32_t i = 0; i < c->cell_count; i++) {
        const int64_t number = c->numbers[i] * c->width / width;
        if (number >= first && number < first + count)
            merge_sketch(c, into, sketch_at(f, i, field));
    }
    return into;
}

/* The hash of a value. */
PUBLIC uint64_t fields_hash(const uint8_t *from, int64_t size) {
    return hash_of(from, (uint64_t)size);
}

static uint8_t *carve(uint8_t **memory, size_t size) {
    uint8_t *carved = *memory;
    *memory += (size + 63) & ~(size_t)63;
    return carved;
}

/* The bytes of memory for this many fields, each with up to so many entries, a power of two, and
 * bytes of texts. `wanted` has a bit for each field that is counted over time. */
PUBLIC int64_t fields_memory(uint32_t count, uint32_t entries, uint32_t texts, uint32_t line,
                             uint32_t wanted) {
    size_t each = entries * (sizeof(counted) + 2 * sizeof(uint32_t)) + texts + REGISTERS +
                  2 * BUCKETS_OF_SIGN * sizeof(int64_t) + EXPONENTS * sizeof(__int128);
    cells c;
    begin_cells(&c, wanted);
    size_t sketches = ((size_t)c.sketch_count * CELLS_IN_USE + 1) * c.sketch_bytes;
    return (int64_t)(sizeof(fields) + line + count * (each + 6 * 64) + sketches + 5 * 64);
}

/* Create the statistics in zeroed memory, aligned to 64 bytes. The caller sets the walkers. */
PUBLIC fields *fields_new(uint8_t *memory, uint32_t count, uint32_t entries, uint32_t texts,
                          uint32_t line, uint32_t wanted) {
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
    begin_cells(&f->cells, wanted);
    f->cells.spare = carve(&memory, f->cells.sketch_bytes);
    f->cells.sketches = memory;
    return f;
}

/* The width of the cells of time, in seconds. */
PUBLIC int64_t fields_width(const fields *f) {
    return f->cells.width;
}
