// The progress of a running job: a bar, the rate and the remaining time.

import { h, update } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { fractionDone, stepsOf } from "../../shared/progress.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */

const WINDOW_MS = 10000;
const LEAST_MS = 2000;

/** Measures steps per second over the last ten seconds. */
export class RateMeter {
  constructor() {
    /** @type {{ now: number, done: number }[]} */
    this.samples = [];
    /** @type {number | null} */
    this.last = null;
  }

  /**
   * Take the number of steps done at `now`, in ms. Returns the rate; 0 until two samples are at
   * least two seconds apart. A smaller number than before starts again: the job is in another
   * attempt.
   *
   * @param {number} done
   * @param {number} now
   * @returns {number} steps per second
   */
  update(done, now) {
    if (this.last !== null && done < this.last) {
      this.samples = [];
      this.last = null;
    }
    // The first number is no sample, because the job may have reported it long ago.
    if (this.last !== null && done !== this.last) this.samples.push({ now, done });
    this.last = done;
    while (this.samples.length > 2 && now - this.samples[0].now > WINDOW_MS) this.samples.shift();
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.now - first.now < LEAST_MS) return 0;
    return (1000 * (last.done - first.done)) / (last.now - first.now);
  }
}

/** Shows the progress while the job runs; hidden otherwise. Call `show` after each change. */
export class ProgressPanel {
  constructor() {
    this.element = h("div", { class: "progress-panel", hidden: true });
    this.rate = new RateMeter();
  }

  /** @param {JobDocument} job */
  show(job) {
    this.element.hidden = job.status !== "running";
    if (this.element.hidden) return;
    const bar = h("progress", {
      max: 1,
      value: fractionDone(job),
      "aria-label": "Progress of the job",
    });
    update(this.element, bar, h("p", { class: "quiet" }, this.textOf(job)));
  }

  /** @param {JobDocument} job */
  textOf(job) {
    const steps = stepsOf(job);
    if (!steps)
      return `running for ${format.duration(format.secondsBetween(job.started_at ?? ""))}`;
    const { done, total, show } = steps;
    const rate = this.rate.update(done, performance.now());
    const texts = [`${show(done)} of ${show(total)}`];
    if (rate > 0 && show !== format.duration) texts.push(`${show(Math.round(rate))}/s`);
    if (rate > 0) texts.push(`about ${format.duration((total - done) / rate)} left`);
    return texts.join(" · ");
  }
}
