// The list of jobs, live. It never moves under the reader: rows change in place, and new jobs come
// in by themselves only at the top of the first page, while neither pointer nor focus is in it.

import { get, jobTypes, queues } from "../../shared/api.js";
import { h, put, setText } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { framed, paced } from "../../lib/throttle.js";
import { may } from "../../shared/session.js";
import { empty, failure, loading } from "../../lib/placeholders.js";
import { follow } from "../../lib/eventStream.js";
import { bulkButtons } from "./bulkActions.js";
import { filterForm, queryOf, readFilters } from "./filterForm.js";
import { JobRow } from "./jobRow.js";

const LIVE_MS = 1000;
const TICK_MS = 1000;
const TOP_PIXELS = 80;
const MOST_NEWS = 1000; // that are counted
const HEADS = ["Status", "Job", "What", "Created", "Took"];

/** Show the page; returns what stops it. */
export function showJobs(root) {
  const page = new JobsPage(root);
  page.start();
  return () => page.stop();
}

class JobsPage {
  constructor(root) {
    Object.assign(this, { root, rows: new Map(), news: new Set(), changed: new Map(), loads: 0 });
    this.filters = readFilters();
    this.body = put(h("div", { class: "list" }), loading());
    this.more = h("button", { class: "news", hidden: true, onclick: () => this.showNews() });
    this.form = h("div", {});
    this.loadSoon = paced(LIVE_MS, () => this.load());
    this.apply = framed(() => this.applyChanges());
  }

  start() {
    put(this.root, h("div", { class: "title-row" }, h("h1", {}, "Jobs"), bulkButtons(() => this.filters)),
      this.form, this.more, this.body);
    this.showForm();
    this.load();
    this.followAgain();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop() {
    this.stopFollowing();
    this.loadSoon.stop();
    clearInterval(this.timer);
    this.loads = -1;
  }

  async showForm() {
    // The list tells what is wrong.
    const [types, known] = await Promise.all([jobTypes().catch(() => ({})), queues().catch(() => [])]);
    const names = { types: Object.keys(types), queues: known.map(({ name }) => name) };
    put(this.form, filterForm(this.filters, names, (filters) => this.choose(filters)));
  }

  choose(filters) {
    this.filters = filters;
    history.replaceState(null, "", `/ui/jobs${queryOf(filters)}`);
    this.load();
    this.followAgain();
  }

  followAgain() {
    this.stopFollowing?.();
    const { type, queue } = this.filters;
    const chosen = { ...(type && { type }), ...(queue && { queue }) };
    const seen = (event) => this.see(event);
    // What could not be loaded meanwhile is loaded now; a list that is there does not move.
    const back = () => this.rows.size || this.loadSoon();
    this.stopFollowing = follow(`/events${queryOf(chosen)}`, { status: seen, progress: seen }, this.loadSoon, back);
  }

  see(event) {
    if (this.rows.has(event.job_id)) this.changed.set(event.job_id, event);
    else if (this.isNews(event) && this.news.size < MOST_NEWS) this.news.add(event.job_id);
    else return;
    this.apply();
  }

  /** Whether it may belong at the top of this list; only the service knows for sure. */
  isNews({ status, attempt }) {
    const { cursor, status: wanted } = this.filters;
    return !cursor && (wanted ? wanted.split(",").includes(status) : status === "queued" && !attempt);
  }

  applyChanges() {
    for (const [id, event] of this.changed) this.rows.get(id)?.update(event);
    this.changed.clear();
    if (!this.news.size) return;
    if (this.mayMove()) this.loadSoon();
    else this.announce();
  }

  mayMove() {
    return scrollY < TOP_PIXELS && !this.body.matches(":hover, :focus-within");
  }

  announce() {
    this.more.hidden = !this.news.size;
    const many = format.plural(this.news.size, this.filters.status ? "change" : "new job");
    setText(this.more, `${this.news.size < MOST_NEWS ? many : `More than ${many}`}: show`);
  }

  showNews() {
    this.load();
    scrollTo(0, 0);
  }

  /** Show the jobs as they are now. Of two loads under way, only the later one counts. */
  async load() {
    const mine = ++this.loads;
    try {
      const page = await get(`/jobs${queryOf({ ...this.filters, limit: 50 })}`);
      if (mine === this.loads) this.show(page);
    } catch (error) {
      if (mine !== this.loads) return;
      if (error.status === 0 && this.shown === this.filters && this.rows.size) return; // told of above
      this.rows.clear();
      put(this.body, failure(error, () => this.load()));
    }
  }

  show({ items, next }) {
    this.shown = this.filters;
    this.news.clear();
    this.announce();
    const old = this.rows;
    this.rows = new Map(items.map((job) => [job.job_id, old.get(job.job_id) ?? new JobRow(job)]));
    for (const job of items) this.rows.get(job.job_id).update(job);
    if (!items.length) put(this.body, this.nothing(next), this.pager(next));
    else if (!this.table?.isConnected) put(this.body, this.newTable(), this.foot = this.pager(next));
    if (!items.length) return;
    this.table.tBodies[0].replaceChildren(...[...this.rows.values()].map((row) => row.element));
    const foot = this.pager(next);
    this.foot.replaceWith(foot);
    this.foot = foot;
  }

  newTable() {
    this.table = h("table", { class: "jobs", "aria-label": "Jobs" },
      h("thead", {}, h("tr", {}, HEADS.map((head) => h("th", { scope: "col" }, head)))), h("tbody"));
    return this.table;
  }

  nothing(next) {
    const { cursor, ...filters } = this.filters;
    if (next) return empty("None so far", "The search took long; go on to look at older jobs.");
    if (cursor || Object.keys(filters).length) return empty("No job fits", "No job is chosen by these filters.");
    return empty("No jobs yet", may("submit") ? h("a", { href: "/ui/submit" }, "Submit the first one")
      : "Jobs are shown here as soon as somebody submits one.");
  }

  pager(next) {
    const { cursor, ...filters } = this.filters;
    return h("nav", { class: "pager", "aria-label": "Parts of the list" },
      cursor && h("a", { href: `/ui/jobs${queryOf(filters)}` }, "Newest"),
      next && h("a", { href: `/ui/jobs${queryOf({ ...filters, cursor: next })}`, rel: "next" }, "Older jobs"));
  }

  tick() {
    for (const row of this.rows.values()) if (row.job.status === "running") row.tick();
  }
}
