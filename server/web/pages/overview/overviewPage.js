// The overview: how many jobs, how fast, and who runs them.

import { get } from "../../shared/api.js";
import { lineChart } from "../../lib/chart.js";
import { h, put } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { paced } from "../../lib/throttle.js";
import { OPEN, who } from "../../shared/session.js";
import { failure, loading } from "../../lib/placeholders.js";
import { follow } from "../../lib/eventStream.js";
import { queueNotices, QueuesPanel } from "./queuesPanel.js";
import { runnersPanel } from "./runnersPanel.js";
import { Samples } from "./samples.js";
import { STATUSES } from "../../shared/status.js";

const LIVE_MS = 1000;
const IDLE_MS = 5000;

// Kept while other pages are looked at: finer than what the service notes.
const samples = new Samples();

/** Show the page; returns what stops it. */
export function showOverview(root) {
  const body = put(h("div", {}), loading());
  const parts = skeleton(() => load());
  let begun = false;
  put(root, h("h1", {}, "Overview"), body);
  const load = paced(LIVE_MS, async () => {
    try {
      const [overview, running] = await Promise.all([get("/overview"), get("/jobs?status=running&limit=50")]);
      if (!begun) samples.begin((await get("/overview/history")).moments);
      begun = true;
      samples.add(overview);
      if (!parts.element.isConnected) put(body, parts.element);
      show(parts, overview, running.items);
    } catch (error) {
      // Figures that were there stay, while the connection is away; that is told above.
      if (error.status !== 0 || !parts.element.isConnected) put(body, failure(error, load));
    }
  });
  const stopFollowing = follow("/events", { status: load, progress: load }, load);
  const timer = setInterval(() => document.hidden || load(), IDLE_MS);
  load();
  return () => {
    stopFollowing();
    clearInterval(timer);
    load.stop();
  };
}

/** The parts that stay, so that a table stays where it was scrolled to. */
function skeleton(load) {
  const notice = h("div", {});
  const tiles = h("ul", { class: "tiles" });
  const charts = h("div", { class: "charts" });
  const runners = h("div", {});
  const queues = new QueuesPanel(load);
  const types = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Jobs by type" });
  const element = h("div", {}, notice, tiles, charts, who().tokens === false && h("p", { class: "quiet" }, OPEN),
    h("p", { class: "quiet" }, "Jobs that have ended are counted since the store was made, also those deleted since. The "
      + "charts show the last hour."),
    h("section", {}, h("h2", {}, "Workers"), runners),
    queues.element,
    h("section", {}, h("h2", {}, "By type"), types));
  return { element, notice, tiles, charts, runners, queues, types };
}

function show(parts, overview, running) {
  const types = Object.entries(overview.types);
  // A link that has the focus is made anew; its heir gets the focus.
  const focused = parts.element.contains(document.activeElement) && document.activeElement.getAttribute("href");
  // Made anew each second, they would be read aloud each second.
  const notices = h("div", {}, warning(overview), queueNotices(overview));
  if (notices.textContent !== parts.notice.textContent) put(parts.notice, ...notices.children);
  put(parts.tiles, tiles(types));
  put(parts.charts, lineChart("Jobs finished per second", samples.throughput(), format.rough),
    lineChart("Mean wait from due to start", samples.wait(), format.duration));
  put(parts.runners, runnersPanel(overview, running));
  parts.queues.show(overview.queues);
  put(parts.types, typeTable(types));
  if (focused) parts.element.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function warning({ runners }) {
  if (runners.length) return null;
  return h("p", { class: "notice", role: "alert" },
    "No worker is alive: jobs wait until one is started, with ", h("code", {}, "python -m runner"), ".");
}

const count = (type, status) => type[status] ?? type.finished[status];
const sum = (types, status) => types.reduce((all, [, type]) => all + count(type, status), 0);

function tiles(types) {
  return STATUSES.map((status) => h("li", {},
    h("a", { class: `tile ${status}`, href: `/ui/jobs?status=${status}` },
      h("span", { class: "tile-number" }, format.number(sum(types, status))),
      h("span", { class: "tile-name" }, status))));
}

function typeTable(types) {
  const heads = ["Type", ...STATUSES, "Longest due", "Mean wait", "Mean run"];
  return h("table", { class: "figures" },
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, types.map(([name, type]) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: `/ui/jobs?type=${encodeURIComponent(name)}` }, name)),
      STATUSES.map((status) => h("td", {}, format.number(count(type, status)))),
      h("td", {}, type.oldest_due_seconds === null ? "–" : format.duration(type.oldest_due_seconds)),
      h("td", {}, mean(type.wait)), h("td", {}, mean(type.run))))));
}

const mean = ({ count, seconds }) => (count ? format.duration(seconds / count) : "–");
