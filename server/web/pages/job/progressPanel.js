// How far a job is: by bytes, say, where it tells them; by nothing but that it runs, where it does not.

import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

const RATE_MS = 10000;
const LEAST_MS = 2000;

const SHOWN = { bytes: format.bytes, seconds: format.duration };

/** What is done and what there is in all, and how that is shown; null if the job does not tell, by
 *  numbers called as in bytes_done and bytes_total. */
function steps({ progress }) {
  for (const [name, done] of Object.entries(progress ?? {})) {
    const [unit, total] = [name.replace(/_done$/, ""), progress[name.replace(/_done$/, "_total")]];
    if (name !== unit && typeof done === "number" && total > 0) return { done, total, show: SHOWN[unit] ?? format.rough };
  }
  return null;
}

/** From 0 to 1; null if the job does not tell. */
function fraction(job) {
  const found = steps(job);
  return found && Math.min(1, found.done / found.total);
}

/** A bar for a row of a list. */
export function smallBar(job) {
  if (job.status !== "running") return null;
  const part = fraction(job);
  return h("progress", { max: 1, value: part, "aria-label": "Progress" });
}

/** A bar with rate and remaining time, to be told the job again with each change. */
export class ProgressPanel {
  constructor() {
    this.element = h("div", { class: "progress-panel", hidden: true });
    this.seen = [];
    this.last = null;
  }

  show(job) {
    this.element.hidden = job.status !== "running";
    if (this.element.hidden) return;
    const found = steps(job);
    const bar = h("progress", { max: 1, value: fraction(job), "aria-label": "Progress of the job" });
    put(this.element, bar, h("p", { class: "quiet" }, found ? this.told(found) : this.plain(job)));
  }

  plain(job) {
    return `running for ${format.duration(format.secondsBetween(job.started_at))}`;
  }

  told({ done, total, show }) {
    const rate = this.rate(done);
    const texts = [`${show(done)} of ${show(total)}`];
    if (rate > 0 && show !== format.duration) texts.push(`${show(Math.round(rate))}/s`);
    if (rate > 0) texts.push(`about ${format.duration((total - done) / rate)} left`);
    return texts.join(" · ");
  }

  /** What is done a second, over the last ten seconds; 0 while nothing tells. */
  rate(done) {
    const now = performance.now();
    if (done < this.last) [this.seen, this.last] = [[], null]; // another attempt
    // When the first was told is not known: it may have been there for long.
    if (this.last !== null && done !== this.last) this.seen.push({ now, done });
    this.last = done;
    while (this.seen.length > 2 && now - this.seen[0].now > RATE_MS) this.seen.shift();
    const [first, last] = [this.seen[0], this.seen.at(-1)];
    if (!first || last.now - first.now < LEAST_MS) return 0;
    return (1000 * (last.done - first.done)) / (last.now - first.now);
  }
}
