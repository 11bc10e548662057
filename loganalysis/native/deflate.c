/* Finds where blocks of deflate data begin, so that a decoder can begin there. It decodes nothing.
 *
 * A block with codes of its own (RFC 1951, 3.2.7) begins with a description of these codes. Hardly
 * anything else has the form of a complete description, so it is found by trying each bit.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MAX_BITS = 15,
    LITERALS = 286,
    DISTANCES = 30,
    CODE_LENGTHS = 19,
    CODE_BITS = 7,                 /* of the code in which the lengths of the other codes are */
    END_OF_BLOCK = 256,
    STEP = 44,                     /* places that a word of at least 57 bits tells about */
};

typedef struct {
    const uint8_t *data;
    int64_t at, end;               /* in bits */
} reader;

/* The next bits, at least 57 of them if so many are left, and zeros behind the end. */
static uint64_t peek(const reader *r) {
    const int64_t from = r->at >> 3, bytes = (r->end >> 3) - from;
    uint64_t word = 0;
    if (bytes >= 8)
        memcpy(&word, r->data + from, 8);
    else
        for (int64_t i = 0; i < bytes; i++)
            word |= (uint64_t)r->data[from + i] << 8 * i;
    return word >> (r->at & 7);
}

/* Whether codes with these lengths are complete: each sequence of bits begins with one of them. */
static int is_complete(const uint8_t *lengths, int count) {
    uint32_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += lengths[i] ? (uint32_t)1 << (MAX_BITS - lengths[i]) : 0;
    return sum == (uint32_t)1 << MAX_BITS;
}

/* The lengths of the codes for lengths, in `lengths`; whether they are complete. */
static int read_code_lengths(reader *r, int count, uint8_t *lengths) {
    static const uint8_t order[CODE_LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5,
                                                11, 4, 12, 3, 13, 2, 14, 1, 15};
    static const uint8_t shares[8] = {0, 64, 32, 16, 8, 4, 2, 1};   /* of all 7 bits */
    const uint64_t word = peek(r);
    uint32_t sum = 0;
    for (int i = 0; i < count && sum <= 1 << CODE_BITS; i++)
        sum += shares[word >> 3 * i & 7];
    if (sum != 1 << CODE_BITS)
        return 0;
    for (int i = 0; i < CODE_LENGTHS; i++)
        lengths[order[i]] = i < count ? word >> 3 * i & 7 : 0;
    r->at += 3 * count;
    return 1;
}

/* Fill the table: for each 7 bits, the symbol that they begin with, and its length in bits. */
static void make_table(const uint8_t *lengths, uint8_t symbols[], uint8_t bits[]) {
    uint32_t code = 0;
    for (int length = 1; length <= CODE_BITS; length++, code <<= 1)
        for (int symbol = 0; symbol < CODE_LENGTHS; symbol++) {
            if (lengths[symbol] != length)
                continue;
            uint32_t reversed = 0;
            for (int i = 0; i < length; i++)
                reversed |= (code >> i & 1) << (length - 1 - i);
            for (uint32_t at = reversed; at < 1 << CODE_BITS; at += (uint32_t)1 << length) {
                symbols[at] = (uint8_t)symbol;
                bits[at] = (uint8_t)length;
            }
            code++;
        }
}

/* Read `count` lengths of codes; whether they are well-formed, and the data has them all. */
static int read_lengths(reader *r, const uint8_t *of_codes, uint8_t *lengths, int count) {
    uint8_t symbols[1 << CODE_BITS], bits[1 << CODE_BITS];
    make_table(of_codes, symbols, bits);
    for (int known = 0; known < count;) {
        const uint64_t word = peek(r);
        const uint8_t index = word & ((1 << CODE_BITS) - 1), symbol = symbols[index];
        const uint64_t more = word >> bits[index];
        int repeat = 1, extra = 0;
        uint8_t length = symbol;
        if (symbol == 16) {
            if (!known)
                return 0;
            length = lengths[known - 1], repeat = 3 + (int)(more & 3), extra = 2;
        } else if (symbol > 16) {
            extra = symbol == 17 ? 3 : 7;
            length = 0, repeat = (symbol == 17 ? 3 : 11) + (int)(more & ((1 << extra) - 1));
        }
        r->at += bits[index] + extra;
        if (known + repeat > count || r->at > r->end)
            return 0;
        while (repeat--)
            lengths[known++] = length;
    }
    return 1;
}

/* The bits of a word at which the first 13 bits of a description can begin: not the last block, with
 * codes of its own, and not more of them than there are literals and distances. */
static uint64_t beginnings(uint64_t w) {
    const uint64_t kind = ~w & ~(w >> 1) & w >> 2;
    const uint64_t literals = w >> 4 & w >> 5 & w >> 6 & w >> 7;
    const uint64_t distances = w >> 9 & w >> 10 & w >> 11 & w >> 12;
    return kind & ~literals & ~distances;
}

/* Whether a block that is not the last one, with codes of its own, begins at the reader, which is at
 * one of its `beginnings`. */
static int is_block(reader r) {
    const uint64_t word = peek(&r);
    const int literals = (int)(word >> 3 & 31) + 257, distances = (int)(word >> 8 & 31) + 1;
    const int codes = (int)(word >> 13 & 15) + 4;
    uint8_t of_codes[CODE_LENGTHS], lengths[LITERALS + DISTANCES];
    r.at += 17;
    return read_code_lengths(&r, codes, of_codes)
        && read_lengths(&r, of_codes, lengths, literals + distances)
        && lengths[END_OF_BLOCK] && is_complete(lengths, literals)
        && is_complete(lengths + literals, distances);
}

/* The first bit from `from` on, and before `to`, at which a block begins whose description is in the
 * data; -1 if there is none. It can be wrong in very few cases. */
__attribute__((visibility("default")))
int64_t deflate_block(const uint8_t *data, int64_t size, int64_t from, int64_t to) {
    const int64_t end = to < 8 * size ? to : 8 * size;
    for (int64_t at = from; at < end; at += STEP) {
        reader r = {data, at, 8 * size};
        uint64_t found = beginnings(peek(&r)) & (((uint64_t)1 << STEP) - 1);
        for (; found; found &= found - 1) {
            r.at = at + __builtin_ctzll(found);
            if (r.at < end && is_block(r))
                return r.at;
        }
    }
    return -1;
}
