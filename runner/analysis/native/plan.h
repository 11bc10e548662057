/* Between the parts of the planning. */
#ifndef PLAN_H
#define PLAN_H

#include "scan.h"

enum {
    COUNT_BITS = 14,
    LOWER_CASE = 0x20202020,
};

typedef struct {
    scan *s;
    uint32_t entries;
    uint32_t fold;             /* LOWER_CASE if case is ignored in any literal */
    uint32_t size;             /* of the sample */
    uint32_t *grams;           /* how often each is in it, by a hash */
    uint32_t bytes[256];       /* and how often each byte */
} planner;

/* In a literal, and how often what is there is in the sample; below 0: it is too short. */
typedef struct {
    uint32_t at;
    float frequency;
} place;

static inline int is_letter(uint8_t byte) {
    return (uint8_t)(byte - 'a') < 26;
}

/* sample.c */
void count_sample(planner *p, const uint8_t *sample, uint32_t size);
place rarest(const planner *p, const literal *l, uint32_t step);
uint32_t rare_byte(const planner *p, const literal *l, uint32_t but);

/* tables.c */
group *add_group(planner *p, enum filter filter);
entry *add_entry(planner *p, uint32_t number, uint32_t offset);
void sort(entry *from, uint32_t count);
void fill_buckets(planner *p, group *g, uint32_t first, uint32_t count);
void fill_slots(planner *p, group *g, uint32_t first);

#endif
