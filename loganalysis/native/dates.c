/* Reads dates in further formats, see times/time_formats.py. A number, the mark behind it and the
 * number of its digits tell which format it can be. */
#include "time.h"

int64_t klog(const time_rules *r, const uint8_t *at, const uint8_t *end, time_place *place) {
    if (end - at < 14 || (*at != 'I' && *at != 'W' && *at != 'E' && *at != 'F' && *at != 'D') ||
        digits(at + 1, end, 4) < 4 || at[5] != ' ' || !is_clock(at + 6, end) ||
        (end - at > 14 && is_digit(at[14])))
        return ABSENT;
    place->start = at + 6;    /* the level and the date are masked on their own */
    place->end = after_fraction(at + 14, end);
    return in_latest_year(r, two(at + 1), two(at + 3), at + 6);
}

/* Read h:mm:ss or hh:mm:ss, as eight digits and colons. Returns the position behind, or NULL. */
static const uint8_t *short_clock(const uint8_t *at, const uint8_t *end, uint8_t clock[8]) {
    int hour = digits(at, end, 3);
    if (hour < 1 || hour > 2 || end - at < hour + 6)
        return NULL;
    clock[0] = hour == 2 ? *at++ : '0';
    for (int i = 1; i < 8; i++)
        clock[i] = *at++;
    return is_clock(clock, clock + 8) && (at >= end || !is_digit(*at)) ? at : NULL;
}

/* Read the numbers of h:m:s, of one or two digits each. Returns the position behind, or NULL. */
static const uint8_t *loose_clock(const uint8_t *at, const uint8_t *end, uint8_t clock[8]) {
    for (int i = 0; i < 3; i++) {
        int count = digits(at, end, 3);
        if (count < 1 || count > 2 || (i < 2 && (end - at <= count || at[count] != ':')))
            return NULL;
        clock[3 * i] = count == 2 ? at[0] : '0';
        clock[3 * i + 1] = at[count - 1];
        if (i < 2)
            clock[3 * i + 2] = ':';
        at += count + (i < 2);
    }
    return at;
}

static void clock_of_digits(const uint8_t *at, uint8_t clock[8]) {
    for (int i = 0; i < 3; i++) {
        clock[3 * i] = at[2 * i];
        clock[3 * i + 1] = at[2 * i + 1];
        if (i < 2)
            clock[3 * i + 2] = ':';
    }
}

static inline int64_t full_year(int64_t year) {
    return year + (year >= 70 ? 1900 : 2000);
}

/* 20261125-01:02:03:123 or 20261125T010203Z; 261125 010203. */
static int64_t of_digits(const uint8_t *at, const uint8_t *end, int count, time_place *place) {
    uint8_t clock[8];
    const uint8_t *from = at + count + 1, *next = from;
    if (count == 6) {
        if (at[6] != ' ' || digits(from, end, 7) != 6 || (end - from > 6 && !is_space(from[6])))
            return ABSENT;
        *place = (time_place){at, from + 6, 0};
        clock_of_digits(from, clock);
        return moment(full_year(two(at)), two(at + 2), two(at + 4), clock, 0);
    }
    if (at[8] != '-' && at[8] != 'T' && at[8] != ' ' && at[8] != '_')
        return ABSENT;
    if (digits(from, end, 7) == 6)
        clock_of_digits(from, clock), next = from + 6;
    else if (!(next = loose_clock(from, end, clock)))
        return ABSENT;
    place->start = at;
    if (end - next > 1 && *next == ':' && is_digit(next[1]))
        next += 1 + digits(next + 1, end, INT32_MAX);
    else
        next = after_fraction(next, end);
    int64_t offset = iso_offset(next, end, place);
    if (offset == ABSENT)
        return NO_TIME;
    return moment(four(at), two(at + 4), two(at + 6), clock, offset);
}

/* 2026-11-25-01.02.03.123456. */
int64_t dotted(const uint8_t *at, const uint8_t *end, time_place *place) {
    uint8_t clock[8];
    if (end - at < 19 || at[4] != '-' || at[7] != '-' || at[10] != '-' || at[13] != '.' || at[16] != '.' ||
        digits(at + 5, end, 2) < 2 || digits(at + 8, end, 2) < 2 || digits(at + 11, end, 2) < 2 ||
        digits(at + 14, end, 2) < 2 || digits(at + 17, end, 3) != 2)
        return ABSENT;
    for (int i = 0; i < 8; i++)
        clock[i] = i % 3 == 2 ? ':' : at[11 + i];
    *place = (time_place){at, after_fraction(at + 19, end), 0};
    return moment(four(at), two(at + 5), two(at + 8), clock, 0);
}

/* 26/11/25 01:02:03. */
static int64_t slashed(const uint8_t *at, const uint8_t *end, time_place *place) {
    if (end - at < 17 || digits(at + 3, end, 3) != 2 || at[5] != '/' ||
        digits(at + 6, end, 3) != 2 || at[8] != ' ' || !is_clock(at + 9, end) ||
        (end - at > 17 && is_digit(at[17])))
        return ABSENT;
    *place = (time_place){at, after_fraction(at + 17, end), 0};
    return moment(full_year(two(at)), two(at + 3), two(at + 6), at + 9, 0);
}

static inline int64_t number_of(const uint8_t *at, int count) {
    return count == 2 ? two(at) : *at - '0';
}

/* 11/25/2026 1:02:03 AM, or 25.11.2026 01:02:03. `count` is the number of digits of the first
 * number, and `mark` comes behind it. */
static int64_t year_last(const time_rules *r, const uint8_t *at, const uint8_t *end, int count, uint8_t mark,
                         time_place *place) {
    uint8_t clock[8];
    const uint8_t *other = at + count + 1;
    int size = digits(other, end, 3);
    const uint8_t *year = other + size + 1;
    if (size < 1 || size > 2 || end - year < 12 || year[-1] != mark || digits(year, end, 5) != 4)
        return ABSENT;
    const uint8_t *from = year + 4 + (year[4] == ','), *next;
    if (*from != ' ' || !(next = short_clock(from + 1, end, clock)))
        return ABSENT;
    int64_t first = number_of(at, count), second = number_of(other, size), hour = two(clock);
    if (mark == '.') {
        *place = (time_place){at, next, 0};
        return moment(four(year), second, first, clock, 0);
    }
    if (r->day_first) {
        int64_t day = first;
        first = second, second = day;
    }
    if (end - next >= 3 && *next == ' ' && (next[1] == 'A' || next[1] == 'P') && next[2] == 'M') {
        int64_t of_day = hour % 12 + (next[1] == 'P' ? 12 : 0);
        *place = (time_place){at, next + 3, 0};
        clock[0] = (uint8_t)('0' + of_day / 10);
        clock[1] = (uint8_t)('0' + of_day % 10);
        return hour < 1 || hour > 12 ? NO_TIME : moment(four(year), first, second, clock, 0);
    }
    *place = (time_place){at, next, 0};
    return moment(four(year), first, second, clock, 0);
}

/* 11-25 01:02:03.123, or 11.25 01:02:03. */
static int64_t month_and_day(const time_rules *r, const uint8_t *at, const uint8_t *end,
                             time_place *place) {
    if (end - at < 14 || digits(at + 3, end, 3) != 2 || at[5] != ' ' || !is_clock(at + 6, end) ||
        (end - at > 14 && is_digit(at[14])))
        return ABSENT;
    *place = (time_place){at, after_fraction(at + 14, end), 0};
    return in_latest_year(r, two(at), two(at + 3), at + 6);
}

/* 25-Nov-2026 01:02:03.123. `count` is the number of digits of the day. */
static int64_t named_month(const uint8_t *at, const uint8_t *end, int count, time_place *place) {
    const uint8_t *name = at + count + 1, *year = name + 4, *clock = year + 5;
    int64_t month;
    if (end - clock < 8 || !(month = month_at(name, end)) || (name[3] != ' ' && name[3] != '-') ||
        digits(year, end, 4) < 4 || (year[4] != ' ' && year[4] != 'T') || !is_clock(clock, end) ||
        (end - clock > 8 && is_digit(clock[8])))
        return ABSENT;
    place->start = at;
    int64_t offset = iso_offset(after_fraction(clock + 8, end), end, place);
    if (offset == ABSENT)
        return NO_TIME;
    return moment(four(year), month, number_of(at, count), clock, offset);
}

/* A time that begins with one, two, six or eight digits: `count` of them. */
int64_t other_numeric(const time_rules *r, const uint8_t *at, const uint8_t *end, int count,
                      time_place *place) {
    int64_t second = ABSENT;
    if (end - at < 13)
        return ABSENT;
    uint8_t mark = at[count];
    if (count == 8 || count == 6)
        return of_digits(at, end, count, place);
    if (mark == '/' && count == 2)
        second = slashed(at, end, place);
    if ((mark == '-' || mark == '.') && count == 2)
        second = month_and_day(r, at, end, place);
    if (second == ABSENT && (mark == '/' || mark == '.'))
        second = year_last(r, at, end, count, mark, place);
    if (second == ABSENT && (mark == '-' || mark == ' '))
        second = named_month(at, end, count, place);
    return second;
}
