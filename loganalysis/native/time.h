/* The private header of time.c and dates.c: numbers, clocks, zones and days. */
#ifndef TIME_H
#define TIME_H

#include "timeline.h"

static const int64_t ABSENT = -3;    /* the text has no time here; NO_TIME: an impossible one */
static const int64_t END_SECOND = 7258118400;    /* the year 2200 */

static inline int is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') < 10;
}

static inline int is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static inline int64_t two(const uint8_t *at) {
    return (at[0] - '0') * 10 + at[1] - '0';
}

static inline int64_t four(const uint8_t *at) {
    return two(at) * 100 + two(at + 2);
}

/* The number of digits at `at`, up to `most`. */
static inline int digits(const uint8_t *at, const uint8_t *end, int most) {
    int count = 0;
    while (count < most && at + count < end && is_digit(at[count]))
        count++;
    return count;
}

static inline int begins(const uint8_t *at, const uint8_t *end, const char *text, int size) {
    if (end - at < size)
        return 0;
    for (int i = 0; i < size; i++)
        if (at[i] != (uint8_t)text[i])
            return 0;
    return 1;
}

/* The days from 1970-01-01 to a date, in the Gregorian calendar; ABSENT if there is no such date.
 * The algorithm is Howard Hinnant's `days_from_civil`. */
static inline int64_t days_to(int64_t year, int64_t month, int64_t day) {
    static const uint8_t lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && !is_leap))
        return ABSENT;
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The second of a date and of a clock (hh:mm:ss); NO_TIME if there is none. */
static inline int64_t moment(int64_t year, int64_t month, int64_t day, const uint8_t *clock,
                      int64_t offset) {
    int64_t hour = two(clock), minute = two(clock + 3), second = two(clock + 6);
    int64_t days = days_to(year, month, day);
    if (days == ABSENT || hour > 23 || minute > 59 || second > 60)
        return NO_TIME;
    second += days * 86400 + hour * 3600 + minute * 60 - offset;
    return second >= 0 && second < END_SECOND ? second : NO_TIME;
}

static inline int is_clock(const uint8_t *at, const uint8_t *end) {
    return end - at >= 8 && is_digit(at[0]) && is_digit(at[1]) && at[2] == ':' && is_digit(at[3]) &&
           is_digit(at[4]) && at[5] == ':' && is_digit(at[6]) && is_digit(at[7]);
}

/* The position after a fraction of a second, if there is one. */
static inline const uint8_t *after_fraction(const uint8_t *at, const uint8_t *end) {
    if (end - at < 2 || (*at != '.' && *at != ',') || !is_digit(at[1]))
        return at;
    for (at++; at < end && is_digit(*at);)
        at++;
    return at;
}

/* Seconds of an offset from UTC, from its hours and minutes; ABSENT if there is none. */
static inline int64_t offset_of(uint8_t sign, int64_t hours, int64_t minutes) {
    if (hours > 23 || minutes > 59)
        return ABSENT;
    return (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
}

static inline int is_sign(uint8_t byte) {
    return byte == '+' || byte == '-';
}

/* The hours of a zone that is named behind a space; ABSENT for another word. */
static __attribute__((noinline, unused)) int64_t zone_hours(const uint8_t *at, const uint8_t *end,
                                                            int *size) {
    static const struct { char name[5]; int8_t hours; } zones[] = {
        {"CET", 1},  {"CEST", 2}, {"EET", 2},  {"EEST", 3}, {"WEST", 1}, {"MSK", 3},  {"JST", 9},
        {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8},
        {"PDT", -7},
    };
    for (uint32_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        *size = zones[i].name[3] ? 4 : 3;
        if (begins(at, end, zones[i].name, *size) &&
            (at + *size >= end || !(is_letter(at[*size] | 0x20) || is_digit(at[*size]))))
            return zones[i].hours;
    }
    return ABSENT;
}

/* The offset of the zone of an ISO time, 0 without one. Sets the end of the time. */
static inline int64_t iso_offset(const uint8_t *at, const uint8_t *end, time_place *place) {
    int size;
    if (end - at > 3 && *at == ' ' && is_letter(at[1] | 0x20)) {
        int64_t hours = zone_hours(at + 1, end, &size);
        if (hours != ABSENT) {
            place->end = at + 1 + size;
            return hours * 3600;
        }
    }
    place->end = at + (at < end && (*at == 'Z' || *at == 'z'));
    const uint8_t *sign = at + (at < end && *at == ' ');
    if (end - sign < 3 || !is_sign(*sign) || digits(sign + 1, end, 2) < 2)
        return 0;
    const uint8_t *minutes = sign + 3 + (sign + 3 < end && sign[3] == ':');
    if (digits(minutes, end, 3) == 2) {
        place->end = minutes + 2;
        return offset_of(*sign, two(sign + 1), two(minutes));
    }
    if (sign > at || (sign + 3 < end && (is_digit(sign[3]) || sign[3] == ':')))
        return 0;
    place->end = sign + 3;
    return offset_of(*sign, two(sign + 1), 0);
}

/* The number of the month whose name is at `at`, or 0. */
static inline int64_t month_at(const uint8_t *at, const uint8_t *end) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (begins(at, end, names + 3 * month, 3))
            return month + 1;
    return 0;
}

/* The second of a time without a year: the latest that is not after the latest second. */
static inline int64_t in_latest_year(const time_rules *r, int64_t month, int64_t day,
                              const uint8_t *clock) {
    for (int64_t year = r->latest_year; year > r->latest_year - 10; year--) {
        int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (month == 2 && day == 29 && !is_leap)
            continue;
        int64_t days = days_to(year, month, day);
        int64_t second = two(clock) * 3600 + two(clock + 3) * 60 + two(clock + 6);
        if (days == ABSENT || days * 86400 + second <= r->latest_second)
            return moment(year, month, day, clock, 0);
    }
    return NO_TIME;
}

/* dates.c */
int64_t klog(const time_rules *rules, const uint8_t *at, const uint8_t *end, time_place *place);
int64_t dotted(const uint8_t *at, const uint8_t *end, time_place *place);
int64_t other_numeric(const time_rules *rules, const uint8_t *at, const uint8_t *end, int count,
                      time_place *place);

#endif
