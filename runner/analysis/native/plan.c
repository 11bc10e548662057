/* Which literals are found by which filter, by which of their grams: those rare in a sample. */
#include "plan.h"

enum {
    FEW = 3,           /* literals, each of which has a pass of its own */
    OFTEN = 32,        /* bytes; grams that are more frequent are avoided by HASHES */
};

/* A literal so long has as many grams in a row, one of which is at each so many bytes. A pass by
 * HASHES takes the time of so many passes by NIBBLES. */
static const struct {
    uint32_t size, step, passes;
} steps[] = {{7, 4, 1}, {5, 2, 4}, {4, 1, 8}, {1, 1, 1 << 16}};

enum { KINDS = sizeof steps / sizeof steps[0] };

static int is_frequent(const planner *p, const literal *l, uint32_t step) {
    return rarest(p, l, step).frequency > (float)p->size / OFTEN;
}

/* The longest steps with grams that are not frequent; where all are, the longest. */
static uint8_t kind_of(const planner *p, const literal *l) {
    uint8_t kind = 0;
    while (l->size < steps[kind].size)
        kind++;
    if (!is_frequent(p, l, 1))
        while (is_frequent(p, l, steps[kind].step))
            kind++;
    return kind;
}

static int is_hashed(const scan *s, const uint32_t *counts, uint32_t kind) {
    return counts[kind] > s->limits.together * steps[kind].passes;
}

static void plan_pair(planner *p, uint32_t number) {
    const literal *l = p->s->literals + number;
    group *g = add_group(p, PAIR);
    uint32_t one = rare_byte(p, l, UINT32_MAX), other = rare_byte(p, l, one);
    uint32_t at[2] = {one < other ? one : other, one < other ? other : one};
    g->distance = at[1] - at[0];
    for (int i = 0; i < 2; i++) {
        g->pair[i] = p->s->texts[l->text + at[i]];
        g->pair_fold[i] = l->folded && is_letter(g->pair[i]) ? 0x20 : 0;
    }
    add_entry(p, number, at[0]);
    g->longest_list = 1;
}

static void plan_hashes(planner *p, uint32_t kind) {
    group *g = add_group(p, HASHES);
    uint32_t first = p->entries;
    g->fold = p->fold;
    g->step = steps[kind].step;
    for (uint32_t i = 0; i < p->s->literal_count; i++) {
        const literal *l = p->s->literals + i;
        if (l->kind != kind)
            continue;
        uint32_t at = rarest(p, l, g->step).at;
        for (uint32_t further = 0; further < g->step; further++)
            add_entry(p, i, at + further)->gram |= p->fold;
    }
    fill_slots(p, g, first);
}

/* All literals that are not found by HASHES, by NIBBLES. */
static void plan_rest(planner *p, const uint32_t *counts) {
    scan *s = p->s;
    uint32_t first = p->entries, count, passes;
    for (uint32_t i = 0; i < s->literal_count; i++)
        if (!is_hashed(s, counts, s->literals[i].kind))
            add_entry(p, i, rarest(p, s->literals + i, 1).at);
    count = p->entries - first;
    passes = (count + s->limits.together - 1) / s->limits.together;
    sort(s->entries + first, count);
    for (uint32_t pass = 0; pass < passes; pass++) {
        uint32_t from = count * pass / passes, to = count * (pass + 1) / passes;
        fill_buckets(p, add_group(p, NIBBLES), first + from, to - from);
    }
}

void plan(scan *s, const uint8_t *sample, uint32_t size) {
    planner p = {.s = s, .grams = (uint32_t *)s->strips};
    uint32_t counts[KINDS] = {0};
    for (uint32_t i = 0; i < s->literal_count; i++)
        p.fold |= s->literals[i].folded ? LOWER_CASE : 0;
    count_sample(&p, sample, size);
    if (s->literal_count <= FEW) {
        for (uint32_t i = 0; i < s->literal_count; i++)
            plan_pair(&p, i);
        return;
    }
    for (uint32_t i = 0; i < s->literal_count; i++) {
        s->literals[i].kind = kind_of(&p, s->literals + i);
        counts[s->literals[i].kind]++;
    }
    for (uint32_t kind = 0; kind < KINDS; kind++)
        if (is_hashed(s, counts, kind))
            plan_hashes(&p, kind);
    plan_rest(&p, counts);
}
