/* What is rare in a sample of the data: what literals are searched for by. */
#include "plan.h"

enum { PLACES = 64 };          /* of a literal, at its start and at its end, that are looked at */

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

/* How often a gram is in the sample; if it is not, how likely its bytes make it. */
static float frequency(const planner *p, const uint8_t *gram) {
    float likely = (float)p->size;
    for (int i = 0; i < GRAM; i++)
        likely *= (float)(1 + bytes_like(p, gram[i])) / (float)(1 + p->size);
    return likely + (float)*count_of(p, load32(gram));
}

/* Where so many grams in a row are rarest together. */
place rarest(const planner *p, const literal *l, uint32_t step) {
    const uint8_t *text = p->s->texts + l->text;
    const uint32_t needed = step - 1 + GRAM, end = l->size < needed ? 0 : l->size - needed + 1;
    place best = {0, -1};
    for (uint32_t at = 0; at < end; at++) {
        float sum = 0;
        if (at == PLACES && end > 2 * PLACES)
            at = end - PLACES;
        for (uint32_t i = 0; i < step; i++)
            sum += frequency(p, text + at + i);
        if (best.frequency < 0 || sum < best.frequency)
            best = (place){at, sum};
    }
    return best;
}

/* The rarest byte, but for one place. */
uint32_t rare_byte(const planner *p, const literal *l, uint32_t but) {
    const uint8_t *text = p->s->texts + l->text;
    uint32_t best = but ? 0 : l->size > 1;
    for (uint32_t at = 0; at < l->size && at < PLACES; at++)
        if (at != but && bytes_like(p, text[at]) < bytes_like(p, text[best]))
            best = at;
    return best;
}
