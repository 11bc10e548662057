// A row of the list of jobs. The row stays while its job is listed, and is changed in place.

import { h, replaceChildren, setText } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { DEFAULT_QUEUE } from "../../shared/api.js";
import { isSet } from "../../shared/jobFields.js";
import { jobHref } from "../../shared/links.js";
import { smallProgressBar } from "../../shared/progress.js";
import { badge } from "../../shared/status.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {import("../../types.js").JobEvent} JobEvent */

/** A row with the cells status, job, details, created and duration. */
export class JobRow {
  /** @param {JobDocument} job */
  constructor(job) {
    this.job = job;
    const cell = (/** @type {string} */ name) => h("td", { class: name });
    this.status = cell("status");
    this.duration = cell("duration");
    this.error = h("div", { class: "row-error" });
    const link = h(
      "a",
      { href: jobHref(job.job_id), title: `${job.type} ${job.job_id}` },
      h("strong", {}, job.type),
      " ",
      h("code", {}, format.shortId(job.job_id)),
    );
    const created = h(
      "time",
      { datetime: job.created_at, title: format.fullTime(job.created_at) },
      format.time(job.created_at),
    );
    this.element = h(
      "tr",
      {},
      this.status,
      replaceChildren(cell("job"), link),
      replaceChildren(cell("details"), summary(job), this.error),
      replaceChildren(cell("created"), created),
      this.duration,
    );
    this.update(job);
  }

  /**
   * Show the job after a change. An event has only the fields that can change.
   *
   * @param {JobDocument | JobEvent} change
   */
  update(change) {
    this.job = { ...this.job, ...change };
    replaceChildren(this.status, badge(this.job));
    this.showError();
    this.tick();
  }

  /** Show why the job has failed, or why its last attempt has. */
  showError() {
    const { error, status } = this.job;
    const text =
      error && (status === "failed" || status === "queued")
        ? `${error.type}: ${error.message}`
        : "";
    setText(this.error, text);
    this.error.title = text;
  }

  /** Show how long the job has been running by now. */
  tick() {
    replaceChildren(
      this.duration,
      h("span", {}, durationOf(this.job, Date.now())),
      smallProgressBar(this.job),
    );
  }
}

/**
 * Describe how long a job ran or has been running, or when it is due. Empty if it is due now.
 *
 * @param {Pick<JobDocument, "status" | "run_at" | "started_at" | "finished_at">} job
 * @param {number} now in ms
 * @returns {string}
 */
export function durationOf({ status, run_at: due, started_at: start, finished_at: end }, now) {
  if (status === "running" && start)
    return `for ${format.duration((now - Date.parse(start)) / 1000)}`;
  if (status === "queued" && Date.parse(due) > now) return `due ${format.time(due)}`;
  return start && end ? format.duration(format.secondsBetween(start, end)) : "";
}

/**
 * What distinguishes jobs of a type: the queue, the tags, the file, and the start of the payload.
 *
 * @param {JobDocument} job
 */
function summary(job) {
  const text = Object.entries(job.payload)
    .map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
  const queue =
    isSet(job.queue) &&
    job.queue !== DEFAULT_QUEUE &&
    h("span", { class: "queue-tag", title: "Queue" }, job.queue);
  const tags = job.tags?.map((tag) => h("span", { class: "queue-tag", title: "Tag" }, tag));
  return [queue, tags, job.upload && h("strong", {}, `${job.upload.name} `), text.slice(0, 200)];
}
