/* Finds the fields of lines that name them: logfmt, and the export of the journal. json.c has JSON.
 *
 * The steps of such a walker are three words for each field that is wanted: the position of its
 * name in `texts`, the size of the name, and the number of the field.
 */
#include "fields.h"

const uint8_t *after_space(const uint8_t *at, const uint8_t *to) {
    while (at < to && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The end of a text in quotes that begins behind its first quotation mark, or NULL. */
const uint8_t *quote_after(const uint8_t *at, const uint8_t *to, int *escaped) {
    for (; at < to && *at != '"'; at++)
        if (*at == '\\') {
            *escaped = 1;
            if (++at == to)
                return NULL;
        }
    return at < to ? at : NULL;
}

/* The span of the field with this name, or NULL if it is not wanted. */
static span *wanted(fields *f, const walker *w, const uint8_t *name, const uint8_t *end) {
    for (uint32_t i = 0; i < w->step_count; i += 3)
        if (end - name == w->steps[i + 1] &&
            same_bytes(name, w->texts + w->steps[i], w->steps[i + 1]))
            return f->spans + w->steps[i + 2];
    return NULL;
}

static int hex(const uint8_t *at) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t lower = at[i] | 0x20;
        int digit = (uint8_t)(at[i] - '0') < 10 ? at[i] - '0'
                    : (uint8_t)(lower - 'a') < 6 ? lower - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static uint8_t *utf8(uint8_t *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = (uint8_t)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (uint8_t)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (uint8_t)(0xE0 | code >> 12);
        } else {
            *out++ = (uint8_t)(0xF0 | code >> 18);
            *out++ = (uint8_t)(0x80 | (code >> 12 & 63));
        }
        *out++ = (uint8_t)(0x80 | (code >> 6 & 63));
    }
    *out++ = (uint8_t)(0x80 | (code & 63));
    return out;
}

/* Decode \uXXXX, and a second one if both are a pair of surrogates. A single surrogate becomes a
 * question mark. Returns the position behind it, or NULL. */
static const uint8_t *unicode(const uint8_t *at, const uint8_t *to, uint8_t **out) {
    int code = to - at < 4 ? -1 : hex(at), low = -1;
    if (code < 0)
        return NULL;
    at += 4;
    if (code >= 0xD800 && code < 0xDC00 && to - at >= 6 && at[0] == '\\' && at[1] == 'u')
        low = hex(at + 2);
    if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    }
    *out = code >= 0xD800 && code < 0xE000 ? utf8(*out, '?') : utf8(*out, (uint32_t)code);
    return at;
}

static uint8_t control(uint8_t letter, int json) {
    switch (letter) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return json ? '\b' : letter;
    case 'f':
        return json ? '\f' : letter;
    default:
        return letter;
    }
}

/* Write a text without its escapes to the scratch memory; the text is never longer than before.
 * Returns 0 if an escape is wrong. */
int unescape(fields *f, span *s, int json) {
    uint8_t *const start = f->scratch + f->scratch_used, *out = start;
    for (const uint8_t *at = s->from; at < s->to;) {
        if (*at != '\\') {
            *out++ = *at++;
        } else if (json && at[1] == 'u') {
            at = unicode(at + 2, s->to, &out);
            if (!at)
                return 0;
        } else {
            if (json && !(at[1] == '"' || at[1] == '\\' || at[1] == '/' ||
                          control(at[1], 1) != at[1]))
                return 0;
            *out++ = control(at[1], json);
            at += 2;
        }
    }
    f->scratch_used = (uint32_t)(out - f->scratch);
    *s = (span){start, out};
    return 1;
}

static int begins_name(uint8_t byte) {
    return (uint8_t)((byte | 0x20) - 'a') < 26 || byte == '_' || byte == '@';
}

static int is_of_name(uint8_t byte) {
    return begins_name(byte) || (uint8_t)(byte - '0') < 10 || byte == '.' || byte == '/' ||
           byte == '-';
}

static const uint8_t always[] = "true";

/* Read the value behind a name: =text, ="text" or nothing. Returns the position behind, or NULL. */
static const uint8_t *logfmt_value(fields *f, const uint8_t *at, const uint8_t *to, span *into) {
    int escaped = 0;
    span found = {always, always + 4};
    if (at < to && *at == '=') {
        const uint8_t *start = ++at;
        int quoted = at < to && *at == '"';
        if (quoted) {
            at = quote_after(++start, to, &escaped);
            if (!at)
                return NULL;
        } else {
            while (at < to && *at != ' ' && *at != '\t' && *at != '"')
                at++;
        }
        found = (span){start, at};
        at += quoted;
    }
    if (into)
        *into = found;
    if (into && escaped)
        unescape(f, into, 0);
    return at == to || *at == ' ' || *at == '\t' ? at : NULL;
}

int walk_logfmt(fields *f, const walker *w, const uint8_t *at, const uint8_t *to) {
    int first = 1;
    while (to > at && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
        to--;
    while (at < to) {
        const uint8_t *name = after_space(at, to), *end = name;
        if (!begins_name(*name))
            return 0;
        while (end < to && is_of_name(*end))
            end++;
        if (first && (end == to || *end != '='))
            return 0;
        at = logfmt_value(f, end, to, wanted(f, w, name, end));
        if (!at)
            return 0;
        first = 0;
    }
    return !first;
}

static int is_of_exported_name(uint8_t byte) {
    return (uint8_t)(byte - 'A') < 26 || (uint8_t)(byte - '0') < 10 || byte == '_';
}

int walk_export(fields *f, const walker *w, const uint8_t *at, const uint8_t *to) {
    const uint8_t *end = at;
    span *into;
    while (end < to && is_of_exported_name(*end))
        end++;
    if (end == at || end == to || *end != '=' || (uint8_t)(*at - '0') < 10)
        return 0;
    into = wanted(f, w, at, end);
    if (into)
        *into = (span){end + 1, to};
    return 1;
}
