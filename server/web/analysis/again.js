// Asks another question about the file of a job.

import { call, DEFAULT_QUEUE } from "../shared/api.js";
import { jobHref } from "../shared/links.js";

/**
 * Submit an analysis of the file of a job, in the job's queue, and show the new job in this view.
 * The patterns of the job have those of its sets: naming these again would bring back a pattern
 * that the reader has removed. Other sets in the payload are added.
 *
 * @param {import("../types.js").JobDocument} job
 * @param {Record<string, unknown>} payload
 * @param {import("./viewState.js").ViewState} view
 * @param {import("../app.js").Go} go
 * @throws {import("../shared/api.js").ApiError}
 */
export async function analyzeAgain(job, payload, view, go) {
  const { job_id: source, type, queue } = job;
  const { pattern_sets: sets, ...asked } = payload;
  /** @type {import("../types.js").AcceptedDocument} */
  const { job_id: id } = await call("POST", "/jobs", {
    type,
    payload: {
      ...asked,
      ...(sets && sets !== job.payload.pattern_sets ? { pattern_sets: sets } : {}),
      source: { job_id: source },
    },
    ...(queue === DEFAULT_QUEUE ? {} : { queue }),
  });
  go(jobHref(id) + view.query({ line: null }));
}
