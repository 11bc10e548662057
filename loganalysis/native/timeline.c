/* Lines over time: the functions that times/c_timeline.py calls. It declares their arguments, too. */
#include "timeline.h"
#include "runs.h"

#define PUBLIC __attribute__((visibility("default")))

/* Each width is a multiple of the one before. times/timeline.py explains them. */
static const int64_t widths[] = {1, 5, 30, 300, 1800, 10800, 86400, 864000, 8640000};

static int64_t *row_of(const timeline *t, int64_t key) {
    return t->counts + key * (CELLS + 1);
}

/* The entry of a cell in the index: its place plus 1, or a free one, which is 0. */
static uint16_t *entry_of(timeline *t, int64_t cell) {
    uint64_t at = (uint64_t)cell * 0x9E3779B97F4A7C15u >> 52;
    while (t->index[at] && t->cells[t->index[at] - 1] != cell)
        at = (at + 1) % CELL_INDEX;
    return t->index + at;
}

/* The place of a cell, which is added unless it is known. There must be room. */
static int64_t place_of(timeline *t, int64_t cell) {
    uint16_t *entry = entry_of(t, cell);
    if (!*entry) {
        t->cells[t->cell_count] = cell;
        *entry = (uint16_t)++t->cell_count;
    }
    return *entry - 1;
}

/* Change to the next width. */
static void widen(timeline *t) {
    int64_t merged[CELLS], ratio = 0, count = t->cell_count;
    uint16_t places[CELLS];
    for (int i = 0; !ratio; i++)
        if (widths[i] == t->width)
            ratio = widths[i + 1] / widths[i];
    memset(t->index, 0, sizeof t->index);
    t->cell_count = 0;
    for (int64_t i = 0; i < count; i++)
        places[i] = (uint16_t)place_of(t, t->cells[i] / ratio);
    for (int64_t key = 0; key < t->row_count; key++) {
        int64_t *row = row_of(t, key);
        memset(merged, 0, sizeof merged);
        for (int64_t i = 0; i < count; i++)
            merged[places[i]] += row[i];
        memcpy(row, merged, sizeof merged);
    }
    t->width *= ratio;
    t->known_second = -1;
}

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Make room for the cell of a second. The last width has room for all years. */
static void include(timeline *t, int64_t second) {
    while (t->cell_count == CELLS && !*entry_of(t, second / t->width))
        widen(t);
    t->known_place = place_of(t, second / t->width);
    t->known_second = second;
}

/* Count lines of a pattern (or of the row of all lines) at a second. */
static void add(timeline *t, int64_t key, int64_t second, int64_t lines) {
    if (second == NO_TIME)
        row_of(t, key)[CELLS] += lines;
    else if (second == t->known_second)
        row_of(t, key)[t->known_place] += lines;
    else if (second >= 0) {
        t->known_place = place_of(t, second / t->width);
        t->known_second = second;
        row_of(t, key)[t->known_place] += lines;
    }
}

static void add_pending(timeline *t) {
    if (t->second != OUTSIDE)
        t->lines += t->pending;
    add(t, 0, t->second, t->pending);
    t->pending = 0;
}

static const time_bounds no_times = {INT64_MAX, NO_TIME, 0};

static inline void extend(time_bounds *b, int64_t second) {
    b->disorder = most(b->disorder, b->latest - second);
    b->earliest = least(b->earliest, second);
    b->latest = most(b->latest, second);
}

/* Count a line. Its time is its own, or the one of the line before. */
static void add_line(timeline *t, const uint8_t *line, const uint8_t *end, int64_t offset) {
    int64_t second = time_of(&t->rules, line, end);
    if (second != t->own_second && second != NO_TIME) {
        extend(&t->bounds, second);
        t->own_second = second;
    }
    if (second != NO_TIME && (second < t->from || second >= t->until))
        second = OUTSIDE;
    if (second != NO_TIME && second != t->second) {
        add_pending(t);
        if (second >= 0)
            include(t, second);
        t->second = second;
        t->runs[t->run_count++] = (run){offset, second};
    }
    t->pending++;
}

/* Forget the runs before an offset. The first one left begins there. */
static void drop_runs(timeline *t, int64_t offset) {
    int64_t kept = 0;
    while (kept + 1 < t->run_count && t->runs[kept + 1].at <= offset)
        kept++;
    for (int64_t i = kept; kept && i < t->run_count; i++)
        t->runs[i - kept] = t->runs[i];
    t->run_count -= kept;
}

/* Calls `use` for each line that begins between two positions of a view; `line` is the first one, or
 * NULL within a line. */
static inline void each_line(const vectors *v, strip *strips, const uint8_t *view, int64_t start,
                             int64_t end, const uint8_t *line, void *context,
                             void (*use)(void *, const uint8_t *, const uint8_t *)) {
    uint32_t non_ascii = 0;
    for (int64_t block = start; block < end; block += TIMELINE_BLOCK) {
        int64_t size = least(end - block, TIMELINE_BLOCK);
        v->newlines(view + block, (uint32_t)size, strips, &non_ascii);
        for (int64_t i = 0; i * STRIP < size; i++)
            for (uint64_t m = strips[i].newlines; m; m &= m - 1) {
                const uint8_t *newline = view + block + i * STRIP + __builtin_ctzll(m);
                if (line)
                    use(context, line, newline);
                line = newline + 1;
            }
    }
    if (line && line < view + end)
        use(context, line, view + end);
}

typedef struct {
    timeline *times;
    const uint8_t *view;
    int64_t base;
} window_lines;

static void count_line(void *context, const uint8_t *line, const uint8_t *end) {
    window_lines *w = context;
    add_line(w->times, line, end, w->base + (line - w->view));
}

/* Read the times of the lines that begin in a window: the bytes from `start` to `end` of a view at
 * offset `base` of the data. If the window is in the middle of a line, that line was counted. Runs
 * are kept for all bytes of the view. */
PUBLIC void timeline_window(timeline *t, const uint8_t *view, int64_t base, int64_t start,
                            int64_t end, int in_line) {
    window_lines lines = {t, view, base};
    drop_runs(t, base);
    each_line(t->vectors, t->strips, view, start, end, in_line ? NULL : view + start, &lines,
              count_line);
    add_pending(t);
}

/* Take the bounds of the lines since the last call. */
PUBLIC void timeline_bounds(timeline *t, time_bounds *found) {
    *found = t->bounds;
    t->bounds = no_times;
    t->own_second = NO_TIME;
}

typedef struct {
    const time_rules *rules;
    time_bounds bounds;
} bounded_lines;

static void bound_line(void *context, const uint8_t *line, const uint8_t *end) {
    bounded_lines *lines = context;
    int64_t second = time_of(lines->rules, line, end);
    if (second != NO_TIME)
        extend(&lines->bounds, second);
}

/* Find the bounds of the lines of some data. `number` is as in scan_new. */
PUBLIC void timeline_bounds_of(uint32_t number, const time_rules *rules, const uint8_t *data,
                               int64_t size, time_bounds *found) {
    strip strips[TIMELINE_BLOCK / STRIP + 1];
    bounded_lines lines = {rules, no_times};
    each_line(vectors_of(number), strips, data, 0, size, data, &lines, bound_line);
    *found = lines.bounds;
}

/* The number of the run that the line at an offset belongs to. */
static int64_t run_at(const timeline *t, int64_t offset) {
    int64_t low = 0, high = t->run_count;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (t->runs[middle].at <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The second of the line at an offset, as in a run. */
static int64_t second_at(const timeline *t, int64_t offset) {
    return t->runs[run_at(t, offset)].second;
}

int64_t timeline_run(const void *times, int64_t offset, int64_t *until) {
    const timeline *t = times;
    int64_t found = run_at(t, offset);
    *until = found + 1 < t->run_count ? t->runs[found + 1].at : INT64_MAX;
    return t->runs[found].second;
}

/* Write the parts of the data from `start` to `end` whose lines are counted, as pairs of offsets.
 * Returns how many there are, at most `room`; the others begin after the last one. */
PUBLIC int64_t timeline_parts(const timeline *t, int64_t start, int64_t end, int64_t *parts,
                              int64_t room) {
    int64_t count = 0;
    for (int64_t i = 0; i < t->run_count; i++) {
        int64_t from = most(t->runs[i].at, start);
        int64_t to = i + 1 < t->run_count ? least(t->runs[i + 1].at, end) : end;
        if (from >= to || t->runs[i].second == OUTSIDE)
            continue;
        if (count && parts[2 * count - 1] == from) {
            parts[2 * count - 1] = to;
            continue;
        }
        if (count == room)
            break;
        parts[2 * count] = from;
        parts[2 * count + 1] = to;
        count++;
    }
    return count;
}

/* A number that looks random, for a sample: the finalizer of splitmix64. */
static uint64_t hash_of(uint64_t offset) {
    offset += 0x9E3779B97F4A7C15u;
    offset = (offset ^ offset >> 30) * 0xBF58476D1CE4E5B9u;
    offset = (offset ^ offset >> 27) * 0x94D049BB133111EBu;
    return offset ^ offset >> 31;
}

/* Double the width of the cells of a row. `cells` is the number of them. */
static void widen_samples(sample_row *row, int64_t cells) {
    sample_cell merged[SAMPLE_CELLS];
    memset(merged, 0, sizeof merged);
    for (int64_t n = row->first; n <= row->last; n++) {
        sample_cell *from = row->cells + n % cells, *to = merged + n / 2 % cells;
        if (from->count && (!to->count || from->hash < to->hash))
            to->hash = from->hash;
        to->count += from->count;
    }
    memcpy(row->cells, merged, sizeof merged);
    row->shift++;
    row->first >>= 1;
    row->last >>= 1;
}

/* Count a matching line in its sample cell. Returns whether it is the sample of the cell now. */
static int is_least_in_cell(sample_row *row, int64_t cells, int64_t at, uint64_t hash) {
    int64_t n = at >> row->shift;
    if (row->last < row->first)
        row->first = row->last = n;
    while (most(n, row->last) - least(n, row->first) >= cells) {
        widen_samples(row, cells);
        n = at >> row->shift;
    }
    row->first = least(n, row->first);
    row->last = most(n, row->last);
    sample_cell *cell = row->cells + n % cells;
    int is_least = !cell->count || hash < cell->hash;
    cell->count++;
    if (is_least)
        cell->hash = hash;
    return is_least;
}

/* Whether a hash is one of the least `count` of a row now. */
static int is_least_of_all(sample_row *row, int64_t count, uint64_t hash) {
    if (row->filled == count && hash >= row->least[count - 1])
        return 0;
    int64_t at = row->filled < count ? row->filled++ : count - 1;
    for (; at > 0 && row->least[at - 1] > hash; at--)
        row->least[at] = row->least[at - 1];
    row->least[at] = hash;
    return 1;
}

/* Count a matching line of a pattern. Returns whether it is a sample now. */
static int is_sample(timeline *t, uint32_t key, int64_t second, int64_t offset, uint64_t hash) {
    sample_row *row = t->samples + 2 * key + (second == NO_TIME);
    int in_cell = is_least_in_cell(row, t->sample_cells, second == NO_TIME ? offset : second, hash);
    return is_least_of_all(row, t->sample_count, hash) | in_cell;
}

/* Count the lines of hits, of the patterns `keys[literal]`; positions are in the window's view, at
 * offset `base`. The hits that became samples are moved to the front. Returns their number. */
PUBLIC int64_t timeline_count(timeline *t, hit *hits, int64_t count, const uint32_t *keys,
                              int64_t base) {
    int64_t chosen = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t offset = base + hits[i].at, second = second_at(t, offset);
        uint32_t key = keys[hits[i].literal];
        add(t, key + 1, second, 1);
        if (!t->samples || second == OUTSIDE)
            continue;
        int64_t in_file = t->origin + offset;
        if (is_sample(t, key, second, in_file, hash_of((uint64_t)in_file)))
            hits[chosen++] = hits[i];
    }
    return chosen;
}

/* The second of the line at an offset of the window, NO_TIME or OUTSIDE. */
PUBLIC int64_t timeline_second(const timeline *t, int64_t offset) {
    return second_at(t, offset);
}

/* The hash of the line at an offset, which chooses samples. */
PUBLIC uint64_t timeline_hash(const timeline *t, int64_t offset) {
    return hash_of((uint64_t)(t->origin + offset));
}

/* The size of the struct, in bytes. */
PUBLIC int64_t timeline_size(void) {
    return sizeof(timeline);
}

/* Create a timeline in zeroed memory. `number` is as in scan_new. The caller sets the bounds of
 * times and the first width. */
PUBLIC void timeline_new(timeline *t, uint32_t number, const time_rules *rules, int64_t row_count,
                         int64_t *counts, run *runs, int64_t sample_count, int64_t sample_cells,
                         sample_row *samples) {
    t->vectors = vectors_of(number);
    t->rules = *rules;
    t->row_count = row_count;
    t->counts = counts;
    t->runs = runs;
    t->sample_count = sample_count;
    t->sample_cells = sample_cells;
    t->samples = sample_count ? samples : NULL;
    for (int64_t i = 0; t->samples && i < 2 * (row_count - 1); i++)
        t->samples[i].last = -1;
    t->known_second = -1;
    t->bounds = no_times;
    t->own_second = NO_TIME;
}

/* Begin the data at an offset of the file, with cells of this width. */
PUBLIC void timeline_begin(timeline *t, int64_t origin, int64_t width, int64_t from,
                           int64_t until) {
    t->origin = origin;
    t->width = width;
    t->from = from;
    t->until = until;
    t->second = from > INT64_MIN || until < INT64_MAX ? OUTSIDE : NO_TIME;
    t->runs[0] = (run){INT64_MIN, t->second};
    t->run_count = 1;
}

/* The position of the first line with a time that begins before `stop`; `at` is the start of a
 * line, and `end` the end of the data. Returns -1 - p if there is none; then p is the start of the
 * next line, or `end` if that was not seen. */
PUBLIC int64_t timeline_first(const time_rules *rules, const uint8_t *data, int64_t at,
                              int64_t stop, int64_t end) {
    while (at < stop) {
        int64_t newline = at;
        while (newline < end && data[newline] != '\n')
            newline++;
        if (time_of(rules, data + at, data + newline) != NO_TIME)
            return at;
        at = newline < end ? newline + 1 : end;
    }
    return -1 - at;
}
