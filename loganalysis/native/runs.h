/* The times of lines, as timeline.c has them, for others that count lines over time. */
#ifndef RUNS_H
#define RUNS_H

#include <stdint.h>

/* The second of the line that begins at an offset of the data, which must be in the last view; a
 * negative number if the line has no time or does not count. Lines from there on have the same up to
 * the offset `until`. `timeline` is of the type of this name. */
int64_t timeline_run(const void *timeline, int64_t offset, int64_t *until);

#endif
