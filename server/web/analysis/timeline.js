// Counts over time on one axis, from a result with `timeline` or, as older jobs have it, with
// `histogram`.

/** @typedef {import("../types.js").Analysis} Analysis */
/** @typedef {import("../types.js").Histogram} Histogram */
/** @typedef {"patterns" | "levels" | "statuses" | "templates"} Stack */
/**
 * Bin `i` begins at `start + i * step` seconds. `stacks` has the counts of each bin by name, and
 * `outside` is the number of lines that are so far away that the axis leaves them out.
 *
 * @typedef {{
 *   start: number,
 *   step: number,
 *   bins: number,
 *   total: number[] | null,
 *   stacks: Partial<Record<Stack, Record<string, number[]>>>,
 *   undated: number,
 *   outside?: number,
 * }} Timeline
 */
/**
 * A range of time with many lines; `expected` is the usual count of a bin. `key` is that of the
 * series, of which `name` is the text.
 *
 * @typedef {{
 *   key: string,
 *   name: string,
 *   from: number,
 *   until: number,
 *   count: number,
 *   expected: number,
 * }} Burst
 */

/**
 * What the columns of a chart may stand for, the most useful first.
 *
 * @type {Stack[]}
 */
export const STACKS = ["patterns", "levels", "statuses", "templates"];

const MOST_BINS = 200;
/** @type {Record<string, number>} in seconds; a histogram with too many days counts by month */
const UNITS = { second: 1, minute: 60, hour: 3600, day: 86400, month: 30.4369 * 86400 };
const STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3600),
  ...[1, 2, 7, 14].map((days) => days * 86400),
];
const BURST_FACTOR = 4;
const BURST_LEAST = 10;
const BURST_DEVIATIONS = 6; // of a Poisson distribution around the median

/**
 * Return the counts over time of a result; null if it has none.
 *
 * @param {Analysis} analysis
 * @returns {Timeline | null}
 */
export function timelineOf({ timeline, histogram }) {
  if (timeline?.start) {
    const { start, bin_seconds: step, bins, total, undated, ...others } = timeline;
    const { before = 0, after = 0, ...stacks } = others;
    const outside = before + after;
    return { start: Date.parse(start) / 1000, step, bins, total, undated, outside, stacks };
  }
  return histogram ? fromHistograms(histogram) : null;
}

/**
 * Put the histograms of patterns on one axis of at most 200 bins.
 *
 * @param {Record<string, Histogram>} histograms
 * @returns {Timeline | null}
 */
function fromHistograms(histograms) {
  const all = Object.values(histograms);
  const times = all.flatMap(({ lines }) => lines.map(([at]) => Date.parse(at) / 1000));
  if (!times.length) return null;
  // A loop, because Math.min takes no more than some ten thousand arguments.
  const [first, last] = times.reduce(
    ([a, b], at) => [Math.min(a, at), Math.max(b, at)],
    [times[0], times[0]],
  );
  const unit = UNITS[all[0].unit] ?? UNITS.month;
  const isRound = unit < UNITS.month;
  const step =
    STEPS.find((each) => each >= unit && (last - first) / each < MOST_BINS) ??
    Math.ceil((last - first) / MOST_BINS / unit) * unit;
  const start = isRound ? Math.floor(first / step) * step : first;
  const binOf = (/** @type {number} */ at) =>
    isRound ? Math.floor((at - start) / step) : Math.round((at - start) / step);
  const bins = binOf(last) + 1;
  const patterns = Object.entries(histograms).map(([name, { lines }]) => {
    const counts = new Array(bins).fill(0);
    for (const [at, count] of lines) counts[binOf(Date.parse(at) / 1000)] += count;
    return [name, counts];
  });
  const undated = all.reduce((sum, each) => sum + each.undated_lines, 0);
  const stacks = { patterns: Object.fromEntries(patterns) };
  return { start, step, bins, total: null, stacks, undated };
}

/**
 * Find the bursts of a series: neighboring bins that have at least ten lines, four times as many as
 * the median bin, and more than chance explains. The largest comes first.
 *
 * @param {{ key: string, name: string }} series
 * @param {number[]} counts
 * @param {Pick<Timeline, "start" | "step">} axis
 * @returns {Burst[]}
 */
export function burstsOf({ key, name }, counts, { start, step }) {
  const expected = [...counts].sort((a, b) => a - b)[counts.length >> 1] ?? 0;
  const chance = expected + BURST_DEVIATIONS * Math.sqrt(expected + 1);
  const least = Math.max(BURST_LEAST, BURST_FACTOR * expected, chance);
  /** @type {Burst[]} */
  const bursts = [];
  counts.forEach((count, bin) => {
    if (count < least) return;
    const [from, until] = [start + bin * step, start + (bin + 1) * step];
    const last = bursts.at(-1);
    if (last?.until === from) Object.assign(last, { until, count: last.count + count });
    else bursts.push({ key, name, from, until, count, expected });
  });
  return bursts.sort((a, b) => b.count - a.count);
}
