/* Joins the lines of each record: the functions that records/c_records.py calls. It declares their
 * arguments, too. records/rule.py explains how a record begins, and decides what is right: a test
 * compares both. */
#include "timeline.h"

#define PUBLIC __attribute__((visibility("default")))

enum {
    LINE_END = '\f',          /* instead of a newline within a record */
    RECORDS_BLOCK = 32 << 10,
    PREFIX_BYTES = 256,       /* of a line of PostgreSQL, which its word is in */
    NAME_BYTES = 256,         /* of the longest name of an exception */
};

/* How a record begins: with a time; with a line that is no typical continuation; or at places that
 * the caller names. */
enum { TIMES, INDENTS, PLACES };

/* records/c_records.py declares this struct, too. */
typedef struct {
    int64_t kind, is_postgresql;
    int64_t longest;          /* a line that begins so far behind its record begins the next one */
    int64_t start;            /* offset of the last record */
    time_rules rules;
} records;

static inline int is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') < 10;
}

static inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int begins(const uint8_t *at, const uint8_t *end, const char *text, int64_t size) {
    if (end - at < size)
        return 0;
    for (int64_t i = 0; i < size; i++)
        if (at[i] != (uint8_t)text[i])
            return 0;
    return 1;
}

/* Whether there is a text of the list at `at`, or before it. */
typedef struct {
    const char *text;
    int64_t size;
} text;

#define TEXT(t) {t, sizeof t - 1}

static int begins_one(const uint8_t *at, const uint8_t *end, const text *texts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (begins(at, end, texts[i].text, texts[i].size))
            return 1;
    return 0;
}

static int ends_one(const uint8_t *from, const uint8_t *at, const text *texts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (at - from >= texts[i].size && begins(at - texts[i].size, at, texts[i].text, texts[i].size))
            return 1;
    return 0;
}

static inline int two(const uint8_t *at) {
    return (at[0] - '0') * 10 + at[1] - '0';
}

static inline int are_digits(const uint8_t *at, int count) {
    int all = 1;
    for (int i = 0; i < count; i++)
        all &= is_digit(at[i]);
    return all;
}

static inline int is_clock(const uint8_t *at) {
    return at[2] == ':' && at[5] == ':' && are_digits(at, 2) && are_digits(at + 3, 2) &&
           are_digits(at + 6, 2) && two(at) < 24 && at[3] < '6' && at[6] < '6';
}

static inline int is_day(int day) {
    return day >= 1 && day <= 28;
}

static int is_month(const uint8_t *at) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int month = 0; month < 12; month++)
        if (at[0] == names[3 * month] && at[1] == names[3 * month + 1] &&
            at[2] == names[3 * month + 2])
            return 1;
    return 0;
}

/* These three tell a time that can be no other than a valid one from all others, which find_time
 * has to read. They are only faster. */
static int is_plain_iso(const uint8_t *at, const uint8_t *end) {
    if (at[4] != '-' || at[7] != '-' || (at[10] != ' ' && at[10] != 'T') || at[0] != '2' ||
        at[1] != '0' || !are_digits(at + 2, 2) || !are_digits(at + 5, 2) ||
        !are_digits(at + 8, 2) || two(at + 5) < 1 || two(at + 5) > 12 || !is_day(two(at + 8)) ||
        !is_clock(at + 11))
        return 0;
    at += 19;
    if (*at == '.' || *at == ',')
        for (at++; at < end && is_digit(*at);)
            at++;
    /* What may be a zone, or another digit, is for find_time. */
    return end - at >= 2 && !is_digit(*at) && *at != '+' && *at != '-' &&
           !(*at == ' ' && (at[1] == '+' || at[1] == '-'));
}

static int is_plain_syslog(const uint8_t *at) {
    int day = at[4] == ' ' ? at[5] - '0' : two(at + 4);
    return at[3] == ' ' && at[6] == ' ' && (at[4] == ' ' || is_digit(at[4])) && is_digit(at[5]) &&
           is_day(day) && is_clock(at + 7) && !is_digit(at[15]) && is_month(at);
}

static int is_plain_access(const uint8_t *at, const uint8_t *end) {
    const uint8_t *last = end - 28;    /* [25/Nov/2026:01:02:03 +0000] */
    last = last - at > 100 ? at + 100 : last;
    while (at <= last && *at != '[')
        at++;
    return at <= last && at[3] == '/' && at[7] == '/' && at[12] == ':' && at[21] == ' ' &&
           (at[22] == '+' || at[22] == '-') && at[27] == ']' && are_digits(at + 1, 2) &&
           is_day(two(at + 1)) && is_month(at + 4) && at[8] == '2' && at[9] == '0' &&
           are_digits(at + 10, 2) && is_clock(at + 13) && are_digits(at + 23, 4) &&
           two(at + 23) < 24 && at[25] < '6';
}

static int is_plain_time(const records *r, const uint8_t *at, const uint8_t *end) {
    if (end - at < 32)
        return 0;
    if (!is_digit(*at))
        return r->rules.latest_year > 1990 && is_plain_syslog(at);
    if (at[4] == '-' || at[4] == '/')
        return is_plain_iso(at, end);
    return is_plain_access(at, end);
}

/* Whether a line of PostgreSQL adds to the one before. */
static int is_detail(const uint8_t *line, const uint8_t *end) {
    static const text words[] = {TEXT("DETAIL"),    TEXT("HINT"),  TEXT("CONTEXT"),
                                 TEXT("STATEMENT"), TEXT("QUERY"), TEXT("LOCATION")};
    const uint8_t *last = line + least(end - line, PREFIX_BYTES);
    for (const uint8_t *at = line; last - at >= 3; at++)
        if (*at == ':' && at[1] == ' ' && at[2] == ' ')
            return ends_one(line, at, words, sizeof words / sizeof *words);
    return 0;
}

/* Whether a line begins with the name of an exception, as in "java.io.IOException: closed". */
static int is_exception(const uint8_t *line, const uint8_t *end) {
    static const text suffixes[] = {TEXT("Error"),     TEXT("Exception"), TEXT("Warning"),
                                    TEXT("Interrupt"), TEXT("Exit"),      TEXT("Iteration"),
                                    TEXT("Throwable")};
    const uint8_t *at = line, *last = line + least(end - line, NAME_BYTES);
    while (at < last && (is_letter(*at | 0x20) || is_digit(*at) || *at == '.' || *at == '_' ||
                         *at == '$'))
        at++;
    if (at < end && *at != ':' && *at != '\r')
        return 0;
    for (uint32_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (at - line > suffixes[i].size && ends_one(line, at, suffixes + i, 1))
            return 1;
    return 0;
}

/* Whether a line that is not indented nevertheless continues a record. */
static int is_typical(const uint8_t *line, const uint8_t *end) {
    static const text beginnings[] = {
        TEXT("Caused by:"),
        TEXT("Suppressed:"),
        TEXT("Traceback (most recent call last)"),
        TEXT("During handling of the above exception"),
        TEXT("The above exception was the direct cause"),
        TEXT("... "),
        TEXT("}"),
        TEXT("]"),
        TEXT(")"),
    };
    return begins_one(line, end, beginnings, sizeof beginnings / sizeof *beginnings) ||
           is_exception(line, end);
}

static inline const uint8_t *limited(const uint8_t *at, const uint8_t *end, int64_t most) {
    return end - at > most ? at + most : end;
}

/* Whether a line is empty, or begins with a blank. */
static inline int is_indented(const uint8_t *line, const uint8_t *end) {
    return line >= end || *line == '\n' || *line == ' ' || *line == '\t' || *line == '\r' ||
           *line == LINE_END;
}

/* Whether the line from `line` to `end`, without its newline, begins a record. It is not indented. */
static int begins_record(const records *r, const uint8_t *line, const uint8_t *end) {
    end = limited(line, end, r->rules.head_bytes);
    if (r->kind == INDENTS)
        return !is_typical(line, end);
    if (!is_plain_time(r, line, end) && time_of(&r->rules, line, end) == NO_TIME)
        return 0;
    return !r->is_postgresql || !is_detail(line, end);
}

/* Data whose lines are joined. `places` are the positions, from the next one on, where records begin
 * if the rule is PLACES. */
typedef struct {
    records *rule;
    uint8_t *data;
    int64_t offset, end;
    const int64_t *place, *last_place;
} joined;

/* Decide whether the line behind a newline begins a record. It ends at `end`. */
static inline void decide(joined *j, int64_t newline, int64_t end) {
    records *r = j->rule;
    int64_t line = newline + 1;
    int begins = 0;
    if (r->kind == PLACES) {
        while (j->place < j->last_place && *j->place < line)
            j->place++;
        begins = j->place < j->last_place && *j->place == line;
    } else if (!is_indented(j->data + line, j->data + end)) {
        begins = begins_record(r, j->data + line, j->data + end);
    }
    if (begins || j->offset + line - r->start >= r->longest)
        r->start = j->offset + line;
    else
        j->data[newline] = LINE_END;
}

/* Replace the newlines within records from `from` to `stop`. The data continues up to `end`: a line
 * that begins before `stop` is there up to its newline or its first `head_bytes`. `offset` is the
 * offset of the data in the file, and `places` has `count` positions where records begin. */
PUBLIC void records_join(records *r, uint32_t vectors_number, uint8_t *data, int64_t offset,
                         int64_t from, int64_t stop, int64_t end, const int64_t *places,
                         int64_t count) {
    const vectors *v = vectors_of(vectors_number);
    joined j = {r, data, offset, end, places, places + count};
    strip strips[RECORDS_BLOCK / STRIP + 1];
    uint32_t non_ascii = 0;
    int64_t last = -1;    /* the last newline, which is not decided yet */
    for (int64_t block = from; block < stop; block += RECORDS_BLOCK) {
        int64_t size = least(stop - block, RECORDS_BLOCK);
        for (int64_t i = block; i < block + size; i++)
            data[i] = data[i] == LINE_END ? ' ' : data[i];
        v->newlines(data + block, (uint32_t)size, strips, &non_ascii);
        for (int64_t i = 0; i * STRIP < size; i++)
            for (uint64_t bits = strips[i].newlines; bits; bits &= bits - 1) {
                int64_t newline = block + i * STRIP + __builtin_ctzll(bits);
                if (last >= 0)
                    decide(&j, last, newline);
                last = newline;
            }
    }
    if (last < 0 || last + 1 == end)
        return;
    int64_t line_end = stop;
    for (; line_end < end && line_end - last <= r->rules.head_bytes; line_end++) {
        if (data[line_end] == '\n')
            break;
        data[line_end] = data[line_end] == LINE_END ? ' ' : data[line_end];
    }
    decide(&j, last, line_end);
}

/* Number lines: `numbers[i]` becomes the number of lines that end before the record that follows the
 * `wanted[i]`-th end of a record. These are ascending. `joined` and `lines` are the same bytes, with
 * the newlines that end records, and with all newlines. */
PUBLIC void records_number(uint32_t vectors_number, const uint8_t *joined, const uint8_t *lines,
                           int64_t size, const int64_t *wanted, int64_t count, int64_t *numbers) {
    const vectors *v = vectors_of(vectors_number);
    strip ends[RECORDS_BLOCK / STRIP + 1], all[RECORDS_BLOCK / STRIP + 1];
    int64_t records_before = 0, lines_before = 0, next = 0;
    uint32_t non_ascii = 0;
    for (int64_t block = 0; block < size && next < count; block += RECORDS_BLOCK) {
        uint32_t bytes = (uint32_t)least(size - block, RECORDS_BLOCK);
        uint32_t found = v->newlines(joined + block, bytes, ends, &non_ascii);
        uint32_t breaks = v->newlines(lines + block, bytes, all, &non_ascii);
        for (uint32_t i = 0; i * STRIP < bytes; i++) {
            int64_t before = records_before + ends[i].before;
            int64_t ended = __builtin_popcountll(ends[i].newlines);
            while (next < count && wanted[next] <= before + ended) {
                uint64_t bits = ends[i].newlines;
                for (int64_t skip = wanted[next] - before - 1; skip > 0; skip--)
                    bits &= bits - 1;
                uint64_t up_to = bits ^ (bits - 1);    /* the bit of that end, and all below */
                numbers[next++] = lines_before + all[i].before +
                                  __builtin_popcountll(all[i].newlines & up_to);
            }
        }
        records_before += found;
        lines_before += breaks;
    }
}
