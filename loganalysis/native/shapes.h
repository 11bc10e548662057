/* The private header of the table of shapes: the lines of each shape, and their number over time.
 *
 *   window --newlines--> lines --time.c--> second --+
 *                          +---shape.c--> hash -----+--> a shape, and a bin over time
 *
 *   shape.c      hashes the shape of a line
 *   shapes.c     what Python calls: lines, shapes, bins
 */
#ifndef SHAPES_H
#define SHAPES_H

#include "timeline.h"

enum {
    SHAPE_BYTES = 512,          /* of a line, which its shape depends on */
    SAMPLE_BYTES = 1024,        /* of a line, which are kept as a sample, and may have its time */
    SHAPES_BLOCK = 128 << 10,
    MAX_BINS = 256,             /* with lines */
    BIN_INDEX = 4 * MAX_BINS,
};

/* templates/c_shapes.py declares these two structs, too. Times are NO_TIME if no line has one. */
typedef struct {
    uint64_t hash;
    int64_t count, first_line, last_line, first_time, last_time;
    uint32_t sample_size, unused;
    uint8_t sample[SAMPLE_BYTES];
} shape;

typedef struct {
    shape *shapes;
    uint32_t *counts;           /* rows of `max_shapes` numbers, one for each of `bins` */
    uint32_t *index;            /* a hash table: the number of a shape plus 1, or 0 */
    int64_t lines;              /* in all windows so far */
    int64_t width;              /* of a bin, in seconds */
    int64_t bin_count;          /* bins with lines, in the order in which they were found */
    int64_t bins[MAX_BINS];     /* their numbers: the second divided by the width */
    uint64_t seed;
    uint32_t shape_count, max_shapes, max_bins;
    uint32_t index_mask, max_parts;
    time_rules rules;
    uint32_t lines_left;        /* before a count could overflow */
    uint32_t are_records;       /* each line has the lines of a record, see records.c */
    uint16_t bin_index[BIN_INDEX]; /* a hash table: the place of a bin in `bins` plus 1, or 0 */
    int64_t known_second;       /* the bin of this second has the row `known_row`; -1 for none */
    uint32_t *known_row;
    const vectors *vectors;
    strip strips[SHAPES_BLOCK / STRIP + 1];
} shapes;

/* shape.c */
uint64_t shape_of(const shapes *s, const uint8_t *line, const uint8_t *end, const time_place *time);

#endif
