/* Which cell of time a line is in. Only cells that lines are in take memory, so a wrong time takes
 * one of them. When there are too many, all become wider: the width depends on the set of times
 * only, and not on their order. fields/over_time.py explains the widths. */
#include "fields.h"
#include "runs.h"

static const int64_t widths[] = {1,     5,     15,    30,     60,     300,     900,     1800,    3600,
                                 10800, 21600, 43200, 86400, 432000, 864000, 4320000, 8640000, 43200000};
enum { WIDTHS = sizeof widths / sizeof *widths };

/* Prepare the cells for the wanted fields. All sketches together have 28 MB at most. */
void begin_cells(cells *c, uint32_t wanted) {
    memset(c, 0, sizeof *c);
    for (uint32_t i = 0; i < MAX_FIELDS; i++)
        if (wanted >> i & 1)
            c->places[i] = c->sketch_count++;
    c->wanted = wanted;
    c->current = -1;
    c->width = widths[0];
    c->entry_limit = c->sketch_count <= 4 ? 128 : c->sketch_count <= 8 ? 64 : 32;
    c->bucket_slots = 8 * c->entry_limit;
    c->sketch_bytes = wanted ? sketch_size(c->entry_limit, c->bucket_slots) : 0;
}

sketch *sketch_at(const fields *f, uint32_t cell, uint32_t field) {
    size_t number = (size_t)cell * f->cells.sketch_count + f->cells.places[field];
    return (sketch *)(f->cells.sketches + number * f->cells.sketch_bytes);
}

/* Move a cell to a number of a wider cell, which may exist already among the first `kept`. Returns
 * how many are kept then. */
static uint32_t move_cell(fields *f, uint32_t cell, int64_t number, uint32_t kept) {
    cells *const c = &f->cells;
    const size_t size = (size_t)c->sketch_count * c->sketch_bytes;
    uint32_t to = 0;
    while (to < kept && c->numbers[to] != number)
        to++;
    c->numbers[to] = number;
    if (to == cell)
        return kept + 1;
    uint8_t *const from = c->sketches + cell * size;
    if (to == kept) {
        memcpy(c->sketches + to * size, from, size);
        kept++;
    } else {
        for (uint32_t i = 0; i < f->field_count; i++)
            if (c->wanted >> i & 1)
                merge_sketch(c, sketch_at(f, to, i), sketch_at(f, cell, i));
    }
    memset(from, 0, size);
    return kept;
}

/* Change to the next width. Returns 0 if there is none. */
int widen(fields *f) {
    cells *const c = &f->cells;
    uint32_t kept = 0, number = 0;
    while (widths[number] != c->width)
        number++;
    if (number + 1 == WIDTHS)
        return 0;
    const int64_t ratio = widths[number + 1] / c->width;
    c->width = widths[number + 1];
    for (uint32_t i = 0; i < c->cell_count; i++)
        kept = move_cell(f, i, c->numbers[i] / ratio, kept);
    c->cell_count = kept;
    return 1;
}

/* The index of the cell that a second is in, or -1. */
int32_t cell_at(fields *f, int64_t second) {
    cells *const c = &f->cells;
    if (second < 0)
        return -1;
    do {
        const int64_t number = second / c->width;
        for (uint32_t i = c->cell_count; i-- > 0;) /* the latest ones are looked for most often */
            if (c->numbers[i] == number)
                return (int32_t)i;
        if (c->cell_count < CELLS_IN_USE) {
            c->numbers[c->cell_count] = number;
            return (int32_t)c->cell_count++;
        }
    } while (widen(f));
    return -1;
}

/* Find the cell of a line, to which the values that are added next belong. */
void begin_line(fields *f, const uint8_t *line) {
    cells *const c = &f->cells;
    int64_t offset, second, until;
    if (!c->timeline)
        return;
    offset = c->base + (line - c->view);
    if (offset >= c->from && offset < c->until)
        return;
    second = timeline_run(c->timeline, offset, &until);
    c->current = cell_at(f, second);
    c->from = offset;
    c->until = until;
}
