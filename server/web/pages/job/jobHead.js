// The top of the page of a job: its type, status and error. Its facts follow its results.

import { h } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { DEFAULT_QUEUE } from "../../shared/api.js";
import { isSet, UNSET } from "../../shared/jobFields.js";
import { auditHref, jobHref, jobPath, jobsHref, scheduleHref } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { badge, isFinal } from "../../shared/status.js";
import { errorText } from "./attempts.js";

/** @typedef {import("../../lib/dom.js").Child} Child */
/** @typedef {import("../../types.js").JobDocument} JobDocument */

const LONG_FACT = 40; // characters; a longer fact, such as the name of a file, has a row of its own

const HELD_UNTIL = {
  queued: "until it starts",
  running: "until its end",
  final: "until it is deleted",
};

/**
 * The top of the page of a job, without its facts.
 *
 * @param {JobDocument} job
 * @returns {Child[]}
 */
export function jobHead(job) {
  return [
    h(
      "p",
      { class: "crumbs" },
      h("a", { href: "/ui/jobs" }, "Jobs"),
      " / ",
      h("a", { href: jobsHref({ type: job.type }) }, job.type),
    ),
    h("h1", {}, job.type, " ", badge(job)),
    h("p", { class: "id" }, h("code", {}, job.job_id)),
    job.error && errorText("notice error", job.error),
  ];
}

/**
 * The facts about a job, such as its times, options and file.
 *
 * @param {JobDocument} document
 * @returns {HTMLElement}
 */
export function jobFacts(document) {
  const job = { ...UNSET, ...document };
  const seconds =
    job.started_at && isFinal(job.status) && format.secondsBetween(job.started_at, job.finished_at);
  /** @type {[name: string, value: HTMLElement | string | null | undefined | false][]} */
  const pairs = [
    ["Created", time(job.created_at)],
    ["Due", job.run_at !== job.created_at && time(job.run_at)],
    ["Started", time(job.started_at)],
    ["Finished", time(job.finished_at)],
    ["Duration", typeof seconds === "number" && format.duration(seconds)],
    ["Retries", `${job.retry_count} of ${job.max_retries}`],
    ["Losses of its worker", job.loss_count > 0 && `${job.loss_count} of ${job.max_losses}`],
    [
      "Queue",
      job.queue !== DEFAULT_QUEUE && h("a", { href: jobsHref({ queue: job.queue }) }, job.queue),
    ],
    ["Schedule", job.schedule && h("a", { href: scheduleHref(job.schedule) }, job.schedule)],
    ["Due by its schedule", job.schedule && time(job.nominal_at)],
    ["Tags", job.tags.length > 0 && h("span", {}, job.tags.map(tagLink))],
    ["Batch", job.batch_id && h("a", { href: jobsHref({ batch: job.batch_id }) }, job.batch_id)],
    ["Metadata", job.metadata && JSON.stringify(job.metadata)],
    [
      "If they fail",
      job.on_failure && (job.on_failure === "run" ? "it runs all the same" : "it is canceled"),
    ],
    ["Input", job.input && h("span", {}, "the result of ", jobLink(job.input.from, 0))],
    ["Expires", time(job.expires_at)],
    ["Finish by", time(job.finish_by)],
    ["Missed its deadline", job.missed_at && "yes"],
    ["Backoff", isSet(job.backoff) && JSON.stringify(job.backoff)],
    [
      "Concurrency key",
      job.concurrency_key && `${job.concurrency_key}, at most ${job.max_per_key} at once`,
    ],
    [
      "Unique key",
      job.unique_key && `${job.unique_key}, held ${HELD_UNTIL[job.unique ?? "running"]}`,
    ],
    ["Memory", !!job.memory_bytes && `at most ${format.bytes(job.memory_bytes)}`],
    ["CPU time", !!job.cpu_seconds && `at most ${format.duration(job.cpu_seconds)}`],
    [
      "Output",
      isSet(job.max_output_bytes) && `at most ${format.bytes(job.max_output_bytes)} is kept`,
    ],
    ["Niceness", isSet(job.nice) && String(job.nice)],
    ["Kept for", isSet(job.keep_for) && format.duration(job.keep_for)],
    ["Priority", job.priority !== 0 && String(job.priority)],
    ["Timeout", !!job.timeout && format.duration(job.timeout)],
    ["File", job.upload && uploadLink(job.job_id, job.upload)],
    ["Worker", job.runner],
    [
      "Submitted by",
      job.submitted_by &&
        h("a", { href: jobsHref({ submitted_by: job.submitted_by }) }, job.submitted_by),
    ],
    ["Canceled by", job.canceled_by],
    [
      "Bundle",
      h("a", { href: jobPath(job.job_id, "/bundle"), download: "" }, "all about it, as a zip"),
    ],
    [
      "Audit",
      hasRole("admin") &&
        h("a", { href: auditHref({ subject: job.job_id }) }, "who has changed it"),
    ],
  ];
  return h(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => value && fact(name, value)),
  );
}

/**
 * A link that downloads the file of a job.
 *
 * @param {string} id
 * @param {{name: string, size: number}} upload
 */
function uploadLink(id, upload) {
  const address = jobPath(id, "/upload");
  const text = `${upload.name}, ${format.bytes(upload.size)}`;
  return h("a", { href: address, download: upload.name, title: "Download the file" }, text);
}

/**
 * @param {string} name
 * @param {HTMLElement | string} value
 */
function fact(name, value) {
  const text = typeof value === "string" ? value : (value.textContent ?? "");
  return h(
    "div",
    { class: text.length > LONG_FACT && "long" },
    h("dt", {}, name),
    h("dd", {}, value),
  );
}

/**
 * @param {string} tag
 * @param {number} index
 */
const tagLink = (tag, index) => [index > 0 && ", ", h("a", { href: jobsHref({ tag }) }, tag)];

/** @param {string} id @param {number} index */
const jobLink = (id, index) => [index > 0 && ", ", h("a", { href: jobHref(id) }, id.slice(-8))];

/** @param {string | null | undefined} text */
function time(text) {
  return text && h("time", { datetime: text, title: text }, format.time(text));
}
