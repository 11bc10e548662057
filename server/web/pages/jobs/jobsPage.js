// The list of jobs, which follows all changes but never moves while the reader may be pointing at
// it. Rows change in place. At the top of the list, new jobs come in by themselves, and jobs that
// no longer match leave, while neither the pointer nor the focus is in it. Otherwise such jobs turn
// pale, and a button offers to show the changes.

import { h, replaceChildren, setText, tableHead } from "../../lib/dom.js";
import { statusOf } from "../../lib/errors.js";
import { follow } from "../../lib/eventStream.js";
import * as format from "../../lib/format.js";
import { empty, failure, loading } from "../../lib/placeholders.js";
import { atRoot } from "../../lib/root.js";
import { oncePerFrame, throttle } from "../../lib/throttle.js";
import { get, getJobTypes, getQueues } from "../../shared/api.js";
import { jobsHref, queryOf } from "../../shared/links.js";
import { hasRole } from "../../shared/session.js";
import { BatchPanel } from "./batchPanel.js";
import { bulkButtons } from "./bulkActions.js";
import { filterForm } from "./filterForm.js";
import { readFilters, withoutCursor } from "./filters.js";
import { JobRow } from "./jobRow.js";

/** @typedef {import("../../types.js").Filters} Filters */
/** @typedef {import("../../types.js").JobEvent} JobEvent */
/** @typedef {import("../../types.js").PageDocument} PageDocument */

const LOAD_MS = 1000;
const TICK_MS = 1000;
const PAGE_LENGTH = 50;
const TOP_PIXELS = 80; // scrolled less than this, the reader is at the top
const MOST_PENDING_JOBS = 1000; // more are not counted
const HEADS = ["Status", "Job", "Details", "Created", "Duration"];

/**
 * Show the page with the filters of the address.
 *
 * @type {import("../../app.js").Show}
 */
export function showJobs(root) {
  const page = new JobsPage(root);
  page.start();
  return () => page.stop();
}

class JobsPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.filters = readFilters(location.search);
    /** @type {Filters | null} the filters of the rows that are shown */
    this.shownFilters = null;
    /** @type {Map<string, JobRow>} by the ids of the jobs */
    this.rows = new Map();
    /** @type {Set<string>} the ids of jobs that came to match, or ceased to, since the last load */
    this.pendingJobs = new Set();
    /** @type {Map<string, JobEvent>} the newest event of each row, to be shown in the next frame */
    this.changes = new Map();
    this.loads = 0; // numbers the loads of the list, so that only the newest one is shown
    this.timer = 0;
    this.stopFollowing = () => {};
    this.list = replaceChildren(h("div", { class: "list" }), loading());
    this.table = h("table", { class: "jobs", "aria-label": "Jobs" }, tableHead(HEADS));
    this.tableBody = this.table.createTBody();
    this.showMore = h("button", {
      class: "new-jobs",
      hidden: true,
      onclick: () => this.showPendingJobs(),
    });
    this.form = h("div", {});
    this.batch = new BatchPanel();
    this.loadSoon = throttle(LOAD_MS, () => this.load());
    this.applySoon = oncePerFrame(() => this.applyChanges());
  }

  start() {
    replaceChildren(
      this.root,
      h(
        "div",
        { class: "title-row" },
        h("h1", {}, "Jobs"),
        bulkButtons(() => this.filters),
      ),
      this.form,
      this.batch.element,
      this.showMore,
      this.list,
    );
    this.showForm();
    this.load();
    this.follow();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop() {
    this.stopFollowing();
    this.batch.stop();
    this.loadSoon.stop();
    clearInterval(this.timer);
    this.loads = -1;
  }

  async showForm() {
    // Without these names the form still works; the list shows the error.
    const [types, queues] = await Promise.all([
      getJobTypes().catch(() => ({})),
      getQueues().catch(() => []),
    ]);
    const known = { types: Object.keys(types), queues: queues.map(({ name }) => name) };
    replaceChildren(
      this.form,
      filterForm(this.filters, known, (filters) => this.choose(filters)),
    );
  }

  /** @param {Filters} filters */
  choose(filters) {
    this.filters = filters;
    history.replaceState(null, "", atRoot(jobsHref(filters)));
    this.load();
    this.follow();
  }

  /** Follow the batch, and the events of the chosen type, queue, tag and batch. */
  follow() {
    this.stopFollowing();
    const { type, queue, tag, batch } = this.filters;
    this.batch.follow(batch);
    /** @type {Record<string, string>} */
    const chosen = {};
    for (const [name, value] of Object.entries({ type, queue, tag, batch }))
      if (value) chosen[name] = value;
    const onEvent = (/** @type {JobEvent} */ event) => this.onEvent(event);
    // Load a list that could not be loaded without a connection; do not move one that is there.
    const onBack = () => {
      if (!this.rows.size) this.loadSoon();
    };
    this.stopFollowing = follow(
      `/events${queryOf(chosen)}`,
      { status: onEvent, progress: onEvent },
      this.loadSoon,
      onBack,
    );
  }

  /** @param {JobEvent} event */
  onEvent(event) {
    if (this.rows.has(event.job_id)) {
      this.changes.set(event.job_id, event);
      if (this.hasStatus(event)) this.pendingJobs.delete(event.job_id);
      else this.pendingJobs.add(event.job_id);
    } else if (this.mayBeNew(event) && this.pendingJobs.size < MOST_PENDING_JOBS)
      this.pendingJobs.add(event.job_id);
    else return;
    this.applySoon();
  }

  /**
   * Return whether the job may belong at the top of this list. Only the service can apply all
   * filters.
   *
   * @param {JobEvent} event
   */
  mayBeNew(event) {
    const { cursor, status: wanted } = this.filters;
    const isNew = event.status === "queued" && !event.attempt;
    return !cursor && (wanted ? this.hasStatus(event) : isNew);
  }

  /**
   * Return whether the job has a chosen status, or any status was chosen.
   *
   * @param {JobEvent} event
   */
  hasStatus({ status }) {
    const { status: wanted } = this.filters;
    return !wanted || wanted.split(",").includes(status);
  }

  applyChanges() {
    for (const [id, event] of this.changes) {
      const row = this.rows.get(id);
      row?.update(event);
      row?.element.classList.toggle("pale", !this.hasStatus(event));
    }
    this.changes.clear();
    if (!this.pendingJobs.size) return;
    if (this.mayMove()) this.loadSoon();
    else this.offerPendingJobs();
  }

  mayMove() {
    return scrollY < TOP_PIXELS && !this.list.matches(":hover, :focus-within");
  }

  offerPendingJobs() {
    this.showMore.hidden = !this.pendingJobs.size;
    const count = format.plural(this.pendingJobs.size, this.filters.status ? "change" : "new job");
    setText(
      this.showMore,
      `Show ${this.pendingJobs.size < MOST_PENDING_JOBS ? "" : "more than "}${count}`,
    );
  }

  showPendingJobs() {
    this.load();
    scrollTo(0, 0);
  }

  /** Load and show the list. Of two loads at the same time, only the later one counts. */
  async load() {
    this.loads += 1;
    const mine = this.loads;
    try {
      const page = await get(`/jobs${queryOf({ ...this.filters, limit: PAGE_LENGTH })}`);
      if (mine === this.loads) this.show(page);
    } catch (error) {
      if (mine !== this.loads) return;
      // The header shows that the connection is lost, so the list can stay.
      if (statusOf(error) === 0 && this.shownFilters === this.filters && this.rows.size) return;
      this.rows.clear();
      replaceChildren(
        this.list,
        failure(error, () => this.load()),
      );
    }
  }

  /** @param {PageDocument} page */
  show({ items, next }) {
    this.shownFilters = this.filters;
    this.pendingJobs.clear();
    this.offerPendingJobs();
    const rows = items.map((job) => this.rows.get(job.job_id) ?? new JobRow(job));
    this.rows = new Map(rows.map((row) => [row.job.job_id, row]));
    rows.forEach((row, at) => row.update(items[at]));
    for (const { element } of rows) element.classList.remove("pale");
    this.tableBody.replaceChildren(...rows.map((row) => row.element));
    const content = items.length ? this.table : this.placeholder(next);
    if (content.isConnected) content.nextSibling?.replaceWith(this.pager(next));
    else replaceChildren(this.list, content, this.pager(next));
  }

  /** @param {string | null} next */
  placeholder(next) {
    if (next)
      return empty(
        "No matches yet",
        "The search stopped early because it took too long. Continue with older jobs.",
      );
    if (Object.keys(this.filters).length)
      return empty("No matching jobs", "No job matches these filters.");
    return empty(
      "No jobs yet",
      hasRole("submit")
        ? h("a", { href: "/ui/submit" }, "Submit the first one")
        : "Jobs appear here as soon as somebody submits one.",
    );
  }

  /** @param {string | null} next */
  pager(next) {
    const filters = withoutCursor(this.filters);
    return h(
      "nav",
      { class: "pager", "aria-label": "Pages of the list" },
      this.filters.cursor && h("a", { href: jobsHref(filters) }, "Newest"),
      next && h("a", { href: jobsHref({ ...filters, cursor: next }), rel: "next" }, "Older jobs"),
    );
  }

  tick() {
    for (const row of this.rows.values()) if (row.job.status === "running") row.tick();
  }
}
