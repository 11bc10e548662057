/* Finds the grams and bytes of a literal that are rare in a sample of the data. */
#include "kernel.h"

enum { EDGE_POSITIONS = 64 };    /* considered at the start, and at the end, of a literal */

static uint32_t *count_of(const planner *p, uint32_t gram) {
    return p->grams + (hashed(gram | p->fold) >> (HASH_BITS - COUNT_BITS));
}

static uint32_t bytes_like(const planner *p, uint8_t byte) {
    return p->bytes[p->fold ? lowered(byte) : byte];
}

void count_sample(planner *p, const uint8_t *sample, uint32_t size) {
    memset(p->grams, 0, sizeof(uint32_t) << COUNT_BITS);
    p->size = size;
    for (uint32_t at = 0; at + GRAM <= size; at++) {
        ++*count_of(p, load32(sample + at));
        p->bytes[p->fold ? lowered(sample[at]) : sample[at]]++;
    }
}

/* How often a gram is in the sample, plus how often its bytes make it likely: that also ranks grams
 * that the sample does not contain. */
static float frequency(const planner *p, const uint8_t *gram) {
    float likely = (float)p->size;
    for (int i = 0; i < GRAM; i++)
        likely *= (float)(1 + bytes_like(p, gram[i])) / (float)(1 + p->size);
    return likely + (float)*count_of(p, load32(gram));
}

/* The position at which `step` grams in a row are rarest together. */
position rarest(const planner *p, const literal *l, uint32_t step) {
    const uint8_t *text = p->s->texts + l->text;
    const uint32_t needed = step - 1 + GRAM, end = l->size < needed ? 0 : l->size - needed + 1;
    position best = {0, -1};
    for (uint32_t at = 0; at < end; at++) {
        float sum = 0;
        if (at == EDGE_POSITIONS && end > 2 * EDGE_POSITIONS)
            at = end - EDGE_POSITIONS;
        for (uint32_t i = 0; i < step; i++)
            sum += frequency(p, text + at + i);
        if (best.frequency < 0 || sum < best.frequency)
            best = (position){at, sum};
    }
    return best;
}

/* The position of the rarest byte, not counting position `except`. */
uint32_t rare_byte(const planner *p, const literal *l, uint32_t except) {
    const uint8_t *text = p->s->texts + l->text;
    uint32_t best = except ? 0 : l->size > 1;
    for (uint32_t at = 0; at < l->size && at < EDGE_POSITIONS; at++)
        if (at != except && bytes_like(p, text[at]) < bytes_like(p, text[best]))
            best = at;
    return best;
}
