/* The table of shapes: the functions that templates/c_shapes.py calls. It declares their arguments, too. */
#include "shapes.h"

#define PUBLIC __attribute__((visibility("default")))

/* Each width is a multiple of the one before. templates/bins.py explains them. */
static const int64_t widths[] = {
    1,     5,     10,    30,    60,     300,    600,     1800,    3600,     10800,
    21600, 43200, 86400, 172800, 864000, 1728000, 8640000, 43200000,
};

/* The bytes of memory that a table needs. */
PUBLIC int64_t shapes_memory(uint32_t max_shapes, uint32_t max_bins) {
    size_t index = 1;
    while (index < 2 * (size_t)max_shapes)
        index *= 2;
    return (int64_t)(rounded(sizeof(shapes)) + rounded(max_shapes * sizeof(shape)) +
                     rounded((size_t)max_bins * max_shapes * sizeof(uint32_t)) +
                     rounded(index * sizeof(uint32_t)));
}

/* Create a table in memory that is zero. `seed` is random, so that nobody can choose lines whose
 * shapes have one hash. */
PUBLIC shapes *shapes_new(uint8_t *memory, uint32_t vectors, uint32_t max_shapes, uint32_t max_bins,
                          uint64_t seed, const time_rules *rules) {
    shapes *s = (shapes *)memory;
    memory += rounded(sizeof(shapes));
    s->shapes = (shape *)memory;
    memory += rounded(max_shapes * sizeof(shape));
    s->counts = (uint32_t *)memory;
    memory += rounded((size_t)max_bins * max_shapes * sizeof(uint32_t));
    s->index = (uint32_t *)memory;
    s->index_mask = 1;
    while (s->index_mask < 2 * max_shapes)
        s->index_mask *= 2;
    s->index_mask--;
    s->max_shapes = max_shapes;
    s->max_bins = max_bins;
    s->seed = seed;
    s->rules = *rules;
    s->vectors = vectors_of(vectors);
    s->lines_left = UINT32_MAX;
    return s;
}

/* From now on, each line has the lines of a record. */
PUBLIC void shapes_records(shapes *s) {
    s->are_records = 1;
}

/* The number of lines after the first one of a record. */
static int64_t lines_after(const uint8_t *at, const uint8_t *end) {
    int64_t count = 0;
    for (; at < end; at++)
        count += *at == '\f';
    return count;
}

static uint32_t *row_of(const shapes *s, int64_t place) {
    return s->counts + (size_t)place * s->max_shapes;
}

/* Forget all bins, but not their counts. */
static void clear_bins(shapes *s) {
    memset(s->bin_index, 0, sizeof s->bin_index);
    s->bin_count = 0;
    s->known_second = -1;
}

/* Empty the table, and continue with bins of another width and other shapes. */
PUBLIC void shapes_clear(shapes *s, int64_t width, uint32_t max_parts) {
    memset(s->index, 0, (s->index_mask + 1) * sizeof(uint32_t));
    for (int64_t place = 0; place < s->bin_count; place++)
        memset(row_of(s, place), 0, s->shape_count * sizeof(uint32_t));
    s->shape_count = 0;
    clear_bins(s);
    s->lines_left = UINT32_MAX;
    s->width = width;
    s->max_parts = max_parts;
}

/* The entry of a bin in the index: its place plus 1, or a free one, which is 0. */
static uint16_t *entry_of(shapes *s, int64_t bin) {
    uint64_t at = (uint64_t)bin * 0x9E3779B97F4A7C15u >> 54;
    while (s->bin_index[at] && s->bins[s->bin_index[at] - 1] != bin)
        at = (at + 1) % BIN_INDEX;
    return s->bin_index + at;
}

/* The place of a bin, which is added unless it is known. There must be room. */
static int64_t place_of_bin(shapes *s, int64_t bin) {
    uint16_t *entry = entry_of(s, bin);
    if (!*entry) {
        s->bins[s->bin_count] = bin;
        *entry = (uint16_t)++s->bin_count;
    }
    return *entry - 1;
}

/* Change to the next width. */
static void widen(shapes *s) {
    int64_t places[MAX_BINS], ratio = 0, count = s->bin_count;
    uint32_t merged[MAX_BINS];
    for (int i = 0; !ratio; i++)
        if (widths[i] == s->width)
            ratio = widths[i + 1] / widths[i];
    clear_bins(s);
    for (int64_t i = 0; i < count; i++)
        places[i] = place_of_bin(s, s->bins[i] / ratio);
    for (uint32_t number = 0; number < s->shape_count; number++) {
        memset(merged, 0, sizeof merged);
        for (int64_t i = 0; i < count; i++)
            merged[places[i]] += row_of(s, i)[number];
        for (int64_t i = 0; i < count; i++)
            row_of(s, i)[number] = merged[i];
    }
    s->width *= ratio;
}

/* Make room for the bin of a second, and return its row. The last width has room for all years. */
static uint32_t *bin_at(shapes *s, int64_t second) {
    if (second == s->known_second)
        return s->known_row;
    while (s->bin_count == s->max_bins && !*entry_of(s, second / s->width))
        widen(s);
    s->known_row = row_of(s, place_of_bin(s, second / s->width));
    s->known_second = second;
    return s->known_row;
}

/* The place of a hash in the index: its shape, or a free place. */
static uint32_t *place_of(const shapes *s, uint64_t hash) {
    uint32_t at = (uint32_t)(hash >> 32) & s->index_mask;
    while (s->index[at] && s->shapes[s->index[at] - 1].hash != hash)
        at = (at + 1) & s->index_mask;
    return s->index + at;
}

static shape *add_shape(shapes *s, uint32_t *place, uint64_t hash, const uint8_t *line,
                        const uint8_t *end) {
    shape *found = s->shapes + s->shape_count;
    *place = ++s->shape_count;
    found->hash = hash;
    found->count = 0;
    found->first_line = s->lines + 1;
    found->first_time = found->last_time = NO_TIME;
    found->sample_size = (uint32_t)(end - line);
    memcpy(found->sample, line, found->sample_size);
    return found;
}

/* Count the line from `line` to `end`, without its newline. Returns 0 if the table is full. */
static int add_line(shapes *s, const uint8_t *line, const uint8_t *end) {
    time_place time = {0};
    const uint8_t *record_end = end;
    end = end - line > SAMPLE_BYTES ? line + SAMPLE_BYTES : end;
    const uint8_t *text_end = end - (end > line && end[-1] == '\r');
    int64_t second = find_time(&s->rules, line, text_end, &time);
    uint64_t hash = shape_of(s, line, text_end, &time);
    uint32_t *place = place_of(s, hash);
    if (!s->lines_left || (!*place && s->shape_count == s->max_shapes))
        return 0;
    shape *found = *place ? s->shapes + *place - 1 : add_shape(s, place, hash, line, end);
    found->count++;
    found->last_line = ++s->lines;
    if (s->are_records)
        s->lines += lines_after(line, record_end);
    s->lines_left--;
    if (second == NO_TIME)
        return 1;
    if (found->first_time == NO_TIME || second < found->first_time)
        found->first_time = second;
    if (second > found->last_time)
        found->last_time = second;
    bin_at(s, second)[found - s->shapes]++;
    return 1;
}

/* Count the lines from `from` to `end`, each of which ends with a newline. Returns the number of
 * bytes that were counted: fewer than all if the table is full, and has to be cleared. */
PUBLIC int64_t shapes_add(shapes *s, const uint8_t *from, int64_t size) {
    const uint8_t *line = from, *end = from + size;
    uint32_t non_ascii = 0;
    for (const uint8_t *block = from; block < end; block += SHAPES_BLOCK) {
        uint32_t bytes = (uint32_t)(end - block > SHAPES_BLOCK ? SHAPES_BLOCK : end - block);
        s->vectors->newlines(block, bytes, s->strips, &non_ascii);
        for (uint32_t at = 0; at * STRIP < bytes; at++) {
            for (uint64_t bits = s->strips[at].newlines; bits; bits &= bits - 1) {
                const uint8_t *newline = block + at * STRIP + __builtin_ctzll(bits);
                if (!add_line(s, line, newline))
                    return line - from;
                line = newline + 1;
            }
        }
    }
    return size;
}
