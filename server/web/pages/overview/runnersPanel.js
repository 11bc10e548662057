// The running workers, their slots, and the jobs in them.

import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { jobHref } from "../../shared/links.js";
import { smallProgressBar } from "../../shared/progress.js";
import { badge } from "../../shared/status.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {import("../../types.js").RunnerDocument} RunnerDocument */
/** @typedef {import("../../types.js").LimitsDocument} LimitsDocument */

const MOST_BOXES = 64;

/**
 * The list of workers.
 *
 * @param {import("../../types.js").OverviewDocument} overview
 * @param {JobDocument[]} running running jobs; not all of them if there are many
 * @returns {HTMLElement}
 */
export function runnersPanel(overview, running) {
  if (!overview.runners.length) return h("p", { class: "quiet" }, "No workers.");
  return h(
    "div",
    {},
    h("p", { class: "quiet" }, `${overview.busy} of ${format.plural(overview.slots, "slot")} busy`),
    h(
      "ul",
      { class: "runners" },
      overview.runners.map((runner) =>
        runnerCard(
          runner,
          running.filter((job) => job.runner === runner.name),
        ),
      ),
    ),
  );
}

/**
 * @param {RunnerDocument} runner
 * @param {JobDocument[]} jobs
 */
function runnerCard(runner, jobs) {
  return h(
    "li",
    { class: "card", "data-key": runner.name },
    h("h3", {}, h("code", {}, runner.name)),
    h(
      "p",
      { class: "quiet" },
      `up for ${format.duration(format.secondsBetween(runner.started_at))} · ${runner.busy} of ${format.plural(runner.slots, "slot")} busy`,
    ),
    runner.stale && h("p", { class: "notice error" }, silence(runner)),
    runner.queues &&
      h(
        "p",
        { class: "quiet" },
        `takes jobs only from the ${runner.queues.length > 1 ? "queues" : "queue"} ${runner.queues.join(", ")}`,
      ),
    runner.limits && h("p", { class: "quiet" }, limitsText(runner.limits)),
    h(
      "div",
      { class: "slots", "aria-hidden": "true" },
      Array.from({ length: Math.min(runner.slots, MOST_BOXES) }, (_, at) =>
        h("i", { class: at < runner.busy ? "busy" : "" }),
      ),
    ),
    h("ul", { class: "running" }, jobs.slice(0, runner.slots).map(jobItem)),
  );
}

/** @param {RunnerDocument} runner */
function silence({ heartbeat_age: age }) {
  const since = age === null ? "too long" : format.duration(age);
  return `Has not reported for ${since}: it hangs or is stopped.`;
}

/** @param {LimitsDocument} limits */
function limitsText({ memory_bytes: memory, cpu_seconds: cpu, nice }) {
  const texts = [
    memory === null ? "" : `${format.bytes(memory)} of memory`,
    cpu === null ? "" : `${format.duration(cpu)} of CPU time`,
    nice ? `niceness ${nice}` : "",
  ].filter(Boolean);
  return texts.length ? `for each job: ${texts.join(", ")}` : "";
}

/** @param {JobDocument} job */
function jobItem(job) {
  const link = h(
    "a",
    { href: jobHref(job.job_id) },
    job.type,
    " ",
    h("code", {}, format.shortId(job.job_id)),
  );
  return h(
    "li",
    { "data-key": job.job_id },
    h("span", {}, job.cancel_requested_at && [badge(job), " "], link),
    smallProgressBar(job),
    h(
      "span",
      { class: "quiet" },
      job.started_at && format.duration(format.secondsBetween(job.started_at)),
    ),
  );
}
