// The workers that are alive, their slots, and what runs in them.

import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { smallBar } from "../job/progressPanel.js";
import { badge } from "../../shared/status.js";

const MOST_BOXES = 64;

/** `running` are jobs that run, maybe not all of them. */
export function runnersPanel(overview, running) {
  if (!overview.runners.length) return h("p", { class: "quiet" }, "None.");
  return h("div", {},
    h("p", { class: "quiet" }, `${overview.busy} of ${format.plural(overview.slots, "slot")} busy`),
    h("ul", { class: "runners" }, overview.runners.map((runner) =>
      runnerCard(runner, running.filter((job) => job.locked_by === runner.name)))));
}

function runnerCard(runner, jobs) {
  return h("li", { class: "card" },
    h("h3", {}, h("code", {}, runner.name)),
    h("p", { class: "quiet" }, `up for ${format.duration(format.secondsBetween(runner.started_at))} · ${runner.busy} of ${format.plural(runner.slots, "slot")} busy`),
    runner.queues && h("p", { class: "quiet" }, `takes only the ${runner.queues.length > 1 ? "queues" : "queue"} ${runner.queues.join(", ")}`),
    h("div", { class: "slots", "aria-hidden": "true" },
      Array.from({ length: Math.min(runner.slots, MOST_BOXES) }, (_, at) => h("i", { class: at < runner.busy ? "busy" : "" }))),
    h("ul", { class: "running" }, jobs.slice(0, runner.slots).map((job) => h("li", {},
      h("span", {}, job.cancel_requested_at && [badge(job), " "], h("a", { href: `/ui/jobs/${job.job_id}` }, job.type, " ", h("code", {}, format.shortId(job.job_id)))),
      smallBar(job), h("span", { class: "quiet" }, format.duration(format.secondsBetween(job.started_at)))))));
}
