/* Statistics of values that are numbers: least, most, exact sums, and a sketch of the quantiles.
 *
 * The sketch is DDSketch (Masson, Rim, Lee, 2019) with a linearly interpolated logarithm: every
 * power of two has 128 buckets of equal width. So a value in the middle of its bucket is off by at
 * most 1/256 of itself, and the bucket of a number is the head of its bits.
 */
#include "fields.h"

enum { MAX_DIGITS = 19, MAX_POWER = 22 };

/* Powers of ten that a double holds exactly. */
static const double powers[MAX_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* A number as text: digits, and the power of ten that they are multiplied with. */
typedef struct {
    uint64_t digits;
    int count, power, negative;
} decimal;

static int is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') < 10;
}

static const uint8_t *digits(const uint8_t *at, const uint8_t *to, decimal *d) {
    for (; at < to && is_digit(*at); at++) {
        d->count += d->digits || *at != '0';
        if (d->count <= MAX_DIGITS)
            d->digits = d->digits * 10 + (uint64_t)(*at - '0');
    }
    return at;
}

/* The exponent of a number, such as "e-5". NULL if there are no digits, or too many. */
static const uint8_t *exponent(const uint8_t *at, const uint8_t *to, int *power) {
    int negative, value = 0;
    const uint8_t *start;
    at++;
    negative = at < to && *at == '-';
    at += at < to && (*at == '-' || *at == '+');
    start = at;
    for (; at < to && is_digit(*at) && value < 1000; at++)
        value = value * 10 + (*at - '0');
    *power += negative ? -value : value;
    return at > start ? at : NULL;
}

/* Whether a text is a number such as -12, 0.25 or 1.5e-3, of 19 digits and a power of ten of 22 at
 * most. */
static int parse(const uint8_t *at, const uint8_t *to, decimal *d) {
    const uint8_t *start;
    d->negative = at < to && *at == '-';
    at += d->negative;
    start = at;
    at = digits(at, to, d);
    if (at == start)
        return 0;
    if (at < to && *at == '.') {
        start = ++at;
        at = digits(at, to, d);
        if (at == start)
            return 0;
        d->power = (int)-(at - start > 1000 ? 1000 : at - start);
    }
    if (at < to && (*at == 'e' || *at == 'E')) {
        at = exponent(at, to, &d->power);
        if (!at)
            return 0;
    }
    return at == to && d->count <= MAX_DIGITS && d->power >= -MAX_POWER && d->power <= MAX_POWER;
}

static int32_t add(values *v, double size, int negative) {
    uint64_t bits;
    int at;
    double value = negative ? -size : size;
    memcpy(&bits, &size, sizeof bits);
    at = (int)(bits >> 52) - 1023 - LEAST_EXPONENT;
    if (at >= EXPONENTS)
        return NO_NUMBER;
    if (!v->numbers++)
        v->least = v->most = value;
    v->least = value < v->least ? value : v->least;
    v->most = value > v->most ? value : v->most;
    if (at < 0) {
        v->zeros++;
        return ZERO;
    }
    __int128 mantissa = (__int128)((bits & ((1ull << 52) - 1)) | 1ull << 52);
    v->sums[at] += negative ? -mantissa : mantissa;
    uint64_t step = (bits >> (52 - STEP_BITS)) & ((1u << STEP_BITS) - 1);
    int32_t bucket = (int32_t)((negative ? NEGATIVE : 0) + ((uint64_t)at << STEP_BITS) + step);
    v->buckets[bucket]++;
    return bucket;
}

int32_t add_number(values *v, const uint8_t *from, const uint8_t *to) {
    decimal d = {0, 0, 0, 0};
    double size;
    if (from == to || !(is_digit(*from) || *from == '-') || !parse(from, to, &d))
        return NO_NUMBER;
    size = (double)d.digits;
    size = d.power < 0 ? size / powers[-d.power] : size * powers[d.power];
    return add(v, size, d.negative);
}
