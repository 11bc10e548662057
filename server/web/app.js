// The router: which page an address shows. Pages are functions (root, address) → stop or nothing.

import { h, put } from "./lib/dom.js";
import { loadSession } from "./shared/session.js";
import { setConnection } from "./lib/eventStream.js";
import { showDocs } from "./pages/docs/docsPage.js";
import { showJob } from "./pages/job/jobPage.js";
import { showJobs } from "./pages/jobs/jobsPage.js";
import { showOverview } from "./pages/overview/overviewPage.js";
import { showSubmit } from "./pages/submit/submitPage.js";

const PAGES = [
  { name: "overview", title: "Overview", path: /^\/(ui\/?)?$/, show: showOverview },
  { name: "jobs", title: "Jobs", path: /^\/ui\/jobs\/?$/, show: showJobs },
  { name: "jobs", title: "Job", path: /^\/ui\/jobs\/([^/]+)\/?$/, show: showJob },
  { name: "submit", title: "Submit", path: /^\/ui\/submit\/?$/, show: showSubmit },
  { name: "docs", title: "API", path: /^\/docs\/?$/, show: showDocs },
];
const NOWHERE = { name: "", title: "Not found", show: showNowhere };

const main = document.getElementById("main");
const RESTORE_MS = 2000;
let stop = () => {};
let shown = "";

/** Go to another page of ours; where this one was scrolled to is kept for the way back. */
export function go(address) {
  history.replaceState({ top: scrollY }, "");
  history.pushState(null, "", address);
  render();
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function render() {
  shown = location.pathname + location.search;
  stop();
  setConnection("none");
  const page = PAGES.find((each) => each.path.test(location.pathname)) ?? NOWHERE;
  document.title = `${page.title} · Job Service`;
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.dataset.page === page.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const root = put(main, h("div", { class: "page" })).firstChild;
  stop = page.show(root, { match: location.pathname.match(page.path ?? /.*/), go }) ?? (() => {});
}

function showNowhere(root) {
  put(root, h("h1", {}, "Nothing here"),
    h("p", {}, "No page has this address. ", h("a", { href: "/ui/jobs" }, "All jobs")));
}

function onClick(event) {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (!link || !plain || link.target || link.origin !== location.origin) return;
  if (link.hash || !/^\/($|ui($|\/)|docs\/?$)/.test(link.pathname)) return;
  event.preventDefault();
  go(link.href);
}

/** The browser has gone back or on; within a page it does that by itself. */
function onPopState({ state }) {
  if (shown === location.pathname + location.search) return;
  render();
  if (state?.top) scrollOnceThere(state.top);
}

/** Scroll to where the reader was, as soon as the page has loaded so much. */
function scrollOnceThere(top) {
  const grown = new ResizeObserver(() => {
    scrollTo(0, top);
    if (scrollY >= top - 1) grown.disconnect();
  });
  grown.observe(main);
  setTimeout(() => grown.disconnect(), RESTORE_MS);
}

history.scrollRestoration = "manual";
document.addEventListener("click", onClick);
addEventListener("popstate", onPopState);
loadSession().catch(() => {}).then(render); // the page tells what is wrong
