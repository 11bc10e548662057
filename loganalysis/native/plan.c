/* Chooses a filter for each literal, and grams for it that are rare in a sample of the data. */
#include "kernel.h"

enum {
    FEW = 3,                /* up to this many literals, each gets a PAIR pass of its own */
    FREQUENT_BYTES = 32,    /* HASHES avoids grams that come more than once in so many bytes */
};

/* The kinds of literals. A literal of `size` bytes has `step` grams in a row. One of them is at a
 * multiple of `step`, so HASHES need only look there. A HASHES pass with this step takes as long as
 * `passes` NIBBLES passes. */
static const struct {
    uint32_t size, step, passes;
} steps[] = {{7, 4, 1}, {5, 2, 4}, {4, 1, 8}, {1, 1, 1 << 16}};

enum { KINDS = sizeof steps / sizeof steps[0] };

static int is_frequent(const planner *p, const literal *l, uint32_t step) {
    return rarest(p, l, step).frequency > (float)p->size / FREQUENT_BYTES;
}

/* The kind with the longest step whose grams are not frequent, or the longest step if all are. */
static uint8_t kind_of(const planner *p, const literal *l) {
    uint8_t kind = 0;
    while (l->size < steps[kind].size)
        kind++;
    if (!is_frequent(p, l, 1))
        while (is_frequent(p, l, steps[kind].step))
            kind++;
    return kind;
}

/* Whether HASHES is faster than NIBBLES for all literals of a kind. */
static int is_hashed(const scan *s, const uint32_t *counts, uint32_t kind) {
    return counts[kind] > s->limits.pass_literals * steps[kind].passes;
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

/* Put all literals that HASHES does not find into as few NIBBLES passes as possible. */
static void plan_nibbles(planner *p, const uint32_t *counts) {
    scan *s = p->s;
    uint32_t first = p->entries, count, passes;
    for (uint32_t i = 0; i < s->literal_count; i++)
        if (!is_hashed(s, counts, s->literals[i].kind))
            add_entry(p, i, rarest(p, s->literals + i, 1).at);
    count = p->entries - first;
    passes = (count + s->limits.pass_literals - 1) / s->limits.pass_literals;
    sort(s->entries + first, count);
    for (uint32_t pass = 0; pass < passes; pass++) {
        uint32_t from = count * pass / passes, to = count * (pass + 1) / passes;
        fill_buckets(p, add_group(p, NIBBLES), first + from, to - from);
    }
}

/* Fill the entries and groups of a scan. The sample is of its data. */
void plan(scan *s, const uint8_t *sample, uint32_t size) {
    planner p = {.s = s, .grams = (uint32_t *)s->strips};
    uint32_t counts[KINDS] = {0};
    for (uint32_t i = 0; i < s->literal_count; i++)
        p.fold |= s->literals[i].folded ? LOWER_CASE_BITS : 0;
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
    plan_nibbles(&p, counts);
}
