/* Finds the fields of JSON objects, also of objects within them: the name of such a field is the way
 * to it, with dots between the keys. A key that contains dots is not special. If several values of a
 * line have one name, the last counts. Objects and lists are values, too: their text.
 *
 * The steps of a walker are as in named.c.
 */
#include "fields.h"

enum { MOST_OBJECTS = 8, NOT_WITHIN = -1 }; /* objects in one another */

/* The end of an object or a list, or NULL. */
static const uint8_t *nested_end(const uint8_t *at, const uint8_t *to) {
    int depth = 0, escaped = 0;
    for (; at < to; at++) {
        if (*at == '"' && !(at = quote_after(at + 1, to, &escaped)))
            return NULL;
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        if (!depth)
            return at + 1;
    }
    return NULL;
}

static int is_scalar(uint8_t byte) {
    return byte > ' ' && byte != ',' && byte != '}' && byte != ']' && byte != '{' &&
           byte != '[' && byte != '"' && byte != ':';
}

/* Read a value of JSON. Returns the position behind it, or NULL. */
static const uint8_t *json_value(fields *f, const uint8_t *at, const uint8_t *to, span *into) {
    const uint8_t *end = at;
    int escaped = 0;
    span found;
    if (at == to)
        return NULL;
    if (*at == '"') {
        end = quote_after(at + 1, to, &escaped);
        found = (span){at + 1, end};
        at = end ? end + 1 : NULL;
    } else {
        if (*at == '{' || *at == '[')
            end = nested_end(at, to);
        else
            while (end < to && is_scalar(*end))
                end++;
        found = (span){at, end};
        at = end == at ? NULL : end;
    }
    if (!at || !into)
        return at;
    *into = found;
    return !escaped || unescape(f, into, 1) ? at : NULL;
}

static const uint8_t *object(fields *f, const walker *w, const uint8_t *at, const uint8_t *to,
                             const int32_t *begun, int depth);

/* Read the value of a key. `begun` has, for each step, how many bytes of the name the keys of the
 * objects around it make up, or NOT_WITHIN. Returns the position behind the value, or NULL. */
static const uint8_t *member(fields *f, const walker *w, span key, const uint8_t *at,
                             const uint8_t *to, const int32_t *begun, int depth) {
    const uint32_t size = (uint32_t)(key.to - key.from);
    int32_t inner[MAX_FIELDS];
    int is_deeper = 0;
    span *into = NULL;
    for (uint32_t i = 0; 3 * i < w->step_count; i++) {
        const uint32_t *step = w->steps + 3 * i;
        inner[i] = NOT_WITHIN;
        if (begun[i] == NOT_WITHIN || size > step[1] - (uint32_t)begun[i])
            continue;
        const uint8_t *name = w->texts + step[0] + begun[i];
        const uint32_t left = step[1] - (uint32_t)begun[i];
        if (!same_bytes(name, key.from, size))
            continue;
        if (size == left) {
            into = f->spans + step[2];
        } else if (name[size] == '.') {
            inner[i] = begun[i] + (int32_t)size + 1;
            is_deeper = 1;
        }
    }
    if (!is_deeper || at == to || *at != '{' || depth == MOST_OBJECTS)
        return json_value(f, at, to, into);
    const uint8_t *end = object(f, w, at + 1, to, inner, depth + 1);
    if (end && into)
        *into = (span){at, end};
    return end;
}

/* Read an object from behind its first brace on. Returns the position behind it, or NULL. */
static const uint8_t *object(fields *f, const walker *w, const uint8_t *at, const uint8_t *to,
                             const int32_t *begun, int depth) {
    at = after_space(at, to);
    if (at < to && *at == '}')
        return at + 1;
    while (at < to && *at == '"') {
        int escaped = 0;
        span key = {at + 1, quote_after(at + 1, to, &escaped)};
        if (!key.to)
            return NULL;
        at = after_space(key.to + 1, to);
        if (at == to || *at != ':' || (escaped && !unescape(f, &key, 1)))
            return NULL;
        at = member(f, w, key, after_space(at + 1, to), to, begun, depth);
        if (!at)
            return NULL;
        at = after_space(at, to);
        if (at == to || *at != ',')
            return at < to && *at == '}' ? at + 1 : NULL;
        at = after_space(at + 1, to);
    }
    return NULL;
}

int walk_json(fields *f, const walker *w, const uint8_t *at, const uint8_t *to) {
    const int32_t begun[MAX_FIELDS] = {0};
    at = after_space(at, to);
    if (at == to || *at != '{')
        return 0;
    at = object(f, w, at + 1, to, begun, 1);
    return at && after_space(at, to) == to;
}
