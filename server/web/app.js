// The router: shows the page of the current address.

import { byId, h, replaceChildren } from "./lib/dom.js";
import { setConnection } from "./lib/eventStream.js";
import { atRoot, belowRoot } from "./lib/root.js";
import { showDocs } from "./pages/docs/docsPage.js";
import { showJob } from "./pages/job/jobPage.js";
import { showJobs } from "./pages/jobs/jobsPage.js";
import { showOverview } from "./pages/overview/overviewPage.js";
import { showSubmit } from "./pages/submit/submitPage.js";
import { acceptDrops, setTaker } from "./shared/drops.js";
import { loadSession } from "./shared/session.js";

/** @typedef {(href: string) => void} Go goes to another page */
/**
 * Shows a page in `root`. `groups` are the groups that its `path` has matched. Returns a function
 * that stops the page, unless there is nothing to stop.
 *
 * @typedef {(root: HTMLElement, go: Go, groups: string[]) => (() => void) | void} Show
 */
/** @typedef {{ name: string, title: string, path: RegExp, show: Show }} Page */

/** @type {Page[]} `name` is the one in the navigation of index.html */
const PAGES = [
  { name: "overview", title: "Overview", path: /^\/(?:ui\/?)?$/, show: showOverview },
  { name: "jobs", title: "Jobs", path: /^\/ui\/jobs\/?$/, show: showJobs },
  { name: "jobs", title: "Job", path: /^\/ui\/jobs\/([^/]+)\/?$/, show: showJob },
  { name: "submit", title: "Submit", path: /^\/ui\/submit\/?$/, show: showSubmit },
  { name: "docs", title: "API", path: /^\/docs\/?$/, show: showDocs },
];
/** @type {Page} */
const NOT_FOUND = { name: "", title: "Page not found", path: /^/, show: showNotFound };

const RESTORE_MS = 2000;
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
  stop = page.show(root, go, groups) ?? (() => {});
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
  .then(render); // the page shows the error of its own first call
