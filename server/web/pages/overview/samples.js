// Samples of the service's counters over the last hour: first the history that the service has
// kept, then what this page has loaded. The counters only grow, so that two samples give a rate.

/** @typedef {import("../../types.js").MomentDocument} MomentDocument */
/** @typedef {import("../../types.js").OverviewDocument} OverviewDocument */
/** @typedef {import("../../lib/chart.js").Point} Point */
/** @typedef {import("../../lib/chart.js").Series} Series */
/**
 * The counters at a time in ms: jobs finished, jobs started, and the seconds that the started ones
 * have waited in total.
 *
 * @typedef {{ now: number, finished: number, started: number, waited: number }} Sample
 */

const KEPT_MS = 3600e3;
const LEAST_MS = 2000; // between two samples

/** Samples in order of time. */
export class Samples {
  constructor() {
    /** @type {Sample[]} */
    this.all = [];
  }

  /**
   * Take the history of the service, in place of the samples from the same time.
   *
   * @param {MomentDocument[]} moments
   */
  setHistory(moments) {
    const history = moments.map(({ at, finished, wait }) => ({
      now: Date.parse(at),
      finished,
      started: wait.count,
      waited: wait.seconds,
    }));
    const last = history.at(-1)?.now ?? 0;
    this.all = [...history, ...this.all.filter(({ now }) => now > last)];
  }

  /**
   * Add the counters of an overview, unless the last sample is less than two seconds old.
   *
   * @param {Pick<OverviewDocument, "types">} overview
   * @param {number} now in ms
   */
  add(overview, now) {
    const last = this.all.at(-1);
    if (last && now - last.now < LEAST_MS) return;
    this.all.push({ now, ...totals(overview) });
    while (now - this.all[0].now > KEPT_MS) this.all.shift();
  }

  /**
   * Jobs finished per second.
   *
   * @returns {Series}
   */
  throughput() {
    return this.series(
      this.pairs().map(([a, b]) => [
        b.now,
        Math.max(0, (1000 * (b.finished - a.finished)) / (b.now - a.now)),
      ]),
    );
  }

  /**
   * Mean seconds from due to start, for each time in which a job has started.
   *
   * @returns {Series}
   */
  meanWait() {
    const pairs = this.pairs().filter(([a, b]) => b.started > a.started);
    return this.series(
      pairs.map(([a, b]) => [b.now, Math.max(0, (b.waited - a.waited) / (b.started - a.started))]),
    );
  }

  /**
   * Add the time that a chart has to cover. It is the same for all charts.
   *
   * @param {Point[]} points
   * @returns {Series}
   */
  series(points) {
    const now = this.all.at(-1)?.now ?? 0;
    return { start: this.all[1]?.now ?? now, now, points };
  }

  /** @returns {[Sample, Sample][]} each sample with the next one */
  pairs() {
    return this.all.slice(1).map((each, at) => [this.all[at], each]);
  }
}

/** @param {Pick<OverviewDocument, "types">} overview */
function totals({ types }) {
  const total = { finished: 0, started: 0, waited: 0 };
  for (const { finished, wait } of Object.values(types)) {
    total.finished += Object.values(finished).reduce((a, b) => a + b, 0);
    total.started += wait.count;
    total.waited += wait.seconds;
  }
  return total;
}
