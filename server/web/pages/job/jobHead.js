// What a job's page is made of.

import { DEFAULT_QUEUE } from "../../shared/api.js";
import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { analysisPanels } from "./analysis.js";
import { attemptsPanel, errorText } from "./attempts.js";
import { callCommand, commands, submitCommand } from "../../shared/curl.js";
import { queueHref } from "../overview/queuesPanel.js";
import { badge, canRetry, isFinal } from "../../shared/status.js";
import { waitingPanel } from "./waitingReasons.js";

const LONG = 40; // characters of a fact that gets a row of its own, as the name of a file

/** Name, status, and what is most asked for. */
export function jobHead(job) {
  return [
    h("p", { class: "crumbs" }, h("a", { href: "/ui/jobs" }, "Jobs"), " / ", h("a", { href: `/ui/jobs?type=${encodeURIComponent(job.type)}` }, job.type)),
    h("h1", {}, job.type, " ", badge(job)),
    h("p", { class: "id" }, h("code", {}, job.job_id)),
    job.error && errorText("notice error", job.error),
    facts(job),
  ];
}

function facts(job) {
  const wait = job.started_at && format.duration(format.secondsBetween(job.started_at, job.finished_at ?? undefined));
  const pairs = [
    ["Created", time(job.created_at)],
    ["Due", job.run_at !== job.created_at && time(job.run_at)],
    ["Started", time(job.started_at)],
    ["Finished", time(job.finished_at)],
    ["Took", isFinal(job.status) && wait],
    ["Retries", `${job.retry_count} of ${job.max_retries}`],
    ["Queue", job.queue !== DEFAULT_QUEUE && h("a", { href: queueHref(job.queue) }, job.queue)],
    ["Priority", job.priority !== 0 && String(job.priority)],
    ["Timeout", job.timeout !== null && format.duration(job.timeout)],
    ["File", job.upload && `${job.upload.name}, ${format.bytes(job.upload.size)}`],
    ["Runner", job.locked_by],
    ["Submitted by", job.submitted_by && h("a", { href: `/ui/jobs?submitted_by=${encodeURIComponent(job.submitted_by)}` }, job.submitted_by)],
    ["Canceled by", job.canceled_by],
  ];
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value).map(([name, value]) =>
    h("div", { class: (value.textContent ?? value).length > LONG && "long" }, h("dt", {}, name), h("dd", {}, value))));
}

function time(text) {
  return text && h("time", { datetime: text, title: text }, format.time(text));
}

/** What happens and has happened; `showLog` is called with the number of an attempt. */
export function jobDetails(job, showLog) {
  return [
    job.status === "queued" && waitingPanel(job),
    ...analysisPanels(job),
    h("section", {}, h("h2", {}, "Attempts"), attemptsPanel(job, showLog)),
  ];
}

/** What went in and came out, as it is. */
export function jobDocuments(job) {
  return [
    json("Payload", job.payload, true),
    job.result !== null && json("Result", job.result, job.type !== "analyze"),
    job.result === null && job.progress && json("Progress", job.progress, job.type !== "analyze"),
    h("details", {}, h("summary", {}, "The same with curl"), commands(commandsOf(job))),
  ];
}

function json(name, value, open) {
  return h("details", { open }, h("summary", {}, name), h("pre", { class: "text", tabindex: 0, "aria-label": name }, JSON.stringify(value, null, 2)));
}

function commandsOf(job) {
  const path = `/jobs/${job.job_id}`;
  const given = (name) => job[name] !== null && (name !== "queue" || job.queue !== DEFAULT_QUEUE);
  const options = Object.fromEntries(["max_retries", "timeout", "priority", "queue"].filter(given).map((name) => [name, job[name]]));
  return [
    ["Submit such a job", submitCommand(job.type, job.payload, options, job.payload.source ? null : job.upload?.name ?? null)],
    ["Look", callCommand("GET", path)],
    !isFinal(job.status) && ["Cancel", callCommand("POST", `${path}/cancel`)],
    canRetry(job.status) && ["Retry", callCommand("POST", `${path}/retry`)],
    isFinal(job.status) && ["Delete", callCommand("DELETE", path)],
    ["Log", callCommand("GET", `${path}/logs`)],
  ].filter(Boolean);
}
