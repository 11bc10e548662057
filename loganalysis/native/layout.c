/* Follows the steps of a layout, as fields/layout.py describes them. */
#include "fields.h"

/* The words of a step: its operation, then what the comment names. */
enum operation {
    RUN,              /* class, least, most */
    BEGIN,            /* field */
    END,              /* field */
    OPTIONAL,         /* position of the step behind it, a bit for each field in it */
    OPTIONAL_END,
    QUOTED,
    SEEK,             /* position of the text, its size */
    TEXT,             /* position of the text, its size */
    UNTIL,            /* two bytes that end the run, least */
};

enum { MAX_DEPTH = 8 }; /* of optional pieces; fields/program.py knows it */

/* Where to continue if an optional piece does not fit. */
typedef struct {
    const uint8_t *at;
    const uint32_t *step;
} choice;

static const uint8_t *quoted_end(const fields *f, const uint8_t *at, const uint8_t *to) {
    for (;;) {
        at = find_either(at, to, f->limit, '"', '\\');
        if (at == to || *at == '"' || to - at < 2)
            return at;
        at += 2;
    }
}

/* The end of the first occurrence of a text, or NULL. */
static const uint8_t *behind(const uint8_t *at, const uint8_t *to, const uint8_t *text,
                             uint32_t size) {
    while ((at = find_byte(at, to, *text)) < to && to - at >= size) {
        if (same_bytes(at, text, size))
            return at + size;
        at++;
    }
    return NULL;
}

static const uint8_t *run_end(const uint8_t *at, const uint8_t *to, const uint8_t *kind,
                              const uint32_t *step) {
    const uint8_t *end = to - at > step[3] ? at + step[3] : to, *start = at;
    while (at < end && kind[*at])
        at++;
    return at - start >= step[2] ? at : NULL;
}

int walk_layout(fields *f, const walker *w, const uint8_t *at, const uint8_t *to) {
    const uint32_t *step = w->steps, *last = step + w->step_count;
    choice choices[MAX_DEPTH];
    uint32_t depth = 0;
    while (step < last) {
        const uint8_t *next = at;
        switch ((enum operation)*step) {
        case RUN:
            next = run_end(at, to, w->classes + 256 * step[1], step);
            step += 4;
            break;
        case BEGIN:
            f->spans[step[1]].from = at;
            step += 2;
            break;
        case END:
            f->spans[step[1]].to = at;
            step += 2;
            break;
        case OPTIONAL:
            choices[depth++] = (choice){at, step};
            step += 3;
            break;
        case OPTIONAL_END:
            depth--;
            step += 1;
            break;
        case QUOTED:
            next = quoted_end(f, at, to);
            step += 1;
            break;
        case SEEK:
            next = behind(at, to, w->texts + step[1], step[2]);
            step += 3;
            break;
        case TEXT:
            next = to - at >= step[2] && same_bytes(at, w->texts + step[1], step[2])
                       ? at + step[2] : NULL;
            step += 3;
            break;
        case UNTIL:
            next = find_either(at, to, f->limit, (uint8_t)step[1], (uint8_t)step[2]);
            next = next - at >= step[3] ? next : NULL;
            step += 4;
            break;
        }
        if (next) {
            at = next;
            continue;
        }
        if (!depth)
            return 0;
        at = choices[--depth].at;
        step = choices[depth].step;
        for (uint32_t left = step[2]; left; left &= left - 1)
            f->spans[__builtin_ctz(left)].from = NULL;
        step = w->steps + step[1];
    }
    return 1;
}
