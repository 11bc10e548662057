// The jobs that a job waits for, and those that wait for it, with their statuses.

import { h, update } from "../../lib/dom.js";
import { messageOf } from "../../lib/errors.js";
import * as format from "../../lib/format.js";
import { throttle } from "../../lib/throttle.js";
import { get } from "../../shared/api.js";
import { jobHref, jobsHref, queryOf } from "../../shared/links.js";
import { badge, isFinal } from "../../shared/status.js";

/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {{ id: string, job?: JobDocument }} Related a deleted job has only its id */

const MOST = 20; // of each kind: there can be a thousand predecessors, and any number of followers
const FIELDS = "type,error,cancel_requested_at";
const REFRESH_MS = 5000;

/** Lists the jobs around a job; hidden if there are none. Call `show` often. */
export class RelatedJobs {
  /**
   * @param {string} id the id of the job
   * @param {() => void} onChange called when `hasCanceled` may have changed
   */
  constructor(id, onChange) {
    this.id = id;
    this.onChange = onChange;
    /** Whether a job was canceled because this one did not succeed. */
    this.hasCanceled = false;
    this.hasFollowers = false;
    this.isSettled = false; // nothing that is shown can change by itself
    this.shown = ""; // the state of the job for which the lists were loaded
    /** @type {string[]} */
    this.after = [];
    this.element = h("section", { class: "related", hidden: true, "aria-label": "Related jobs" });
    this.load = throttle(REFRESH_MS, () => this.loadNow());
  }

  /** @param {JobDocument} job */
  show(job) {
    this.after = job.after ?? [];
    const state = `${job.status} ${job.attempt} ${job.client_retries ?? 0}`;
    if (state === this.shown && this.isSettled) return;
    this.shown = state;
    if (!document.hidden) this.load();
  }

  stop() {
    this.load.stop();
  }

  async loadNow() {
    try {
      const [before, followers] = await Promise.all([
        this.loadPredecessors(),
        get(`/jobs${queryOf({ after: this.id, fields: FIELDS, limit: MOST })}`),
      ]);
      this.showLists(before, followers.items, followers.next !== null);
    } catch (error) {
      this.element.hidden = false;
      update(this.element, h("p", { class: "quiet" }, messageOf(error)));
    }
  }

  /** @returns {Promise<Related[]>} */
  async loadPredecessors() {
    const ids = this.after.slice(0, MOST);
    if (!ids.length) return [];
    const query = ids.map((id) => `id=${encodeURIComponent(id)}`).join("&");
    /** @type {{ items: JobDocument[] }} */
    const { items } = await get(`/jobs?${query}&fields=${FIELDS}`);
    const found = new Map(items.map((job) => [job.job_id, job]));
    return ids.map((id) => ({ id, job: found.get(id) }));
  }

  /**
   * @param {Related[]} before
   * @param {JobDocument[]} followers
   * @param {boolean} hasMore whether there are more followers than these
   */
  showLists(before, followers, hasMore) {
    /** @type {Related[]} */
    const after = followers.map((job) => ({ id: job.job_id, job }));
    const all = [...before, ...after];
    this.isSettled = all.every(({ job }) => !job || isFinal(job.status));
    this.hasCanceled = followers.some(
      ({ status, error }) => status === "canceled" && error?.type === "PredecessorFailed",
    );
    this.hasFollowers = followers.length > 0;
    this.element.hidden = !all.length;
    const more = this.after.length - before.length;
    update(
      this.element,
      before.length > 0 && [
        h("h2", {}, "Runs after"),
        h("ul", {}, before.map(item)),
        more > 0 && h("p", { class: "quiet" }, `and ${format.plural(more, "more job")}`),
      ],
      after.length > 0 && [
        h("h2", {}, "Jobs that run after it"),
        h("ul", {}, after.map(item)),
        hasMore && h("p", {}, h("a", { href: jobsHref({ after: this.id }) }, "All of them")),
      ],
    );
    this.onChange();
  }
}

/** @param {Related} related */
function item({ id, job }) {
  const code = h("code", {}, format.shortId(id));
  if (!job) return h("li", {}, code, " ", h("span", { class: "quiet" }, "deleted"));
  const link = h("a", { href: jobHref(id), title: id }, job.type, " ", code);
  return h("li", {}, badge(job), " ", link);
}
