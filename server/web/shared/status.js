// The statuses of jobs and how they look: a badge always has a word beside its color.

import { h } from "../lib/dom.js";

/** @typedef {import("../types.js").JobDocument} JobDocument */
/** @typedef {import("../types.js").Status} Status */

/**
 * All statuses, in the order in which a job can have them.
 *
 * @type {Status[]}
 */
export const STATUSES = ["queued", "running", "succeeded", "failed", "canceled"];

/**
 * Return whether a job with this status has ended.
 *
 * @param {Status} status
 * @returns {boolean}
 */
export const isFinal = (status) => STATUSES.indexOf(status) > 1;

/**
 * Return whether a job with this status can be retried by hand.
 *
 * @param {Status} status
 * @returns {boolean}
 */
export const canRetry = (status) => status === "failed" || status === "canceled";

/**
 * The status of a job as a badge. A running job whose cancel was requested shows "canceling".
 *
 * @param {Pick<JobDocument, "status" | "cancel_requested_at">} job
 * @returns {HTMLElement}
 */
export function badge(job) {
  const isCanceling = job.status === "running" && job.cancel_requested_at;
  return h("span", { class: `badge ${job.status}` }, isCanceling ? "canceling" : job.status);
}
