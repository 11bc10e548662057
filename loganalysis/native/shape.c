/* Hashes the shape of a line. templates/shapes.py explains shapes, and decides what is right: a test
 * compares both. */
#include "shapes.h"

enum {
    RUN = 1,          /* part of a run */
    DIGIT = 2,
    HEXADECIMAL = 4,  /* may begin a run that contains colons */
    AFTER_COLON = 8,  /* may follow a colon in such a run */
    SPACE = 16,
    SLASH = 32,
    ENDS_PATH = 64,
};

#define LETTER RUN
#define HEX_LETTER (RUN | HEXADECIMAL | AFTER_COLON)
#define NUMBER (RUN | DIGIT | HEXADECIMAL | AFTER_COLON)
#define BLANK (SPACE | ENDS_PATH)

static const uint8_t classes[256] = {
    [0 ... 0x20] = BLANK, [0x7f] = BLANK,
    ['0' ... '9'] = NUMBER,
    ['A' ... 'F'] = HEX_LETTER, ['a' ... 'f'] = HEX_LETTER,
    ['G' ... 'Z'] = LETTER, ['g' ... 'z'] = LETTER, [0x80 ... 0xff] = LETTER,
    ['_'] = RUN, ['@'] = RUN, ['+'] = RUN, ['%'] = RUN, ['$'] = RUN, ['~'] = RUN,
    ['.'] = RUN | HEXADECIMAL, ['-'] = RUN | HEXADECIMAL,
    [':'] = AFTER_COLON,
    ['/'] = SLASH, ['\\'] = SLASH,
    ['"'] = ENDS_PATH, ['\''] = ENDS_PATH, [','] = ENDS_PATH, [';'] = ENDS_PATH,
    ['('] = ENDS_PATH, [')'] = ENDS_PATH, ['<'] = ENDS_PATH, ['>'] = ENDS_PATH,
    ['['] = ENDS_PATH, [']'] = ENDS_PATH, ['{'] = ENDS_PATH, ['}'] = ENDS_PATH,
    ['|'] = ENDS_PATH,
};

/* Marks that stand for masked text; no byte has these values. */
enum { VARIABLE = 0x100, TIME, PATH, REST, CLASS = 0x200, PRIORITY = 0x300, KLOG = 0x400 };

/* The state of hashing one line. `head` is its start, `head_end` the end of its shape's bytes. */
typedef struct {
    uint64_t hash;
    const uint8_t *head, *head_end;
    uint32_t left;    /* parts that may still be added */
    int ended, is_access;
} masker;

static inline void mix(masker *m, uint64_t value) {
    m->hash = ((m->hash << 7 | m->hash >> 57) ^ value) * 0x9E3779B97F4A7C15u;
}

static void mix_text(masker *m, const uint8_t *at, uint64_t size) {
    const uint8_t *last = at + size;
    for (; last - at > 8; at += 8)
        mix(m, load64(at));
    uint64_t left = (uint64_t)(last - at), value = size * 0xD6E8FEB86659FD93u;
    if (left == 8) {
        value ^= load64(at);
    } else if (left >= 4) {
        value ^= load32(at) | (uint64_t)load32(last - 4) << 32;
    } else {
        for (uint64_t i = 0; i < left; i++)
            value ^= (uint64_t)at[i] << 8 * i;
    }
    mix(m, value);
}

/* Whether another part may be added. If not, the shape ends with REST. */
static inline int takes_part(masker *m) {
    if (m->ended)
        return 0;
    if (m->left) {
        m->left--;
        return 1;
    }
    mix(m, REST);
    m->ended = 1;
    return 0;
}

static inline void add_mark(masker *m, uint64_t mark) {
    if (takes_part(m))
        mix(m, mark);
}

static int equals(const uint8_t *at, const char *text, int size) {
    for (int i = 0; i < size; i++)
        if (at[i] != (uint8_t)text[i])
            return 0;
    return 1;
}

static inline int is_digit(uint8_t byte) {
    return (uint8_t)(byte - '0') < 10;
}

/* Whether a request in quotes and a space come before `at`. */
static int follows_request(const masker *m, const uint8_t *at) {
    int64_t before = at - m->head;
    if (before < 2 || at[-1] != ' ' || at[-2] != '"')
        return 0;
    return m->is_access || (before >= 8 && equals(at - 8, "HTTP/", 5) && is_digit(at[-3])) ||
           (before >= 10 && equals(at - 10, "HTTP/", 5) && is_digit(at[-5]) && at[-4] == '.' &&
            is_digit(at[-3]));
}

/* Whether a key such as `"status": ` comes before `at`. */
static int follows_key(const masker *m, const uint8_t *at) {
    int count = 0;
    for (; count < 5 && at > m->head; count++, at--) {
        uint8_t byte = at[-1];
        if (byte != '"' && byte != '\'' && byte != ':' && byte != '=' && byte != ' ')
            break;
    }
    int64_t before = at - m->head;
    if (count < 1 || count > 4)
        return 0;
    return (before >= 6 && (equals(at - 6, "status", 6) || equals(at - 6, "Status", 6))) ||
           (before >= 11 && equals(at - 11, "status_code", 11));
}

static inline int is_klog(const uint8_t *at) {
    return is_digit(at[1]) && is_digit(at[2]) && is_digit(at[3]) && is_digit(at[4]) &&
           at[5] == ' ' && (*at == 'D' || *at == 'I' || *at == 'W' || *at == 'E' || *at == 'F');
}

static int follows(const masker *m, const uint8_t *at, const char *text, int size) {
    return at - m->head >= size && equals(at - size, text, size);
}

/* Whether a number of one or two digits is a level, behind its key in JSON. */
static int is_level(const masker *m, const uint8_t *at, const uint8_t *end) {
    if (end - at == 2)
        return at[1] == '0' && (uint8_t)(at[0] - '1') < 6 &&
               (follows(m, at, "\"level\":", 8) || follows(m, at, "\"level\": ", 9));
    return (uint8_t)(at[0] - '0') < 8 && (follows(m, at, "\"PRIORITY\":\"", 12) ||
                                          follows(m, at, "\"PRIORITY\": \"", 13));
}

/* Add a run that has a digit. */
static void add_number(masker *m, const uint8_t *at, const uint8_t *end) {
    if (end - at < 3 && is_level(m, at, end)) {
        if (takes_part(m))
            mix_text(m, at, (uint64_t)(end - at));
        return;
    }
    if (end - at == 5 && m->head_end - at > 8 && is_klog(at) && is_digit(at[6]) &&
        is_digit(at[7]) && at[8] == ':') {
        add_mark(m, KLOG + *at);
        return;
    }
    int is_status = end - at == 3 && (uint8_t)(at[0] - '1') < 5 && is_digit(at[1]) &&
                    is_digit(at[2]);
    if (is_status && (end >= m->head_end || *end == ' ') && follows_request(m, at)) {
        if (takes_part(m)) {
            mix(m, CLASS + at[0]);
            mix(m, REST);
        }
        m->ended = 1;
    } else if (is_status && follows_key(m, at)) {
        add_mark(m, CLASS + at[0]);
    } else {
        add_mark(m, VARIABLE);
    }
}

/* Add the run at `at`, and return its end. */
static const uint8_t *add_run(masker *m, const uint8_t *at, const uint8_t *end) {
    const uint8_t *next = at;
    uint32_t found = 0;
    while (next < end && (classes[*next] & HEXADECIMAL ||
                          (*next == ':' && next > at && next + 1 < end &&
                           classes[next[1]] & AFTER_COLON)))
        found |= classes[*next++];
    int is_hexadecimal = next - at >= 8;
    if (next < end && classes[*next] & RUN) {
        is_hexadecimal = 0;
        do
            found |= classes[*next++];
        while (next < end && classes[*next] & RUN);
    }
    if (found & DIGIT)
        add_number(m, at, next);
    else if (is_hexadecimal)
        add_mark(m, VARIABLE);
    else if (takes_part(m))
        mix_text(m, at, (uint64_t)(next - at));
    return next;
}

/* Add a priority of syslog or a header of klog at the start of a line; returns what comes after. */
static const uint8_t *add_start(masker *m, const uint8_t *at, const uint8_t *end) {
    if (at < end && *at == '<') {
        uint32_t number = 0;
        const uint8_t *next = at + 1;
        for (; next < end && next - at < 4 && is_digit(*next); next++)
            number = number * 10 + (*next - '0');
        if (next > at + 1 && next < end && *next == '>') {
            add_mark(m, PRIORITY + (number & 7));
            return next + 1;
        }
    } else if (end - at >= 6 && is_klog(at)) {
        add_mark(m, KLOG + *at);
        return at + 5;
    }
    return at;
}

/* The position behind an escape byte, and its color if it has one. Inlined, it slows down all text. */
static __attribute__((noinline)) const uint8_t *after_escape(const uint8_t *at,
                                                             const uint8_t *end) {
    const uint8_t *next = after_color(at, end);
    return next > at ? next : at + 1;
}

static void add_text(masker *m, const uint8_t *at, const uint8_t *end) {
    while (at < end && !m->ended) {
        uint8_t byte = *at, class = classes[byte];
        if (class & RUN) {
            at = add_run(m, at, end);
            if (at < end && classes[*at] & SLASH) {
                if (!m->ended)
                    mix(m, *at);
                at++;
            }
        } else if (class & SPACE) {
            mix(m, ' ');
            do {    /* behind a form feed are further lines of a record, see records.c */
                m->ended |= *at == '\f';
                at = __builtin_expect(*at == 0x1b, 0) ? after_escape(at, end) : at + 1;
            } while (at < end && classes[*at] & SPACE);
        } else if (class & SLASH) {
            add_mark(m, PATH);
            do
                at++;
            while (at < end && !(classes[*at] & ENDS_PATH));
        } else {
            mix(m, byte);
            at++;
        }
    }
}

/* The hash of the shape of the line from `line` to `end`, whose time is at a place. */
uint64_t shape_of(const shapes *s, const uint8_t *line, const uint8_t *end,
                  const time_place *time) {
    const uint8_t *head_end = end - line > SHAPE_BYTES ? line + SHAPE_BYTES : end, *at = line;
    masker m = {s->seed, line, head_end, s->max_parts, 0, time->is_access};
    if (!s->max_parts)
        return s->seed;
    if (time->end && time->end <= head_end) {
        if (!time->is_access)
            add_text(&m, add_start(&m, line, time->start), time->start);
        add_mark(&m, TIME);
        at = time->end;
    }
    add_text(&m, at > line ? at : add_start(&m, at, head_end), head_end);
    m.hash ^= m.hash >> 32;
    return m.hash * 0xD6E8FEB86659FD93u;
}
