/* The private header of the timeline: the times of lines, and the number of lines over time.
 *
 *   window --newlines--> lines --time.c--> runs of lines with one second --> cells
 *                                                                 hits --^
 *
 *   time.c       finds the time of a line
 *   dates.c      reads the rarer formats
 *   timeline.c   what Python calls: windows, runs, cells
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "kernel.h"

enum {
    CELLS = 1024,              /* with lines; a power of two */
    CELL_INDEX = 4 * CELLS,
    SAMPLE_CELLS = 64,         /* the maximum, a power of two */
    SAMPLES = 20,              /* of a pattern, at most */
    TIMELINE_BLOCK = 128 << 10,
    NO_TIME = -1,              /* of a line; of a run: no line before has a time either */
    OUTSIDE = -2,              /* of a run: its lines are not between `from` and `until` */
};

/* What is needed to read times. times/c_timeline.py declares this struct, too. */
typedef struct {
    int64_t latest_year;       /* of times without a year */
    int64_t latest_second;
    int32_t head_bytes;        /* no byte of a line after these is read */
    int32_t day_first;         /* whether 25/11/2026 begins with its day */
} time_rules;

/* Where the time of a line is; both are NULL without one. In an access log, it is in brackets. */
typedef struct {
    const uint8_t *start, *end;
    int is_access;
} time_place;

/* The bounds of the times of consecutive lines, see times/time_bounds.py. `latest` is NO_TIME if they
 * have none. times/c_timeline.py declares this struct, too. */
typedef struct {
    int64_t earliest, latest, disorder;
} time_bounds;

/* Lines from the offset `at` of the data on, up to the next run, have this second. */
typedef struct {
    int64_t at, second;
} run;

/* The matching lines of one pattern in one sample cell, and the one of them with the least hash. */
typedef struct {
    uint64_t hash;
    int64_t count;
} sample_cell;

/* times/c_timeline.py declares these two structs, too. The sample cells of one pattern are
 * 2^shift seconds wide (or bytes, if lines have no time). Cells from number `first` to `last` are in
 * use; `last` is below `first` if there are none. `least` has the least hashes of all cells. */
typedef struct {
    int64_t shift, first, last, filled;
    uint64_t least[SAMPLES];
    sample_cell cells[SAMPLE_CELLS];
} sample_row;

/* times/c_timeline.py declares the fields up to `cells`, too. */
typedef struct {
    int64_t width;             /* of a cell, in seconds */
    int64_t cell_count;        /* cells with lines, in the order in which they were found */
    int64_t lines;             /* that were counted */
    int64_t cells[CELLS];      /* their numbers: the second divided by the width */
    uint16_t index[CELL_INDEX]; /* a hash table: the place of a cell in `cells` plus 1, or 0 */
    int64_t known_second, known_place; /* the place of the cell of one second; -1 if none is known */
    int64_t *counts;           /* rows of CELLS + 1 numbers: all lines, then each pattern. The last
                                * number of a row counts lines before the first time */
    run *runs;                 /* of the view; there is always one */
    sample_row *samples;       /* two rows for each pattern: with a time, and without; or NULL */
    int64_t row_count, run_count, sample_cells, sample_count;
    int64_t from, until;       /* seconds; lines outside are not counted */
    int64_t second;            /* of the last line, as in a run */
    int64_t origin;            /* offset of the data in the file */
    int64_t pending;           /* lines of the last run that are not in a cell yet */
    int64_t own_second;        /* of the last line with a time, also outside */
    time_bounds bounds;        /* of all lines since timeline_bounds, also outside */
    time_rules rules;
    const vectors *vectors;
    strip strips[TIMELINE_BLOCK / STRIP + 1];
} timeline;

/* The position behind a color of a terminal, such as ESC[36m; `at` if there is none. */
static inline const uint8_t *after_color(const uint8_t *at, const uint8_t *end) {
    const uint8_t *next = at + 2;
    if (end - at < 3 || at[0] != 0x1b || at[1] != '[')
        return at;
    while (next < end && ((uint8_t)(*next - '0') < 10 || *next == ';'))
        next++;
    return next < end && (*next == 'm' || *next == 'K') ? next + 1 : at;
}

/* time.c */
int64_t find_time(const time_rules *rules, const uint8_t *line, const uint8_t *end,
                  time_place *place);
int64_t time_of(const time_rules *rules, const uint8_t *line, const uint8_t *end);

#endif
