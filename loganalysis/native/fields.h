/* The private header of the statistics of fields.
 *
 *   window --lines--> walkers: layout, JSON, logfmt, export --> values of fields --> statistics
 *                                                                    times --> cells --^
 *
 * The caller provides all memory. Nothing here allocates, or calls a function of any library.
 *
 *   fields.c    what Python calls: lines, walkers, memory
 *   layout.c    finds the fields of lines that have a layout
 *   named.c     finds the fields of lines that name them: logfmt, the journal's export
 *   json.c      finds the fields of JSON
 *   values.c    statistics of the values of a field
 *   numbers.c   statistics of values that are numbers
 *   cells.c     which cell of time a line is in
 *   sketch.c    statistics of the values of a field in one cell of time
 *   packed.c    all statistics as bytes, and how those of another part are added
 */
#ifndef FIELDS_H
#define FIELDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MAX_FIELDS = 16,
    SHOWN_BYTES = 256,             /* of a value; longer ones are told apart by their hash */
    REGISTER_BITS = 14,
    REGISTERS = 1 << REGISTER_BITS,
    STEP_BITS = 7,                 /* buckets for each power of two: 128 */
    LEAST_EXPONENT = -64,
    EXPONENTS = 128,
    BUCKETS_OF_SIGN = EXPONENTS << STEP_BITS,
    NEGATIVE = BUCKETS_OF_SIGN,    /* a bit in the number of a bucket */
    NO_NUMBER = -1,                /* instead of the number of a bucket */
    ZERO = -2,
    WAITING = 16,                  /* a power of two */
    CELLS_IN_USE = 512,            /* cells of time; each has a sketch of each field */
    SKETCH_REGISTER_BITS = 10,
    SKETCH_REGISTERS = 1 << SKETCH_REGISTER_BITS,
};

/* A value that occurred, and how often. fields/memory.py declares this struct, too. */
typedef struct {
    uint64_t hash;
    int64_t count;
    uint32_t text;                 /* position in `values.texts` */
    uint32_t size;                 /* of the whole value */
} counted;

/* The statistics of a field. fields/memory.py declares this struct, too. */
typedef struct {
    int64_t count;
    int64_t purged;                /* counts may be too low by this much, and values may be missing */
    int64_t numbers;
    int64_t zeros;                 /* numbers below 2^-64, too */
    double least, most;
    uint32_t entry_count, entry_limit;
    uint32_t text_bytes, text_limit;
    uint32_t slot_mask, unused;
    counted *entries;
    uint32_t *slots;               /* number of an entry plus 1, by the hash */
    uint8_t *texts;
    uint8_t *registers;            /* of HyperLogLog */
    int64_t *buckets;              /* positive numbers, then negative ones */
    __int128 *sums;                /* of the 53-bit mantissas, by exponent */
} values;

/* The value of a field in a line; `from` is NULL if the line does not have it. */
typedef struct {
    const uint8_t *from, *to;
} span;

/* Finds the fields of lines of one format. fields/memory.py declares this struct, too. */
typedef struct {
    uint32_t kind;                 /* enum walker_kind */
    uint32_t step_count;           /* words of `steps` */
    const uint32_t *steps;         /* LAYOUT: see layout.c. Others: see named.c */
    const uint8_t *classes;        /* LAYOUT: 256 bytes each, 1 for each byte that belongs to it */
    const uint8_t *texts;
} walker;

enum walker_kind { LAYOUT, JSON, LOGFMT, EXPORT };

/* The statistics of a field in a cell of time. Its tables lie behind it: sketch.c describes them.
 * fields/sketches.py declares this struct, too. */
typedef struct {
    int64_t count, numbers, zeros;
    uint32_t purged;               /* as in `values` */
    uint32_t entry_count, bucket_count;
    uint32_t level;                /* 2^level buckets of `values` are one bucket here */
    uint32_t is_estimated;         /* whether the registers are in use */
    uint32_t unused;
} sketch;

/* Cells of time, in the order in which they came. Cell n begins at second n * `width`. */
typedef struct {
    const void *timeline;          /* of timeline.c, with the times of the view; or NULL */
    const uint8_t *view;           /* at the offset `base` of the data */
    int64_t base;
    int64_t from, until;           /* offsets of the lines that the cell `current` is known for */
    int64_t width;
    int64_t numbers[CELLS_IN_USE];
    uint32_t cell_count, wanted;   /* a bit for each field that is counted over time */
    int32_t current;               /* the index of a cell, or -1 for none */
    uint32_t sketch_count;         /* of a cell: one for each wanted field */
    uint32_t places[MAX_FIELDS];   /* of the sketch of each field among them */
    uint32_t entry_limit, bucket_slots; /* of a sketch, powers of two */
    uint32_t sketch_bytes;
    uint8_t *sketches;             /* of each cell, of each wanted field */
    uint8_t *spare;                /* one more sketch */
} cells;

/* A value that was found and not counted yet, so that its place in the tables is in the processor's
 * cache by then: tables of 32,768 values are larger than that. */
typedef struct {
    const uint8_t *from;
    uint64_t hash;
    uint32_t size, unused;
} waiting;

/* The last values of a field: number n is at n % WAITING. Those from `counted` on are waiting. */
typedef struct {
    waiting values[WAITING];
    uint64_t found, counted;
} queue;

typedef struct {
    values fields[MAX_FIELDS];
    walker walkers[4];
    uint32_t field_count, walker_count;
    uint32_t line_bytes, scratch_used;
    const uint8_t *limit;          /* the end of the window */
    uint8_t *scratch;              /* of `line_bytes`: values of the line without escapes */
    span spans[MAX_FIELDS];
    cells cells;
    queue queues[MAX_FIELDS];
} fields;

static inline uint64_t word_at(const uint8_t *from) {
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* A bit for each of 16 bytes, or a mark in each of 8 bytes, that is equal to `a` or `b`. */
#if defined(__SSE2__)
#include <emmintrin.h>
enum { STRIDE = 16, BITS_OF_BYTE = 1 };
static inline uint64_t matches(const uint8_t *from, uint8_t a, uint8_t b) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)from);
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)a)),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)b)));
    return (uint64_t)_mm_movemask_epi8(found);
}
#else
enum { STRIDE = 8, BITS_OF_BYTE = 8 };
static inline uint64_t matches(const uint8_t *from, uint8_t a, uint8_t b) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    const uint64_t x = word_at(from) ^ ones * a, y = word_at(from) ^ ones * b;
    return ((x - ones) & ~x & highs) | ((y - ones) & ~y & highs); /* the lowest mark is right */
}
#endif

/* The first byte that is `a` or `b`, or `to`. Bytes up to `limit` may be read. */
static inline const uint8_t *find_either(const uint8_t *from, const uint8_t *to,
                                         const uint8_t *limit, uint8_t a, uint8_t b) {
    for (; from < to && limit - from >= STRIDE; from += STRIDE) {
        uint64_t found = matches(from, a, b);
        if (found) {
            from += __builtin_ctzll(found) / BITS_OF_BYTE;
            return from < to ? from : to;
        }
    }
    while (from < to && *from != a && *from != b)
        from++;
    return from < to ? from : to;
}

static inline const uint8_t *find_byte(const uint8_t *from, const uint8_t *to, uint8_t byte) {
    return find_either(from, to, to, byte, byte);
}

static inline int same_bytes(const uint8_t *a, const uint8_t *b, uint32_t size) {
    for (; size >= 8; size -= 8, a += 8, b += 8)
        if (word_at(a) != word_at(b))
            return 0;
    for (; size; size--)
        if (*a++ != *b++)
            return 0;
    return 1;
}

/* What a register of HyperLogLog holds: the position of the first bit behind its number. */
static inline uint8_t rank_of(uint64_t hash, uint32_t register_bits) {
    return (uint8_t)(__builtin_clzll(hash << register_bits | 1ull << (register_bits - 1)) + 1);
}

static inline uint32_t shown_bytes(uint32_t size) {
    return size < SHOWN_BYTES ? size : SHOWN_BYTES;
}

/* layout.c, named.c, json.c: whether a line has the format; its fields get their spans */
int walk_layout(fields *f, const walker *w, const uint8_t *from, const uint8_t *to);
int walk_json(fields *f, const walker *w, const uint8_t *from, const uint8_t *to);
int walk_logfmt(fields *f, const walker *w, const uint8_t *from, const uint8_t *to);
int walk_export(fields *f, const walker *w, const uint8_t *from, const uint8_t *to);

/* named.c */
const uint8_t *after_space(const uint8_t *at, const uint8_t *to);
const uint8_t *quote_after(const uint8_t *at, const uint8_t *to, int *escaped);
int unescape(fields *f, span *s, int json);

/* values.c */
void add_value(fields *f, uint32_t field, const uint8_t *from, const uint8_t *to);
void count_waiting(fields *f);
void count_value(values *v, uint64_t hash, const uint8_t *from, uint32_t size, int64_t count);
uint64_t hash_of(const uint8_t *from, uint64_t size);

/* numbers.c: returns the number of a bucket, NO_NUMBER or ZERO */
int32_t add_number(values *v, const uint8_t *from, const uint8_t *to);

/* cells.c */
void begin_cells(cells *c, uint32_t wanted);
void begin_line(fields *f, const uint8_t *line);
int32_t cell_at(fields *f, int64_t second);
int widen(fields *f);
sketch *sketch_at(const fields *f, uint32_t cell, uint32_t field);

/* sketch.c */
typedef struct {
    uint64_t *hashes;              /* 2 * entry_limit slots, 0 for a free one */
    uint32_t *counts;
    uint32_t *bucket_counts;       /* bucket_slots slots */
    uint16_t *keys;                /* number of a bucket + 1, 0 for a free slot */
    uint8_t *registers;
} tables;

uint32_t sketch_size(uint32_t entry_limit, uint32_t bucket_slots);
tables tables_of(const cells *c, sketch *s);
void add_to_sketch(const cells *c, sketch *s, uint64_t hash, int32_t bucket);
void add_entry_to_sketch(const cells *c, sketch *s, uint64_t hash, uint32_t count);
void add_bucket_to_sketch(const cells *c, sketch *s, uint32_t key, uint32_t level, uint32_t count);
void add_registers(const cells *c, sketch *s, const uint8_t *registers);
void merge_sketch(const cells *c, sketch *into, sketch *from);

#endif
