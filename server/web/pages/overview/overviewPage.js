// The overview: counts of jobs, charts of the last hour, workers, queues and job types.

import { h, replaceChildren, tableHead, update } from "../../lib/dom.js";
import { lineChart } from "../../lib/chart.js";
import { statusOf } from "../../lib/errors.js";
import { follow } from "../../lib/eventStream.js";
import * as format from "../../lib/format.js";
import { failure, loading } from "../../lib/placeholders.js";
import { throttle } from "../../lib/throttle.js";
import { get } from "../../shared/api.js";
import { jobsHref } from "../../shared/links.js";
import { getSession, hasRole, OPEN_NOTICE, seesAll } from "../../shared/session.js";
import { STATUSES } from "../../shared/status.js";
import { batchesSection } from "./batchesSection.js";
import { invitation } from "./invitation.js";
import { queueNotices, QueuesPanel } from "./queuesPanel.js";
import { runnersPanel } from "./runnersPanel.js";
import { Samples } from "./samples.js";
import { SetsPanel } from "./setsPanel.js";

/** @typedef {import("../../types.js").FiguresDocument} FiguresDocument */
/** @typedef {import("../../types.js").JobDocument} JobDocument */
/** @typedef {import("../../types.js").OverviewDocument} OverviewDocument */
/** @typedef {import("../../types.js").Status} Status */
/** @typedef {[name: string, figures: FiguresDocument][]} Types the job types with their figures */

const LOAD_MS = 1000;
const IDLE_MS = 5000;

// Kept while the reader looks at other pages. These samples are closer together than the service's.
const samples = new Samples();

/**
 * Show the page.
 *
 * @type {import("../../app.js").Show}
 */
export function showOverview(root) {
  const page = new OverviewPage(root);
  page.start();
  return () => page.stop();
}

class OverviewPage {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.hasHistory = false;
    this.timer = 0;
    this.stopFollowing = () => {};
    this.load = throttle(LOAD_MS, () => this.loadNow());
    this.notices = h("div", {});
    this.tiles = h("ul", { class: "tiles" });
    this.charts = h("div", { class: "charts" });
    this.runners = h("div", {});
    this.queues = new QueuesPanel(this.load);
    this.invitation = h("div", { hidden: !hasRole("submit") }, invitation());
    this.types = h("div", {
      class: "scroll",
      tabindex: 0,
      role: "group",
      "aria-label": "Jobs by type",
    });
    this.byType = h("section", {}, h("h2", {}, "By type"), this.types);
    this.content = seesAll() ? this.contentForAll() : this.limitedContent();
    this.body = replaceChildren(h("div", {}), loading());
  }

  /** What a caller sees who sees only some jobs: figures of all jobs are not for it. */
  limitedContent() {
    return h(
      "div",
      {},
      h(
        "p",
        { class: "notice" },
        "Your token sees only some jobs. The queues count only these. ",
        h("a", { href: jobsHref({}) }, "Your jobs"),
      ),
      this.queues.element,
      batchesSection(),
      new SetsPanel().element,
    );
  }

  contentForAll() {
    return h(
      "div",
      {},
      this.notices,
      this.invitation,
      this.tiles,
      this.charts,
      getSession().tokens === false && h("p", { class: "quiet" }, OPEN_NOTICE),
      h(
        "p",
        { class: "quiet" },
        "Finished jobs are counted since the database was created, including jobs that have been deleted. " +
          "The charts show the last hour.",
      ),
      h("section", {}, h("h2", {}, "Workers"), this.runners),
      this.queues.element,
      batchesSection(),
      new SetsPanel().element,
      this.byType,
    );
  }

  start() {
    replaceChildren(this.root, h("h1", {}, "Overview"), this.body);
    this.stopFollowing = follow("/events", { status: this.load, progress: this.load }, this.load);
    this.timer = setInterval(() => document.hidden || this.load(), IDLE_MS);
    this.load();
  }

  stop() {
    this.stopFollowing();
    clearInterval(this.timer);
    this.load.stop();
  }

  async loadNow() {
    try {
      if (!seesAll()) return this.showQueues((await get("/queues")).items);
      const [overview, running] = await Promise.all([
        get("/overview"),
        get("/jobs?status=running&limit=50"),
      ]);
      if (!this.hasHistory) samples.setHistory((await get("/overview/history")).moments);
      this.hasHistory = true;
      samples.add(overview, Date.now());
      if (!this.content.isConnected) replaceChildren(this.body, this.content);
      this.show(overview, running.items);
    } catch (error) {
      // The header shows that the connection is lost, so the figures can stay.
      if (statusOf(error) !== 0 || !this.content.isConnected)
        replaceChildren(this.body, failure(error, this.load));
    }
  }

  /** @param {import("../../types.js").QueueDocument[]} queues */
  showQueues(queues) {
    if (!this.content.isConnected) replaceChildren(this.body, this.content);
    this.queues.show(queues);
  }

  /**
   * @param {OverviewDocument} overview
   * @param {JobDocument[]} running
   */
  show(overview, running) {
    const types = Object.entries(overview.types);
    const isEmpty = !STATUSES.some((status) => types.some(([, each]) => count(each, status)));
    if (!isEmpty) this.invitation.hidden = true;
    this.charts.hidden = isEmpty;
    this.byType.hidden = isEmpty;
    // Alerts that do not change stay: screen readers would read new ones aloud each second.
    update(this.notices, noWorkerNotice(overview), queueNotices(overview));
    update(this.tiles, tiles(types));
    update(
      this.charts,
      lineChart("Jobs finished per second", samples.throughput(), format.rough),
      lineChart("Mean wait from due to start", samples.meanWait(), format.duration),
    );
    update(this.runners, runnersPanel(overview, running));
    this.queues.show(overview.queues);
    update(this.types, typeTable(types));
  }
}

/** @param {OverviewDocument} overview */
function noWorkerNotice({ runners }) {
  if (runners.some(({ stale }) => !stale)) return null;
  return h(
    "p",
    { class: "notice", role: "alert" },
    "No worker is running. Jobs wait until one is started with ",
    h("code", {}, "python -m runner"),
    ".",
  );
}

/**
 * @param {FiguresDocument} figures
 * @param {Status} status
 */
function count(figures, status) {
  return status === "queued" || status === "running" ? figures[status] : figures.finished[status];
}

/** @param {Types} types */
function tiles(types) {
  const total = (/** @type {Status} */ status) =>
    types.reduce((sum, [, figures]) => sum + count(figures, status), 0);
  return STATUSES.map((status) =>
    h(
      "li",
      {},
      h(
        "a",
        { class: `tile ${status}`, href: jobsHref({ status }) },
        h("span", { class: "tile-number" }, format.number(total(status))),
        h("span", { class: "tile-name" }, status),
      ),
    ),
  );
}

/** @param {Types} types */
function typeTable(types) {
  const heads = ["Type", ...STATUSES, "Longest wait", "Mean wait", "Mean run time"];
  return h(
    "table",
    { class: "figures" },
    tableHead(heads),
    h(
      "tbody",
      {},
      types.map(([name, figures]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, h("a", { href: jobsHref({ type: name }) }, name)),
          STATUSES.map((status) => h("td", {}, format.number(count(figures, status)))),
          h(
            "td",
            {},
            figures.oldest_due_seconds === null ? "–" : format.duration(figures.oldest_due_seconds),
          ),
          h("td", {}, mean(figures.wait)),
          h("td", {}, mean(figures.run)),
        ),
      ),
    ),
  );
}

/** @param {import("../../types.js").SumDocument} sum */
const mean = ({ count, seconds }) => (count ? format.duration(seconds / count) : "–");
