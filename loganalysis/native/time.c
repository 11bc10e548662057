/* Reads the time of a line, to the second. times/time_formats.py explains the formats, and decides
 * what is right: a test compares both. */
#include "time.h"

enum { LINE_BYTES = 256, JSON_BYTES = 1024 };
static int64_t iso(const uint8_t *at, const uint8_t *end, time_place *place) {
    if (end - at < 19 || (at[4] != '-' && at[4] != '/') || at[7] != at[4] ||
        (at[10] != ' ' && at[10] != 'T' && at[10] != 't' && at[10] != '\t') || !is_clock(at + 11, end) ||
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
    if (at >= end || is_space(*at))
        return 1;
    switch (*at) {
    case ',': case ';': case ':': case '|': case ']': case ')': case '}': case '"':
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

static int64_t numeric(const time_rules *r, const uint8_t *at, const uint8_t *end,
                       time_place *place) {
    int count = digits(at, end, 9);
    if (count == 4) {
        int64_t second = iso(at, end, place);
        return second == ABSENT ? dotted(at, end, place) : second;
    }
    if (count == 9)
        return epoch(at, end, place);
    return count < 3 || count == 6 || count == 8 ? other_numeric(r, at, end, count, place) : ABSENT;
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
    const uint8_t *close = after_fraction(at + 21, end);    /* HAProxy has one */
    if (end - close >= 7 && *close == ' ' && is_sign(close[1]) && digits(close + 2, end, 4) == 4 &&
        close[6] == ']')
        offset = offset_of(close[1], two(close + 2), two(close + 4)), close += 6;
    else if (close >= end || *close != ']')
        return ABSENT;
    *place = (time_place){at, close + 1, 1};
    if (offset == ABSENT)
        return NO_TIME;
    return moment(four(at + 8), month, two(at + 1), at + 13, offset);
}

/* The position of the first bracket between two positions, or `end`. */
static inline const uint8_t *next_bracket(const uint8_t *at, const uint8_t *end) {
    static const uint64_t ones = 0x0101010101010101u;
    for (; end - at >= 8; at += 8) {
        uint64_t other;    /* has a byte 0 for each bracket */
        memcpy(&other, at, sizeof other);
        other ^= ones * '[';
        if ((other - ones) & ~other & ones << 7)
            break;
    }
    while (at < end && *at != '[')
        at++;
    return at;
}

static int64_t clf(const uint8_t *at, const uint8_t *end, time_place *place) {
    for (; (at = next_bracket(at, end)) < end; at++) {
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
    static const char levels[][8] = {
        "t", "d", "i", "w", "e", "f", "v", "c", "trace", "debug", "info", "notice", "warn",
        "warning", "err", "error", "crit", {'c', 'r', 'i', 't', 'i', 'c', 'a', 'l'}, "alert",
        "emerg", "fatal", "severe", "panic", "verbose",
    };
    uint8_t low[8] = {0};
    uint64_t word, level;
    int found = 0;
    if (size > 8) {
        static const char longest[] = "information";
        while (found < size && (at[found] | 0x20) == longest[found])
            found++;
        return found == size && found == 11;
    }
    for (int i = 0; i < size; i++)
        low[i] = at[i] | 0x20;
    memcpy(&word, low, sizeof word);
    for (uint32_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        memcpy(&level, levels[i], sizeof level);
        found |= word == level;
    }
    return found;
}

static const uint8_t *after_colors(const uint8_t *at, const uint8_t *end) {
    for (const uint8_t *next; (next = after_color(at, end)) > at;)
        at = next;
    return at;
}

static inline int opens(uint8_t byte) {
    return byte == '[' || byte == '(' || byte == '"';
}

/* The position after a level and what follows it, or `at` if there is none. */
static const uint8_t *after_level(const uint8_t *at, const uint8_t *end) {
    const uint8_t *name = at + (at < end && opens(*at)), *next = name;
    while (next < end && next - name < 12 && is_letter(*next | 0x20))
        next++;
    if (!is_level(name, (int)(next - name)))
        return at;
    next += next < end && (*next == ']' || *next == ')' || *next == '"');
    next = after_colors(next, end);
    int has_comma = next < end && *next == ',';
    next += next < end && (*next == ':' || *next == ',');
    if (next >= end || !is_blank(*next))
        return has_comma ? next : at;
    next = after_colors(after_blanks(next, end), end);
    if (end - next >= 2 && (*next == '|' || *next == '-') && next[1] == ' ')
        next += 2;
    return next;
}

/* The position after all that may stand before a time: a priority of syslog, a level, a bracket. */
static const uint8_t *after_prefix(const uint8_t *at, const uint8_t *end) {
    int count;
    at += begins(at, end, "\xef\xbb\xbf", 3) ? 3 : 0;
    at = after_blanks(at, end);
    at += begins(at, end, "- ", 2) ? 2 : 0;
    if (at < end && *at == '<' && (count = digits(at + 1, end, 3)) && at + 1 + count < end &&
        at[1 + count] == '>') {
        at += count + 2;
        count = digits(at, end, 3);
        if ((count == 1 || count == 2) && at + count < end && at[count] == ' ')
            at += count + 1;
    }
    at = after_level(at, end);
    return at + (at < end && opens(*at));
}

static int64_t time_at(const time_rules *r, const uint8_t *at, const uint8_t *end,
                       time_place *place) {
    int64_t second;
    if (at < end && !is_digit(*at))
        at = after_prefix(at, end);
    if (at >= end)
        return ABSENT;
    if (is_digit(*at))
        return numeric(r, at, end, place);
    if (*at < 'A' || *at > 'Z')    /* no name of a month or of a day */
        return ABSENT;
    second = syslog(r, at, end, place);
    second = second == ABSENT ? klog(r, at, end, place) : second;
    return second == ABSENT ? ctime_(at, end, place) : second;
}

/* Keys of times. Those from JSON_ONLY on are no keys in logfmt. */
enum { JSON_ONLY = 9 };
static const struct { const char *name; int size; } keys[] = {
    {"time", 4},  {"timestamp", 9}, {"ts", 2}, {"@timestamp", 10},
    {"date", 4},  {"datetime", 8},  {"t", 1},  {"@t", 2}, {"__REALTIME_TIMESTAMP", 20},
    {"Timestamp", 9}, {"timeMillis", 10}, {"asctime", 7}, {"eventTime", 9}, {"$date", 5},
};

/* The size of the key of times at `at`, before the byte `mark`; 0 if there is none. Only the first
 * `count` keys are looked for. */
static int key_at(const uint8_t *at, const uint8_t *end, uint8_t mark, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (begins(at, end, keys[i].name, keys[i].size) && end - at > keys[i].size &&
            at[keys[i].size] == mark)
            return keys[i].size;
    return 0;
}

/* The position of the value of a key for times, whose first quote is at `at`; NULL if it is none. */
static const uint8_t *value_of(const uint8_t *at, const uint8_t *end) {
    int size = key_at(at + 1, end, '"', sizeof keys / sizeof *keys);
    if (!size)
        return NULL;
    at = after_blanks(at + size + 2, end);
    if (at >= end || *at != ':')
        return NULL;
    at = after_blanks(at + 1, end);
    return at + (at < end && *at == '"');
}

static inline int is_key_byte(uint8_t byte) {
    return is_letter(byte | 0x20) || is_digit(byte) || byte == '_' || byte == '.' || byte == '@' ||
           byte == '-';
}

/* Whether a line begins with a key and "=". */
static int is_logfmt(const uint8_t *at, const uint8_t *end) {
    if (at >= end || !is_key_byte(*at) || is_digit(*at) || *at == '.' || *at == '-')
        return 0;
    while (at < end && is_key_byte(*at))
        at++;
    return at < end && *at == '=';
}

/* The second of a line of pairs such as time=2026-11-25T01:02:03Z. */
static int64_t in_logfmt(const time_rules *r, const uint8_t *at, const uint8_t *end,
                         time_place *place) {
    for (const uint8_t *line = at; at < end; at++) {
        int size = at == line || is_blank(at[-1]) ? key_at(at, end, '=', JSON_ONLY) : 0;
        if (!size)
            continue;
        const uint8_t *value = at + size + 1;
        value += value < end && *value == '"';
        int64_t second = time_at(r, value, end, place);
        if (second != ABSENT)
            return second;
    }
    return ABSENT;
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

static inline int is_digit_at(const uint8_t *at, const uint8_t *end) {
    return at < end && is_digit(*at);
}

static inline int is_low_or_digit(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || is_digit(byte);
}

/* The position behind "[pod/web-0/app] ", or NULL. */
static const uint8_t *after_pod(const uint8_t *at, const uint8_t *end) {
    const uint8_t *next = at + 1;
    while (next < end && *next >= 'a' && *next <= 'z')
        next++;
    if (next == at + 1 || next >= end || *next != '/')
        return NULL;
    const uint8_t *name = ++next;
    while (next < end && !is_space(*next) && *next != ']')
        next++;
    return next > name && begins(next, end, "] ", 2) ? next + 2 : NULL;
}

/* The position behind "web-7d4b9c-x2x9z app ", of which `name` is the end of the first word. */
static const uint8_t *after_stern(const uint8_t *at, const uint8_t *name, const uint8_t *end) {
    int digits_only = 1, size = 0;
    const uint8_t *last = name;
    for (; last > at && is_low_or_digit(last[-1]); last--, size++)
        digits_only &= is_digit(last[-1]);
    if (last - at < 2 || last[-1] != '-' || !size || (size != 5 && !digits_only))
        return NULL;
    for (const uint8_t *i = at; i < name; i++)
        if (!is_low_or_digit(*i) && *i != '-' && *i != '.')
            return NULL;
    const uint8_t *next = name + 1;
    while (next < end && (is_low_or_digit(*next) || *next == '-' || *next == '.'))
        next++;
    return next > name + 1 && next < end && *next == ' ' &&
                   (is_digit_at(next + 1, end) || begins(next + 1, end, "{", 1) ||
                    begins(next + 1, end, "[", 1))
               ? next + 1
               : NULL;
}

/* The position behind "/var/log/app.log:" or "app.log:17:", of which `name` is the end of the name. */
static const uint8_t *after_path(const uint8_t *name, const uint8_t *end) {
    const uint8_t *next = name + 1;
    int count = digits(next, end, 8);
    if (count && count < 8 && next + count + 1 < end && next[count] == ':' &&
        !is_space(next[count + 1]))
        return next + count + 1;
    return next < end && !is_space(*next) ? next : NULL;
}

/* The position behind two columns that end with tabs, or NULL. */
static const uint8_t *after_columns(const uint8_t *at, const uint8_t *end) {
    for (int column = 0; column < 2; column++) {
        const uint8_t *start = at;
        while (at < end && at - start <= 100 && *at != '\t')
            at++;
        if (at >= end || at == start || at - start > 100)
            return NULL;
        at++;
    }
    return is_digit_at(at, end) ? at : NULL;
}

static int is_protocol(const uint8_t *at, const uint8_t *end) {
    static const char *const names[] = {"http ", "https ", "h2 ", "grpc ", "grpcs ", "ws ", "wss "};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        int size = 0;
        while (names[i][size])
            size++;
        if (begins(at, end, names[i], size))
            return size;
    }
    return 0;
}

/* The position behind what another tool has put in front of a line, see times/wrappers.py. */
static const uint8_t *after_tool(const uint8_t *at, const uint8_t *end) {
    const uint8_t *found = NULL, *name = at, *bar;
    int is_path = 0, is_word = 1;
    while (name < end && (is_key_byte(*name) || *name == '/' || *name == '+') && *name != '@') {
        is_path |= *name == '/' || *name == '.';
        is_word &= *name != '/' && *name != '+';
        name++;
    }
    for (bar = name; bar < end && *bar == ' ';)
        bar++;
    if (name > at && is_word && bar > name && begins(bar, end, "| ", 2))
        return bar + 2;
    if (at < end && *at == '[')
        found = after_pod(at, end);
    if (!found && name > at && name < end && *name == ' ')
        found = after_stern(at, name, end);
    if (!found && is_path && name < end && *name == ':')
        found = after_path(name, end);
    found = found ? found : after_columns(at, end);
    return found ? found : at;
}

/* The position behind the start of a line that is no part of its time, see times/wrappers.py. */
static const uint8_t *after_start(const uint8_t *at, const uint8_t *end) {
    int size = is_protocol(at, end);
    if (size && is_digit_at(at + size, end))
        return at + size;
    if (begins(at, end, "# Time: ", 8))
        return at + 8;
    return end - at > 5 && is_day_name(at, end) && at[3] == ',' && at[4] == ' ' && is_digit(at[5])
               ? at + 5
               : at;
}

/* As find_time, but ABSENT without a time, and without peeling. It is fast only inlined. */
static inline __attribute__((always_inline)) int64_t find_in(const time_rules *r,
                                                             const uint8_t *line,
                                                             const uint8_t *end,
                                                             time_place *place) {
    int64_t second;
    const uint8_t *near_end = limited(line, end, LINE_BYTES);
    if (line < end && is_digit(*line)) {
        second = numeric(r, line, near_end, place);
        return second == ABSENT ? clf(line, near_end, place) : second;
    }
    if (is_json(line, limited(line, end, JSON_BYTES)))
        return in_json(r, line, limited(line, end, JSON_BYTES), place);
    second = is_logfmt(line, near_end) ? in_logfmt(r, line, near_end, place) : ABSENT;
    second = second == ABSENT ? time_at(r, line, near_end, place) : second;
    return second == ABSENT ? clf(line, near_end, place) : second;
}

/* As find_in, behind what is peeled off. Rare: kept out of the way of other lines. */
static __attribute__((noinline)) int64_t find_peeled(const time_rules *r, const uint8_t *line,
                                                     const uint8_t *end, time_place *place) {
    const uint8_t *near_end = limited(line, end, LINE_BYTES);
    const uint8_t *peeled = line + (begins(line, near_end, "\xef\xbb\xbf", 3) ? 3 : 0);
    peeled = after_tool(after_colors(peeled, near_end), near_end);
    peeled = after_start(after_colors(peeled, near_end), near_end);
    peeled = after_colors(peeled, near_end);
    return peeled > line ? find_in(r, peeled, end, place) : ABSENT;
}

/* The second of the line from `line` to `end`, without its newline; NO_TIME if it has no time. Sets
 * the place of the time, also of an impossible one. */
int64_t find_time(const time_rules *r, const uint8_t *line, const uint8_t *end,
                  time_place *place) {
    end = limited(line, end, r->head_bytes);
    int64_t second = find_in(r, line, end, place);
    if (second == ABSENT && line < end && !is_digit(*line) && !is_blank(*line))
        second = find_peeled(r, line, end, place);
    return second == ABSENT ? NO_TIME : second;
}

int64_t time_of(const time_rules *r, const uint8_t *line, const uint8_t *end) {
    time_place place;
    return find_time(r, line, end, &place);
}
