// Why a queued job does not run yet.

import { h, replaceChildren } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { get } from "../../shared/api.js";
import { jobPath } from "../../shared/links.js";

/**
 * A section that loads the reasons and shows them.
 *
 * @param {import("../../types.js").JobDocument} job
 * @returns {HTMLElement}
 */
export function waitingReasons(job) {
  const list = h("ul", {}, h("li", {}, "Loading…"));
  get(jobPath(job.job_id, "/explain")).then(
    (explanation) => show(list, explanation),
    (error) => replaceChildren(list, h("li", {}, error.message)),
  );
  return h("section", { class: "waiting" }, h("h2", {}, "Why this job is waiting"), list);
}

/**
 * @param {HTMLElement} list
 * @param {import("../../types.js").ExplainDocument} explanation
 */
function show(list, { reasons, estimated_seconds: seconds }) {
  replaceChildren(
    list,
    reasons.map(({ detail }) => h("li", {}, detail)),
    seconds !== null &&
      h("li", {}, `It is expected to start in about ${format.duration(seconds)}.`),
  );
}
