// Reads how far a job is from the progress that it reports.
//
// A job reports numbers in pairs, as in {"bytes_done": 10, "bytes_total": 50}. Any unit will do.

import { h } from "../lib/dom.js";
import * as format from "../lib/format.js";

/** @typedef {import("../types.js").JobDocument} JobDocument */
/** @typedef {{ done: number, total: number, show: (value: number) => string }} Steps */

/** @type {Record<string, (value: number) => string>} by unit; other units are plain numbers */
const FORMATS = { bytes: format.bytes, seconds: format.duration };

/**
 * Return how much of a job is done, in total, and how to format both. Null if the job does not
 * report such a pair of numbers.
 *
 * @param {Pick<JobDocument, "progress">} job
 * @returns {Steps | null}
 */
export function stepsOf({ progress }) {
  for (const [name, done] of Object.entries(progress ?? {})) {
    if (!name.endsWith("_done")) continue;
    const unit = name.slice(0, -"_done".length);
    const total = progress?.[`${unit}_total`];
    if (typeof done === "number" && typeof total === "number" && total > 0) {
      return { done, total, show: FORMATS[unit] ?? format.rough };
    }
  }
  return null;
}

/**
 * Return the part of a job that is done, from 0 to 1; null if the job does not report it.
 *
 * @param {Pick<JobDocument, "progress">} job
 * @returns {number | null}
 */
export function fractionDone(job) {
  const steps = stepsOf(job);
  return steps && Math.min(1, steps.done / steps.total);
}

/**
 * A progress bar for the row of a running job; null for other jobs. The bar of a job that reports
 * no numbers shows only that the job runs.
 *
 * @param {Pick<JobDocument, "status" | "progress">} job
 * @returns {HTMLElement | null}
 */
export function smallProgressBar(job) {
  if (job.status !== "running") return null;
  return h("progress", { max: 1, value: fractionDone(job), "aria-label": "Progress" });
}
