// The router: shows the page of the current address. The modules of a page are loaded when it is
// shown first; index.html names those of the page that it was requested for.

import { byId, h, replaceChildren } from "./lib/dom.js";
import { setConnection } from "./lib/eventStream.js";
import { failure } from "./lib/placeholders.js";
import { atRoot, belowRoot } from "./lib/root.js";
import { acceptDrops, setTaker } from "./shared/drops.js";
import { loadSession } from "./shared/session.js";

/** @typedef {(href: string) => void} Go goes to another page */
/**
 * Shows a page in `root`. `groups` are the groups that its `path` has matched. Returns a function
 * that stops the page, unless there is nothing to stop.
 *
 * @typedef {(root: HTMLElement, go: Go, groups: string[]) => (() => void) | void} Show
 */
/** @typedef {{ name: string, title: string, path: RegExp, load: () => Promise<Show> }} Page */

/** @type {Page[]} `name` is the one in the navigation of index.html */
const PAGES = [
  {
    name: "overview",
    title: "Overview",
    path: /^\/(?:ui\/?)?$/,
    load: async () => (await import("./pages/overview/overviewPage.js")).showOverview,
  },
  {
    name: "jobs",
    title: "Jobs",
    path: /^\/ui\/jobs\/?$/,
    load: async () => (await import("./pages/jobs/jobsPage.js")).showJobs,
  },
  {
    name: "jobs",
    title: "Job",
    path: /^\/ui\/jobs\/([^/]+)\/?$/,
    load: async () => (await import("./pages/job/jobPage.js")).showJob,
  },
  {
    name: "failures",
    title: "Failures",
    path: /^\/ui\/failures\/?$/,
    load: async () => (await import("./pages/failures/failuresPage.js")).showFailures,
  },
  {
    name: "audit",
    title: "Audit log",
    path: /^\/ui\/audit\/?$/,
    load: async () => (await import("./pages/audit/auditPage.js")).showAudit,
  },
  {
    name: "schedules",
    title: "Schedules",
    path: /^\/ui\/schedules\/?$/,
    load: async () => (await import("./pages/schedules/schedulesPage.js")).showSchedules,
  },
  {
    name: "schedules",
    title: "Schedule",
    path: /^\/ui\/schedules\/([^/]+)\/?$/,
    load: async () => (await import("./pages/schedules/schedulePage.js")).showSchedule,
  },
  {
    name: "submit",
    title: "Submit",
    path: /^\/ui\/submit\/?$/,
    load: async () => (await import("./pages/submit/submitPage.js")).showSubmit,
  },
  {
    name: "docs",
    title: "API",
    path: /^\/docs\/?$/,
    load: async () => (await import("./pages/docs/docsPage.js")).showDocs,
  },
];
/** @type {Page} */
const NOT_FOUND = {
  name: "",
  title: "Page not found",
  path: /^/,
  load: () => Promise.resolve(showNotFound),
};

const RESTORE_MS = 2000;
const QUIET_MS = 1000; // before other pages are loaded
const main = byId("main");
let stop = () => {};
let shown = "";

/** @type {Go} keeps in the history where the current page was scrolled to */
function go(href) {
  history.replaceState({ top: scrollY }, "");
  history.pushState(null, "", atRoot(href));
  render();
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function render() {
  shown = location.pathname + location.search;
  stop();
  setTaker(null);
  setConnection("none");
  const path = belowRoot(location.pathname) ?? "";
  const page = PAGES.find((each) => each.path.test(path)) ?? NOT_FOUND;
  document.title = `${page.title} · Job Service`;
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.getAttribute("data-page") === page.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const root = h("div", { class: "page" });
  replaceChildren(main, root);
  const [, ...groups] = page.path.exec(path) ?? [];
  stop = () => {};
  page.load().then(
    (show) => {
      if (root.isConnected) stop = show(root, go, groups) ?? (() => {});
    },
    () => {
      const error = new Error("A part of the front end could not be loaded.");
      replaceChildren(
        root,
        failure(error, () => location.reload()),
      );
    },
  );
}

/**
 * Load the modules of all pages. So all are of one version, also if the service is updated while
 * the reader stays.
 */
function loadPages() {
  for (const page of PAGES) page.load().catch(() => {});
}

/** @type {Show} */
function showNotFound(root) {
  replaceChildren(
    root,
    h("h1", {}, "Page not found"),
    h("p", {}, "There is no page at this address. ", h("a", { href: "/ui/jobs" }, "All jobs")),
  );
}

/**
 * Follow a link to one of our pages without loading index.html again.
 *
 * @param {MouseEvent} event
 */
function onClick(event) {
  const link = event.target instanceof Element && event.target.closest("a[href]");
  if (event.defaultPrevented) return;
  const hasModifier = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  if (!(link instanceof HTMLAnchorElement) || event.button !== 0 || hasModifier) return;
  if (link.target || link.hash || link.origin !== location.origin) return;
  if (!/^\/($|ui($|\/)|docs\/?$)/.test(belowRoot(link.pathname) ?? "")) return;
  event.preventDefault();
  go(link.href);
}

/**
 * Show the page that the reader went back or forward to. A page that keeps what it shows in its
 * address follows a step within itself: it takes the event "address", and prevents its default. A
 * change of the hash alone needs nothing.
 *
 * @param {PopStateEvent} event
 */
function onPopState({ state }) {
  if (!dispatchEvent(new Event("address", { cancelable: true }))) return;
  if (shown === location.pathname + location.search) return;
  render();
  if (state?.top) restoreScroll(state.top);
}

/**
 * Scroll to a position as soon as the page has loaded enough to be that long.
 *
 * @param {number} top
 */
function restoreScroll(top) {
  const observer = new ResizeObserver(() => {
    scrollTo(0, top);
    if (scrollY >= top - 1) observer.disconnect();
  });
  observer.observe(main);
  setTimeout(() => observer.disconnect(), RESTORE_MS);
}

history.scrollRestoration = "manual";
document.addEventListener("click", onClick);
addEventListener("popstate", onPopState);
acceptDrops(() => go("/ui/submit?type=analyze"));
loadSession()
  .catch(() => {})
  .then(render) // the page shows the error of its own first call
  .then(() => setTimeout(() => requestIdleCallback(loadPages), QUIET_MS));
