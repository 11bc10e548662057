// The audit log: who has changed what, for admins.

import { h, replaceChildren, tableHead } from "../../lib/dom.js";
import * as format from "../../lib/format.js";
import { empty, failure, loading } from "../../lib/placeholders.js";
import { get } from "../../shared/api.js";
import { auditHref, jobHref, jobsHref, queryOf, scheduleHref } from "../../shared/links.js";
import { queryFilters } from "../../shared/spans.js";
import { auditForm, readFilters } from "./auditFilters.js";

/** @typedef {import("../../types.js").AuditDocument} AuditDocument */
/** @typedef {import("../../types.js").AuditEntryDocument} AuditEntryDocument */

const HEADS = ["Time", "Action", "Caller", "Address", "What", "Detail"];
const ABOUT = "The setting AUDIT of the listener says what is recorded.";
/** @type {Record<string, (subject: string) => string>} */
const LINKS = { job: jobHref, batch: (batch) => jobsHref({ batch }), schedule: scheduleHref };

/**
 * Show the page with the filters of the address.
 *
 * @type {import("../../app.js").Show}
 */
export function showAudit(root, go) {
  const filters = readFilters(location.search);
  const list = replaceChildren(h("div", {}), loading());
  replaceChildren(
    root,
    h("h1", {}, "Audit log"),
    h("p", { class: "quiet" }, "Who has changed what, and from which address."),
    auditForm(filters, (changed) => go(auditHref(changed))),
    list,
  );
  load(list, filters);
}

/**
 * @param {HTMLElement} list
 * @param {import("./auditFilters.js").AuditFilters} filters
 */
async function load(list, filters) {
  try {
    const found = await get(`/audit${queryOf(queryFilters(filters, Date.now()))}`);
    replaceChildren(list, ...shown(found, filters));
  } catch (error) {
    replaceChildren(
      list,
      failure(error, () => load(list, filters)),
    );
  }
}

/**
 * @param {AuditDocument} found
 * @param {import("./auditFilters.js").AuditFilters} filters
 */
function shown({ items, next }, filters) {
  const rows = items.map(row);
  const table = h("table", { class: "schedules audit" }, tableHead(HEADS), h("tbody", {}, rows));
  const pager = [
    filters.cursor && h("a", { href: auditHref({ ...filters, cursor: "" }) }, "Latest"),
    next && h("a", { href: auditHref({ ...filters, cursor: next }), rel: "next" }, "Earlier"),
  ];
  return [
    items.length
      ? h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Audit log" }, table)
      : empty("No entries", ABOUT),
    h("nav", { class: "pager", "aria-label": "Pages of the log" }, pager),
  ];
}

/** @param {AuditEntryDocument} entry */
function row({ at, caller, address, action, kind, subject, detail }) {
  const text = kind === "job" ? format.shortId(subject) : subject;
  const href = LINKS[kind]?.(subject);
  return h(
    "tr",
    {},
    h("td", {}, h("time", { datetime: at, title: at }, format.fullTime(at))),
    h("th", { scope: "row" }, action),
    h("td", {}, caller),
    h("td", {}, address),
    h("td", { title: subject }, kind, " ", href ? h("a", { href }, text) : text),
    h("td", { class: "quiet" }, detailText(detail)),
  );
}

/**
 * Return the detail of an entry as a text: `many: true · jobs: 12`.
 *
 * @param {Record<string, unknown>} detail
 * @returns {string}
 */
export function detailText(detail) {
  const plain = (/** @type {unknown} */ value) =>
    typeof value === "string" ? value : JSON.stringify(value);
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${plain(value)}`)
    .join(" · ");
}
