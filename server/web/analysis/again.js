// Asks another question about the file of a job.

import { call, DEFAULT_QUEUE } from "../shared/api.js";
import { jobHref } from "../shared/links.js";

/**
 * Submit an analysis of the file of a job, in the job's queue, and show the new job in this view.
 *
 * @param {import("../types.js").JobDocument} job
 * @param {Record<string, unknown>} payload
 * @param {import("./viewState.js").ViewState} view
 * @param {import("../app.js").Go} go
 * @throws {import("../shared/api.js").ApiError}
 */
export async function analyzeAgain({ job_id: source, type, queue }, payload, view, go) {
  /** @type {import("../types.js").AcceptedDocument} */
  const { job_id: id } = await call("POST", "/jobs", {
    type,
    payload: { ...payload, source: { job_id: source } },
    ...(queue === DEFAULT_QUEUE ? {} : { queue }),
  });
  go(jobHref(id) + view.query({ line: null }));
}
