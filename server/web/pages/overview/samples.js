// Figures of the service over the last hour: what it has noted itself, and what this page has seen
// since. Each counts since the store was made; two of them and the time between give a rate.

const KEPT_MS = 3600e3;
const LEAST_MS = 2000;

export class Samples {
  constructor() {
    this.all = [];
  }

  /** Take what the service has noted, in place of all that was seen up to then. */
  begin(moments) {
    const noted = moments.map(({ at, finished, wait }) => (
      { now: Date.parse(at), finished, waits: wait.count, waited: wait.seconds }));
    const last = noted.at(-1)?.now ?? 0;
    this.all = [...noted, ...this.all.filter(({ now }) => now > last)];
  }

  /** Take an answer, unless the last one is of just now. */
  add(overview, now = Date.now()) {
    if (this.all.length && now - this.all.at(-1).now < LEAST_MS) return;
    this.all.push({ now, ...totals(Object.values(overview.types)) });
    while (now - this.all[0].now > KEPT_MS) this.all.shift();
  }

  /** Jobs finished a second, as [ms, rate]. */
  throughput() {
    return this.over(this.pairs().map(([a, b]) => [b.now, Math.max(0, (1000 * (b.finished - a.finished)) / (b.now - a.now))]));
  }

  /** Mean seconds from due to started, as [ms, seconds]; where no job has started, nothing is known. */
  wait() {
    const started = this.pairs().filter(([a, b]) => b.waits > a.waits);
    return this.over(started.map(([a, b]) => [b.now, Math.max(0, (b.waited - a.waited) / (b.waits - a.waits))]));
  }

  /** Points with the time that they are to be drawn in: the same for all of them. */
  over(points) {
    const now = this.all.at(-1)?.now ?? 0;
    return { start: this.all[1]?.now ?? now, now, points };
  }

  pairs() {
    return this.all.slice(1).map((each, at) => [this.all[at], each]);
  }
}

function totals(types) {
  const sum = (value) => types.reduce((all, type) => all + value(type), 0);
  return {
    finished: sum(({ finished }) => Object.values(finished).reduce((a, b) => a + b, 0)),
    waits: sum(({ wait }) => wait.count),
    waited: sum(({ wait }) => wait.seconds),
  };
}
