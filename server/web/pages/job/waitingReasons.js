// Why a job does not run yet.

import { get, jobPath } from "../../shared/api.js";
import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";

/** The reasons, which come by and by. */
export function waitingPanel(job) {
  const list = h("ul", {}, h("li", {}, "Looking…"));
  get(jobPath(job.job_id, "/explain")).then((explained) => show(list, explained),
    (error) => put(list, h("li", {}, error.message)));
  return h("section", { class: "waiting" }, h("h2", {}, "Why it waits"), list);
}

function show(list, { reasons, estimated_seconds: seconds }) {
  put(list, reasons.map(({ detail }) => h("li", {}, detail)),
    seconds !== null && h("li", {}, `It should start in about ${format.duration(seconds)}.`));
}
