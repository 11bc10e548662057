// How statuses look: a word always goes with the color.

import { h } from "../lib/dom.js";

export const STATUSES = ["queued", "running", "succeeded", "failed", "canceled"];
export const isFinal = (status) => STATUSES.indexOf(status) > 1;
export const canRetry = (status) => status === "failed" || status === "canceled";

/** The status of a job as a badge; a running one that is to be canceled says so. */
export function badge(job) {
  const canceling = job.status === "running" && job.cancel_requested_at;
  return h("span", { class: `badge ${job.status}` }, canceling ? "canceling" : job.status);
}
