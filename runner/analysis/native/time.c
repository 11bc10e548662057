/* Reads the time of a line, to the second. count/time_formats.py explains the formats, and decides
 * what is right: a test compares both. */
#include "timeline.h"

enum { LINE_BYTES = 256, JSON_BYTES = 1024 };
static const int64_t ABSENT = -3;    /* the text has no time here; NO_TIME: an impossible one */
static const int64_t END_SECOND = 7258118400;    /* the year 2200 */

static inline int is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') < 10;
}

static inline int64_t two(const uint8_t *at) {
    return (at[0] - '0') * 10 + at[1] - '0';
}

static inline int64_t four(const uint8_t *at) {
    return two(at) * 100 + two(at + 2);
}

/* The number of digits at `at`, up to `most`. */
static int digits(const uint8_t *at, const uint8_t *end, int most) {
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
static int64_t days_to(int64_t year, int64_t month, int64_t day) {
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
static int64_t moment(int64_t year, int64_t month, int64_t day, const uint8_t *clock,
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
static const uint8_t *after_fraction(const uint8_t *at, const uint8_t *end) {
    if (end - at < 2 || (*at != '.' && *at != ',') || !is_digit(at[1]))
        return at;
    for (at++; at < end && is_digit(*at);)
        at++;
    return at;
}

/* Seconds of an offset from UTC, from its hours and minutes; ABSENT if there is none. */
static int64_t offset_of(uint8_t sign, int64_t hours, int64_t minutes) {
    if (hours > 23 || minutes > 59)
        return ABSENT;
    return (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
}

static inline int is_sign(uint8_t byte) {
    return byte == '+' || byte == '-';
}

/* The offset of the zone of an ISO time, 0 without one. Sets the end of the time. */
static int64_t iso_offset(const uint8_t *at, const uint8_t *end, time_place *place) {
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

static int64_t iso(const uint8_t *at, const uint8_t *end, time_place *place) {
    if (end - at < 19 || (at[4] != '-' && at[4] != '/') || at[7] != at[4] ||
        (at[10] != ' ' && at[10] != 'T' && at[10] != 't') || !is_clock(at + 11, end) ||
        digits(at, end, 4) < 4 || digits(at + 5, end, 2) < 2 || digits(at + 8, end, 2) < 2 ||
        (end - at > 19 && is_digit(at[19])))
        return ABSENT;
    place->start = at;
    int64_t offset = iso_offset(after_fraction(at + 19, end), end, place);
    if (offset == ABSENT)
        return NO_TIME;
    return moment(four(at), two(at + 5), two(at + 8), at + 11, offset);
}

/* Whether an epoch time may end here. */
static int ends_epoch(const uint8_t *at, const uint8_t *end) {
    if (at >= end || (*at >= '\t' && *at <= '\r'))
        return 1;
    switch (*at) {
    case ' ': case ',': case ';': case ':': case '|': case ']': case ')': case '}': case '"':
        return 1;
    }
    return 0;
}

static int64_t epoch(const uint8_t *at, const uint8_t *end, time_place *place) {
    if (digits(at, end, 10) < 10 || at[0] < '1' || at[0] > '4')
        return ABSENT;
    const uint8_t *rest = at + 10;
    int count = digits(rest, end, 10);
    if (count == 0 && rest < end && *rest == '.')
        rest = after_fraction(rest, end);
    else if (count == 0 || count == 3 || count == 6 || count == 9)
        rest += count;
    if (!ends_epoch(rest, end))
        return ABSENT;
    place->start = at;
    place->end = rest;
    return four(at) * 1000000 + four(at + 4) * 100 + two(at + 8);
}

/* The number of the month whose name is at `at`, or 0. */
static int64_t month_at(const uint8_t *at, const uint8_t *end) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (begins(at, end, names + 3 * month, 3))
            return month + 1;
    return 0;
}

static int is_day_name(const uint8_t *at, const uint8_t *end) {
    static const char names[] = "MonTueWedThuFriSatSun";
    for (int day = 0; day < 7; day++)
        if (begins(at, end, names + 3 * day, 3))
            return 1;
    return 0;
}

/* Read " 5 " or "  5 " or " 25 ", after the name of a month. Returns the position of the last
 * space, or NULL. */
static const uint8_t *day_after(const uint8_t *at, const uint8_t *end, int64_t *day) {
    if (at >= end || *at++ != ' ')
        return NULL;
    at += at < end && *at == ' ';
    int count = digits(at, end, 3);
    if (count < 1 || count > 2 || at + count >= end || at[count] != ' ')
        return NULL;
    *day = count == 2 ? two(at) : *at - '0';
    return at + count;
}

/* The second of a time without a year: the latest that is not after the latest second. */
static int64_t in_latest_year(const time_rules *r, int64_t month, int64_t day,
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

static int64_t syslog(const time_rules *r, const uint8_t *at, const uint8_t *end,
                      time_place *place) {
    const uint8_t *start = at;
    int64_t month = month_at(at, end), day = 0, year = 0;
    if (!month || !(at = day_after(at + 3, end, &day)))
        return ABSENT;
    if (end - at > 5 && digits(at + 1, end, 5) == 4 && at[5] == ' ')
        year = four(at + 1), at += 5;
    else
        year = -1;
    if (!is_clock(at + 1, end) || (end - at > 9 && is_digit(at[9])))
        return ABSENT;
    place->start = start;
    place->end = after_fraction(at + 9, end);
    return year >= 0 ? moment(year, month, day, at + 1, 0) : in_latest_year(r, month, day, at + 1);
}

static int64_t ctime_(const uint8_t *at, const uint8_t *end, time_place *place) {
    int64_t month, day = 0;
    if (end - at < 5 || !is_day_name(at, end) || at[3] != ' ' || !(month = month_at(at + 4, end)))
        return ABSENT;
    const uint8_t *clock = day_after(at + 7, end, &day);
    if (!clock || !is_clock(clock + 1, end) || (end - clock > 9 && is_digit(clock[9])))
        return ABSENT;
    const uint8_t *year = after_fraction(clock + 9, end);
    if (year >= end || *year != ' ' || digits(year + 1, end, 5) != 4)
        return ABSENT;
    place->start = at;
    place->end = year + 5;
    return moment(four(year + 1), month, day, clock + 1, 0);
}

/* The time in brackets at `at`, such as [25/Nov/2026:01:02:03 +0000]. */
static int64_t clf_at(const uint8_t *at, const uint8_t *end, time_place *place) {
    int64_t month, offset = 0;
    if (end - at < 22 || digits(at + 1, end, 2) < 2 || at[3] != '/' || at[7] != '/' ||
        digits(at + 8, end, 4) < 4 || at[12] != ':' || !is_clock(at + 13, end) ||
        !(month = month_at(at + 4, end)))
        return ABSENT;
    const uint8_t *close = at + 21;
    if (end - close >= 7 && *close == ' ' && is_sign(close[1]) && digits(close + 2, end, 4) == 4 &&
        close[6] == ']')
        offset = offset_of(close[1], two(close + 2), two(close + 4)), close += 6;
    else if (*close != ']')
        return ABSENT;
    *place = (time_place){at, close + 1, 1};
    if (offset == ABSENT)
        return NO_TIME;
    return moment(four(at + 8), month, two(at + 1), at + 13, offset);
}

static int64_t clf(const uint8_t *at, const uint8_t *end, time_place *place) {
    for (; end - at >= 22; at++) {
        if (*at != '[')
            continue;
        int64_t second = clf_at(at, end, place);
        if (second != ABSENT)
            return second;
    }
    return ABSENT;
}

static inline int is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

static inline const uint8_t *after_blanks(const uint8_t *at, const uint8_t *end) {
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* Whether the letters are a level, such as INFO; letters of both cases are the same. */
static int is_level(const uint8_t *at, int size) {
    static const char *const levels[] = {
        "trace",  "debug", "info",     "information", "notice", "warn",   "warning", "err",
        "error",  "crit",  "critical", "alert",       "emerg",  "fatal",  "severe",  "panic",
        "verbose", "t",    "d",        "i",           "w",      "e",      "f",       "v",
        "c",
    };
    for (uint32_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        int same = 0;
        while (same < size && levels[i][same] && (at[same] | 0x20) == levels[i][same])
            same++;
        if (same == size && !levels[i][same])
            return 1;
    }
    return 0;
}

/* The position after a level and what follows it, or `at` if there is none. */
static const uint8_t *after_level(const uint8_t *at, const uint8_t *end) {
    const uint8_t *name = at + (at < end && (*at == '[' || *at == '(')), *next = name;
    while (next < end && next - name < 12 && is_letter(*next | 0x20))
        next++;
    if (!is_level(name, (int)(next - name)))
        return at;
    next += next < end && (*next == ']' || *next == ')');
    next += next < end && (*next == ':' || *next == ',');
    if (next >= end || !is_blank(*next))
        return at;
    next = after_blanks(next, end);
    if (end - next >= 2 && (*next == '|' || *next == '-') && next[1] == ' ')
        next += 2;
    return next;
}

/* The position after all that may stand before a time: a priority of syslog, a level, a bracket. */
static const uint8_t *after_prefix(const uint8_t *at, const uint8_t *end) {
    int count;
    at += begins(at, end, "\xef\xbb\xbf", 3) ? 3 : 0;
    at = after_blanks(at, end);
    if (at < end && *at == '<' && (count = digits(at + 1, end, 3)) && at + 1 + count < end &&
        at[1 + count] == '>') {
        at += count + 2;
        count = digits(at, end, 3);
        if ((count == 1 || count == 2) && at + count < end && at[count] == ' ')
            at += count + 1;
    }
    at = after_level(at, end);
    return at + (at < end && (*at == '[' || *at == '(' || *at == '"'));
}

static int64_t time_at(const time_rules *r, const uint8_t *at, const uint8_t *end,
                       time_place *place) {
    int64_t second;
    if (at < end && !is_digit(*at))
        at = after_prefix(at, end);
    if (at >= end)
        return ABSENT;
    if (is_digit(*at)) {
        second = iso(at, end, place);
        return second == ABSENT ? epoch(at, end, place) : second;
    }
    second = syslog(r, at, end, place);
    return second == ABSENT ? ctime_(at, end, place) : second;
}

/* The position of the value of a key for times, whose first quote is at `at`; NULL if it is none. */
static const uint8_t *value_of(const uint8_t *at, const uint8_t *end) {
    static const struct { const char *name; int size; } keys[] = {
        {"\"@timestamp\"", 12}, {"\"timestamp\"", 11}, {"\"time\"", 6},
        {"\"ts\"", 4},          {"\"datetime\"", 10},  {"\"date\"", 6},
    };
    for (uint32_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!begins(at, end, keys[i].name, keys[i].size))
            continue;
        at = after_blanks(at + keys[i].size, end);
        if (at >= end || *at != ':')
            return NULL;
        at = after_blanks(at + 1, end);
        return at + (at < end && *at == '"');
    }
    return NULL;
}

static int is_json(const uint8_t *at, const uint8_t *end) {
    at += begins(at, end, "\xef\xbb\xbf", 3) ? 3 : 0;
    at = after_blanks(at, end);
    return at < end && *at == '{';
}

static int64_t in_json(const time_rules *r, const uint8_t *at, const uint8_t *end,
                       time_place *place) {
    while (at < end) {
        const uint8_t *value = *at == '"' ? value_of(at, end) : NULL;
        if (!value) {
            at++;
            continue;
        }
        int64_t second = time_at(r, value, end, place);
        if (second != ABSENT)
            return second;
        at = value;
    }
    return ABSENT;
}

static inline const uint8_t *limited(const uint8_t *at, const uint8_t *end, int64_t most) {
    return end - at > most ? at + most : end;
}

/* The second of the line from `line` to `end`, without its newline; NO_TIME if it has no time. Sets
 * the place of the time, also of an impossible one. */
int64_t find_time(const time_rules *r, const uint8_t *line, const uint8_t *end,
                  time_place *place) {
    int64_t second;
    end = limited(line, end, r->head_bytes);
    const uint8_t *near_end = limited(line, end, LINE_BYTES);
    if (line < end && is_digit(*line)) {
        second = iso(line, near_end, place);
        second = second == ABSENT ? epoch(line, near_end, place) : second;
        second = second == ABSENT ? clf(line, near_end, place) : second;
    } else if (is_json(line, limited(line, end, JSON_BYTES))) {
        second = in_json(r, line, limited(line, end, JSON_BYTES), place);
    } else {
        second = time_at(r, line, near_end, place);
        second = second == ABSENT ? clf(line, near_end, place) : second;
    }
    return second == ABSENT ? NO_TIME : second;
}

int64_t time_of(const time_rules *r, const uint8_t *line, const uint8_t *end) {
    time_place place;
    return find_time(r, line, end, &place);
}
